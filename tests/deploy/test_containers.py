"""
deploy/compose.yaml and what it mounts.

No container engine is needed: the file is held to the official schema, and what its containers would run is run here as it
stands, on a broker that is started by its own script and a PostgreSQL, with its settings and secrets.
"""

import json
import os
import re
import ssl
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from runtime.events.bus import Message
from runtime.events.kafka import BrokerAway, KafkaBus
from runtime.events.kafka_settings import KafkaSettings
from schemas.vocabulary import SERVICES
from services.drawer.kernel import LIBRARY
from tests.deploy.distributed import DEPLOY, ROOT, Admin, Installation, eventually, here, servers
from tests.deploy.proxy import make_certificate, running
from tests.deploy.test_one_machine import component
from tests.tier.jars import kafka_version
from tests.tier.processes import free_port

COMPOSE: Mapping[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text("utf-8"))
CONTAINERS: Mapping[str, Any] = COMPOSE["services"]
BACKUP = DEPLOY / "backup.sh"
OURS = {name: one for name, one in CONTAINERS.items() if one["image"].startswith("onevisit:")}
ASKED_FOR = [name for name, one in OURS.items() if "profiles" in one]
ONCE = [name for name, one in OURS.items() if one["restart"] == "no" and name not in ASKED_FOR]
RUNNING = [name for name in OURS if name not in (*ONCE, *ASKED_FOR)]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900), pytest.mark.xdist_group("distributed")]


def targets(kind: str, container: str) -> dict[str, str]:
    """List what a container is given: {source: place}."""
    found = {}
    for one in CONTAINERS[container].get(kind, ()):
        source = one if isinstance(one, str) else one["source"]
        found[source] = f"/run/secrets/{source}" if isinstance(one, str) else one["target"]
    return found


def before(container: str) -> set[str]:
    """List what must have begun or ended before a container begins, whatever lies between."""
    direct = set(CONTAINERS[container].get("depends_on", ()))
    return direct.union(*(before(one) for one in direct))


# ── what the file says ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_has_no_more_rights_than_it_needs(name: str) -> None:
    container = CONTAINERS[name]
    assert container["read_only"] is True
    assert container["cap_drop"] == ["ALL"]
    assert container["security_opt"] == ["no-new-privileges:true"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", container["user"])
    assert container["pids_limit"]
    assert container["mem_limit"]
    assert not container.keys() & {"privileged", "cap_add", "network_mode", "pid", "ipc", "devices"}
    assert "outside" not in container["networks"] or name in ("proxy", "timers")
    assert "ports" not in container or name == "proxy"
    image, _, tag = container["image"].rpartition(":")
    assert image
    assert tag not in ("", "latest")
    assert name in (*ONCE, *ASKED_FOR) or container["healthcheck"]["test"][0] == "CMD"
    assert "PASSWORD" not in " ".join(key for key in container.get("environment", {}) if not key.endswith("_FILE"))


def test_every_secret_is_a_file_of_the_script_or_of_the_proxy_and_goes_to_whom_it_is_for(tmp_path: Path) -> None:
    subprocess.run([DEPLOY / "secrets.sh", tmp_path], check=True, timeout=60)
    made = {file.name: file.read_text("ascii") for file in tmp_path.iterdir()}
    subprocess.run([DEPLOY / "secrets.sh", tmp_path], check=True, timeout=60)
    assert {file.name: file.read_text("ascii") for file in tmp_path.iterdir()} == made, "a second run changes nothing"
    assert len(set(made.values())) == len(made)
    servers_only = tmp_path / "servers"
    subprocess.run([DEPLOY / "secrets.sh", servers_only, "servers"], check=True, timeout=60)
    assert {file.name for file in servers_only.iterdir()} == made.keys() - {"secrets.toml"}
    files = {Path(secret["file"]) for secret in COMPOSE["secrets"].values()}
    assert {file.parent for file in files} == {Path("compose/secrets")}
    assert {file.name for file in files} == {*made, "tls-certificate", "tls-key"}
    for service in SERVICES:
        if service != "console":
            assert set(targets("secrets", f"worker-{service}")) == {
                "secrets",
                f"postgres-{service}",
                f"kafka-{service}",
            }
    for name in (*RUNNING, *ASKED_FOR):
        assert not {secret for secret in targets("secrets", name) if "admin" in secret or "tls" in secret}
    assert {name for name in OURS if "postgres-backup" in targets("secrets", name)} == {"backup", "provision"}


def test_whatever_runs_waits_for_what_is_done_once() -> None:
    for name in RUNNING:
        assert {*ONCE, "kafka", "postgres"} <= before(name), name


def test_a_backup_is_made_when_asked_for_by_the_script_that_is_in_the_image_onto_a_volume_that_is_its_users() -> None:
    assert ASKED_FOR == ["backup"]
    backup = CONTAINERS["backup"]
    containerfile = (DEPLOY / "Containerfile").read_text("ascii")
    (script,), (folder, keep) = backup["entrypoint"], backup["command"]
    assert script == f"/opt/onevisit/deploy/{BACKUP.name}"
    assert f"COPY deploy/{BACKUP.name} deploy/" in containerfile.splitlines()
    assert os.access(BACKUP, os.X_OK), "COPY keeps that"
    assert f"backups:{folder}" in backup["volumes"]
    assert int(keep) > 1
    (made,) = re.findall(r"install -d -o onevisit -g onevisit -m 0700 (.*)$", containerfile, re.MULTILINE)
    assert {folder, "/var/lib/onevisit/home"} <= set(made.split()), "an empty volume takes its owner from there"
    (client,) = re.findall(r"\bpostgresql-client-(\d+)\b", containerfile)
    (server,) = re.findall(r"^postgres:(\d+)\.", CONTAINERS["postgres"]["image"])
    assert int(client) >= int(server), "pg_dump reads no newer server"


def test_the_images_are_of_the_versions_that_the_tests_run_on() -> None:
    assert CONTAINERS["kafka"]["image"].endswith(f":{kafka_version()}")
    containerfile = (DEPLOY / "Containerfile").read_text("ascii")
    assert json.loads(re.findall("^ENTRYPOINT (.*)$", containerfile, re.MULTILINE)[0])[1:] == ["-m", "onevisit"]
    assert re.findall("^USER (.*)$", containerfile, re.MULTILINE) == [OURS["web"]["user"]]
    made, runs = re.findall(r"^FROM python:([\d.]+)(?:-slim)?-bookworm", containerfile, re.MULTILINE)
    assert made == runs, "the environment is made by the first and works in the second"
    assert runs.split(".")[:2] == [str(number) for number in sys.version_info[:2]]


def test_the_image_has_a_kernel_that_was_built_in_it() -> None:
    """One of the machine where the image is made might be of another processor or C library."""
    assert "python -m services.drawer.kernel" in (DEPLOY / "Containerfile").read_text("ascii")
    left_out = (DEPLOY / "Containerfile.dockerignore").read_text("ascii").splitlines()
    assert f"**/{LIBRARY.name}" in left_out


def test_the_image_has_every_file_that_is_not_for_tests_or_documentation() -> None:
    copied = set(re.findall(r"^COPY (?!--from)(.*) \S+$", (DEPLOY / "Containerfile").read_text("ascii"), re.MULTILINE))
    named = {word for line in copied for word in line.split()}
    let_in = set(re.findall("^!(.*)$", (DEPLOY / "Containerfile.dockerignore").read_text("ascii"), re.MULTILINE))
    assert named == let_in
    assert {"schemas", "runtime", "services", "onevisit", "rulepacks", "examples"} < named
    assert all((ROOT / name).exists() for name in named)


def test_the_two_proxies_differ_only_in_where_things_are() -> None:
    alone, contained = (
        {line.split("#")[0].strip() for line in (DEPLOY / file).read_text("utf-8").splitlines()}
        for file in ("nginx/onevisit.conf", "compose/nginx.conf")
    )
    own = {"upstream onevisit {", "server 127.0.0.1:8018;", "keepalive 16;", "proxy_pass http://onevisit;"}
    places = {line for line in alone if line.startswith(("listen", "ssl_certificate", "access_log"))}
    assert alone - own - places - {'add_header Strict-Transport-Security "max-age=31536000" always;'} <= contained


# ── what its containers run ─────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """The servers of the file, and what is done once, in the file's order."""
    with servers(tmp_path_factory.mktemp("compose")) as found:
        found.write_home((DEPLOY / "compose" / "settings.toml").read_text("utf-8"), {"172.16.0.0/12": "127.0.0.1"})
        for name in sorted(ONCE, key=lambda name: len(before(name))):
            found.run(CONTAINERS[name]["command"])
        yield found


def healthy(installation: Installation, name: str) -> bool:
    """Run a container's health check."""
    command = CONTAINERS[name]["healthcheck"]["test"][1:]
    assert command[0] == "/opt/onevisit/.venv/bin/python"
    words = [here(word, {"8018": str(installation.ports[name])}) for word in command[1:]]
    return subprocess.run([sys.executable, *words], capture_output=True, check=False, timeout=60).returncode == 0


@contextmanager
def proxied(folder: Path, web: str) -> Iterator[tuple[str, str, ssl.SSLContext]]:
    """Run the proxy by its own command: its plain and its TLS address, and what trusts it."""
    trusting = make_certificate(folder / "tls-certificate", folder / "tls-key")
    plain, tls = free_port(), free_port()
    settings = folder / "nginx.conf"
    names = {"/run/secrets": str(folder), "/tmp": str(folder), "web:8018": web, "/dev/stdout": f"{folder}/access.log"}
    names |= {"8080": f"127.0.0.1:{plain}", "8443": f"127.0.0.1:{tls}", "/dev/stderr": f"{folder}/error.log"}
    text = here((DEPLOY / "compose" / "nginx.conf").read_text("utf-8"), names)
    (place,) = targets("configs", "proxy").values()
    command = [here(word, {place: str(settings)}) for word in CONTAINERS["proxy"]["command"]]
    with running(command, settings, text, tls):
        yield f"http://localhost:{plain}", f"https://localhost:{tls}", trusting


def test_the_whole_system_runs_by_the_commands_of_the_file(installation: Installation, tmp_path: Path) -> None:
    component("nginx")
    for name in RUNNING:
        installation.begin(name, CONTAINERS[name]["command"])
    for name in RUNNING:
        eventually(partial(healthy, installation, name), partial(installation.said, name))

    with proxied(tmp_path, f"127.0.0.1:{installation.ports['web']}") as (plain, tls, trusting):
        moved = httpx.get(f"{plain}/results?campaign=1", headers={"Host": "onevisit.example"}, trust_env=False)
        assert (moved.status_code, moved.headers["location"]) == (308, "https://onevisit.example/results?campaign=1")
        with Admin(installation, tls, public="https://onevisit.example", verify=trusting) as admin:
            admin.register("JT")

    assert admin.cookie.startswith("__Host-onevisit=")
    eventually(lambda: installation.count("SELECT count(*) FROM planner.agency WHERE id = 'JT'") == 1)
    eventually(lambda: installation.count("SELECT count(*) FROM notifier.agency WHERE agency = 'JT'") == 1)
    assert '"event": "serving.started"' in installation.said("worker-planner"), "logs go to the engine"
    assert not (installation.home / "logs").exists()
    installation.stop()


def test_on_its_broker_only_a_topics_owner_may_write_it(installation: Installation) -> None:
    told = KafkaSettings(
        bootstrap=installation.broker.address,
        security="SASL_PLAINTEXT",
        username="{service}",
        password_file=installation.secrets / "kafka-{service}",
    )
    planner, notifier = KafkaBus(told.of("planner")), KafkaBus(told.of("notifier"))
    try:
        before = planner.heads(["notices"])
        with pytest.raises(BrokerAway) as refusal:
            planner.append([Message("notices", "N-1", "e1", b"{}")])
        assert refusal.value.facts == {"why": "TopicAuthorizationFailedError"}
        assert notifier.heads(["notices"]) == before
    finally:
        planner.close()
        notifier.close()
