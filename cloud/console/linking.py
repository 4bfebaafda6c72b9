"""Where links lead that leave the console: in mails, or to be sent on."""

from fastapi import Request


def link_to(request: Request, path: str, token: str) -> str:
    """The whole address of a page that a token opens."""
    return f"{address_of(request, path)}?token={token}"


def api_address_of(request: Request, path: str) -> str:
    """The whole address of a path of the API, which may have a name of its own."""
    api: str = request.app.state.api_url
    return api + path if api else address_of(request, path)


def address_of(request: Request, path: str) -> str:
    """The whole address of a path here.

    It begins with the platform's public address, if it was told one: what a request says of where
    it was sent is whatever who sent it likes.
    """
    public: str = request.app.state.public_url
    return public + path if public else str(request.url.replace(path=path, query="", fragment=""))
