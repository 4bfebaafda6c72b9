"""Which companies a registration is of: the site's, and the employer's, until they let go of it."""

from sqlalchemy import ColumnElement, FromClause, or_

from cloud.registrations.tables import registrations


def shown_to(
    company: int | None, of: FromClause = registrations, *, let_go: bool = False
) -> ColumnElement[bool]:
    """A condition on `registrations`, or what was selected `of` it: those a company is shown whole.

    With `let_go`: those that it let go of, as the site's company or the employer's.
    """
    return or_(
        (of.c.company_id == company) & of.c.site_let_go.is_(let_go),
        (of.c.employer_id == company) & of.c.employer_let_go.is_(let_go),
    )
