"""Who wrote in a section may not approve it, whoever wrote last (职责分离)."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, text

from runtime.store.actor import Actor
from runtime.store.migrate import migrate
from schemas.vocabulary import Role
from services.results.app import HERE, results
from services.results.commands.approval import approve_section
from services.results.commands.drafts import attach_evidence, remove_evidence, save_draft
from services.results.commands.visits import record_unit, return_section, sign_section, submit_section
from services.results.domain.files import StoredFile
from services.results.domain.sections import EnteredAndApprovedBySame
from services.results.queries.summary import home_me
from services.results.queries.visits import review_view, section_view
from services.results.tables import Section, Writer
from tests.kit import Kit, person
from tests.unit.results.world import World, section_id

A_JT = section_id("A", "JT")
GOOD = {"JT-1": {"reached": "yes", "wrong": "no"}}
FILE: dict[str, Any] = {
    "name": "照片.jpg",
    "content_type": "image/jpeg",
    "size": 3,
    "sha256": "ab" * 32,
    "stored": StoredFile({"digest": "cd" * 32}),
}
THIRD = "JT006"


@pytest.fixture
def team(world: World) -> tuple[World, Actor, Actor, Actor]:
    """A team of three on the day of its visit; the third may also approve."""
    world.schedule("A")
    world.day("2018-12-12", 15)
    with world.service.db.write(world.service.system) as session:
        section = session.get_one(Section, A_JT)
        section.team = [*section.team, {"officer": THIRD, "name": "第三人", "credential": "ZF-JT-6"}]
    assert THIRD not in [each.officer for each in world.officers("A", "JT")]
    first, second = world.officers("A", "JT")
    third = person("JT", Role.INSPECTOR, Role.APPROVER, id=f"u-{THIRD}", officer=THIRD)
    return world, first, second, third


def hand_in(world: World, first: Actor, second: Actor, section: str = A_JT) -> None:
    """The other two write over it, sign and submit it."""
    do = world.service.do
    changed = {"JT-1": GOOD["JT-1"] | {"note": "补充"}}
    do(first, save_draft, section_id=section, answers=changed, outcomes={"JT-1": "NO_ISSUE"})
    for each in (first, second):
        do(each, sign_section, section_id=section, digest=world.text(section))
    do(second, record_unit, section_id=section, digest=world.text(section), how="signed", name="某负责人")
    do(second, submit_section, section_id=section)


def save(world: World, actor: Actor) -> None:
    world.service.do(actor, save_draft, section_id=A_JT, answers=GOOD)


def attach(world: World, actor: Actor) -> None:
    world.service.do(actor, attach_evidence, section_id=A_JT, **FILE)


def remove(world: World, actor: Actor) -> None:
    other, _ = world.officers("A", "JT")
    file = world.service.do(other, attach_evidence, section_id=A_JT, **FILE).value["evidence"]
    world.service.do(actor, remove_evidence, section_id=A_JT, evidence_id=file)


def unit(world: World, actor: Actor) -> None:
    shown = {"section_id": A_JT, "digest": world.text(A_JT)}
    world.service.do(actor, record_unit, **shown, how="refused", reason="absent", witness="有录像")


def submit(world: World, actor: Actor) -> None:
    first, second = world.officers("A", "JT")
    do = world.service.do
    do(first, save_draft, section_id=A_JT, answers=GOOD, outcomes={"JT-1": "NO_ISSUE"})
    shown = {"section_id": A_JT, "digest": world.text(A_JT)}
    for each in (first, second):
        do(each, sign_section, **shown)
    do(first, record_unit, **shown, how="signed", name="某负责人")
    do(actor, submit_section, section_id=A_JT)
    do(person("JT", Role.APPROVER), return_section, **shown, reason="请补充")


@pytest.mark.parametrize("write", [save, attach, remove, unit, submit])
def test_who_wrote_first_may_not_approve_though_others_wrote_last(
    team: tuple[World, Actor, Actor, Actor], write: Callable[[World, Actor], None]
) -> None:
    world, first, second, third = team
    write(world, third)
    hand_in(world, first, second)

    for actor in (third, person("JT", Role.APPROVER, id=third.id)):  # no longer an officer: the account is the same
        with pytest.raises(EnteredAndApprovedBySame):
            world.service.do(actor, approve_section, section_id=A_JT, digest=world.text(A_JT))
        now = world.kit.clock.now()
        assert not world.service.ask(actor, section_view, section_id=A_JT, now=now)["may_approve"]
        assert not world.service.ask(actor, review_view, section_id=A_JT, now=now)["may_approve"]
        assert world.service.ask(actor, home_me, now=now)["approve"] == []
    assert world.approve("A", "JT")["state"] == "approved"


def test_who_only_looked_may_approve(team: tuple[World, Actor, Actor, Actor]) -> None:
    world, first, second, third = team
    now = world.kit.clock.now()
    world.service.do(third, save_draft, section_id=A_JT)  # nothing new
    hand_in(world, first, second)

    assert world.service.ask(third, section_view, section_id=A_JT, now=now)["may_approve"]
    assert [line["section"] for line in world.service.ask(third, home_me, now=now)["approve"]] == [A_JT]
    assert (
        world.service.do(third, approve_section, section_id=A_JT, digest=world.text(A_JT)).value["state"] == "approved"
    )


def test_a_colleague_under_another_account_of_the_same_officer_does_not_approve_what_that_officer_signed(
    team: tuple[World, Actor, Actor, Actor],
) -> None:
    world, first, second, _ = team
    hand_in(world, first, second)
    again = person("JT", Role.APPROVER, id="another-account", officer=first.officer)
    now = world.kit.clock.now()

    assert world.service.ask(again, home_me, now=now)["approve"] == []
    assert not world.service.ask(again, section_view, section_id=A_JT, now=now)["may_approve"]
    with pytest.raises(EnteredAndApprovedBySame):
        world.service.do(again, approve_section, section_id=A_JT, digest=world.text(A_JT))


def test_writers_are_the_agencys_alone(team: tuple[World, Actor, Actor, Actor]) -> None:
    world, first, second, third = team
    attach(world, third)
    hand_in(world, first, second)

    def seen(agency: str) -> set[str]:
        with world.service.db.read(person(agency, *Role)) as session:
            return {row.account for row in session.scalars(select(Writer))}

    assert seen("JT") == {first.id, second.id, third.id}
    assert seen("GA") == seen("NY") == set()


def test_an_older_county_remembers_the_writers_it_still_knows(kit: Kit, tmp_path: Path) -> None:
    service = results(kit.ports, tmp_path)
    older = tmp_path / "older"
    older.mkdir()
    for name in ("__init__.py", "0001_first_tables.py"):
        shutil.copy(HERE / "migrations" / name, older / name)
    migrate(service.db, older)
    facts = {
        "county": "640221",
        "owner_agency": "JT",
        "at": "2018-12-12 07:00:00.000000",
        "later": "2018-12-13 07:00:00",
    }
    with service.db.write(service.system) as session:
        connection = session.connection()
        connection.execute(
            text(
                "INSERT INTO entry VALUES ('V-1-JT', 3, '{}', '{}', '[]', '{}', 'u-last', :later, '', '', :county, :owner_agency)"
            ),
            facts,
        )
        for number, who in enumerate(("u-photo", "u-last")):
            connection.execute(
                text(
                    "INSERT INTO evidence VALUES (:id, 'V-1-JT', '', '', 'a', 'image/png', 1, 'x', '{}', :who, :at,"
                    " :county, :owner_agency)"
                ),
                {**facts, "id": f"E-{number}", "who": who},
            )

    assert migrate(service.db, service.migrations)[0] == "0002_writers_of_a_section"

    with service.db.read(service.system) as session:
        kept = {row.account: row.first_at.isoformat() for row in session.scalars(select(Writer))}
    assert kept == {"u-photo": "2018-12-12T07:00:00+00:00", "u-last": "2018-12-12T07:00:00+00:00"}
    service.close()
