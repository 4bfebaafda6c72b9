"""`python -m agent`: the same commands as `pointeuse agent`."""

from agent.cli import agent

agent()
