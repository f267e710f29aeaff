"""What an event, a log line or a message set aside must not tell: people, answers, evidence, secrets, undisclosed targets."""

import base64
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from sqlalchemy import Table, select
from sqlalchemy.exc import IntegrityError
from structlog.testing import capture_logs

from runtime.errors import Rejected
from runtime.events import processing
from runtime.events.bus import Record
from runtime.store.plumbing import outbox, parked, waiting
from schemas.documents import FrameAnnex
from schemas.events.payload import Due
from schemas.registry import PAYLOADS
from services.results.tables import FrameAnnexKept
from tests.scenario.marks import Checklists, Marks, checklists, collect, found_in, joined
from tests.scenario.playing import Played, copied, records_of, run_waiting, unfed

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("county"), pytest.mark.timeout(600)]

HEARS = ("planner", "drawer", "results", "notifier")
TELLING = {
    *("answer", "answers", "evidence", "text", "note", "reason_text", "comment"),
    *("phone", "contact", "display_name", "login", "password", "legal_representative", "address", "credential"),
    *("risk", "risk_class", "labels", "target", "targets", "entity", "entity_id", "uscc", "credit_code", "firm"),
    *("secret", "seed", "reveal", "reveals", "value", "key", "dice", "digits"),
}
"""Names of fields under which such things would be said."""
FIXED_NAME = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)*")


@pytest.fixture(scope="module")
def marks(undisturbed: Played, tmp_path_factory: pytest.TempPathFactory) -> Marks:
    """Everything that must not turn up."""
    with copied(undisturbed.home, tmp_path_factory.mktemp("marks") / "home") as system:
        return collect(system)


@pytest.fixture(scope="module")
def asked(undisturbed: Played, tmp_path_factory: pytest.TempPathFactory) -> Checklists:
    """The words of the checklists, for the answers that are no marks because many give them."""
    with copied(undisturbed.home, tmp_path_factory.mktemp("asked") / "home") as system:
        return checklists(system)


@pytest.fixture(scope="module")
def telling(marks: Marks) -> dict[str, str]:
    """All marks together."""
    return joined([marks.people, marks.firms, marks.all_written(), marks.secrets, marks.draw])


@pytest.fixture(scope="module")
def log(undisturbed: Played) -> list[Record]:
    """Everything said in the run, dead letters included."""
    return records_of(undisturbed.home)


def leaks(texts: Sequence[str], marks: Mapping[str, str]) -> set[str]:
    """Name what leaks in any of *texts*."""
    together = "\n".join(texts)
    return set(found_in(together, marks).values())


def of_checklists(texts: Sequence[str], asked: Checklists) -> set[str]:
    """Name what any of *texts* tells of somebody's checklist."""
    return {told for text in texts for told in asked.told_in(text)}


def plain(body: bytes) -> str:
    """Read a body as text, with every escape undone."""
    try:
        return json.dumps(json.loads(body), ensure_ascii=False)
    except ValueError:
        return body.decode(errors="replace")


def test_there_are_enough_marks_to_find_anything(marks: Marks, undisturbed: Played) -> None:
    assert len(marks.firms) >= 3 * 110
    assert len(marks.people) >= 2 * 110 + 2 * 24
    assert len(marks.drawn) == 11
    assert len(marks.written) == undisturbed.summary["checklists"]
    assert all(marks.written.values()), "every section has something of its own"
    together = [mark for section in marks.written.values() for mark in section]
    assert len(together) == len(set(together)), "what stands in one section stands in no other"
    assert len(marks.decisions) == 3
    assert {what.split(" ")[0] for what in marks.draw.values()} >= {
        *("seed", "reveal", "secret", "signing", "salt", "target", "team")
    }
    assert {what.split(" ")[0] for what in marks.secrets.values()} >= {
        "master",
        "sealing",
        "password",
        "hash",
        "session",
    }
    assert sum(what.startswith("salt") for what in marks.draw.values()) > 2 * 20
    assert len(marks.secrets) > 150
    assert all(len(mark) >= 2 for mark in marks.people)
    assert all(len(mark) >= 6 for mark in joined([marks.firms, marks.secrets, marks.draw, *marks.written.values()]))


def test_the_search_finds_what_is_there(marks: Marks, undisturbed: Played, tmp_path: Path) -> None:
    """A control: in the blobs' plain texts and in the databases, where they belong, the marks are found."""
    with copied(undisturbed.home, tmp_path / "home") as system:
        results = system.services["results"]
        with results.db.read(results.system) as session:
            annexes = [json.dumps(row.document, ensure_ascii=False) for row in session.scalars(select(FrameAnnexKept))]

    assert len(found_in("".join(annexes), marks.firms)) >= 110


def test_a_secret_is_found_in_whatever_form(marks: Marks) -> None:
    """A control: as it is kept, in hex, in base64; and of a session the cookie, of which only the digest is kept."""
    key = next(mark for mark, what in marks.secrets.items() if what == "master key" and len(mark) == 64)
    cookie = "a-session-cookie-of-somebody_0123456789abcde"
    kept = dict(marks.secrets) | {sha256(cookie.encode()).hexdigest(): "session of somebody"}

    for leaked in (key, base64.b64encode(bytes.fromhex(key)).decode(), f"onevisit={cookie}; Path=/", "$argon2id$v=19$"):
        assert len(found_in(f'{{"told": "{leaked}"}}', kept)) == 1, leaked
    assert found_in('{"told": "nothing", "id": "V-640221-2018-001-03"}', kept) == {}


@pytest.mark.parametrize(
    "told",
    [
        '{"Q3": false}',
        '{"answers": {"JT-01": {"Q5": "不涉及"}}}',
        '{"question": "Q4", "said": 3}',
        '{"why": "yes"}',
        '{"why": ["a", "no"]}',
        '{"reason": "相符"}',
        '{"what": "抽查的驾驶员人数: 3"}',
        "KeyError: '不相符'",
        "section.answered Q3=no",
    ],
)
def test_an_answer_that_many_give_is_found_in_whatever_form(told: str, asked: Checklists) -> None:
    """A control: with its question, by its number or its words; or standing by itself."""
    assert asked.told_in(told), told


def test_there_are_questions_and_choices_to_find(asked: Checklists) -> None:
    assert len(asked.questions) >= 30
    assert asked.answers >= {"yes", "no", "相符", "不相符", "齐全", "有", "无变更"}
    assert asked.told_in('{"code": "event.no_reason", "id": "sq1", "name": "notice.no", "kind": "no_reason"}') == set()


def test_no_event_tells_anything(log: list[Record], telling: dict[str, str], asked: Checklists) -> None:
    assert len(log) > 1_000
    bodies, keys = [plain(record.body) for record in log], [record.key for record in log]
    assert leaks([*bodies, *keys], telling) == set()
    assert of_checklists([*bodies, *keys], asked) == set()


def test_no_fact_has_a_field_for_it() -> None:
    named = {
        f"{name}.{field}"
        for name, model in PAYLOADS.items()
        for field, about in model.model_fields.items()
        if field in TELLING and about.annotation is not Due  # a due day says when an answer is expected
    }

    assert named == set()


def test_no_log_line_tells_anything(undisturbed: Played, telling: dict[str, str], asked: Checklists) -> None:
    lines = [
        plain(line) for file in (undisturbed.home / "logs").iterdir() for line in file.read_bytes().splitlines() if line
    ]

    assert lines
    assert leaks(lines, telling) == set()
    assert of_checklists(lines, asked) == set()


def test_the_log_is_json_with_fixed_names(undisturbed: Played) -> None:
    lines = [
        json.loads(line)
        for file in (undisturbed.home / "logs").iterdir()
        for line in file.read_text(encoding="utf-8").splitlines()
    ]

    assert {"store.migrated", "serving.started", "uvicorn"} <= {told["event"] for told in lines}
    for told in lines:
        assert {"event", "level", "timestamp", "logger"} <= told.keys()
        assert FIXED_NAME.fullmatch(told["event"]), "a sentence stands in `message`"
        assert told["level"] not in ("error", "critical"), told


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """Try failing events again at once, and catch what is logged of it."""
    monkeypatch.setattr(processing, "BACKOFF_SECONDS", (0.0, 0.0, 0.0))
    with capture_logs() as lines:
        yield lines


@pytest.mark.parametrize("name", HEARS)
def test_nothing_set_aside_tells_anything(
    name: str,
    undisturbed: Played,
    log: list[Record],
    telling: dict[str, str],
    asked: Checklists,
    quick: list[Any],
    tmp_path: Path,
) -> None:
    """
    Every event of a service fails after its documents were read: all are parked, or wait behind one that is.

    What it fails by names a firm and an answer, as a bug or a refusal of ours may: ``KeyError('9164… 不相符')``.
    """
    firm = min(mark for mark in telling if mark.startswith("9164")) + " 不相符"
    with unfed(undisturbed.home, tmp_path / "home") as system:
        service = system.services[name]

        handlers = service.processor.handlers
        for event, own in handlers.items():
            handlers[event] = tuple(replace(handler, run=_failing(handler.run, firm)) for handler in own)
        service.processor.process([record for record in log if record.topic in service.processor.topics])
        run_waiting(service)

        with service.db.read_plumbing() as connection:
            codes = set(connection.scalars(select(parked.c.code)))
        assert codes == {"event.handler_failed", Overheard.code}
        texts = [*rows(service, parked), *rows(service, waiting), *rows(service, outbox)]
        lines = [repr(line) for line in quick]
        assert leaks([*texts, *lines], telling) == set()
        assert of_checklists([*texts, *lines], asked) == set()


class Overheard(Rejected):
    """A refusal that names a firm among its facts."""

    code = "test.overheard"


def _failing(run: Any, firm: str) -> Any:
    def failing(event: Any, blobs: Mapping[str, bytes], session: Any) -> None:
        run(event, blobs, session)
        session.flush()
        if int(event.id[-1], 16) % 2:
            raise KeyError(firm)
        raise Overheard(firm=firm)

    return failing


def rows(service: Any, table: Table) -> list[str]:
    """Read a plumbing table as texts."""
    with service.db.read(service.system) as session:
        found = session.connection().execute(select(table)).all()
    return [" ".join(plain(value) if isinstance(value, bytes) else str(value) for value in row) for row in found]


def test_an_error_of_the_database_names_no_value(undisturbed: Played, marks: Marks, tmp_path: Path) -> None:
    """A bug in a handler is logged with its traceback and parked with its reason: neither may hold the row's values."""
    with copied(undisturbed.home, tmp_path / "home") as system:
        results = system.services["results"]
        with results.db.read(results.system) as session:
            kept = session.scalars(select(FrameAnnexKept)).one()
            facts = {"county": kept.county, "owner_agency": kept.owner_agency, "document": kept.document}

        with pytest.raises(IntegrityError) as refused, results.db.write(results.system) as session:
            session.execute(FrameAnnexKept.__table__.insert().values(id=kept.id, **facts))  # type: ignore[attr-defined]

        assert leaks([str(refused.value), repr(refused.value)], joined([marks.firms, marks.people])) == set()


def test_an_error_about_a_document_names_nothing_that_stands_in_it(
    undisturbed: Played, marks: Marks, tmp_path: Path
) -> None:
    with copied(undisturbed.home, tmp_path / "home") as system:
        results = system.services["results"]
        with results.db.read(results.system) as session:
            document = dict(session.scalars(select(FrameAnnexKept)).one().document)
    document["targets"][0] |= {"name": [document["targets"][0]["name"]], "more": "?"}

    with pytest.raises(ValidationError) as refused:
        FrameAnnex.model_validate(document)

    assert leaks([str(refused.value), repr(refused.value)], joined([marks.firms, marks.people])) == set()
