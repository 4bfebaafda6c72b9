"""Asking the API.

    with Client("https://pointeuse.example", token) as api:
        for registration in api.registrations(since="2026-03-01T00:00Z"):
            ...
        worker = api.create_worker("9", "Bo", "Bos")
        api.change_worker(worker, active=False)

Lists are followed to their end. Every change carries an idempotency key, so it may be sent again
when no answer came, and is done once. Whoever asks too often waits as long as the server says.
There is a method for every address that answers a company's token.
"""

from cloud.api_client.connection import ApiError
from cloud.api_client.places import Places
from cloud.api_client.registrations import Registrations
from cloud.api_client.webhooks import Webhooks
from cloud.api_client.workers import Workers

__all__ = ["ApiError", "Client"]


class Client(Registrations, Workers, Places, Webhooks):
    """A program's connection to the platform. One thread at a time."""
