"""
A draw over every market entity of the nation, in 31 shards: ``python -m tests.bench.nation [ENTITIES] [FOLDER]``.

190,000,000 rows (the number of registered business entities, 2025), streamed: written shard by shard, surveyed (digests,
counts, order), drawn at one in a thousand. Only counts, one hash per 256 rows and the tickets below the bounds are held.
About 8 GB of disk in FOLDER, emptied afterwards. The baseline is reading the same bytes and hashing them once.
"""

import hashlib
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from resource import RUSAGE_SELF, getrusage

from onevisit.files import read_rows
from services.drawer.domain.encoding import SHA256
from services.drawer.domain.frame import Kind, Rows, survey
from services.drawer.domain.manifest import Selection
from services.drawer.domain.quota import Rate
from services.drawer.domain.selection import quotas, select
from services.drawer.domain.ticket import target_key
from services.drawer.kernel import walk_of
from tests.bench.figures import Figure

ENTITIES, SHARDS = 190_000_000, 31
SEED = bytes(range(32))
KINDS = [Kind(f"{kind}/{trade}", ("JT-01", "SJ-01")) for kind in "ABCD" for trade in ("KY", "HY", "WH", "QT")]
JOINT = Selection("joint", ("JT-01",), {kind: Rate((1, 1000)) for kind in "ABCD"})
BLOCK = 100_000
HERE = b"@" * 6  # stands for the number of the block in a row's id
BASELINE = "reading the same bytes and hashing them once"
MOST_MIB = 1024


def write_shard(file: Path, shard: int, rows: int) -> int:
    """Write a shard of so many rows, ids ascending; return its bytes. A block is written once, and numbered for each place."""
    kinds = [KINDS[number % len(KINDS)] for number in range(BLOCK)]
    block = b"".join(
        b"91%02d%s%06d\t%s\t%s\n" % (shard, HERE, number, kind.stratum.encode(), ",".join(kind.lines).encode())
        for number, kind in enumerate(kinds)
    )
    with open(file, "wb") as out:
        for place, begin in enumerate(range(0, rows, BLOCK)):
            numbered = block.replace(HERE, b"%06d" % place)
            lines = rows - begin
            out.write(numbered if lines >= BLOCK else b"".join(numbered.splitlines(keepends=True)[:lines]))
    return file.stat().st_size


def reading(files: list[Path]) -> float:
    """Read and hash everything once: seconds."""
    started = time.perf_counter()
    for file in files:
        with open(file, "rb") as opened:
            hashlib.file_digest(opened, "sha256")
    return time.perf_counter() - started


def peak() -> float:
    """Return the most memory this process has held, MiB."""
    return getrusage(RUSAGE_SELF).ru_maxrss / 1024


def figures(entities: int = ENTITIES, where: Path | None = None) -> Iterator[Figure]:
    """Measure survey and selection; fail where memory is not bounded."""
    with tempfile.TemporaryDirectory(prefix="onevisit-nation-", dir=where) as folder:
        files = [Path(folder) / f"frame-{shard + 11}.tsv" for shard in range(SHARDS)]
        sizes = [entities // SHARDS + (shard < entities % SHARDS) for shard in range(SHARDS)]
        written = sum(write_shard(file, 11 + n, sizes[n]) for n, file in enumerate(files))
        frame: dict[str, Rows] = {str(11 + n): read_rows(file) for n, file in enumerate(files)}
        least = reading(files)
        started = time.perf_counter()
        census = survey(SHA256, frame)
        surveyed = time.perf_counter() - started
        assert census.frame.n == entities
        told = f"{entities:,} rows in {SHARDS} shards, {written / 1e9:.1f} GB"
        yield Figure(f"survey of {told}, {peak():,.0f} MiB", surveyed, "s", BASELINE, least)
        started = time.perf_counter()
        quota = quotas(SHA256, SEED, [JOINT], census.counts)
        walk = walk_of(SHA256)
        drawn = select(SHA256, target_key(SHA256, SEED), frame, census.counts, [JOINT], quota, walk=walk)
        seconds = time.perf_counter() - started
        assert len(drawn.kinds) == sum(sum(strata.values()) for strata in quota.values())
        yield Figure(f"{len(drawn.kinds):,} drawn of them, {peak():,.0f} MiB", seconds, "s", BASELINE, least)
        assert peak() <= MOST_MIB


if __name__ == "__main__":
    words = sys.argv[1:]
    for figure in figures(int(words[0]) if words else ENTITIES, Path(words[1]) if len(words) > 1 else None):
        print(figure.line(), flush=True)
