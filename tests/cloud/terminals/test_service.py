import threading
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select

from cloud.companies import places
from cloud.errors import ConflictError, InvalidError, NotFoundError
from cloud.terminals import keys, queries, service
from cloud.terminals.tables import terminals
from cloud.times import now_ms
from protocol.identity import compact, device_number
from protocol.keyfiles import save_private_key
from protocol.keys import Algorithm, SigningKey
from tests.cloud.console.company import Company
from tests.support.postgresql import waits_for_a_lock
from tests.support.waiting import wait_for


def test_registering_again_is_harmless(engine: Engine) -> None:
    key = SigningKey.generate().public
    with engine.begin() as conn:
        made = service.register(conn, key)
        assert service.register(conn, key, "Gate") == made
        assert service.register(conn, key) == made
        row = conn.execute(select(terminals)).one()
    assert row.thumbprint == key.thumbprint
    assert row.public_key == key.to_cose()
    assert row.device == compact(device_number(key.thumbprint))
    assert (row.name, row.status) == ("Gate", "active")


def test_another_key_with_the_same_number_is_refused(engine: Engine) -> None:
    key = SigningKey.generate().public
    with engine.begin() as conn:
        conn.execute(
            insert(terminals).values(
                thumbprint=b"\1" * 32,
                device=compact(device_number(key.thumbprint)),
                public_key=b"",
                created_ms=0,
            )
        )
        with pytest.raises(ConflictError, match="belongs to another key"):
            service.register(conn, key)


def test_found_as_people_write_it(engine: Engine) -> None:
    key = SigningKey.generate().public
    number = device_number(key.thumbprint)
    with engine.begin() as conn:
        made = service.register(conn, key)
        for written in (number, compact(number), number.lower(), f" {number} "):
            assert queries.terminal_id(conn, written) == made
        with pytest.raises(InvalidError, match="not a device number"):
            queries.terminal_id(conn, number[:-1])
        other = device_number(SigningKey.generate().public.thumbprint)
        with pytest.raises(NotFoundError, match="there is no terminal"):
            queries.terminal_id(conn, other)


def test_status_words(engine: Engine) -> None:
    with engine.begin() as conn:
        made = service.register(conn, SigningKey.generate().public)
        for word in service.STATUSES:
            service.set_status(conn, made, word)
            assert conn.execute(select(terminals.c.status)).scalar() == word
        with pytest.raises(InvalidError, match="'gone' is no status"):
            service.set_status(conn, made, "gone")


@pytest.mark.parametrize("said", [None, "", "[1]", "{", '"x"', "null"])
def test_a_status_that_is_no_object_is_shown_as_none(engine: Engine, said: str | None) -> None:
    with engine.begin() as conn:
        service.register(conn, SigningKey.generate().public)
        conn.execute(terminals.update().values(last_status=said))
        assert queries.listed(conn)[0]["last_status"] == {}


class TestKeys:
    @pytest.mark.parametrize("algorithm", list(Algorithm))
    @pytest.mark.parametrize("form", ["pem", "hex", "hex and a line end", "raw"])
    def test_forms_of_a_file(self, tmp_path: Path, algorithm: Algorithm, form: str) -> None:
        key = SigningKey.generate(algorithm).public
        content = {
            "pem": key.public_pem(),
            "hex": key.to_cose().hex().encode(),
            "hex and a line end": key.to_cose().hex().upper().encode() + b"\n",
            "raw": key.to_cose(),
        }[form]
        path = tmp_path / "key"
        path.write_bytes(content)
        assert keys.from_file(path) == key

    def test_hex(self) -> None:
        key = SigningKey.generate().public
        assert keys.from_hex(key.to_cose().hex()) == key

    @pytest.mark.parametrize("text", ["", "zz", "00", "a1"])
    def test_hex_that_is_no_key(self, text: str) -> None:
        with pytest.raises(InvalidError, match="provision show"):
            keys.from_hex(text)

    @pytest.mark.parametrize("content", [b"", b"\xff" * 40, b"-----BEGIN PUBLIC KEY-----\nx"])
    def test_a_file_that_is_no_key(self, tmp_path: Path, content: bytes) -> None:
        path = tmp_path / "key"
        path.write_bytes(content)
        with pytest.raises(InvalidError, match="holds no public key"):
            keys.from_file(path)

    def test_a_private_key_is_refused(self, tmp_path: Path) -> None:
        save_private_key(tmp_path / "x.key", SigningKey.generate())
        with pytest.raises(InvalidError, match="is a private key"):
            keys.from_file(tmp_path / "x.key")

    def test_a_missing_file(self, tmp_path: Path) -> None:
        with pytest.raises(InvalidError, match="No such file"):
            keys.from_file(tmp_path / "none")


@pytest.mark.parametrize(
    "backend", [pytest.param("postgresql", marks=pytest.mark.integration)], indirect=True
)
def test_no_site_is_closed_under_a_terminal_that_is_being_assigned(engine: Engine) -> None:
    company = Company(engine)
    refused: list[ConflictError] = []

    def close() -> None:
        try:
            with engine.begin() as conn:
                places.close_site(conn, company.ours, company.dock)
        except ConflictError as error:
            refused.append(error)

    closing = threading.Thread(target=close)
    with engine.begin() as conn:
        terminal = service.register(conn, SigningKey.generate().public, "Gate")
    with engine.begin() as conn:
        service.assign(conn, terminal, company.dock, now_ms())
        closing.start()
        wait_for(lambda: waits_for_a_lock(engine), "nobody waits")
    closing.join()
    assert len(refused) == 1
