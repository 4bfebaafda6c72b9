"""The pages on which a company is administered."""

from fastapi import FastAPI

from cloud.console import divisions, imports, invitation, people, refusals, trail, worker, workers


def install(app: FastAPI) -> None:
    """Add their routes; and what is refused there is told by pages as well."""
    for pages in (divisions, people, invitation, imports, workers, worker, trail):
        pages.install(app)
    refusals.install(app)
