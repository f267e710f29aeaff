"""
Checking a whole record of a million entities and 40,000 targets, by each of the programs that can: ``python -m tests.bench.verification``.

The record is that of a rehearsal by one person: commitments, reveals, seal, frame, selection, teams and visits.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from onevisit.cases import Case
from onevisit.ceremony_alone import rehearse
from onevisit.files import read_rows
from services.drawer.domain import drafting
from services.drawer.domain.encoding import SHA256
from services.drawer.domain.frame import survey
from services.drawer.domain.manifest import Selection
from services.drawer.domain.quota import Rate
from services.drawer.domain.roster import Officer, Roster
from tests.bench.figures import Figure
from tests.bench.selection import write_frame
from tests.unit.drawer.draws import AGENCIES, terms

ENTITIES, TARGETS, OFFICERS = 1_000_000, 40_000, 2_000
MOST_SECONDS = 10.0
ROOT = Path(__file__).parents[2]


def a_case(frame: Path) -> Case:
    """Agree on a draw of 4 % over *frame*, which is written here."""
    write_frame(frame, ENTITIES)
    rows = {"s1": read_rows(frame)}
    roster = Roster({f"{n:064x}": Officer(("enf",), 2 * TARGETS // OFFICERS + 10, 0) for n in range(OFFICERS)})
    agreed = terms(
        lines={"AJ-01": "AJ", "GA-01": "GA", "JT-01": "JT", "SJ-01": "JT"},
        selections=(Selection("joint", ("JT-01",), {kind: Rate((1, 25)) for kind in "ABCD"}),),
        purpose="rehearsal",
        beacons=(),
    )
    return Case(drafting.draft(agreed, survey(SHA256, rows)), rows, dict.fromkeys(AGENCIES, roster))


def plain_hashing(frame: Path) -> float:
    """The least any check in plain Python costs: seconds to cut every row and hash its id once."""
    import hashlib

    started = time.perf_counter()
    for row in read_rows(frame)():
        hashlib.sha256(b"key|" + row.partition(b"\t")[0]).digest()
    return time.perf_counter() - started


def figures() -> Iterator[Figure]:
    """Measure both programs; fail where one takes longer than it may."""
    with tempfile.TemporaryDirectory(prefix="onevisit-bench-") as folder:
        frame, record = Path(folder) / "frame-s1.tsv", Path(folder) / "record.json"
        case = a_case(frame)
        rehearsed = rehearse(case)
        assert len(rehearsed.outcome.visits) >= TARGETS
        record.write_bytes(rehearsed.record)
        least = plain_hashing(frame)
        for name, command in (
            ("verify_draw.py", [str(ROOT / "verify_draw.py")]),
            ("onevisit draw verify", ["-m", "onevisit", "draw", "verify"]),
        ):
            started = time.perf_counter()
            done = subprocess.run(
                [sys.executable, *command, str(record), str(frame)],
                cwd=ROOT,
                capture_output=True,
                text=True,
                timeout=600,
            )
            seconds = time.perf_counter() - started
            assert done.returncode in (0, 3), done.stdout[-2000:] + done.stderr[-2000:]
            told = f"{name}: {ENTITIES:,} entities, {len(rehearsed.outcome.visits):,} visits, exit {done.returncode}"
            yield Figure(told, seconds, "s", "one hash per row in plain Python", least, f"≤ {MOST_SECONDS:g} s")


if __name__ == "__main__":
    for figure in figures():
        print(figure.line(), flush=True)
