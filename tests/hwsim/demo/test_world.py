"""The demo's world: the same for a seed, well-formed, and large enough."""

from stdnum.be import vat

from hwsim.demo.setting import first_sites
from hwsim.demo.world import CODE_PATTERN, make_world


def test_a_seed_makes_one_world() -> None:
    assert make_world(7) == make_world(7)
    assert make_world(7) != make_world(8)


def test_numbers_are_well_formed_and_no_two_badges_are_the_same() -> None:
    seed = 2026
    print(f"seed {seed}")
    world = make_world(seed)
    companies = [world.contractor, *world.subcontractors, world.unregistered]
    assert all(vat.is_valid(company.number) for company in companies)
    people = [*world.workers, *world.newcomers]
    numbers = [worker.badge.number for worker in people] + [b.number for b in world.strangers]
    assert len(set(numbers)) == len(numbers)


def test_printed_codes_carry_the_employer_the_scanner_is_told_to_find() -> None:
    import re

    world = make_world(2026)
    stranger = world.strangers[0]
    match = re.fullmatch(CODE_PATTERN, stranger.presented)
    assert match is not None
    assert match["employer"] == world.unregistered.number


def test_it_is_as_large_as_it_is_told_to_be() -> None:
    world = make_world(2026)
    assert len({site.division for site in world.sites}) == 2
    assert len(world.sites) == 4
    assert {site.company for site in world.sites} == {world.contractor.name}
    assert len(world.subcontractors) == 3
    assert len(world.workers) + len(world.newcomers) == 60
    assert {badge.employer for badge in world.strangers} == {world.unregistered.number}
    assert len(first_sites(world)) == 5
