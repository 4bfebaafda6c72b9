"""Making accounts, and proving that someone is who an account belongs to. The caller commits.

A wrong password is counted also when the caller refuses the login: the caller commits either way.
"""

from typing import Any

from sqlalchemy import Column, Connection, Row, Select, insert, select, update

from cloud import text
from cloud.accounts import addresses, passwords, second
from cloud.accounts.tables import accounts, sessions
from cloud.errors import ConflictError, InvalidError, NotFoundError
from cloud.languages.current import LANGUAGES
from cloud.languages.current import gettext as _
from cloud.times import now_ms
from cloud.workers.vault import Vault

FREE_FAILURES = 5
"""So many wrong passwords in a row cost nothing but themselves."""
LOCK_MS = 30_000
"""What the next one costs; each after it twice as much."""
LONGEST_LOCK_MS = 15 * 60_000
_LOCKS: tuple[Column[Any], ...] = (
    accounts.c.id,
    accounts.c.failures,
    accounts.c.locked_until_ms,
    accounts.c.disabled_ms,
)
"""All that a login reads of an account, but for the password's hash."""


def create(
    conn: Connection, email: str, name: str, *, language: str = "fr", operator: bool = False
) -> int:
    """Make an account without a password; its id. Raises InvalidError, ConflictError.

    An `operator` runs the platform and sees all of it.
    """
    address = addresses.normalise(email)
    _check_language(language)
    if find(conn, address) is not None:
        raise ConflictError(
            _("there is an account for %(email)s already; log in with it") % {"email": address}
        )
    made = insert(accounts).values(
        email=address,
        name=text.name(name, _("the account's name")),
        language=language,
        operator=operator,
        created_ms=now_ms(),
    )
    return int(conn.execute(made.returning(accounts.c.id)).scalar_one())


def find(conn: Connection, email: str) -> int | None:
    """The id of the account with this address, if there is one. Raises InvalidError."""
    address = addresses.normalise(email)
    found = conn.execute(select(accounts.c.id).where(accounts.c.email == address)).scalar()
    return None if found is None else int(found)


def account_id(conn: Connection, email: str) -> int:
    """The id of the account with this address. Raises NotFoundError."""
    found = find(conn, email)
    if found is None:
        raise NotFoundError(
            f"there is no account {email!r}; make one with `pointeuse cloud account add`"
        )
    return found


def set_password(conn: Connection, account: int, password: str) -> None:
    """Give an account a password, and end its sessions. Raises InvalidError for a weak one."""
    keep_password(conn, account, passwords.made(password, about(conn, account)))


def about(conn: Connection, account: int) -> tuple[str, str]:
    """What others know of an account's owner: the address and the name."""
    owner = select(accounts.c.email, accounts.c.name).where(accounts.c.id == account)
    row = conn.execute(owner).one()
    return row.email, row.name


def keep_password(conn: Connection, account: int, encoded: str) -> None:
    """Keep the hash that `passwords.made` gave, and end the account's sessions."""
    values: dict[str, Any] = {"password": encoded}
    if not second.is_asked(conn, account):
        # Else a link by mail after each few wrong codes would let somebody try on and on.
        values |= {"failures": 0, "locked_until_ms": None}
    conn.execute(update(accounts).where(accounts.c.id == account).values(**values))
    conn.execute(sessions.delete().where(sessions.c.account_id == account))


def set_language(conn: Connection, account: int, language: str) -> None:
    """Say in which language an account is written to. Raises InvalidError."""
    _check_language(language)
    conn.execute(update(accounts).where(accounts.c.id == account).values(language=language))


def disable(conn: Connection, account: int, *, disabled: bool = True) -> None:
    """Bar an account from logging in, or let it again; its sessions end."""
    conn.execute(
        update(accounts)
        .where(accounts.c.id == account)
        .values(disabled_ms=now_ms() if disabled else None)
    )
    conn.execute(sessions.delete().where(sessions.c.account_id == account))


class Login:
    """One attempt to log in, in three steps, because hashing takes long.

        attempt = Login(email, password)
        attempt.look_up(reading)    # a connection that reads
        attempt.judge()             # no connection: a tenth of a second of a processor, 64 MiB
        account = attempt.settle(writing)

    A transaction that judged would keep ingest waiting on SQLite for as long as anybody likes.
    """

    def __init__(self, email: str, password: str) -> None:
        try:
            self._address = addresses.normalise(email)
        except InvalidError:
            self._address = ""
        self._password = password
        self._row: Row[Any] | None = None
        self._right = False

    def look_up(self, conn: Connection) -> None:
        """Find the account, if there is one."""
        self._row = conn.execute(_by_address(self._address)).one_or_none()

    @property
    def account(self) -> int | None:
        """Whose address it is, right or wrong."""
        return None if self._row is None else int(self._row.id)

    def judge(self) -> None:
        """Compare the passwords. Takes as long for an address that nobody has."""
        kept = None if self._row is None else self._row.password
        self._right = passwords.matches(self._password, kept)

    def settle(self, conn: Connection) -> int | None:
        """The account that is let in; None for anything else, without saying for what.

        A wrong password is counted, so the caller commits either way. While an account is locked
        even the right one is refused: whoever guesses learns nothing from guessing on.
        """
        if self._row is None:
            return None
        row = conn.execute(_by_address(self._address).with_for_update()).one_or_none()
        if row is None or row.password != self._row.password or is_locked(row):
            return None
        if not self._right:
            count_failure(conn, row)
            return None
        values: dict[str, Any] = {}
        if not second.is_asked(conn, row.id):
            # Else it is not over: whoever has the password could try codes without end.
            values = {"failures": 0, "locked_until_ms": None}
        if passwords.outdated(row.password):
            values["password"] = passwords.hashed(self._password)
        if values:
            conn.execute(update(accounts).where(accounts.c.id == row.id).values(**values))
        return None if row.disabled_ms is not None else int(row.id)


def authenticate(conn: Connection, email: str, password: str) -> int | None:
    """The account whose password this is, all steps of `Login` in one transaction."""
    attempt = Login(email, password)
    attempt.look_up(conn)
    attempt.judge()
    return attempt.settle(conn)


def give_code(conn: Connection, vault: Vault | None, account: int, code: str) -> bool:
    """Whether a code is the account's second factor; a wrong one counts as a wrong password does.

    While the account is locked even the right one is refused. Without the vault's key recovery
    codes alone are right. The caller commits either way.
    """
    row = conn.execute(
        select(*_LOCKS).where(accounts.c.id == account).with_for_update()
    ).one_or_none()
    if row is None or row.disabled_ms is not None or is_locked(row):
        return False
    if not second.counts(conn, vault, account, code):
        count_failure(conn, row)
        return False
    forget_failures(conn, account)
    return True


def is_locked(row: Row[Any]) -> bool:
    """Whether an account is locked for a while, after wrong attempts."""
    return row.locked_until_ms is not None and now_ms() < row.locked_until_ms


def count_failure(conn: Connection, row: Row[Any]) -> None:
    """Count, and lock; the row is locked, so of several guesses at once each one counts."""
    failures = row.failures + 1
    until = None
    if failures > FREE_FAILURES:
        doublings = min(failures - FREE_FAILURES - 1, 32)
        until = now_ms() + min(LOCK_MS << doublings, LONGEST_LOCK_MS)
    conn.execute(
        update(accounts)
        .where(accounts.c.id == row.id)
        .values(failures=failures, locked_until_ms=until)
    )


def forget_failures(conn: Connection, account: int) -> None:
    """Begin to count anew: somebody has shown all that was asked."""
    free = update(accounts).where(accounts.c.id == account)
    conn.execute(free.values(failures=0, locked_until_ms=None))


def _by_address(address: str) -> Select[Any]:
    return select(accounts.c.password, *_LOCKS).where(accounts.c.email == address)


def _check_language(language: str) -> None:
    if language not in LANGUAGES:
        raise InvalidError(
            _("language %(language)s is not one of %(languages)s")
            % {"language": repr(language[:20]), "languages": ", ".join(LANGUAGES)}
        )
