"""Companies, divisions, sites and terminals over the API."""

from collections.abc import Iterator

from cloud.api_client import shapes
from cloud.api_client.connection import Connection, decoded, tagged


class Places(Connection):
    """Where is registered."""

    def companies(self) -> Iterator[shapes.Company]:
        """The registered companies that the token sees: its own."""
        return self._listed("/companies", shapes.Company, {})

    def divisions(self) -> Iterator[shapes.Division]:
        """The company's divisions."""
        return self._listed("/divisions", shapes.Division, {})

    def division(self, number: int) -> shapes.Division:
        """One division by its id. Raises ApiError."""
        return tagged(self._ask("GET", f"/divisions/{number}"), shapes.Division)

    def create_division(self, name: str, *, key: str | None = None) -> shapes.Division:
        """Make a division. Raises ApiError: 409 when there is one of this name."""
        return tagged(self._change("POST", "/divisions", {"name": name}, key), shapes.Division)

    def change_division(
        self, division: shapes.Division, *, key: str | None = None, **fields: str | bool
    ) -> shapes.Division:
        """Change `name` or `closed` as it was read. Raises ApiError: 412 when it is not so."""
        path, headers = f"/divisions/{division.id}", {"if-match": division.tag}
        return tagged(self._change("PATCH", path, fields, key, headers), shapes.Division)

    def sites(self) -> Iterator[shapes.Site]:
        """The company's sites, each with its division and company."""
        return self._listed("/sites", shapes.Site, {})

    def site(self, number: int) -> shapes.Place:
        """One site by its id. Raises ApiError."""
        return tagged(self._ask("GET", f"/sites/{number}"), shapes.Place)

    def create_site(
        self, division: int, name: str, *, key: str | None = None, **fields: str
    ) -> shapes.Place:
        """Make a site, with `address` and `workplace_id` if given. Raises ApiError."""
        body = {"division_id": division, "name": name, **fields}
        return tagged(self._change("POST", "/sites", body, key), shapes.Place)

    def change_site(
        self, site: shapes.Place, *, key: str | None = None, **fields: str | bool
    ) -> shapes.Place:
        """Change a site as it was read. Raises ApiError: 412 when it is not so any more."""
        path, headers = f"/sites/{site.id}", {"if-match": site.tag}
        return tagged(self._change("PATCH", path, fields, key, headers), shapes.Place)

    def terminals(self) -> Iterator[shapes.Terminal]:
        """The terminals of the company."""
        return self._listed("/terminals", shapes.Terminal, {})

    def terminal(self, number: int) -> shapes.Terminal:
        """One terminal by its id. Raises ApiError."""
        return decoded(self._ask("GET", f"/terminals/{number}"), shapes.Terminal)
