"""docs/howto/distribute.md on plain machines: its settings and commands as they stand there, and the units as systemd runs them."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import make_url

from schemas.vocabulary import SERVICES
from tests.deploy.distributed import DEPLOY, ROOT, Admin, Installation, eventually, here, servers
from tests.deploy.proxy import make_certificate

HOWTO = (ROOT / "docs" / "howto" / "distribute.md").read_text("utf-8")
CODE = re.findall(r"^```(\w+)\n(.*?)^```$", HOWTO, re.MULTILINE | re.DOTALL)
SETTINGS = next(text for kind, text in CODE if kind == "toml")
PROPERTIES = next(text for kind, text in CODE if kind == "properties")
COMMANDS = [line for kind, text in CODE if kind == "sh" for line in text.splitlines()]
ONCE = [line.split()[1:] for line in COMMANDS if line.startswith("onevisit ")]
UNITS = [line.split()[-1] for line in COMMANDS if line.startswith("systemctl enable --now ")]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("distributed")]


def test_both_languages_say_the_same_commands() -> None:
    chinese = (ROOT / "docs" / "howto" / "distribute.zh-CN.md").read_text("utf-8")
    assert re.findall(r"^```(\w+)\n(.*?)^```$", chinese, re.MULTILINE | re.DOTALL) == CODE
    assert len(ONCE) + len(UNITS) == len(COMMANDS)
    assert {"provision", "topics", "migrate"} <= {words[0] for words in ONCE}


def speak_tls(installation: Installation, certificate: Path, key: Path) -> None:
    """Turn TLS on in the database; the files come to it by itself, wherever it runs and as whom."""
    with psycopg.connect(installation.admin, autocommit=True) as connection:
        for name, file in (("server.crt", certificate), ("server.key", key)):
            lines = sql.Literal(file.read_text("ascii").splitlines())
            wanted = sql.SQL("COPY (SELECT unnest({}::text[])) TO PROGRAM {}")
            connection.execute(wanted.format(lines, sql.Literal(f"umask 077; cat > {name}")))
        connection.execute("ALTER SYSTEM SET ssl = on")
        connection.execute("SELECT pg_reload_conf()")


@pytest.fixture
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Servers by TLS, and what is done once."""
    folder = tmp_path_factory.mktemp("machines")
    tls = folder / "tls"
    tls.mkdir()
    make_certificate(tls / "ca.pem", tls / "key.pem")
    (tls / "kafka.pem").write_text((tls / "key.pem").read_text("ascii") + (tls / "ca.pem").read_text("ascii"), "ascii")
    names = {"/etc/onevisit/tls": str(tls)}
    with servers(folder, PROPERTIES, names) as found:
        found.places = {"/etc/onevisit/secrets": "/run/secrets"}
        port = make_url(found.admin).port
        speak_tls(found, tls / "ca.pem", tls / "key.pem")
        names |= {"db.example": "localhost", "5432": str(port), "kafka.example:9092": f"localhost:{found.broker.port}"}
        found.write_home(SETTINGS, names)
        told = re.findall(r"`(\?sslmode=[^`]*)` at the end", HOWTO)
        admin = make_url(found.admin).set(host="localhost").render_as_string(hide_password=False)
        (found.secrets / "postgres-admin-url").write_text(admin + here(told[0], names), "ascii")
        for words in ONCE:
            found.run(words)
        yield found


def command_of(unit: str) -> list[str]:
    """Return what systemd starts: specifiers and escapes put in as systemd.unit(5) says, words split by its rules."""
    name, _, instance = unit.removesuffix(".service").partition("@")
    file = DEPLOY / "systemd" / (f"{name}@.service" if instance else f"{name}.service")
    (line,) = re.findall(r"^ExecStart=(.*)$", file.read_text("utf-8"), re.MULTILINE)
    told = re.sub("%(.)", lambda found: {"i": instance, "%": "%"}[found[1]], line).replace("$$", "$")
    told = here(told, {"/opt/onevisit/current/.venv/bin/python": sys.executable})
    return [quoted or bare for quoted, bare in re.findall(r"'([^']*)'|(\S+)", told)]


def test_every_worker_and_the_timers_of_a_machine_say_how_they_are_on_ports_of_their_own() -> None:
    def told(service: str, number: int) -> list[str]:
        shell, option, script = command_of(f"onevisit-worker@{service}-{number}.service")
        echo = script.replace(f"exec {sys.executable}", "echo")
        assert echo != script
        return subprocess.run(
            [shell, option, echo], capture_output=True, text=True, check=True, timeout=30
        ).stdout.split()

    heard = [service for service in SERVICES if service != "console"]
    found = [told(service, number) for service in heard for number in (0, 1, 12)]
    assert told("drawer", 12) == ["-m", "onevisit", "serve", "worker", "drawer", "--ordinal", "12", "--port", "8212"]
    ports = [words[-1] for words in found] + [command_of(f"onevisit-{name}.service")[-1] for name in ("timers", "web")]
    assert len({*ports, "8018"}) == len(ports) + 1


def test_the_howto_leads_from_servers_to_a_running_system(installation: Installation) -> None:
    for unit in UNITS:
        installation.begin_program(unit, command_of(unit))
    eventually(lambda: (installation.home / "address").exists(), lambda: installation.said("onevisit-web.service"))
    with Admin(
        installation, (installation.home / "address").read_text("ascii"), public="https://onevisit.example"
    ) as admin:
        admin.register("JT")
    heard = [f"SELECT count(*) FROM {service}.agency WHERE short_name = 'JT局'" for service in ("planner", "notifier")]
    eventually(lambda: [installation.count(query) for query in heard] == [1, 1])
    plain = """SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE NOT ssl AND backend_type = 'client backend'"""
    assert installation.count(plain) == 0, "no process speaks to the database in clear"
    assert installation.count(plain.replace("NOT ssl", "ssl")) > len(UNITS)
    installation.run_program([str(DEPLOY / "backup.sh"), str(installation.folder / "backups"), "14"])
    installation.stop()


def test_a_server_that_another_signed_is_not_spoken_to(installation: Installation) -> None:
    """Neither the database nor the broker is told a password by somebody who trusts another authority."""
    make_certificate(installation.folder / "tls" / "ca.pem", installation.folder / "tls" / "another.key")
    for words in (["migrate"], ONCE[1]):
        with pytest.raises(pytest.fail.Exception, match=r"machine\.server_unusable|kafka\.away|broker\.away"):
            installation.run(words)
