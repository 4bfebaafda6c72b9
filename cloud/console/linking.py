"""Where links lead that leave the console: in mails, or to be sent on."""

from fastapi import Request


def link_to(request: Request, path: str, token: str) -> str:
    """The whole address of a page that a token opens.

    It begins with the platform's public address, if it was told one: what a request says of where
    it was sent is whatever who sent it likes.
    """
    public: str = request.app.state.public_url
    address = public + path if public else request.url.replace(path=path, query="", fragment="")
    return f"{address}?token={token}"
