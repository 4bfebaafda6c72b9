"""Which part of the guide speaks of which page: what the `?` of a page leads to."""

CHAPTERS = {
    "/": "registrations#live",
    "/login": "account#login",
    "/login/code": "account#code",
    "/login/passkey": "account#passkeys",
    "/register": "companies#register",
    "/register/confirm": "companies#register",
    "/forgotten": "account#forgotten",
    "/reset": "account#forgotten",
    "/account": "account#password",
    "/account/second": "account#second-factor",
    "/account/recovery": "account#code",
    "/account/passkeys/new": "account#passkeys",
    "/account/passkeys/{passkey}": "account#passkeys",
    "/invitation": "external#invited",
    "/why": "why#ask",
    "/companies": "companies#all",
    "/companies/{company}": "companies#all",
    "/divisions": "companies#divisions",
    "/divisions/new": "companies#divisions",
    "/divisions/{division}": "companies#divisions",
    "/divisions/{division}/sites/new": "companies#sites",
    "/sites/{site}": "companies#sites",
    "/people": "people#list",
    "/people/new": "people#give",
    "/people/{membership}": "people#roles",
    "/workers": "workers#list",
    "/workers/new": "workers#new",
    "/workers/import": "workers#import",
    "/workers/{worker}": "workers#badges",
    "/workers/{worker}/apps": "workers#apps",
    "/workers/{worker}/erasure": "privacy#erase",
    "/terminals": "terminals#list",
    "/terminals/new": "terminals#add",
    "/terminals/{device}": "terminals#one",
    "/registrations": "registrations#list",
    "/registrations/{number}": "registrations#one",
    "/corrections": "days#approve",
    "/days": "days#day",
    "/days/{worker}": "days#worker",
    "/exports": "exports#snapshots",
    "/trail": "audit#trail",
    "/privacy": "privacy#retention",
    "/notifications": "notifications#page",
    "/tokens": "programs#tokens",
    "/tokens/new": "programs#tokens",
    "/tokens/{token}": "programs#tokens",
    "/webhooks": "programs#webhooks",
    "/webhooks/new": "programs#webhooks",
    "/webhooks/{webhook}": "programs#webhooks",
    "/webhooks/{webhook}/deliveries/{delivery}": "programs#webhooks",
}
"""Chapter and anchor for each page, by its path, and for one that a form is answered with."""
_CONTENTS = "/guide"


def help_with(path: str) -> str:
    """Where the guide speaks of the page at a path.

    What is sent by a form of a page, to a path below the page's, is answered as the page is; of
    what is no page there are the contents.
    """
    parts = path.strip("/").split("/")
    for length in range(len(parts), 0, -1):
        found = _chapter(parts[:length])
        if found:
            return f"{_CONTENTS}/{found}"
    return _CONTENTS


def _chapter(parts: list[str]) -> str | None:
    """The chapter of a page; a path of its own goes before one with something filled in."""
    exact = CHAPTERS.get("/" + "/".join(parts))
    if exact:
        return exact
    for path, chapter in CHAPTERS.items():
        pattern = path.strip("/").split("/")
        if len(pattern) == len(parts) and all(
            each.startswith("{") or each == part for each, part in zip(pattern, parts, strict=True)
        ):
            return chapter
    return None
