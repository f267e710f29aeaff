"""
Before disclosure nothing that leaves the drawer tells what will be drawn or was: searched at every moment of a draw.

A moment is reached, somebody of every kind walks past every route that reads, and what the drawer has said and kept is read
over: events, logs, documents as they lie there and as other services may open them, its database on the disk. The other
services know of a draw what stands in these and nothing else; what they make of it is searched in
tests/scenario/test_sealed.py. At each moment the same search must find what is put into every place.
"""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import select
from sqlalchemy.event import listen, remove
from sqlalchemy.orm.attributes import set_committed_value
from structlog.testing import capture_logs

from runtime.store import Actor
from runtime.store.plumbing import outbox
from schemas.blobs import BlobRef
from schemas.vocabulary import Role
from services.drawer import acts, archive, round_acts
from services.drawer.app import ACCESS
from services.drawer.domain import messages as words
from services.drawer.domain import ticket
from services.drawer.domain.encoding import SHA256
from services.drawer.tables import Campaign, DrawSecret, OutcomeRow, RosterSecret, SigningKey
from services.drawer.vault import KEY, SERVICE, Vault
from tests.kit import Kit, messages, person
from tests.pages.client import Site, open_site
from tests.unit.drawer.test_beacons import SIGNATURE
from tests.unit.drawer_service import test_beacons as beacons
from tests.unit.drawer_service import test_custody as custody
from tests.unit.drawer_service import test_rounds as rounds
from tests.unit.drawer_service.county import (
    AGENCIES,
    BEACON_TIME,
    DIGITS,
    LEAD,
    OFFICER,
    PLANNER,
    SEAL_BY,
    SUPERVISOR,
    TIMES,
    WITNESS,
    County,
    a_county,
    entities,
    plan,
)

pytestmark = pytest.mark.timeout(900)

HEAD = person("SJ", Role.AGENCY_HEAD)
SPEAKING = (LEAD, OFFICER["GA"], WITNESS, None)
"""Who takes part in the ceremony: of the lead, of a partner, the witness; None: anybody who is not signed in."""
EVERYBODY = (*SPEAKING, PLANNER, SUPERVISOR, HEAD, person("YG", Role.VIEWER))
LOOKED_OVER = ("window: drawn", "window: round revealed", "window: round closed", "visit: drawn")
"""Moments at which more than the speaking are sent past the routes, because something of theirs has just come about."""
OTHERS = ("planner", "results", "notifier", "console")
KNOW_TARGETS = ("results", "notifier")
"""Services that are told who is drawn and who goes there."""
CHAIN = 3
"""Rounds that the plan allows for: each secret is the end of a chain of so many values beside the first."""

Marks = Mapping[str, str]


# ── what must not be found ──────────────────────────────────────────────────────────────────────────────────────────


def _written(secret: bytes, what: str) -> dict[str, str]:
    """Give a secret in every form in which one may write it down."""
    plain, for_addresses = base64.b64encode(secret), base64.urlsafe_b64encode(secret)
    return dict.fromkeys((secret.hex(), plain.decode().rstrip("="), for_addresses.decode().rstrip("=")), what)


@dataclass
class Draw:
    """A county on its way through a draw, the site in front of it, and what was logged on the way."""

    county: County
    site: Site
    lines: list[Any]
    own: list[bytes] = field(default_factory=list)
    """Secrets that bodies keep themselves."""

    @property
    def campaign(self) -> str:
        return self.county.campaign

    @property
    def draw(self) -> str:
        return self.county.draw

    @property
    def visit(self) -> str:
        return f"{self.draw.replace('D-', 'V-')}-01"

    def secrets(self) -> dict[str, str]:
        """Return what must be found nowhere, before the draw or after: secrets and whole chains, salts, ρ, signing keys."""
        service, found = self.county.service, dict[str, str]()
        vault = Vault(service.ports)
        with service.db.read(service.system) as session:
            kept = [vault.open_secret(row.sealed) for row in session.scalars(select(DrawSecret))]
            rosters = {
                row.id.rsplit("/", 1)[1]: vault.open_salts(row.sealed) for row in session.scalars(select(RosterSecret))
            }
            keys = [service.ports.secrets.open(SERVICE, KEY, row.sealed) for row in session.scalars(select(SigningKey))]
        for secret in [*kept, *self.own]:
            for links in range(CHAIN + 1):  # what is revealed in the draw, and what rounds to come would reveal
                found |= _written(words.opened(SHA256, secret, links), "reveal")
        for agency, roster in rosters.items():
            found |= _written(roster.rho, "rho")
            for salt in roster.salts.values():
                found |= _written(salt, f"salt of {agency}")
        for key in keys:
            found |= _written(key, "signing key")
        return found

    def drawn(self) -> dict[str, str]:
        """Return what is decided, as far as it is: targets, rosters' pids, seeds and what follows from them."""
        found: dict[str, str] = {}
        with self.county.service.db.read(self.county.service.system) as session:
            if session.scalar(select(OutcomeRow.id)) is None:
                return found
        record = json.loads(archive.full_record(self.county.service, self.draw).record)
        for act in (record, *record["replacements"]):
            seed = bytes.fromhex(act["seed"])
            key = ticket.target_key(SHA256, seed)
            found |= _written(seed, "seed") | {key.decode(): "key"}
            found |= {ticket.team_key(SHA256, seed, agency).decode(): "key" for agency in AGENCIES}
            found |= {ticket.ticket(SHA256, key, one).hex(): "ticket" for one in entities()}
            found |= {one: "target" for of in act["selected"].values() for ids in of.values() for one in ids}
        return found | {pid: "pid" for one in record["teams"].values() for pid in one["roster"]}


# ── where it is searched ────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Found:
    """A text that left the drawer."""

    place: str
    what: str
    text: str
    actor: Actor | None = None


def pages(
    draw: Draw, people: Iterable[Actor | None] = EVERYBODY, lines: Iterable[str] = tuple(ACCESS)
) -> Iterator[Found]:
    """Send *people* past every route that reads and lets them in; what is public is asked for by nobody in particular."""
    for actor in people:
        client = draw.site.anonymous() if actor is None else draw.site.person(actor)
        for line in lines:
            access, (verb, path) = ACCESS[line], line.split(" ", 1)
            admitted = access.public if actor is None else not access.public and access.admits(actor.roles)
            if verb != "GET" or not admitted:  # what is public is the same for those who are signed in
                continue
            address = path.format(
                draw_id=draw.draw,
                campaign_id=draw.campaign,
                number=1,
                file="record",  # of a rehearsal: there is none
                change_id="X-640221-2018-001",
                visit_id=draw.visit,
            )
            for full in (address, f"{address}?edition=full") if address.endswith("/record") else (address,):
                yield Found("page", full, client.call("GET", full).text, actor)


def events(draw: Draw) -> Iterator[Found]:
    for message in messages(draw.county.service):
        yield Found("event", message.event_id, message.body.decode())


def logs(draw: Draw) -> Iterator[Found]:
    for line in draw.lines:
        yield Found("log", str(line["event"]), repr(line))


def documents(draw: Draw) -> Iterator[Found]:
    """Read every document as it lies there, and those an event names as every other service may open them."""
    blobs = draw.county.kit.blobs
    for file in _files(draw):
        yield Found("document", file.name, file.read_bytes().decode("latin-1"))
    for message in messages(draw.county.service):
        for ref in _refs(json.loads(message.body)["data"]):
            for reader in OTHERS:
                if not ref.restricted or reader in ref.readers:
                    yield Found("document", f"{reader} {message.event_id}", blobs.get(ref, reader).decode("latin-1"))


def _files(draw: Draw) -> list[Path]:
    return [file for file in (draw.county.kit.folder / "blobs").rglob("*") if file.is_file()]


def _refs(told: Any) -> Iterator[BlobRef]:
    for one in told.values():
        if isinstance(one, dict) and "content_type" in one:
            yield BlobRef.model_validate(one)


def rows(draw: Draw) -> Iterator[Found]:
    """Read the drawer's database as whoever gets hold of a copy does."""
    service = draw.county.service
    with service.db.read(service.system) as session:
        for table in service.base.metadata.sorted_tables:
            for row in session.connection().execute(select(table)):
                told = [f"{one.hex()} {one.decode('latin-1')}" if isinstance(one, bytes) else str(one) for one in row]
                yield Found("row", table.name, " ".join(told))


def leaks(texts: Iterable[Found], marks: Marks, draw: Draw) -> set[str]:
    """Name what leaks where: ``place what: kinds``."""
    found = set()
    for one in texts:
        kinds = {kind for mark, kind in marks.items() if mark in one.text} - _allowed(one, draw)
        if kinds:
            found.add(f"{one.actor.id if one.actor else 'nobody'} {one.place} {one.what}: {sorted(kinds)}")
    return found


def _allowed(one: Found, draw: Draw) -> set[str]:
    """Say what may stand there: who is drawn, for the lead's two who may know, and in documents for those who visit."""
    if one.place == "row":
        return {
            "target",
            "pid",
            "ticket",
        }  # it stays here; what stands in it openly is in no backup but the county's own
    if one.place == "document":
        return {"target"} if one.what.split(" ")[0] in KNOW_TARGETS else set()
    api, page = f"/api/drawer/v1/draws/{draw.draw}", f"/draws/{draw.draw}"
    slip = f"{page}/targets/{draw.visit}"
    if (
        one.actor == HEAD
    ):  # the visited agency's desk: it asks for changes, and writes slips and its own officers' cards
        cards = (f"{slip}/card", f"/parts/drawer/visit/{draw.visit}")
        own = {"target", "pid", "salt of SJ"} if one.what in cards else {"target"}
        return own if one.what in (slip, *cards, f"{page}/changes", f"{api}/changes") else set()
    lists = (f"{page}/targets", f"{api}/targets", f"{page}/sheet", slip)
    return {"target"} if one.actor in (LEAD, PLANNER) and one.what in lists else set()


def searched(draw: Draw, marks: Marks, people: Iterable[Actor | None]) -> set[str]:
    """Search everywhere."""
    found = set()
    for texts in (pages(draw, people), events(draw), logs(draw), documents(draw), rows(draw)):
        found |= leaks(texts, marks, draw)
    return found


# ── and that the search finds it ────────────────────────────────────────────────────────────────────────────────────


def overlooked(draw: Draw, marks: Marks) -> set[str]:
    """Put one of each kind of mark into each place, search there, take it away again: name what was not found."""
    service, one_each = draw.county.service, {kind: mark for mark, kind in marks.items()}
    planted = " ".join(one_each.values())
    before, files = len(draw.lines), set(_files(draw))
    body = json.dumps({"data": {"told": planted}})
    service.ports.blobs.put(planted.encode(), "text/plain")
    structlog.get_logger().info("planted", told=planted)
    row = {"topic": "draws", "key": draw.campaign, "event_id": "planted", "body": body.encode(), "written_at": 0.0}
    with service.db.write(service.system) as session:
        session.connection().execute(outbox.insert().values(**row))

    def titled(campaign: Campaign, _context: object) -> None:
        set_committed_value(campaign, "title", planted)

    listen(Campaign, "load", titled)  # not written down, so that the database may be searched at the next moment
    try:
        own = "\n".join(one.text for one in pages(draw, (OFFICER["GA"],), ["GET /draws/{draw_id}"]))
    finally:
        remove(Campaign, "load", titled)
    said = (Found("event", one.event_id, one.body.decode()) for one in messages(service))
    read = {"page": own} | {
        place: "\n".join(found.text for found in texts)
        for place, texts in {"event": said, "log": logs(draw), "document": documents(draw)}.items()
    }
    missed = {f"{place}: {kind}" for kind, mark in one_each.items() for place, text in read.items() if mark not in text}
    with service.db.write(service.system) as session:
        session.connection().execute(outbox.delete().where(outbox.c.event_id == "planted"))
    del draw.lines[before:]
    for file in set(_files(draw)) - files:
        file.unlink()
    return missed


# ── the moments ─────────────────────────────────────────────────────────────────────────────────────────────────────


def with_a_witness_and_dice(draw: Draw) -> Iterator[str]:
    """Until the window ends, with a round that is closed after it and one that comes to nothing."""
    county = draw.county
    county.open()
    county.commit()
    yield "committed"
    county.countersign()
    county.reveal()
    yield "revealed"
    county.seal()
    yield "sealed"
    county.at(BEACON_TIME)
    county.dice()
    yield "drawn"
    county.at(rounds.ASKED_ON)
    gone, other = rounds.visits(county)[0], rounds.visits(county)[-1]
    rounds.asked_and_approved(county, gone.visit, "moved_out", gone.teams[0].agency)
    rounds.asked_and_approved(county, other.visit, "officer_ill", "SJ", rounds.team(other, "SJ")[0])
    number = rounds.open_round(county)
    rounds.sign(county, number)
    yield "round signed"
    rounds.reveal(county, number)
    yield "round revealed"
    round_acts.seal(county.service, WITNESS, draw.draw, number, key="seal-1")
    yield "round sealed"
    county.at(rounds.DICE_AT)
    typed = DIGITS[::-1]
    round_acts.throw_dice(county.service, WITNESS, draw.draw, number, key="dice-1", digits=typed, again=typed)
    yield "round closed"
    second = rounds.visits(county)[1]
    rounds.asked_and_approved(county, second.visit, "closed", second.teams[0].agency)
    later = rounds.DICE_AT + timedelta(hours=5)
    number = rounds.open_round(county, later, later + timedelta(hours=1))
    rounds.sign(county, number)
    rounds.reveal(county, number)
    county.at(later + timedelta(seconds=1))
    yield "round spent"


def with_a_second_attempt(draw: Draw) -> Iterator[str]:
    """The first is revealed and not sealed in time: what was revealed in it stays closed like the second's."""
    county = draw.county
    county.until_revealed()
    county.at(SEAL_BY + timedelta(seconds=1))
    yield "void"
    later = {name: moment + timedelta(days=2) for name, moment in TIMES.__dict__.items()}
    county.open(**later)
    county.commit()
    county.at(later["commit_close"])
    county.countersign()
    county.reveal()
    yield "revealed again"


def visit_by_visit(draw: Draw) -> Iterator[str]:
    """Nothing is visited yet; what is disclosed of a visit that was made is searched in test_drawer_pages."""
    draw.county.until_drawn()
    yield "drawn"


def with_keys_of_their_own(draw: Draw) -> Iterator[str]:
    """A partner's own system speaks by API: what it hands in is its reveal, and no page gives it out again."""
    county, own = draw.county, custody.system("GA")
    custody.registers(county, OFFICER["GA"], own.registration())
    draw.own.append(custody.SECRET)
    county.open()
    county.commit(*(one for one in AGENCIES if one != "GA"))
    m, opening, committed = custody.commitment_of(county, own)
    acts.commit(county.service, OFFICER["GA"], draw.draw, key="c", own=committed)
    yield "committed"
    county.countersign(*(one for one in AGENCIES if one != "GA"))
    papers = acts.papers(county.service, OFFICER["GA"], draw.draw)
    cd = words.commits_digest(SHA256, m, {one: bytes.fromhex(each["c"]) for one, each in papers["commits"].items()})
    signed = own.signs(words.countersign_message(SHA256, m, cd))
    acts.countersign(county.service, OFFICER["GA"], draw.draw, key="cs", sig=signed)
    county.reveal(*(one for one in AGENCIES if one != "GA"))
    shown = own.signs(words.reveal_message(SHA256, m, cd, "GA", opening))
    acts.reveal(county.service, OFFICER["GA"], draw.draw, key="r", value=opening.hex(), sig=shown)
    yield "revealed"


def with_two_other_beacons(draw: Draw) -> Iterator[str]:
    """A lottery and a holder's chain: of two values one is in, then both."""
    county = beacons.sealed(draw.county)
    county.at(beacons.BEACON_TIME)
    beacons.enter(county, "lottery:3d", "408", key="lottery")
    yield "one of two values"
    beacons.enter(county, "chain:bank", beacons.FIRST.hex(), key="chain")
    yield "drawn"


def with_drand_and_dice(draw: Draw) -> Iterator[str]:
    """The dice are thrown, the round of drand is awaited."""
    county = beacons.sealed(draw.county)
    county.at(beacons.BEACON_TIME)
    county.dice()
    yield "thrown"
    beacons.enter(county, "drand-quicknet", SIGNATURE.hex())
    yield "drawn"


def open_at_once(draw: Draw) -> Iterator[str]:
    """Nothing is told before the dice; then the record is everybody's, and what it does not hold stays closed."""
    draw.county.until_sealed()
    yield "sealed"


STORIES: Mapping[str, tuple[Callable[[Kit], County], Callable[[Draw], Iterator[str]], int]] = {
    "window": (
        lambda kit: a_county(kit, plan(replacement_reasons=rounds.REASONS)),
        with_a_witness_and_dice,
        9,
    ),
    "void": (a_county, with_a_second_attempt, 2),
    "visit": (lambda kit: a_county(kit, plan(disclosure="visit")), visit_by_visit, 1),
    "open": (lambda kit: a_county(kit, plan(disclosure="open")), open_at_once, 1),
    "own keys": (a_county, with_keys_of_their_own, 2),
    "lottery and chain": (lambda kit: beacons.a_county(kit, beacons.LOTTERY, beacons.CHAIN), with_two_other_beacons, 2),
    "drand and dice": (lambda kit: beacons.a_county(kit, beacons.DRAND, dice=20), with_drand_and_dice, 2),
}


@pytest.mark.parametrize("story", STORIES)
def test_nothing_tells_at_any_moment_and_whatever_told_would_be_found(kit: Kit, story: str) -> None:
    made, moments, count = STORIES[story]
    county = made(kit)
    passed: dict[str, tuple[set[str], set[str]]] = {}
    with capture_logs() as lines:
        draw = Draw(county, open_site(kit, county.service), lines)
        for moment in moments(draw):
            marks = draw.secrets() | draw.drawn()
            assert {"reveal", "rho", "salt of GA", "signing key"} <= set(marks.values())
            assert ("target" in marks.values()) == moment.startswith(("drawn", "round")), moment
            people = EVERYBODY if f"{story}: {moment}" in LOOKED_OVER else SPEAKING
            passed[moment] = searched(draw, marks, people), overlooked(draw, marks)

    assert {moment: told for moment, (told, _) in passed.items() if told} == {}
    assert {moment: missed for moment, (_, missed) in passed.items() if missed} == {}
    assert len(passed) == count


def test_a_record_that_is_open_at_once_tells_no_secret_either(kit: Kit) -> None:
    """Of what anybody may read from the dice on: neither ρ nor salts, nor what rounds to come would reveal."""
    county = a_county(kit, plan(disclosure="open"))
    with capture_logs() as lines:
        draw = Draw(county, open_site(kit, county.service), lines)
        county.until_drawn()
        county.at(BEACON_TIME + timedelta(seconds=1))
        record = json.loads(archive.full_record(county.service, draw.draw).record)
        opened = [bytes.fromhex(one["value"]) for one in record["reveals"].values()]
        told = {form for value in opened for form in _written(value, "")}
        closed = {mark: kind for mark, kind in draw.secrets().items() if mark not in told}
        rho = {mark for mark, kind in closed.items() if kind == "rho"}
        seen = list(pages(draw, (LEAD, OFFICER["GA"], WITNESS, None)))

    full = (f"/api/drawer/v1/draws/{draw.draw}/record?edition=full", f"/draws/{draw.draw}/archive.zip")
    for what in full:
        (text,) = (one.text for one in seen if one.actor == LEAD and one.what == what)
        assert [mark for mark in rho if mark in text], "a control: the full edition is the lead's, and holds it"
    assert "reveal" in closed.values()
    assert leaks((one for one in seen if one.actor != LEAD), closed, draw) == set()
    assert leaks((one for one in seen if one.actor == LEAD and one.what not in full), closed, draw) == set()
    (public,) = (one.text for one in seen if one.what == f"/public/draws/{draw.draw}/record.json")
    assert [mark for mark in told if mark in public], "a control: what was revealed is anybody's now"
