"""``python -m tests.bench.fuzz [COUNT]``: ten thousand mutated records, in bounded time and in the verifier's own memory."""

import resource
import sys
import tempfile
import time
from pathlib import Path

import verify_draw
from tests.unit.verifier.fuzzing import fuzz, remembered

MOST_SECONDS_PER_RECORD = 10.0


def main(count: int = 10_000) -> None:
    """Fuzz, print what was measured, and fail where a bound was broken."""
    verify_draw.limit_memory()
    verify_draw.ed25519_verify = remembered  # most of a mutated record is as it was
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as scratch:
        found = fuzz(count, 20_181_204, Path(scratch))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    codes = ", ".join(f"{number} × exit {code}" for code, number in enumerate(found.codes))
    print(f"{count} mutated records in {time.monotonic() - started:.0f} s: {codes}")
    print(f"slowest answer {found.slowest_seconds:.2f} s, peak memory {peak:.0f} MiB")
    assert not found.accepted_wrongly, found.accepted_wrongly
    assert found.slowest_seconds <= MOST_SECONDS_PER_RECORD
    assert peak <= 1024


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
