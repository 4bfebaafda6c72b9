"""The pages on which a company is administered, and looked at by whoever runs the platform."""

from fastapi import FastAPI

from cloud.console import (
    apps,
    companies,
    divisions,
    erasing,
    imports,
    invitation,
    leaving,
    people,
    privacy,
    refusals,
    tokens,
    trail,
    webhooks,
    worker,
    workers,
)


def install(app: FastAPI) -> None:
    """Add their routes; and what is refused there is told by pages as well."""
    for pages in (
        companies,
        divisions,
        people,
        invitation,
        imports,
        workers,
        worker,
        apps,
        privacy,
        erasing,
        leaving,
        webhooks,
        tokens,
        trail,
    ):
        pages.install(app)
    refusals.install(app)
