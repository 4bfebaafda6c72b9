"""The pages on which a company is administered."""

from fastapi import FastAPI

from cloud.console import divisions, people, workers


def install(app: FastAPI) -> None:
    """Add their routes."""
    for pages in (divisions, people, workers):
        pages.install(app)
