"""Webhooks over the API, and what became of what they were sent."""

from collections.abc import Iterator, Sequence

from cloud.api_client import shapes
from cloud.api_client.connection import Connection, decoded, tagged


class Webhooks(Connection):
    """Where the company's events are sent to."""

    def webhooks(self) -> Iterator[shapes.Webhook]:
        """The company's webhooks, each with what keeps it from getting everything."""
        return self._listed("/webhooks", shapes.Webhook, {})

    def webhook(self, number: int) -> shapes.Webhook:
        """One webhook by its id. Raises ApiError."""
        return tagged(self._ask("GET", f"/webhooks/{number}"), shapes.Webhook)

    def create_webhook(
        self,
        name: str,
        url: str,
        events: Sequence[str],
        *,
        scopes: Sequence[str] = (),
        key: str | None = None,
    ) -> shapes.Webhook:
        """Have events sent to an address; its `secret` is in the answer, this once.

        `scopes` show the fields of things, and are no more than the token's. Raises ApiError.
        """
        body = {"name": name, "url": url, "events": list(events), "scopes": list(scopes)}
        return tagged(self._change("POST", "/webhooks", body, key), shapes.Webhook)

    def change_webhook(
        self,
        webhook: shapes.Webhook,
        *,
        key: str | None = None,
        **fields: str | bool | Sequence[str],
    ) -> shapes.Webhook:
        """Change a webhook as it was read. Raises ApiError: 412 when it is not so any more."""
        path, headers = f"/webhooks/{webhook.id}", {"if-match": webhook.tag}
        return tagged(self._change("PATCH", path, fields, key, headers), shapes.Webhook)

    def rotate_secret(self, webhook: int, *, key: str | None = None) -> shapes.Webhook:
        """Give a webhook another secret, in the answer; for a day both sign. Raises ApiError."""
        answer = self._change("POST", f"/webhooks/{webhook}/secret", None, key)
        return tagged(answer, shapes.Webhook)

    def delete_webhook(self, webhook: int, *, key: str | None = None) -> None:
        """Delete a webhook with all that it was sent or is owed. Raises ApiError."""
        self._change("DELETE", f"/webhooks/{webhook}", None, key)

    def send_test(self, webhook: int, *, key: str | None = None) -> shapes.Delivery:
        """Send a webhook a test. Raises ApiError: 409 when it is not active."""
        answer = self._change("POST", f"/webhooks/{webhook}/test", None, key)
        return decoded(answer, shapes.Delivery)

    def deliveries(self, webhook: int, **query: str | int) -> Iterator[shapes.Delivery]:
        """What a webhook was sent, the newest first, by `state` (`waiting`, `failing`...)."""
        return self._listed(f"/webhooks/{webhook}/deliveries", shapes.Delivery, query)

    def send_again(self, webhook: int, delivery: int, *, key: str | None = None) -> shapes.Delivery:
        """Send a delivery once more, under the id it had. Raises ApiError."""
        path = f"/webhooks/{webhook}/deliveries/{delivery}/again"
        return decoded(self._change("POST", path, None, key), shapes.Delivery)
