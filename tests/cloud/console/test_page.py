import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, update

from cloud import console
from cloud.console import view
from cloud.custody.tables import alarms, rejected, waiting
from cloud.registrations import queries
from cloud.registrations.tables import registrations
from cloud.terminals.tables import terminals
from cloud.times import now_ms, parse
from cloud.workers.tables import workers
from protocol.badges import Flag
from protocol.identity import group
from tests.cloud.client import Client
from tests.cloud.sample import Sample

STATIC = Path(console.__file__).parent / "static"
ONLINE = '{"status": {"state": "online"}, "telemetry": {"queue": 14}}'


class Text(HTMLParser):
    """What a person reads, and every tag with its attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def __str__(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.words))


def shown(client: Client, path: str = "/") -> str:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return str(Text(answer.text))


def poll(client: Client) -> str:
    """The address the page asks next."""
    found = re.search(r'hx-get="([^"]+)"', client.get("/live").text)
    assert found is not None
    return found[1].replace("&amp;", "&")


def test_each_registration_of_the_live_list_leads_to_its_page(
    client: Client, engine: Engine, sample: Sample
) -> None:
    with engine.begin() as conn:
        numbers = [sample.tap(conn), sample.tap(conn)]
    for path in ("/", "/live"):
        tags = Text(client.get(path).text).tags
        links = [each["href"] for tag, each in tags if tag == "a" and "id" in each]
        assert links == [f"/registrations/{number}" for number in reversed(numbers)]
    assert client.get(str(links[0])).status_code == 200


def test_a_registration_is_told_in_full(client: Client, engine: Engine, sample: Sample) -> None:
    with engine.begin() as conn:
        sample.tap(conn)
    text = shown(client)
    for words in (
        "06:32:00 +01:00", "Mon 2 Mar 2026", "In", "Ann Maes", "Elektro", "Quai", "Nord, Solvay",
        group(sample.devices[0]), "reader in", "chip number", "…3D4E",
    ):  # fmt: skip
        assert words in text, words
    assert "0A1B2C3D4E" not in text
    assert "private" not in text


def test_a_corrected_time_says_so_and_how_far_it_can_be_off(
    client: Client, engine: Engine, sample: Sample
) -> None:
    with engine.begin() as conn:
        sample.tap(conn)
    assert "corrected" not in shown(client)
    ms = parse("2026-10-25T02:30:00+01:00")  # the second time that night
    with engine.begin() as conn:
        sample.tap(conn, tapped_ms=ms, earliest_ms=ms - 1001, latest_ms=ms + 1001, corrected=True)
        sample.tap(conn, corrected=True)
    text = shown(client)
    assert "02:30:00 +01:00" in text
    assert "Sun 25 Oct 2026, corrected ± 2 s" in text
    assert "Mon 2 Mar 2026, corrected, bound unknown" in text


def test_what_is_not_known_is_said_with_what_to_do(
    client: Client, engine: Engine, sample: Sample
) -> None:
    with engine.begin() as conn:
        sample.stranger_taps(conn)
        sample.tap(conn, site_id=None, company_id=None, division_id=None, reason="no-assignment")
    text = shown(client)
    assert "BE 0999.910.642 private" in text
    assert "The badge belongs to nobody yet: link it to a worker." in text
    assert "The terminal had no site at that time: assign it" in text
    assert "none then" in text


def test_what_was_wrong_with_a_badge_is_said_beside_it(
    client: Client, engine: Engine, sample: Sample
) -> None:
    with engine.begin() as conn:
        sample.tap(conn)
    assert "blocked" not in shown(client)
    with engine.begin() as conn:
        sample.tap(conn, flags=int(Flag.BLOCKED | Flag.EXPIRED))
    text = shown(client)
    assert text.count("blocked, badge expired") == 1
    with engine.begin() as conn:
        first, second = queries.listed(conn, queries.Filter(), limit=9)
    assert queries.as_json(first)["remarks"] == ["blocked", "badge expired"]
    assert queries.as_json(second)["remarks"] == []


def test_terminals_and_what_is_wrong_with_them(
    client: Client, engine: Engine, sample: Sample
) -> None:
    said = (
        '{"status": {"state": "online"}, "telemetry": {"queue": 14, "alarms": {"disk-85": "85 %"},'
        ' "readers": {"out": {"state": "absent", "detail": "plug it in"},'
        ' "in": {"state": "ready"}}}}'
    )
    with engine.begin() as conn:
        here = terminals.c.id == sample.terminals[0]
        values = {"last_status": said, "last_seen_ms": now_ms()}
        conn.execute(update(terminals).where(here).values(values))
    text = shown(client)
    assert "Status online" in text
    assert "Queue 14" in text
    assert "Its disk fills: make room on it, or let it reach the platform. disk-85: 85 %" in text
    assert "reader out is absent plug it in" in text
    assert "reader in" not in text
    assert "never seen" in text


@pytest.mark.parametrize(
    ("ago_ms", "values", "word"),
    [
        (None, {}, "never seen"),
        (0, {"last_status": ONLINE}, "online"),
        (10_000_000, {"last_status": ONLINE}, "silent"),
        (0, {"last_status": '{"status": {"state": "offline"}}'}, "offline"),
        (0, {"last_status": ONLINE, "status": "revoked"}, "revoked"),
    ],
)
def test_the_state_of_a_terminal(
    client: Client,
    engine: Engine,
    sample: Sample,
    ago_ms: int | None,
    values: dict[str, object],
    word: str,
) -> None:
    seen_ms = None if ago_ms is None else now_ms() - ago_ms
    with engine.begin() as conn:
        conn.execute(update(terminals).values(last_seen_ms=seen_ms, **values))
    assert f"Status {word} Last seen" in shown(client)


def test_what_did_not_become_a_registration(client: Client, engine: Engine, sample: Sample) -> None:
    assert "0 waiting 0 rejected 0 alarms" in shown(client)
    with engine.begin() as conn:
        for seq, reason in enumerate(("unsealable", "unsealable", "unknown-kind")):
            conn.execute(
                insert(waiting).values(
                    epoch_id=sample.epochs[0], seq=seq, reason=reason, detail="why", tried_ms=0
                )
            )
        conn.execute(
            insert(rejected).values(
                digest=b"", device="a/b", topic="", reason="malformed", detail="not CBOR",
                message=b"", first_ms=0, last_ms=0,
            )
        )  # fmt: skip
        conn.execute(
            insert(alarms).values(
                terminal_id=sample.terminals[1], kind="fork", detail="two chains", at_ms=0
            )
        )
    text = shown(client)
    assert "3 waiting 1 unknown-kind, 2 unsealable" in text
    assert "1 rejected malformed" in text
    assert "a/b not CBOR" in text
    assert f"1 alarm a copy in use {group(sample.devices[1])} two chains" in text


class TestPolling:
    def test_nothing_new_is_no_content(
        self, client: Client, engine: Engine, sample: Sample
    ) -> None:
        with engine.begin() as conn:
            sample.tap(conn)
        answer = client.get(poll(client))
        assert (answer.status_code, answer.content) == (204, b"")

    def test_the_etag_works_too(self, client: Client, sample: Sample) -> None:
        etag = client.get("/live").headers["etag"]
        again = client.get("/live", headers={"if-none-match": etag})
        assert (again.status_code, again.content) == (304, b"")
        assert client.get("/live", headers={"if-none-match": '"x"'}).status_code == 200

    def test_only_what_arrived_since_is_marked(
        self, client: Client, engine: Engine, sample: Sample
    ) -> None:
        with engine.begin() as conn:
            sample.tap(conn)
        assert 'class="new"' not in client.get("/").text
        address = poll(client)
        with engine.begin() as conn:
            sample.tap(conn)
        answer = client.get(address)
        assert answer.status_code == 200
        assert answer.text.count('class="new"') == 1
        assert answer.text.index('class="new"') < answer.text.index("06:33:00")
        assert client.get(poll(client)).status_code == 204

    @pytest.mark.parametrize("what", ["registration", "worker", "terminal", "alarm"])
    def test_every_change_a_person_can_see_shows(
        self, client: Client, engine: Engine, sample: Sample, what: str
    ) -> None:
        with engine.begin() as conn:
            sample.tap(conn)
        address = poll(client)
        assert client.get(address).status_code == 204
        with engine.begin() as conn:
            conn.execute(
                {
                    "registration": update(registrations).values(reason="disputed"),
                    "worker": update(workers).values(given_name="Anna"),
                    "terminal": update(terminals).values(last_seen_ms=now_ms()),
                    "alarm": insert(alarms).values(kind="gap", detail="", at_ms=0),
                }[what]
            )
        assert client.get(address).status_code == 200

    @pytest.mark.parametrize("query", ["tag=" + "x" * 65, "newest=x", "newest=-1"])
    def test_what_the_page_never_asks(self, client: Client, query: str) -> None:
        assert client.get(f"/live?{query}").status_code == 422


class TestMarkup:
    @pytest.fixture
    def backend(self) -> str:
        return "sqlite"

    def test_nothing_is_inline(self, client: Client, engine: Engine, sample: Sample) -> None:
        with engine.begin() as conn:
            sample.stranger_taps(conn)
        for tag, attributes in Text(client.get("/").text).tags:
            assert tag != "style"
            assert tag != "script" or attributes.get("src")
            assert not {name for name in attributes if name.startswith("on") or name == "style"}

    def test_it_asks_this_server_for_everything_and_gets_it(
        self, client: Client, sample: Sample
    ) -> None:
        tags = Text(client.get("/").text).tags
        asked = {a.get("src") or a.get("href") for t, a in tags if t in ("script", "link", "img")}
        styles = (STATIC / "console.css").read_text()
        asked |= {f"/static/{url}" for url in re.findall(r'url\("([^"]+)"\)', styles)}
        assert len(asked) >= 5
        for address in asked:
            assert address is not None
            assert address.startswith("/")
            assert client.get(address).status_code == 200

    def test_it_reads_without_script(self, client: Client, engine: Engine, sample: Sample) -> None:
        html = client.get("/").text
        assert '<noscript><meta http-equiv="refresh"' in html

    def test_names_are_text(self, client: Client, engine: Engine, sample: Sample) -> None:
        with engine.begin() as conn:
            conn.execute(update(workers).values(given_name="<script>alert(1)</script>"))
            conn.execute(update(terminals).values(name='"><img src=x>'))
            sample.tap(conn)
        html = client.get("/").text
        assert "<script>alert" not in html
        assert "<img src=x>" not in html
        assert "&lt;script&gt;alert(1)" in html

    def test_whatever_a_terminal_says_of_itself(
        self, client: Client, engine: Engine, sample: Sample
    ) -> None:
        @settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
        @given(anything)
        def check(said: object) -> None:
            row = {
                "device": sample.devices[0],
                "name": None,
                "site": None,
                "status": "active",
                "last_seen_ms": 0,
                "last_status": {"status": said, "telemetry": said},
            }
            found = view._terminal(row)
            assert found["state"] in ("online", "offline", "silent")
            assert all(trouble["said"] for trouble in found["troubles"])
            assert all(isinstance(trouble["own"], str) for trouble in found["troubles"])

        check()

    def test_vendored_files_name_version_and_licence(self) -> None:
        listed = (STATIC / "vendor" / "README.md").read_text()
        for path in (STATIC / "vendor").iterdir():
            assert path.name == "README.md" or f"`{path.name}`" in listed
        source = (STATIC / "vendor" / "htmx.min.js").read_text()
        version = re.search(r'version:"([^"]+)"', source)
        assert version is not None
        assert f"| {version[1]} |" in listed


leaf = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
names = st.sampled_from(["state", "queue", "readers", "alarms", "detail", "in"])
anything = st.recursive(
    leaf, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=4)
)
