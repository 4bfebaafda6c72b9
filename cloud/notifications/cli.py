"""`pointeuse cloud notify`."""

import click

from cloud.options import database_options, json_option, one_line_errors, session, show


@click.command()
@json_option
@database_options
def notify(as_json: bool, url: str) -> None:
    """Look once for what people are to be told of, and for what is over.

    `pointeuse cloud serve` does so every minute by itself.
    """
    from cloud.notifications.evaluator import evaluate
    from cloud.times import now_ms

    with one_line_errors(), session(url) as conn:
        opened = evaluate(conn, now_ms())
    show([{"opened": len(opened)}], as_json)
