from typing import Any

import pytest
from sqlalchemy import Engine, update

from cloud.registrations.tables import registrations
from cloud.times import parse, rfc3339
from tests.cloud.client import Client
from tests.cloud.sample import START_MS, Sample

FIELDS = {
    "id", "device", "epoch", "seq", "reader", "badge", "assurance", "worker", "employer",
    "private_company", "company", "division", "site", "direction", "tapped_at", "received_at",
    "reason", "earliest", "latest", "corrected", "remarks",
}  # fmt: skip


def every(client: Client, query: str, limit: int) -> list[dict[str, Any]]:
    """All pages."""
    items: list[dict[str, Any]] = []
    cursor = ""
    while True:
        answer = client.get(f"/v1/registrations?limit={limit}{query}{cursor}")
        assert answer.status_code == 200, answer.text
        page = answer.json()
        assert len(page["items"]) <= limit
        items += page["items"]
        if page["next"] is None:
            return items
        cursor = f"&cursor={page['next']}"


def test_one_wholly_attributed(client: Client, engine: Engine, sample: Sample) -> None:
    with engine.begin() as conn:
        number = sample.tap(conn)
    assert client.get("/v1/registrations").json() == {
        "items": [
            {
                "id": number,
                "device": sample.devices[0],
                "epoch": f"{sample.terminals[0]:032x}",
                "seq": 2,
                "reader": "in",
                "badge": "…3D4E",
                "assurance": "uid",
                "remarks": [],
                "worker": "Ann Maes",
                "employer": "Elektro",
                "private_company": False,
                "company": "Solvay",
                "division": "Nord",
                "site": "Quai",
                "direction": "in",
                "tapped_at": "2026-03-02T06:32:00.000+01:00",
                "earliest": None,
                "latest": None,
                "corrected": False,
                "received_at": "2026-03-02T06:32:00.300+01:00",
                "reason": None,
            }
        ],
        "next": None,
    }


def test_one_of_a_private_company(client: Client, engine: Engine, sample: Sample) -> None:
    with engine.begin() as conn:
        number = sample.stranger_taps(conn)
    found = client.get(f"/v1/registrations/{number}").json()
    assert found.keys() == FIELDS
    assert found["worker"] is None
    assert found["employer"] == "BE 0999.910.642"
    assert found["private_company"] is True
    assert found["reason"] == "badge-unlinked"
    assert found["assurance"] == "printed"


def test_one_of_which_nothing_is_known(client: Client, engine: Engine, sample: Sample) -> None:
    nothing: dict[str, Any] = dict.fromkeys(
        ("worker_id", "employer_id", "company_id", "division_id", "site_id", "reader")
    )
    with engine.begin() as conn:
        number = sample.tap(conn, **nothing)
    found = client.get(f"/v1/registrations/{number}").json()
    assert found["private_company"] is False
    names = ("worker", "employer", "company", "division", "site", "reader")
    assert {found[name] for name in names} == {None}


def test_badge_numbers_are_whole_only_when_asked(
    client: Client, engine: Engine, sample: Sample
) -> None:
    with engine.begin() as conn:
        number = sample.tap(conn)
    for path in ("/v1/registrations", f"/v1/registrations/{number}"):
        assert "0A1B2C3D4E" not in client.get(path).text
        assert "0A1B2C3D4E" in client.get(f"{path}?badge=full").text
        assert client.get(f"{path}?badge=yes").status_code == 422


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 500])
@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_pages_show_each_once(
    client: Client, engine: Engine, sample: Sample, limit: int, order: str
) -> None:
    with engine.begin() as conn:
        ids = [sample.tap(conn, gate=n % 2) for n in range(6)]
    found = [item["id"] for item in every(client, f"&order={order}", limit)]
    assert found == (ids if order == "oldest" else ids[::-1])


def test_what_arrives_between_two_pages_disturbs_nothing(
    client: Client, engine: Engine, sample: Sample
) -> None:
    with engine.begin() as conn:
        ids = [sample.tap(conn) for _ in range(4)]
    first = client.get("/v1/registrations?limit=2").json()
    with engine.begin() as conn:
        sample.tap(conn)
    second = client.get(f"/v1/registrations?limit=2&cursor={first['next']}").json()
    assert [item["id"] for item in first["items"] + second["items"]] == ids[::-1]
    assert second["next"] is None


class TestFilters:
    def ids(self, client: Client, query: str) -> list[int]:
        return [item["id"] for item in every(client, "&" + query, 2)][::-1]

    def test_by_terminal(self, client: Client, engine: Engine, sample: Sample) -> None:
        with engine.begin() as conn:
            ids = [sample.tap(conn, gate=n % 2) for n in range(5)]
        device = sample.devices[1]
        grouped = f"{device[:5]}-{device[5:10]}-{device[10:]}".lower()
        assert self.ids(client, f"terminal={grouped}") == ids[1::2]

    def test_by_site_and_worker(self, client: Client, engine: Engine, sample: Sample) -> None:
        with engine.begin() as conn:
            ids = [sample.tap(conn, gate=n % 2) for n in range(4)]
            sample.stranger_taps(conn)
        assert self.ids(client, f"site={sample.sites[0]}&worker={sample.worker}") == ids[::2]
        assert self.ids(client, "site=999") == []

    @pytest.mark.parametrize(
        "moment",
        [
            "2026-03-02T07:00:00%2B01:00",
            "2026-03-02T07:00:00+01:00",
            "2026-03-02T07:00",
            "2026-03-02T06:00:00Z",
        ],
    )
    def test_by_time_of_the_tap(
        self, client: Client, engine: Engine, sample: Sample, moment: str
    ) -> None:
        half_an_hour = START_MS + 1_800_000
        with engine.begin() as conn:
            before, at, after = (
                sample.tap(conn, tapped_ms=half_an_hour + offset) for offset in (-1, 0, 1)
            )
        assert self.ids(client, f"since={moment}") == [at, after]
        assert self.ids(client, f"until={moment}") == [before]
        assert self.ids(client, f"since={moment}&until={moment}") == []

    @pytest.mark.parametrize(
        ("query", "says"),
        [
            ("sit=1", "sit: extra inputs are not permitted"),
            ("site=0", "site: "),
            ("site=99999999999999999999", "site: "),
            ("limit=0", "limit: "),
            ("limit=501", "limit: "),
            ("since=yesterday", "since: value error, 'yesterday' is not a time"),
            ("cursor=x", "cursor 'x' is not one of ours"),
            ("cursor=99999999999999999999", "is not one of ours"),
            ("cursor=%D9%A1", "is not one of ours"),
            ("terminal=7ZK3M", "'7ZK3M' is not a device number"),
            ("order=upwards", "order: "),
        ],
    )
    def test_refused(self, client: Client, query: str, says: str) -> None:
        answer = client.get(f"/v1/registrations?{query}")
        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert says in answer.json()["detail"]
        assert answer.json()["instance"] == "/v1/registrations"

    def test_a_terminal_nobody_knows(self, client: Client) -> None:
        answer = client.get("/v1/registrations?terminal=00000-00000-0")
        assert answer.status_code == 404
        assert "there is no terminal" in answer.json()["detail"]


def test_an_attribution_that_changes_shows(client: Client, engine: Engine, sample: Sample) -> None:
    with engine.begin() as conn:
        number = sample.stranger_taps(conn)
    assert client.get(f"/v1/registrations/{number}").json()["worker"] is None
    with engine.begin() as conn:
        conn.execute(update(registrations).values(worker_id=sample.worker, reason=None))
    assert client.get(f"/v1/registrations/{number}").json()["worker"] == "Ann Maes"


def test_one_that_is_not_there(client: Client) -> None:
    answer = client.get("/v1/registrations/1")
    assert answer.status_code == 404
    assert answer.json() == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "there is no registration 1",
        "instance": "/v1/registrations/1",
    }


def test_offsets_follow_the_season(client: Client, engine: Engine, sample: Sample) -> None:
    summer = START_MS + 120 * 86_400_000
    with engine.begin() as conn:
        number = sample.tap(conn, tapped_ms=summer)
    found = client.get(f"/v1/registrations/{number}").json()["tapped_at"]
    assert found == rfc3339(summer)
    assert found.endswith("+02:00")


def test_a_corrected_time_is_told_with_its_bounds(
    client: Client, engine: Engine, sample: Sample
) -> None:
    times = {"tapped_ms": START_MS, "earliest_ms": START_MS - 1500, "latest_ms": START_MS + 1500}
    with engine.begin() as conn:
        number = sample.tap(conn, corrected=True, **times)
    found = client.get(f"/v1/registrations/{number}").json()
    assert found["corrected"] is True
    assert found["earliest"] == "2026-03-02T06:29:58.500+01:00"
    assert found["latest"] == "2026-03-02T06:30:01.500+01:00"


def test_the_hour_that_comes_twice_is_told_by_its_offset_and_kept_in_order(
    client: Client, engine: Engine, sample: Sample
) -> None:
    first = parse("2026-10-25T02:30:00+02:00")
    with engine.begin() as conn:
        for tapped_ms in (first, first + 1_800_000, first + 3_600_000, first + 60_000):
            sample.tap(conn, tapped_ms=tapped_ms)
    found = every(client, "&order=oldest", 2)
    assert [item["tapped_at"][11:] for item in found] == [
        "02:30:00.000+02:00", "02:00:00.000+01:00", "02:30:00.000+01:00", "02:31:00.000+02:00",
    ]  # fmt: skip
    assert [item["seq"] for item in found] == [2, 3, 4, 5]
