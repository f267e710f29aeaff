"""The whole demo, a warm start, the memory it takes and the pages of a played county, each beside a baseline of the same run."""

import resource
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from onevisit.demo import stand
from onevisit.demo.papers import ROOT
from runtime.secrets import Secrets
from services.console.passwords import hash_password
from tests.bench.figures import Figure

CAMPAIGN = "C-640221-2018-001"
PAGES = (
    *("/", "/campaigns", "/visits", "/referrals", "/notices", "/duties", "/registers", "/public/results"),
    f"/campaigns/{CAMPAIGN}",
    *(f"/parts/{part}/campaign/{CAMPAIGN}" for part in ("drawer", "results", "notifier")),
)
REQUESTS = 40
BARE = "import fastapi, pydantic, sqlalchemy.orm, uvicorn"
BARE_NAME = f"python -c '{BARE}'"


def figures() -> Iterator[Figure]:
    """Play the campaign, then serve what came of it."""
    with tempfile.TemporaryDirectory() as scratch:
        to = Path(scratch) / "demo"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        started = time.perf_counter()
        subprocess.run(
            [sys.executable, "-m", "onevisit", "demo", "--to", str(to)],
            cwd=ROOT,
            check=True,
            timeout=300,
            capture_output=True,
        )
        seconds = time.perf_counter() - started
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        hashes = _passwords(to / "home")
        wall, cpu = _hashing(hashes)
        name = f"its {hashes} argon2id password hashes alone"
        yield Figure("make demo after set-up, verified", seconds, "s", name, wall, "≤ 30 s")
        yield Figure("… processor time of all its processes", spent, "s", name, cpu)
        yield from _served(to / "home")


def _passwords(home: Path) -> int:
    """Count how often a password was hashed in a run: once when an account is opened, once at every sign-in."""
    with closing(sqlite3.connect(home / "db" / "console.sqlite")) as connection:
        (opened,) = connection.execute("SELECT count(*) FROM account").fetchone()
        (signed_in,) = connection.execute("SELECT count(*) FROM sign_in_audit WHERE what = 'signed_in'").fetchone()
    return int(opened + signed_in)


def _hashing(times: int) -> tuple[float, float]:
    """Hash so many passwords and nothing else: seconds by the clock, seconds of processors."""
    wall, cpu = time.perf_counter(), time.process_time()
    for _ in range(times):
        hash_password("as long as they usually are", "somebody")
    return time.perf_counter() - wall, time.process_time() - cpu


def _served(home: Path) -> Iterator[Figure]:
    bare_seconds, bare_mib = _bare_process()
    with serving(home) as county:
        yield Figure("warm start until it serves", county.seconds, "s", BARE_NAME, bare_seconds, "≤ 5 s")
        with closing(county.signed_in()) as client:
            bare = p95(client, "/healthz")
            for page in PAGES:
                name = f"p95 of {page.replace(CAMPAIGN, '…')}"
                yield Figure(name, 1000 * p95(client, page), "ms", "a bare answer (/healthz)", 1000 * bare, "≤ 50 ms")
        yield Figure("memory after that", county.resident_mib(), "MiB", BARE_NAME, bare_mib, "≤ 300 MiB")


def _bare_process() -> tuple[float, float]:
    """Start Python with the frameworks and nothing of ours: seconds, MiB."""
    code = f"{BARE}; print(next(line.split()[1] for line in open('/proc/self/status') if line.startswith('VmRSS:')))"
    started = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", code], check=True, timeout=60, capture_output=True, text=True)
    return time.perf_counter() - started, int(done.stdout) / 1024


@dataclass(frozen=True)
class Serving:
    """A county that serves."""

    home: Path
    process: subprocess.Popen[bytes]
    seconds: float  # from its start until it served

    def signed_in(self) -> httpx.Client:
        """Open a client signed in as the lead's planner."""
        password = Secrets.load(self.home / "secrets.toml").password("jt-plan")
        client = httpx.Client(base_url=(self.home / "address").read_text(encoding="ascii"), trust_env=False)
        client.post("/api/console/v1/sign-in", json={"login": "jt-plan", "password": password}).raise_for_status()
        return client

    def resident_mib(self) -> float:
        """Tell how much memory its process holds, in MiB."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text(encoding="ascii").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


@contextmanager
def serving(home: Path) -> Iterator[Serving]:
    """Serve a data folder in a process of its own."""
    started = time.perf_counter()
    process = stand.start_server(home)
    try:
        assert stand.wait_until_up(home, process)
        yield Serving(home, process, time.perf_counter() - started)
    finally:
        stand.stop_server(process)


def p95(client: httpx.Client, path: str, requests: int = REQUESTS) -> float:
    """Ask for a page again and again: the 95th percentile in seconds, the first two answers left out."""
    times = []
    for _ in range(requests):
        started = time.perf_counter()
        client.get(path).raise_for_status()
        times.append(time.perf_counter() - started)
    return statistics.quantiles(times[2:], n=20)[-1]
