"""Which worker somebody means, who writes a number, a name, or a part of one."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, or_, select

from cloud.rows import contains
from cloud.visibility.steps import NAMED
from cloud.workers.tables import workers

_GIVEN, _FAMILY = workers.c.given_name, workers.c.family_name


def whole_name(who: str) -> ColumnElement[bool]:
    """A condition on `workers`: called so, given and family name in either order.

    It is cheap for those it does not meet: most names differ in length, which is compared first.
    """
    names = (_GIVEN + " " + _FAMILY, _FAMILY + " " + _GIVEN)
    as_long = func.length(_GIVEN) + func.length(_FAMILY) == len(who) - 1
    return as_long & or_(*(func.lower(name) == who.lower() for name in names))


def named(conn: Connection, among: ColumnElement[bool], who: str) -> Sequence[Row[Any]]:
    """The workers of this number; or else those of this name, whole or given or family name alone.

    At most `NAMED` of them, by name, each with `fit`: how many there are.
    """
    alone = (func.lower(name) == who.lower() for name in (_GIVEN, _FAMILY))
    numbered = _first(conn, among & (workers.c.number == who))
    return numbered or _first(conn, among & or_(whole_name(who), *alone))


def fitting(conn: Connection, among: ColumnElement[bool], who: str) -> Sequence[Row[Any]]:
    """Workers in whose names each of the words is, as the list is searched; told as by `named`."""
    return _first(conn, among, *(contains(word, _GIVEN, _FAMILY) for word in who.split()))


def _first(conn: Connection, *conditions: ColumnElement[bool]) -> Sequence[Row[Any]]:
    return conn.execute(
        select(workers, func.count().over().label("fit"))
        .where(*conditions)
        .order_by(_FAMILY, _GIVEN, workers.c.id)
        .limit(NAMED)
    ).all()
