"""The pages on which a company is administered."""

from fastapi import FastAPI

from cloud.console import divisions, imports, people, trail, worker, workers


def install(app: FastAPI) -> None:
    """Add their routes."""
    for pages in (divisions, people, imports, workers, worker, trail):
        pages.install(app)
