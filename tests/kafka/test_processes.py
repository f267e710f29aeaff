"""An installation whose web, workers and timers are processes of their own, on Kafka and PostgreSQL."""

import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from sqlalchemy import make_url

from onevisit import home as homes
from onevisit.databases import PostgresSettings
from onevisit.home import ADMIN_LOGIN, HomeSettings
from runtime.secrets import Secrets
from schemas.vocabulary import SERVICES, AgencyKind
from tests.postgres.test_installation import address
from tests.tier.ways import Kafka, Postgres

__all__ = ["address"]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

WAIT_SECONDS = 400.0  # with a busy machine; a second or two on an idle one
STOP_SECONDS = 10.0
AWAY_SECONDS, PAUSE_SECONDS = 30.0, 0.5


def distributed(home: Path, kafka: str, postgres: str) -> Path:
    """Make a home on a Kafka and a PostgreSQL, with roles, schemas, topics and tables."""
    url = make_url(postgres)
    settings = HomeSettings(
        demo=True,
        demo_seed="00" * 16,
        postgres=PostgresSettings(url=f"postgresql://{{service}}_{url.database}@{url.host}:{url.port}/{url.database}"),
        kafka={"bootstrap": kafka, "prefix": f"p{uuid.uuid4().hex[:8]}."},
    )
    homes.create(home, settings)
    (home / "admin").write_text(postgres)
    for words in (("provision", "--admin-file", home / "admin"), ("topics", "apply", "--yes"), ("migrate",)):
        done = run(home, *words)
        assert done.returncode == 0, done.stderr
    return home


def run(home: Path, *words: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "onevisit", *map(str, words), "--home", str(home)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=WAIT_SECONDS)


class Process:
    """One of an installation's processes."""

    def __init__(self, home: Path, *words: str) -> None:
        self.name = "-".join(words)
        self._said = home / f"{self.name}.{uuid.uuid4().hex[:4]}.out"
        self._log = home / "logs" / f"{self.name}{'-0' if words[0] == 'worker' else ''}.log"
        self._from = self._log.stat().st_size if self._log.exists() else 0
        command = [sys.executable, "-m", "onevisit", "serve", *words, "--port", "0", "--home", str(home)]
        with open(self._said, "wb") as file:
            self.process = subprocess.Popen(command, stdout=file, stderr=file)

    @property
    def log(self) -> str:
        return self._log.read_text()[self._from :] if self._log.exists() else ""

    @property
    def said(self) -> str:
        return self._said.read_text()

    def address(self) -> str:
        """Wait until it serves, and return where."""
        eventually(lambda: "serving.started" in self.log or self.process.poll() is not None)
        assert self.process.poll() is None, self.said
        return self.log.split('"address": "')[1].split('"')[0]

    def health(self, path: str = "/readyz") -> tuple[int, Any]:
        answer = httpx.get(f"{self.address()}{path}", timeout=30, trust_env=False)
        return answer.status_code, answer.json()

    def stop(self) -> float:
        """Ask it to stop and return how long it took; it must end well."""
        began = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(60) == 0, self.said
        return time.monotonic() - began


@pytest.fixture
def start() -> Iterator[Callable[..., Process]]:
    started: list[Process] = []

    def start(home: Path, *words: str) -> Process:
        started.append(Process(home, *words))
        return started[-1]

    yield start
    for one in started:
        one.process.kill()
        one.process.wait()


def eventually(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


class Admin:
    """The county administrator at a web process."""

    def __init__(self, home: Path, web: Process) -> None:
        self._http = httpx.Client(base_url=web.address(), timeout=30, trust_env=False)
        password = Secrets.load(home / "secrets.toml").password(ADMIN_LOGIN)
        answer = self._http.post("/api/console/v1/sign-in", json={"login": ADMIN_LOGIN, "password": password})
        assert answer.status_code == 200, answer.text
        self._csrf = answer.json()["csrf"]

    def close(self) -> None:
        self._http.close()

    def send(self, agency: str) -> httpx.Response:
        facts = {"agency": agency, "kind": AgencyKind.AGENCY, "name": f"某县{agency}局", "short_name": f"{agency}局"}
        headers = {"X-CSRF-Token": self._csrf, "Idempotency-Key": f"register-{agency}"}
        return self._http.post("/api/console/v1/agencies", json=facts, headers=headers)

    def register(self, agency: str) -> int:
        return self.send(agency).status_code

    def get(self, path: str) -> httpx.Response:
        return self._http.get(path)

    def page(self, path: str) -> int:
        return self.get(path).status_code


def count(url: str, query: str) -> int:
    with psycopg.connect(url) as connection:
        row = connection.execute(query.encode()).fetchone()
        assert row is not None
        return int(row[0])


AGENCIES_OF_PLANNER = "SELECT count(*) FROM planner.agency"


def test_commands_go_on_while_the_broker_is_away_and_every_process_says_how_it_is_and_stops_in_time(
    own_kafka: Callable[..., Kafka], address: str, tmp_path: Path, start: Callable[..., Process]
) -> None:
    broker = own_kafka()
    home = distributed(tmp_path / "home", broker.address, address)
    web, worker, timers = start(home, "web"), start(home, "worker", "planner"), start(home, "timers")
    with closing(Admin(home, web)) as admin:
        eventually(lambda: count(address, AGENCIES_OF_PLANNER) == 1)  # the administrator's own
        assert admin.register("JT") == 201
        eventually(lambda: count(address, AGENCIES_OF_PLANNER) == 2)
        assert [one.health("/healthz") for one in (web, worker, timers)] == [(200, {"status": "ok"})] * 3
        eventually(lambda: [one.health()[0] for one in (web, worker, timers)] == [200] * 3)
        assert web.health()[1]["checks"] == dict.fromkeys(SERVICES, True)
        assert web.health()[1]["watched"] == {
            "outbox": True,
            "refused": True,
            "calendar": False,
            "bus": True,
            "topics": True,
        }

        broker.kill_broker()
        began, took = time.monotonic(), list[float]()
        while time.monotonic() - began < AWAY_SECONDS or len(took) < 40:
            commanded = time.monotonic()
            assert admin.register(f"B{chr(65 + len(took) // 26)}{chr(65 + len(took) % 26)}") == 201
            took.append(time.monotonic() - commanded)
            assert {admin.page(path) for path in ("/", "/accounts", "/readyz")} == {200}
            time.sleep(PAUSE_SECONDS)
        assert web.health()[1]["watched"]["bus"] is False
        assert worker.health()[0] == 503
        assert worker.health()[1]["checks"] == {"planner": True, "bus": False, "topics": False}
        assert count(address, AGENCIES_OF_PLANNER) == 2
        broker.start_broker()
        back = time.monotonic()
        eventually(lambda: count(address, AGENCIES_OF_PLANNER) == 2 + len(took))
        drained = time.monotonic() - back
        eventually(lambda: worker.health()[0] == 200)
        assert count(address, "SELECT count(*) FROM planner.parked") == 0

        broker.kill_broker()
        assert admin.register("ZZ") == 201
    stopped = {one.name: one.stop() for one in (web, worker, timers)}
    assert max(stopped.values()) < STOP_SECONDS, stopped
    print(
        f"{len(took)} commands in {AWAY_SECONDS:.0f} s without a broker, the slowest {max(took):.2f} s;"
        f" heard {drained:.1f} s after it was back; stopped without one in {stopped}"
    )


def test_while_postgresql_is_away_requests_get_503_workers_wait_and_nothing_is_parked(
    kafka_address: str, own_postgres: Callable[[], Postgres], tmp_path: Path, start: Callable[..., Process]
) -> None:
    server = own_postgres()
    home = distributed(tmp_path / "home", kafka_address, server.url)
    web, worker, timers = processes = start(home, "web"), start(home, "worker", "planner"), start(home, "timers")
    with closing(Admin(home, web)) as admin:
        assert admin.register("JT") == 201
        eventually(lambda: count(server.url, AGENCIES_OF_PLANNER) == 2)

        server.crash()
        refused = [admin.send("GA"), admin.get("/accounts")]
        assert [(answer.status_code, answer.headers["Retry-After"]) for answer in refused] == [(503, "5")] * 2
        assert [one.health("/healthz")[0] for one in processes] == [200] * 3, "alive, and waiting"
        assert [one.health()[0] for one in processes] == [503] * 3
        time.sleep(PAUSE_SECONDS)
        server.start()

        eventually(lambda: admin.send("GA").status_code == 201)
        eventually(lambda: count(server.url, AGENCIES_OF_PLANNER) == 3)
        eventually(lambda: [one.health()[0] for one in processes] == [200] * 3)
    assert "host.ordinal_taken_again" in worker.log, "its number was gone with the server"
    assert sum(count(server.url, f"SELECT count(*) FROM {service}.parked") for service in SERVICES) == 0
    assert max(one.stop() for one in (web, worker, timers)) < STOP_SECONDS


def test_what_does_not_fit_together_is_refused_by_name(
    kafka_address: str, address: str, tmp_path: Path, start: Callable[..., Process]
) -> None:
    home = distributed(tmp_path / "home", kafka_address, address)
    start(home, "worker", "drawer").address()

    second = start(home, "worker", "drawer")
    assert second.process.wait(WAIT_SECONDS) == 1
    assert "worker.ordinal_taken" in second.said
    up, replay, migrate = (run(home, *words) for words in (("up",), ("replay", "drawer"), ("migrate",)))
    assert (up.returncode, "serving.distributed" in up.stderr) == (2, True)
    assert (replay.returncode, "home.busy" in replay.stderr) == (1, True), "a worker is running"
    assert migrate.returncode == 0, "migrations run under the release before them"
    assert run(home, "doctor").returncode == 0

    homes.create(tmp_path / "whole", HomeSettings())
    for words in (("web",), ("worker", "planner"), ("timers",)):
        refused = run(tmp_path / "whole", "serve", *words)
        assert (refused.returncode, "serving.not_distributed" in refused.stderr) == (2, True)
    homes.create(tmp_path / "whole", HomeSettings.model_construct(kafka={"bootstrap": kafka_address}))
    assert "[kafka] needs [postgres]" in run(tmp_path / "whole", "up").stderr
