"""docs/howto/distribute.md on plain machines: its settings and commands as they stand there, and the units as systemd runs them."""

import re
import subprocess
import sys
from collections.abc import Iterator

import pytest

from schemas.vocabulary import SERVICES
from tests.deploy.distributed import DEPLOY, ROOT, Admin, Installation, eventually, here, servers

HOWTO = (ROOT / "docs" / "howto" / "distribute.md").read_text("utf-8")
CODE = re.findall(r"^```(\w+)\n(.*?)^```$", HOWTO, re.MULTILINE | re.DOTALL)
SETTINGS = next(text for kind, text in CODE if kind == "toml")
COMMANDS = [line for kind, text in CODE if kind == "sh" for line in text.splitlines()]
ONCE = [line.split()[1:] for line in COMMANDS if line.startswith("onevisit ")]
UNITS = [line.split()[-1] for line in COMMANDS if line.startswith("systemctl enable --now ")]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("distributed")]


def test_both_languages_say_the_same_commands() -> None:
    chinese = (ROOT / "docs" / "howto" / "distribute.zh-CN.md").read_text("utf-8")
    assert re.findall(r"^```(\w+)\n(.*?)^```$", chinese, re.MULTILINE | re.DOTALL) == CODE
    assert len(ONCE) + len(UNITS) == len(COMMANDS)
    assert {"provision", "topics", "migrate"} <= {words[0] for words in ONCE}


@pytest.fixture
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Servers, and what is done once."""
    with servers(tmp_path_factory.mktemp("machines")) as found:
        found.places = {
            "db.example:5432": "postgres:5432",
            "kafka.example:9092": "kafka:9092",
            "/etc/onevisit/secrets": "/run/secrets",
        }
        found.write_home(SETTINGS)
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
    installation.stop()
