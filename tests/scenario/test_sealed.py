"""
Before disclosure nothing that leaves the system tells who is drawn, or lets anybody work it out.

The county stands in its third day of inspections, one replacement round behind it. Searched are pages, APIs, the feeds
and what is queued for webhooks, logs, events and documents; and every search is shown to find what is put there.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from runtime.events.bus import Message
from runtime.service import Service
from runtime.store.plumbing import outbox, parked, waiting
from schemas.blobs import BlobRef
from schemas.topics import TOPICS
from services.drawer.tables import Attempt, Campaign, Entered
from services.notifier.tables import FeedEntry
from tests.scenario.desk import Desk, a_round
from tests.scenario.marks import Marks, collect, found_in, joined
from tests.scenario.playing import EVERYTHING, Played, copied
from tests.scenario.test_privacy import plain
from tests.scenario.test_walls import handed_to, known_firms, told, walk, without
from tests.scenario.town import Town

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("walls"), pytest.mark.timeout(900)]

WITHOUT_EYES = ("jt-super", "ga-draw", "ga-super", "gz-witness", "anonymous")
"""People who may know no target, or only few: of the lead, of a partner, the witness, and nobody."""
WHOLE_FRAME = (  # everybody who might be drawn, drawn or not
    "GET /registers/{kind}",
    "GET /api/planner/v1/registers/{kind}",
)


@dataclass(frozen=True)
class Sealed:
    """The county after the round, and what must not leave it."""

    desk: Desk
    town: Town
    home: Path
    lines: list[Any]  # logged meanwhile
    marks: Marks

    @property
    def forbidden(self) -> dict[str, str]:
        """Drawn firms; seeds, ticket keys, reveals, secrets and salts of the draw and of its round."""
        return joined([self.marks.draw, *self.marks.drawn.values()])


@pytest.fixture(scope="module")
def sealed(midway: Played, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sealed]:
    home = tmp_path_factory.mktemp("sealed") / "home"
    with capture_logs() as lines, copied(midway.home, home) as system:
        desk = Desk(system)
        a_round(desk)
        yield Sealed(desk, Town(system), home, lines, collect(system))


def leaks(texts: list[str], marks: Mapping[str, str]) -> set[str]:
    return set(found_in("\n".join(texts), marks).values())


# ── where it is searched ────────────────────────────────────────────────────────────────────────────────────────────


def events(sealed: Sealed) -> list[str]:
    said = sealed.desk.system.bus.read(sorted(TOPICS), {}, EVERYTHING)
    return [text for record in said for text in (plain(record.body), record.key)]


def logs(sealed: Sealed) -> list[str]:
    written = [line for file in (sealed.home / "logs").iterdir() for line in file.read_text("utf-8").splitlines()]
    return [*written, *(repr(line) for line in sealed.lines)]


def feeds(sealed: Sealed) -> list[str]:
    """What notifier keeps: every feed, what is queued for webhooks, notices and duties; and its plumbing."""
    return everything_of(sealed, "notifier")


def consoles(sealed: Sealed) -> list[str]:
    return everything_of(sealed, "console")


def plumbing(sealed: Sealed) -> list[str]:
    """What any service has set aside or is about to say."""
    found = []
    for service in sealed.desk.system.services.values():
        with service.db.read_plumbing() as connection:
            for table in (outbox, parked, waiting):
                found += [text_of(row) for row in connection.execute(select(table)).all()]
    return found


def everything_of(sealed: Sealed, name: str) -> list[str]:
    system = sealed.desk.system
    service = system.console if name == "console" else system.services[name]
    with service.db.read(service.system) as session:
        tables = service.base.metadata.sorted_tables
        return [text_of(row) for table in tables for row in session.connection().execute(select(table)).all()]


def text_of(row: Any) -> str:
    return " ".join(
        plain(value) if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False, default=str)
        for value in row
    )


def documents(sealed: Sealed) -> list[str]:
    """Every document as it lies there: the open ones can be read by anybody, the others only with their keys."""
    files = [file for file in (sealed.home / "blobs").rglob("*") if file.is_file()]
    return [plain(file.read_bytes()) for file in files]


def documents_of_others(sealed: Sealed) -> list[str]:
    """Every document an event names that a service may read which neither draws nor visits nor is told who goes."""
    blobs, found = sealed.desk.system.ports.blobs, []
    for record in sealed.desk.system.bus.read(sorted(TOPICS), {}, EVERYTHING):
        refs = [
            one for one in json.loads(record.body)["data"].values() if isinstance(one, dict) and "content_type" in one
        ]
        for ref in (BlobRef.model_validate(one) for one in refs):
            readers = [name for name in ("planner", "console") if not ref.restricted or name in ref.readers]
            found += [plain(blobs.get(ref, name)) for name in readers[:1]]
    return found


PLACES: Mapping[str, Callable[[Sealed], list[str]]] = {
    "events": events,
    "logs": logs,
    "feeds": feeds,
    "console": consoles,
    "plumbing": plumbing,
    "documents": documents,
    "documents_of_others": documents_of_others,
}


@pytest.mark.parametrize("place", PLACES)
def test_nothing_tells_who_is_drawn(sealed: Sealed, place: str) -> None:
    texts = PLACES[place](sealed)

    assert texts or place == "plumbing"
    assert leaks(texts, sealed.forbidden) == set()


def test_there_is_enough_to_find(sealed: Sealed) -> None:
    what = set(sealed.marks.draw.values())

    assert {"seed", "target key", "seed of round 1", "target key of round 1"} <= what
    assert {f"reveal of {agency} of round 1" for agency in ("AJ", "GA", "JT", "SJ", "YG")} <= what
    assert len(sealed.marks.drawn) == 12


@pytest.mark.parametrize("name", WITHOUT_EYES)
def test_no_page_or_api_tells_who_is_drawn(sealed: Sealed, name: str) -> None:
    person = sealed.town.person(name)

    seen = walk(sealed.town, [person])[name]

    own = {mark: what for mark, what in sealed.marks.draw.items() if what.endswith(f"/{person.agency}")}  # salts, ρ
    allowed = [own, known_firms(sealed.town, sealed.marks, person), handed_to(sealed.town, sealed.marks, person)]
    assert len(seen) > 50
    assert told([one for one in seen if one.line not in WHOLE_FRAME], without(sealed.forbidden, *allowed)) == set()


def test_visit_by_visit_the_public_is_told_whom_was_visited_and_nothing_else(midway: Played, tmp_path: Path) -> None:
    with capture_logs(), copied(midway.home, tmp_path / "home") as system:
        made = _let_it_be_visit_by_visit(system.services["drawer"])
        town, marks = Town(system), collect(system)
        seen = walk(town, [town.person("anonymous")])["anonymous"]

    disclosed = joined(
        {mark: what for mark, what in marks.drawn[visit].items() if what.startswith("uscc")} for visit in made
    )
    assert 0 < len(disclosed) < len(marks.drawn)
    line = "GET /public/draws/{draw_id}/visits.json"
    assert {one for one in told(seen, disclosed) if one.startswith(line)} == {
        f"{line}: {what}" for what in disclosed.values()
    }
    assert told(seen, without(joined([marks.draw, *marks.drawn.values()]), disclosed)) == set()


def _let_it_be_visit_by_visit(drawer: Service) -> set[str]:
    """Let the draw's manifest say "visit", as another plan would have; name the visits that were made."""
    with drawer.db.write(drawer.system) as session:
        for attempt in session.scalars(select(Attempt)):
            attempt.manifest = {**attempt.manifest, "disclosure": "visit"}
        return set(session.scalars(select(Entered.visit)))


# ── and that the search finds it ────────────────────────────────────────────────────────────────────────────────────


def _into_an_event(sealed: Sealed, mark: str) -> None:
    record = sealed.desk.system.bus.read(["draws"], {}, 1)[0]
    body = json.loads(record.body) | {"id": "planted", "data": {"told": mark}}
    sealed.desk.system.bus.append([Message("draws", record.key, "planted", json.dumps(body).encode())])


def _into_a_log(sealed: Sealed, mark: str) -> None:
    with next((sealed.home / "logs").iterdir()).open("a", encoding="utf-8") as file:
        file.write(json.dumps({"told": mark}) + "\n")


def _into_a_feed(sealed: Sealed, mark: str) -> None:
    notifier = sealed.desk.system.services["notifier"]
    with notifier.db.write(notifier.system) as session:
        row = session.scalars(select(FeedEntry).order_by(FeedEntry.id)).all()[0]
        row.body = json.dumps({"told": mark})


def _into_a_document(sealed: Sealed, mark: str) -> None:
    sealed.desk.system.ports.blobs.put(json.dumps({"told": mark}).encode(), "application/json")


def _onto_a_page(sealed: Sealed, mark: str) -> None:
    drawer = sealed.desk.system.services["drawer"]
    with drawer.db.write(drawer.system) as session:
        session.scalars(select(Campaign)).one().title = mark


@pytest.mark.parametrize("what", ["seed of round 1", "target key", "uscc of"])
@pytest.mark.parametrize(
    ("place", "plant"),
    [("events", _into_an_event), ("logs", _into_a_log), ("feeds", _into_a_feed), ("documents", _into_a_document)],
)
def test_the_search_finds_what_is_put_there(
    midway: Played, tmp_path: Path, sealed: Sealed, place: str, plant: Callable[[Sealed, str], None], what: str
) -> None:
    mark = next(mark for mark, of in sealed.forbidden.items() if of.startswith(what))
    with capture_logs() as lines, copied(midway.home, tmp_path / "home") as system:
        county = Sealed(Desk(system), sealed.town, tmp_path / "home", lines, sealed.marks)

        plant(county, mark)

        assert leaks(PLACES[place](county), {mark: what}) == {what}


def test_a_page_that_told_would_be_found(midway: Played, tmp_path: Path, sealed: Sealed) -> None:
    mark = next(mark for mark, what in sealed.marks.draw.items() if what == "seed")
    with capture_logs(), copied(midway.home, tmp_path / "home") as system:
        county = Sealed(Desk(system), Town(system), tmp_path / "home", [], sealed.marks)
        _onto_a_page(county, mark)

        seen = walk(county.town, [county.town.person("gz-witness")])["gz-witness"]

    assert "GET /draws/{draw_id}: seed" in told(seen, {mark: "seed"})
