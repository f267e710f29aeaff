"""
Drawing 5 % of a frame, beside what cannot be checked afterwards: ``python -m tests.bench.selection [ENTITIES…]``.

Every contender gets the same frame file and hands out the ids of those drawn, each in a process of its own, so that its
memory can be told; what it can prepare once and use for every draw (a table, an array of ids) is not counted.
"""

import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

from onevisit.files import read_rows
from services.drawer.domain.encoding import SHA256
from services.drawer.domain.frame import Kind
from services.drawer.domain.manifest import Selection
from services.drawer.domain.quota import Rate
from services.drawer.domain.selection import Walk, plain_walk, quotas, select
from services.drawer.domain.ticket import target_key
from tests.bench.figures import Figure

SIZES = (100_000, 1_000_000, 10_000_000)
SEED = bytes(range(32))
KINDS = [
    Kind(f"{kind}/640221/{trade}", lines)
    for kind in "ABCD"
    for trade in ("KY", "HY", "WH")
    for lines in (("AJ-01", "GA-01", "JT-01"), ("JT-01", "SJ-01"))
]
JOINT = Selection("joint", ("JT-01",), {kind: Rate((1, 20)) for kind in "ABCD"})
MOST_PLAIN, MOST_NATIVE, MOST_MIB = 25, 3, 300
CHUNK = 100_000
SECONDS = 3600


def write_frame(file: Path, entities: int) -> None:
    """Write a frame of 24 kinds in turn, ids ascending."""
    with open(file, "wb") as out:
        for begin in range(0, entities, CHUNK):
            numbers = range(begin, min(entities, begin + CHUNK))
            out.write(b"".join(_row(number) for number in numbers))


def _row(number: int) -> bytes:
    kind = KINDS[number % len(KINDS)]
    return f"9164022{number:011d}\t{kind.stratum}\t{','.join(kind.lines)}\n".encode()


def _id(number: int) -> str:
    return f"9164022{number:011d}"


# ── contenders: (file, entities) → a function that draws, and hands out how many ─────────────────────────────────────


def by(walk: Walk) -> Callable[[Path, int], Callable[[], int]]:
    """Draw as the system does, with *walk*: quotas, one walk, the smallest tickets of every stratum, and their kinds."""

    def prepared(file: Path, entities: int) -> Callable[[], int]:
        counts = {kind: len(range(place, entities, len(KINDS))) for place, kind in enumerate(KINDS)}

        def draw() -> int:
            quota = quotas(SHA256, SEED, [JOINT], counts)
            key = target_key(SHA256, SEED)
            drawn = select(SHA256, key, {"0": read_rows(file)}, counts, [JOINT], quota, walk=walk)
            return len(drawn.kinds)

        return draw

    return prepared


def native(file: Path, entities: int) -> Callable[[], int]:
    """Draw by the kernel, which is to be there."""
    from services.drawer.kernel import walk_of

    walk = walk_of(SHA256)
    assert walk is not plain_walk, "no kernel: python -m services.drawer.kernel"
    return by(walk)(file, entities)


def numpy_of_file(file: Path, entities: int) -> Callable[[], int]:
    """Draw by numpy, the ids read out of the frame."""
    import numpy as np

    def draw() -> int:
        rows = np.fromfile(file, np.uint8)
        begins = np.concatenate(([0], np.flatnonzero(rows == ord("\n"))[:-1] + 1))
        chosen = begins[np.random.default_rng(1).choice(len(begins), entities // 20, replace=False)]
        data = rows.data
        return len([str(data[begin : begin + 18], "ascii") for begin in chosen.tolist()])

    return draw


def numpy_of_memory(file: Path, entities: int) -> Callable[[], int]:
    """Draw by numpy from an array of all ids that is there already."""
    import numpy as np

    ids = np.array([_id(number) for number in range(entities)], dtype="S18")

    def draw() -> int:
        return len(ids[np.random.default_rng(1).choice(entities, entities // 20, replace=False)].tolist())

    return draw


def duckdb(file: Path, entities: int) -> Callable[[], int]:
    """Let DuckDB order a table by a hash of key and id: it could be checked, but by whoever trusts DuckDB."""
    import duckdb as duck

    table = duck.connect()
    table.execute("create table frame as select column0 as id from read_csv(?, delim='\t', header=false)", [str(file)])

    def draw() -> int:
        asked = "select id from frame order by sha256(? || id) limit ?"
        return len(table.execute(asked, [SEED.hex(), entities // 20]).fetchall())

    return draw


def consistent_sampler(file: Path, entities: int) -> Callable[[], int]:
    """Draw by Rivest's consistent sampler, which can be checked too."""
    import consistent_sampler as rivest

    ids = [_id(number) for number in range(entities)]

    def draw() -> int:
        return len(list(rivest.sampler(ids, seed=SEED.hex(), take=entities // 20, output="id")))

    return draw


def postgres(file: Path, entities: int) -> Callable[[], int]:
    """Let a PostgreSQL of our own order a table by random()."""
    import atexit

    import psycopg

    from tests.tier import ways

    folder = Path(tempfile.mkdtemp(prefix="onevisit-bench-"))
    atexit.register(shutil.rmtree, folder)
    server = ways.postgres(folder)
    atexit.register(server.stop)
    connection = psycopg.connect(server.url, autocommit=True)
    connection.execute("create temporary table frame (id text)")
    with connection.cursor() as cursor, cursor.copy("copy frame from stdin") as copy:
        for begin in range(0, entities, CHUNK):
            copy.write("".join(f"{_id(number)}\n" for number in range(begin, min(entities, begin + CHUNK))))
    connection.execute("analyze frame")

    def draw() -> int:
        asked = "select id from frame order by random() limit %s"
        return len(connection.execute(asked, [entities // 20]).fetchall())

    return draw


CONTENDERS: dict[str, tuple[Callable[[Path, int], Callable[[], int]], int]] = {  # and the largest frame for it
    "numpy, ids read out of the frame": (numpy_of_file, SIZES[-1]),
    "numpy, all ids in memory": (numpy_of_memory, SIZES[-1]),
    "the kernel": (native, SIZES[-1]),
    "plain Python": (by(plain_walk), SIZES[-1]),
    "DuckDB, order by sha256": (duckdb, SIZES[-1]),
    "PostgreSQL, order by random()": (postgres, SIZES[-1]),
    "consistent_sampler": (consistent_sampler, 1_000_000),
}


def one(name: str, file: Path, entities: int) -> dict[str, float]:
    """Run a contender three times (once if it is slow) in this process: the best seconds, and the peak of memory in MiB."""
    draw = CONTENDERS[name][0](file, entities)
    best = float("inf")
    for _ in range(3):
        started = time.perf_counter()
        drawn = draw()
        best = min(best, time.perf_counter() - started)
        assert abs(drawn - entities / 20) <= len(KINDS), drawn
        if best > 10:
            break
    return {"seconds": best, "mib": getrusage(RUSAGE_SELF).ru_maxrss / 1024}


def measured(name: str, file: Path, entities: int) -> dict[str, float] | None:
    """Run a contender in a process of its own; None if what it needs is not here."""
    command = [sys.executable, "-m", "tests.bench.selection", "--one", name, str(file), str(entities)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    if done.returncode:
        print(f"{name}: {done.stderr.strip().splitlines()[-1]}", file=sys.stderr)
        return None
    found: dict[str, float] = json.loads(done.stdout)
    return found


def figures(sizes: Sequence[int] = SIZES) -> Iterator[Figure]:
    """Measure every contender on frames of *sizes*; fail where the system takes longer, or more, than it may."""
    with tempfile.TemporaryDirectory(prefix="onevisit-bench-") as folder:
        for entities in sizes:
            file = Path(folder) / f"frame-{entities}.tsv"
            write_frame(file, entities)
            found = {
                name: done
                for name, (_, largest) in CONTENDERS.items()
                if entities <= largest and (done := measured(name, file, entities))
            }
            file.unlink()
            baseline, *others = found
            for name in others:
                aim = {"the kernel": f"≤ {MOST_NATIVE} ×", "plain Python": f"≤ {MOST_PLAIN} ×"}.get(name, "")
                seconds, mib = found[name]["seconds"], found[name]["mib"]
                told = f"5 % of {entities:,}: {name}, {mib:,.0f} MiB"
                yield Figure(told, seconds, "s", baseline, found[baseline]["seconds"], aim)
            assert found["the kernel"]["mib"] <= MOST_MIB


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(one(sys.argv[2], Path(sys.argv[3]), int(sys.argv[4]))))
    else:
        for figure in figures([int(word) for word in sys.argv[1:]] or SIZES):
            print(figure.line(), flush=True)
