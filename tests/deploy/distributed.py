"""A distributed installation out of deploy/: its broker, its database, its settings and its commands, on this machine."""

import os
import re
import shutil
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
import psycopg
import pytest
from sqlalchemy import make_url

from runtime.secrets import Secrets
from tests.tier import ways
from tests.tier.jars import java, kafka_jars
from tests.tier.missing import Missing, give_up
from tests.tier.processes import end, free_port, start, tail
from tests.tier.shared import FOLDER

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
WAIT_SECONDS = 150.0  # with a busy machine

Names = Mapping[str, str]
"""What stands in the files, and what it is here: hosts, ports, folders."""
NOTHING: Names = {}


def here(text: str, names: Names) -> str:
    """Put in for every name in *text* what it is on this machine, the longest first."""
    return re.sub("|".join(map(re.escape, sorted(names, key=len, reverse=True))), lambda found: names[found[0]], text)


def eventually(happened: Callable[[], bool], why: Callable[[], object] = lambda: "") -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not happened():
        assert time.monotonic() < deadline, why()
        time.sleep(0.1)


def put_in(properties: str, instead: str) -> str:
    """Put lines in the place of those with the same key; what has none there comes last."""
    lines = dict(line.split("=", 1) for line in instead.splitlines())
    kept = [line for line in properties.splitlines() if line.partition("=")[0] not in lines]
    return "\n".join([*kept, *(f"{key}={value}" for key, value in lines.items())]) + "\n"


class Broker:
    """Kafka as deploy/kafka/start.sh runs it, by the programs of the tier's jars."""

    def __init__(self, folder: Path, secrets: Path, instead: str = "", names: Names = NOTHING) -> None:
        """
        Args:
            folder: Where it keeps its data.
            secrets: Those of deploy/secrets.sh.
            instead: Lines of settings that take the place of the file's own.
            names: What further names in them are here.
        """
        self.port = free_port()
        self._folder, self._secrets = folder, secrets
        self._settings, self._log = folder / "server.properties", folder / "broker.log"
        folder.mkdir(parents=True, exist_ok=True)
        ports = {"9093": str(free_port()), "9094": str(free_port()), "kafka:9092": self.address, "9092": str(self.port)}
        ports |= {"kafka.example:9092": f"localhost:{self.port}"}  # as it stands in a certificate
        text = put_in((DEPLOY / "kafka" / "server.properties").read_text("ascii"), instead)
        found = here(text, {**ports, **names, "/var/lib/kafka/data": str(folder / "data")})
        self._settings.write_text(found, encoding="ascii")
        for name, program in (("kafka-storage", "kafka.tools.StorageTool"), ("kafka-server-start", "kafka.Kafka")):
            shim = folder / f"{name}.sh"
            options = "-Xmx512m -XX:+UseSerialGC -XX:TieredStopAtLevel=1"
            shim.write_text(f'#!/bin/sh\nexec {java()} {options} -cp "{kafka_jars()}/*" {program} "$@"\n')
            shim.chmod(0o755)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        command = [str(DEPLOY / "kafka" / "start.sh"), str(self._settings), str(self._secrets)]
        environment = {**os.environ, "KAFKA_PROGRAMS": str(self._folder)}
        self._process = start(command, output=self._log, env=environment)
        since = self._log.stat().st_size if self._log.exists() else 0
        eventually(
            lambda: self._process is None or self._process.poll() is not None or self._answers(),
            lambda: tail(self._log),
        )
        assert self._process.poll() is None, (since, tail(self._log))

    def _answers(self) -> bool:
        """Do what its container's health check does."""
        return (
            subprocess.run(
                ["bash", "-c", f"</dev/tcp/127.0.0.1/{self.port}"], capture_output=True, check=False
            ).returncode
            == 0
        )

    def stop(self) -> None:
        end(self._process)

    def lose(self) -> None:
        """End it, and everything it kept."""
        self.stop()
        shutil.rmtree(self._folder / "data")


@dataclass
class Installation:
    """Servers, secrets and a data folder; commands are run as they stand in the files of deploy/."""

    folder: Path
    secrets: Path
    broker: Broker
    postgres: ways.Postgres
    places: dict[str, str] = field(default_factory=dict)  # further names of the servers and folders
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    ports: dict[str, int] = field(default_factory=dict)

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def admin(self) -> str:
        """The database's address for its administrator."""
        return (self.secrets / "postgres-admin-url").read_text("ascii").strip()

    def write_home(self, settings: str, names: Names = NOTHING) -> None:
        """Make the data folder of *settings*, as a file of deploy/ or a page tells them."""
        self.home.mkdir(parents=True, exist_ok=True)
        (self.home / "settings.toml").write_text(here(settings, {**self.names, **names}), encoding="utf-8")
        shutil.copy(self.secrets / "secrets.toml", self.home / "secrets.toml")
        (self.home / "secrets.toml").chmod(0o600)

    @property
    def names(self) -> dict[str, str]:
        url = make_url(self.admin)
        found = {
            "postgres:5432": f"{url.host}:{url.port}",
            "kafka:9092": self.broker.address,
            "/run/secrets": str(self.secrets),
        }
        return found | {name: found[place] for name, place in self.places.items()}

    def run(self, words: Sequence[str], **environment: str) -> str:
        """Run a command to its end; what it said, if it succeeded."""
        return self.run_program(self._command(words, 0), **environment)

    def run_program(self, command: Sequence[str], **environment: str) -> str:
        """The same, of a whole command line."""
        done = subprocess.run(
            command,
            cwd=ROOT,
            env=self._environment(environment),
            capture_output=True,
            text=True,
            check=False,
            timeout=WAIT_SECONDS,
        )
        if done.returncode != 0:  # not an assert: pytest shortens what one says, and tests look for words in it
            pytest.fail(f"{command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
        return done.stdout

    def begin(self, name: str, words: Sequence[str], **environment: str) -> None:
        """Start a process that runs until it is told to stop."""
        self.ports[name] = free_port()
        self.begin_program(name, self._command(words, self.ports[name]), **environment)

    def begin_program(self, name: str, command: Sequence[str], **environment: str) -> None:
        """The same, of a whole command line."""
        with open(self.folder / f"{name}.out", "ab") as said:
            env = self._environment(environment)
            self.running[name] = subprocess.Popen(command, cwd=ROOT, env=env, stdout=said, stderr=said)

    def _command(self, words: Sequence[str], port: int) -> list[str]:
        names = self.names | {"8018": str(port), "9464": str(free_port())}
        return [sys.executable, "-m", "onevisit", *(here(word, names) for word in words)]

    def _environment(self, more: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, "ONEVISIT_HOME": str(self.home), **more}

    def said(self, name: str) -> str:
        return (self.folder / f"{name}.out").read_text("utf-8")

    def stop(self) -> None:
        """Ask every process to stop, and see that each ends well."""
        for process in self.running.values():
            process.terminate()
        ended = {name: process.wait(60) for name, process in self.running.items()}
        self.running.clear()
        assert set(ended.values()) <= {0}, {name: self.said(name) for name, code in ended.items() if code}

    def kill(self) -> None:
        for process in self.running.values():
            process.kill()
            process.wait()
        self.running.clear()

    def count(self, query: str) -> int:
        with psycopg.connect(self.admin) as connection:
            row = connection.execute(query.encode()).fetchone()
            assert row is not None
            return int(row[0])

    def make_database(self) -> None:
        """Make the empty database of a server that has just begun, and give its administrator the password of the secrets."""
        url = make_url(self.admin)
        assert url.password is not None
        with psycopg.connect(self.postgres.url, autocommit=True) as connection:
            connection.execute("CREATE DATABASE onevisit")
            connection.execute(f"ALTER ROLE postgres PASSWORD '{url.password}'".encode())


@contextmanager
def servers(folder: Path, broker_settings: str = "", names: Names = NOTHING) -> Iterator[Installation]:
    """
    Start a broker and a database for one installation alone, with the secrets of deploy/secrets.sh.

    Args:
        folder: For everything.
        broker_settings: Lines that take the place of the file's own.
        names: What further names in them are here.
    """
    try:
        postgres = ways.postgres(Path(os.environ[FOLDER]) / f"deploy-{os.getpid()}-{id(folder)}")
    except Missing as missing:
        give_up(missing)
    try:
        url, secrets = make_url(postgres.url), folder / "secrets"
        at = f"{url.host}:{url.port}"
        subprocess.run([DEPLOY / "secrets.sh", secrets], env={**os.environ, "POSTGRES": at}, check=True, timeout=60)
        try:
            broker = Broker(folder / "kafka", secrets, broker_settings, names)
        except Missing as missing:
            give_up(missing)
        found = Installation(folder, secrets, broker, postgres)
        found.make_database()
        broker.start()
        try:
            yield found
        finally:
            found.kill()
            broker.stop()
    finally:
        postgres.stop()


class Admin:
    """The county administrator at a web process, behind the proxy named in its settings or not."""

    def __init__(
        self, installation: Installation, address: str, *, public: str = "", verify: ssl.SSLContext | bool = True
    ) -> None:
        host = {"Host": public.removeprefix("https://")} if public else {}
        self._http = httpx.Client(base_url=address, headers=host, timeout=30, trust_env=False, verify=verify)
        password = Secrets.load(installation.home / "secrets.toml").password("county-admin")
        answer = self._http.post("/api/console/v1/sign-in", json={"login": "county-admin", "password": password})
        assert answer.status_code == 200, answer.text
        self.cookie = answer.headers["set-cookie"]
        # a cookie for https only is not sent over http by itself, as where no proxy is in between
        self._headers = {"X-CSRF-Token": answer.json()["csrf"], "Cookie": self.cookie.split(";")[0]}
        if answer.json()["must_change_password"]:
            self._change_password(password)

    def __enter__(self) -> "Admin":
        return self

    def __exit__(self, *error: object) -> None:
        self._http.close()

    def _change_password(self, first: str) -> None:
        new = {"old": first, "new": "三更灯火五更鸡-42"}
        answer = self._http.post("/api/console/v1/password", json=new, headers=self._with_key("password"))
        assert answer.status_code < 300, answer.text

    def _with_key(self, key: str) -> dict[str, str]:
        return {**self._headers, "Idempotency-Key": key}

    def register(self, agency: str) -> None:
        facts = {"agency": agency, "kind": "agency", "name": f"某县{agency}局", "short_name": f"{agency}局"}
        answer = self._http.post("/api/console/v1/agencies", json=facts, headers=self._with_key(f"register-{agency}"))
        assert answer.status_code == 201, answer.text
