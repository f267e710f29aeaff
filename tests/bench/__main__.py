"""
``python -m tests.bench``: print the figures of docs/performance.md, each with its ratio to a baseline of the same run.

Last those of several processes (``tests.bench.distributed``), which need a Kafka and a PostgreSQL: it says which it used, or,
by name, which is missing here.
"""

import os
import platform
import sqlite3
import subprocess
import sys
from itertools import chain

from tests.bench import county, events, selection, teams, verification


def machine() -> str:
    """Describe what the figures were measured on, and what else it was doing."""
    load = " ".join(f"{value:.1f}" for value in os.getloadavg())
    return f"{os.cpu_count()} cores, Python {platform.python_version()}, SQLite {sqlite3.sqlite_version}, load average {load}"


def main() -> None:
    """Print every figure."""
    print(f"before: {machine()}\n")
    print(f"{'':58} {'measured':>16} {'aim':>12} {'ratio':>9}   baseline")
    for figure in chain(*(one.figures() for one in (events, county, teams, selection, verification))):
        print(figure.line(), flush=True)
    print(f"\nafter: {machine()}\n", flush=True)
    # of its own: it sets up a log, and starts processes of this same program
    subprocess.run([sys.executable, "-m", "tests.bench.distributed"], check=True)


if __name__ == "__main__":
    main()
