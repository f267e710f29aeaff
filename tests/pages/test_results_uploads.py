"""Files sent to results: a repeated request is answered again, and what is refused leaves nothing behind."""

from collections.abc import Mapping
from typing import Any, TypeVar

import pytest
from httpx import Response
from sqlalchemy import select

from runtime.store import Owned
from schemas.vocabulary import Role
from services.results.commands.referrals import receive, return_, route
from services.results.tables import Entry, Evidence, Referral, Scan
from tests.kit import Kit, person
from tests.pages.client import ConsoleClient, Page, Site, open_site
from tests.unit.results.world import FIRMS, LEAD, World, a_world, section_id

A_JT = section_id("A", "JT")
AT = f"/sections/{A_JT}"
R = "R-640221-2018-001"
API = "/api/results/v1"
Kind = TypeVar("Kind", bound=Owned)
JPEG, OTHER, PDF = b"\xff\xd8\xff\xe0 a photo", b"\xff\xd8\xff\xe0 another", b"%PDF-1.4 a letter"
BROKEN = b"MZ\x90 no photo"


@pytest.fixture
def world(kit: Kit) -> World:
    """The day of all visits."""
    world = a_world(kit)
    for firm, _ in FIRMS:
        world.schedule(firm)
    world.day("2018-12-12", 15)
    return world


@pytest.fixture
def site(world: World) -> Site:
    """Serve results inside console's frame."""
    return open_site(world.kit, world.service)


@pytest.fixture
def letter(world: World) -> World:
    """AJ found a blocked fire exit; the lead sent it to the fire brigade, which has no account."""
    world.fill("C", "AJ", "PENDING", {"reached": "yes", "wrong": "yes"})
    world.approve("C", "AJ")
    world.service.do(person(LEAD, Role.PLANNER), route, referral_id=R, receiver="XF")
    return world


def rows(world: World, kind: type[Kind]) -> list[Kind]:
    with world.service.db.read(world.service.system) as session:
        return list(session.scalars(select(kind)))


def blobs(world: World) -> set[str]:
    return {file.name for file in (world.kit.folder / "blobs").rglob("*") if file.is_file()}


def send(client: ConsoleClient, path: str, content: bytes, key: str, **data: str) -> Response:
    answer: Response = client.http.post(
        path,
        data=data,
        files={"file": ("a.jpg", content, "image/jpeg")},
        headers={"X-CSRF-Token": client.csrf, "Idempotency-Key": key},
    )
    return answer


def answered_once(client: ConsoleClient, path: str, first: Response, key: str, **data: str) -> None:
    """Hold the repeats of a request that succeeded: the same again, and no other under its key."""
    again = send(client, path, JPEG, key, **data)
    assert (again.status_code, again.json()) == (200, first.json())
    other = send(client, path, OTHER, key, **data)
    assert (other.status_code, other.json()["code"]) == (409, "idempotency.key_reused")


# ── evidence ────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_photo_sent_twice_is_answered_twice_and_kept_once(world: World, site: Site) -> None:
    first = site.person(world.officers("A", "JT")[0])
    path = f"{API}{AT}/evidence"
    sent = send(first, path, JPEG, "photo-1", item="JT-1")
    assert sent.status_code == 200, sent.text
    world.fill("A", "JT")  # submitted by now: asked anew, it would be refused
    kept = blobs(world)

    answered_once(first, path, sent, "photo-1", item="JT-1")

    assert [row.id for row in rows(world, Evidence)] == [sent.json()["evidence"]]
    assert blobs(world) == kept
    assert send(first, path, JPEG, "photo-2", item="JT-1").json()["code"] == "section.not_in_state"
    assert blobs(world) == kept


def test_a_draft_with_files_sent_twice_is_answered_twice_and_kept_once(world: World, site: Site) -> None:
    first = site.person(world.officers("A", "JT")[0])
    form = draft(first.get(AT), **{"a:JT-1:reached": "yes"})
    photo = {"e:JT-1:photo": ("证照.jpg", JPEG, "image/jpeg")}
    assert "已保存" in first.post(f"{AT}/draft", form, files=photo).main
    world.fill("A", "JT")

    assert "已保存" in first.post(f"{AT}/draft", form, files=photo).main  # the same request, the same answer

    assert len(rows(world, Evidence)) == 1
    other = {"e:JT-1:photo": ("证照.jpg", OTHER, "image/jpeg")}
    assert "已用不同的内容提交过" in first.post(f"{AT}/draft", form, status=409, files=other).main
    first.post(f"{AT}/draft", form | {"a:JT-1:reached": "no"}, status=409, files=photo)
    assert [(row.name, row.size) for row in rows(world, Evidence)] == [("证照.jpg", len(JPEG))]


def draft(page: Page, **texts: str) -> dict[str, str]:
    """The values of a section's form as a browser would send them, with others chosen."""
    return {name: values[0] for name, values in page.form(f"{AT}/draft").values.items()} | texts


def test_a_draft_whose_last_file_is_refused_keeps_neither_words_nor_files(world: World, site: Site) -> None:
    first = site.person(world.officers("A", "JT")[0])
    form, before = draft(first.get(AT), **{"a:JT-1:reached": "yes", "o:JT-1": "NO_ISSUE"}), blobs(world)
    files = {"e:JT-1:photo": ("a.jpg", JPEG, "image/jpeg"), "e::": ("b.jpg", BROKEN, "image/jpeg")}

    page = first.post(f"{AT}/draft", form, status=422, files=files)

    assert "只接受 JPEG" in page.main
    assert (rows(world, Entry), rows(world, Evidence), blobs(world)) == ([], [], before)
    assert page.form(f"{AT}/draft").values["a:JT-1:reached"] == ["yes"]  # what was typed is shown again
    page = first.post(f"{AT}/draft", draft(page), files={"e::": ("b.jpg", OTHER, "image/jpeg")})
    assert "已保存" in page.main
    assert len(rows(world, Evidence)) == 1


@pytest.mark.parametrize(
    ("typed", "place", "status"),
    [
        ({"version": "7"}, "e:JT-1:photo", 412),
        ({"a:JT-1:reached": "perhaps"}, "e:JT-1:photo", 422),
        ({}, "e:GA-1:photo", 422),
        ({"ni:0": "JT-1", "nk:0": "no_such_kind", "nt:0": "x"}, "e::", 422),
    ],
)
def test_a_draft_that_is_refused_stores_none_of_its_files(
    world: World, site: Site, typed: Mapping[str, str], place: str, status: int
) -> None:
    first = site.person(world.officers("A", "JT")[0])
    form, before = draft(first.get(AT), **{"a:JT-1:reached": "yes"}) | dict(typed), blobs(world)

    first.post(f"{AT}/draft", form, status=status, files={place: ("a.jpg", JPEG, "image/jpeg")})

    assert (rows(world, Entry), rows(world, Evidence), blobs(world)) == ([], [], before)


def test_the_same_file_twice_in_one_form_is_one_piece_of_evidence(world: World, site: Site) -> None:
    first = site.person(world.officers("A", "JT")[0])
    twice: Any = [("e::", ("a.jpg", JPEG, "image/jpeg")), ("e::", ("a.jpg", JPEG, "image/jpeg"))]

    assert "已保存" in first.post(f"{AT}/draft", draft(first.get(AT)), files=twice).main

    assert len(rows(world, Evidence)) == 1


# ── scans ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_scan_sent_twice_is_answered_twice_and_kept_once(letter: World, site: Site) -> None:
    lead = site.person(person(LEAD, Role.PLANNER))
    path = f"{API}/referrals/{R}/scans"
    sent = send(lead, path, JPEG, "scan-1", act="receive")
    assert sent.status_code == 200, sent.text
    letter.service.do(person(LEAD, Role.PLANNER), receive, referral_id=R)
    letter.service.do(person(LEAD, Role.PLANNER), return_, referral_id=R, reason="not_our_remit")
    letter.service.do(person(LEAD, Role.PLANNER), route, referral_id=R, receiver="GA")  # no letter any more
    kept = blobs(letter)

    answered_once(lead, path, sent, "scan-1", act="receive")

    assert [row.id for row in rows(letter, Scan)] == [sent.json()["scan"]]
    assert send(lead, path, JPEG, "scan-2", act="receive").json()["code"] == "referral.not_your_part"
    assert blobs(letter) == kept


def test_a_letters_receipt_and_its_scan_are_kept_together_once(letter: World, site: Site) -> None:
    lead, path = site.person(person(LEAD, Role.PLANNER)), f"/referrals/{R}/receive"
    form = {name: values[0] for name, values in lead.get(f"/referrals/{R}").form(path).values.items()}
    scan = {"scan:receive": ("回执.pdf", PDF, "application/pdf")}

    assert "已签收" in lead.post(path, form, files=scan).main
    assert "已签收" in lead.post(path, form, files=scan).main

    (row,) = rows(letter, Scan)
    assert (row.act, row.name, row.added_by) == ("receive", "回执.pdf", "jt-planner")
    (leg,) = [row for row in rows(letter, Referral) if row.current]
    assert [each["act"] for each in leg.history] == ["unrouted", "route", "receive"]


@pytest.mark.parametrize(
    ("facts", "content", "status"),
    [
        ({"decision": "settled", "text": "已清除"}, PDF, 409),  # not received yet
        ({"decision": "beheaded", "text": "已清除"}, PDF, 422),
        ({"decision": "settled", "text": ""}, PDF, 422),
        ({"decision": "settled", "text": "已清除"}, BROKEN, 422),
    ],
)
def test_a_decision_that_is_refused_leaves_no_scan(
    letter: World, site: Site, facts: dict[str, str], content: bytes, status: int
) -> None:
    lead, path = site.person(person(LEAD, Role.PLANNER)), f"/referrals/{R}/decide"
    if status == 422:
        letter.service.do(person(LEAD, Role.PLANNER), receive, referral_id=R)
    before = blobs(letter)
    form = {"_csrf": lead.csrf, "_key": "decide-1", **facts}

    lead.post(path, form, status=status, files={"scan:decide": ("复函.pdf", content, "application/pdf")})

    assert (rows(letter, Scan), blobs(letter)) == ([], before)


def test_a_scan_comes_with_a_letter_only(world: World, site: Site) -> None:
    world.fill("A", "JT", "PENDING", {"reached": "yes", "wrong": "yes"})
    world.approve("A", "JT")
    police, before = site.person(person("GA", Role.APPROVER)), blobs(world)
    form = {"_csrf": police.csrf, "_key": "receive-1"}
    scan = {"scan:receive": ("回执.pdf", PDF, "application/pdf")}

    police.post(f"/referrals/{R}/receive", form, status=403, files=scan)

    assert (rows(world, Scan), blobs(world)) == ([], before)
    assert [row.state for row in rows(world, Referral)] == ["sent"]
    assert "已签收" in police.post(f"/referrals/{R}/receive", form).main
