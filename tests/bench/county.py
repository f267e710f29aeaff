"""The whole demo, a warm start, the memory it takes and the pages of a played county, against a bare page of the same server."""

import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx

from onevisit.demo import stand
from runtime.secrets import Secrets

PAGES = ("/", "/campaigns", "/visits", "/referrals", "/notices", "/duties", "/registers", "/public/results")
REQUESTS = 40


def figures() -> Iterator[tuple[str, float, str]]:
    """Yield (what, value, unit)."""
    with tempfile.TemporaryDirectory() as scratch:
        to = Path(scratch) / "demo"
        started = time.perf_counter()
        command = [sys.executable, "-m", "onevisit", "demo", "--to", str(to)]
        done = subprocess.run(command, check=True, timeout=300, capture_output=True)
        assert done.returncode == 0
        yield "make demo after set-up, verified", time.perf_counter() - started, "s"
        yield from _served(to / "home")


def _served(home: Path) -> Iterator[tuple[str, float, str]]:
    started = time.perf_counter()
    server = stand.start_server(home)
    try:
        assert stand.wait_until_up(home, server)
        yield "warm start until it serves", time.perf_counter() - started, "s"
        with closing(_signed_in(home)) as client:
            baseline = _p95(client, "/healthz")
            yield "bare answer of the same server (baseline), p95", 1000 * baseline, "ms"
            for page in PAGES:
                yield f"page {page}, p95", 1000 * _p95(client, page), "ms"
            for part in ("planner", "drawer", "results", "notifier"):
                path = (
                    f"/parts/{part}/campaign/C-640221-2018-001" if part != "planner" else "/campaigns/C-640221-2018-001"
                )
                yield f"{path}, p95", 1000 * _p95(client, path), "ms"
        yield "memory after that", _resident_mib(server.pid), "MiB"
    finally:
        stand.stop_server(server)


def _signed_in(home: Path) -> httpx.Client:
    secrets = Secrets.load(home / "secrets.toml")
    client = httpx.Client(base_url=(home / "address").read_text(encoding="ascii"), trust_env=False)
    asked = {"login": "jt-plan", "password": secrets.password("jt-plan")}
    client.post("/api/console/v1/sign-in", json=asked).raise_for_status()
    return client


def _p95(client: httpx.Client, path: str) -> float:
    times = []
    for _ in range(REQUESTS):
        started = time.perf_counter()
        client.get(path).raise_for_status()
        times.append(time.perf_counter() - started)
    return statistics.quantiles(times[2:], n=20)[-1]


def _resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError("no VmRSS")
