"""The PostgreSQL of the simulator, under the name the tests know it by."""

from hwsim.postgresql import Cluster

__all__ = ["Cluster"]
