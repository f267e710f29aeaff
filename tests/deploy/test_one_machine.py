"""One machine, as county IT staff set it up: from the offline bundle to a running county behind nginx, and its backups."""

import json
import os
import re
import shutil
import socket
import ssl
import subprocess
import tarfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from onevisit.demo import stand
from tests.tier.missing import Missing, give_up

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
SCRIPTS = sorted(DEPLOY.glob("*.sh"))
UNITS = sorted((DEPLOY / "systemd").iterdir())
PLACE = "/opt/onevisit/current"
START_SECONDS = 60.0
OPEN = {
    "PrivateNetwork": "it serves",
    "RestrictAddressFamilies_AF_INET_INET6": "it serves",
    "IPAddressDeny": "webhooks go where partners are; what they may reach is refused by the program itself",
    "SystemCallFilter_resources": "whatever reads a spreadsheet limits itself first",
    "PrivateUsers": "its data folder belongs to its user",
    "RootDirectoryOrRootImage": "it runs Python of the machine",
}
"""What systemd counts as open (exposure of 0.2 and more), and why it has to be."""

pytestmark = [pytest.mark.xdist_group("one machine"), pytest.mark.timeout(600)]


def component(name: str) -> None:
    """Go on where a program is installed."""
    if shutil.which(name) is None:
        give_up(Missing(f"{name} is not installed (tests/provide.py)"))


def run(*command: object, **environment: str) -> str:
    """Run a command to its end; what it said, if it succeeded."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=300, check=False, env={**os.environ, **environment}
    )
    assert done.returncode == 0, (words, done.stdout[-2000:], done.stderr[-2000:])
    return done.stdout


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The offline bundle of this commit, unpacked."""
    folder = tmp_path_factory.mktemp("bundle")
    packed = run(DEPLOY / "bundle.sh", folder).strip()
    with tarfile.open(packed) as archive:
        archive.extractall(folder, filter="data")
    (unpacked,) = (path for path in folder.iterdir() if path.is_dir())
    return unpacked


@pytest.fixture(scope="module")
def machine(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as the root of a machine that the bundle was installed on, without network."""
    root = tmp_path_factory.mktemp("machine")
    (root / "etc" / "nginx" / "conf.d").mkdir(parents=True)
    dead_end = "http://127.0.0.1:9"
    run(bundle / "install.sh", "640221", "平罗县", ROOT=str(root), http_proxy=dead_end, https_proxy=dead_end)
    return root


@contextmanager
def served(machine: Path) -> Iterator[str]:
    """Start the county as its unit does, on a free port."""
    unit = (machine / "etc" / "systemd" / "system" / "onevisit.service").read_text("utf-8")
    (command,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
    home = machine / "var" / "lib" / "onevisit" / "home"
    (home / "address").unlink(missing_ok=True)
    words = [*command.replace(PLACE, f"{machine}{PLACE}").split(), "--port", "0"]
    environment = {**os.environ, "ONEVISIT_HOME": str(home)}
    process = subprocess.Popen(words, cwd=f"{machine}{PLACE}", env=environment, stdout=subprocess.DEVNULL)
    try:
        assert stand.wait_until_up(home, process)
        yield (home / "address").read_text("ascii")
    finally:
        stand.stop(process)


def test_scripts_are_clean() -> None:
    component("shellcheck")
    assert SCRIPTS
    run("shellcheck", *SCRIPTS)


def test_units_are_what_systemd_takes(machine: Path, tmp_path: Path) -> None:
    component("systemd-analyze")
    for unit in UNITS:
        text = unit.read_text("utf-8").replace(PLACE, f"{machine}{PLACE}")
        (tmp_path / unit.name).write_text(text, encoding="utf-8")
    run("systemd-analyze", "verify", *sorted(tmp_path.iterdir()))

    lines = json.loads(
        run("systemd-analyze", "security", "--offline=yes", "--json=short", tmp_path / "onevisit.service")
    )
    exposed = {line["json_field"] for line in lines if line["set"] is False and float(line["exposure"] or 0) >= 0.2}
    assert exposed <= OPEN.keys()


def test_the_bundle_says_what_is_in_it(bundle: Path) -> None:
    told = {
        line.split("==")[0] for line in (ROOT / "requirements.lock").read_text("ascii").splitlines() if "==" in line
    }
    bill = json.loads((bundle / "sbom.cdx.json").read_text("utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    assert {part["name"] for part in bill["components"]} == told
    assert not (bundle / "app" / "tests").exists()
    assert (bundle / "app" / "verify_draw.py").exists()


def test_a_changed_bundle_is_not_installed(bundle: Path, tmp_path: Path) -> None:
    shutil.copytree(bundle, tmp_path / "bundle", copy_function=os.link)
    changed = tmp_path / "bundle" / "RELEASE"
    changed.unlink()
    changed.write_text("elsewhere\n", encoding="ascii")
    done = subprocess.run(
        [tmp_path / "bundle" / "install.sh", "640221", "平罗县"],
        env={**os.environ, "ROOT": str(tmp_path / "machine")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "不完整或被改动" in done.stderr) == (1, True)
    assert not (tmp_path / "machine").exists()


def test_the_first_installation_asks_for_the_county(bundle: Path, tmp_path: Path) -> None:
    done = subprocess.run(
        [bundle / "install.sh"],
        env={**os.environ, "ROOT": str(tmp_path / "machine")},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, "请写明县区" in done.stderr) == (1, True)
    assert not (tmp_path / "machine").exists()


def test_what_was_installed_serves_and_is_backed_up_and_restored(machine: Path, tmp_path: Path) -> None:
    kept, home = tmp_path / "kept", machine / "var" / "lib" / "onevisit" / "home"
    with served(machine) as address:
        assert httpx.get(f"{address}/readyz").status_code == 200
        for _ in range(3):
            run(f"{machine}{PLACE}/deploy/backup.sh", kept, "2", ONEVISIT_HOME=str(home))
            time.sleep(1.1)  # they are named by the second
    archives = sorted(kept.iterdir())
    assert len(archives) == 2

    secrets = tmp_path / "apart.toml"
    shutil.copy(home / "secrets.toml", secrets)
    shutil.rmtree(home)
    python = f"{machine}{PLACE}/.venv/bin/python"
    subprocess.run(
        [python, "-m", "onevisit", "restore", archives[-1], "--secrets", secrets, "--home", home],
        cwd=f"{machine}{PLACE}",
        timeout=60,
        check=True,
    )
    with served(machine) as address:
        assert httpx.get(f"{address}/readyz").status_code == 200


def test_an_upgrade_keeps_the_data_and_what_was_edited(bundle: Path, machine: Path) -> None:
    settings = machine / "var" / "lib" / "onevisit" / "home" / "settings.toml"
    proxy = machine / "etc" / "nginx" / "conf.d" / "onevisit.conf"
    proxy.write_text(proxy.read_text("utf-8") + "# edited\n", encoding="utf-8")
    before = settings.read_text("utf-8")

    run(bundle / "install.sh", ROOT=str(machine))

    assert settings.read_text("utf-8") == before
    assert proxy.read_text("utf-8").endswith("# edited\n")
    assert not list((machine / "opt" / "onevisit" / "releases").glob("*.new"))


# ── nginx ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def proxied(address: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Run nginx by our file, on loopback and free ports; its plain and its TLS address."""
    key, certificate = folder / "key.pem", folder / "fullchain.pem"
    made = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
    run("openssl", *made, "-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", certificate)
    plain, tls = free_port(), free_port()
    text = (DEPLOY / "nginx" / "onevisit.conf").read_text("utf-8")
    for was, now in (
        ("/etc/onevisit/tls", str(folder)),
        ("/var/log/nginx", str(folder)),
        ("127.0.0.1:8018", address.removeprefix("http://")),
        ("listen 80;", f"listen 127.0.0.1:{plain};"),
        ("listen 443 ssl", f"listen 127.0.0.1:{tls} ssl"),
        ("    listen [::]:80;\n", ""),
        ("    listen [::]:443 ssl http2;\n", ""),
    ):
        assert was in text, was
        text = text.replace(was, now)
    main = folder / "nginx.conf"
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    user = "user root;\n" if os.geteuid() == 0 else ""
    main.write_text(
        f"{user}daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\nhttp {{\n{paths}{text}}}\n",
        encoding="utf-8",
    )
    run("nginx", "-t", "-c", main, "-e", folder / "error.log")
    process = subprocess.Popen(["nginx", "-c", str(main), "-e", str(folder / "error.log")])
    try:
        end = time.monotonic() + START_SECONDS
        while True:
            assert time.monotonic() < end, (folder / "error.log").read_text("utf-8")
            with socket.socket() as trying:
                if trying.connect_ex(("127.0.0.1", tls)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://localhost:{plain}", f"https://localhost:{tls}"
    finally:
        stand.stop(process)


def test_behind_nginx_it_is_reached_by_tls_only(machine: Path, tmp_path: Path) -> None:
    component("nginx")
    with served(machine) as address, proxied(address, tmp_path) as (plain, tls):
        trusting = ssl.create_default_context(cafile=str(tmp_path / "fullchain.pem"))
        with httpx.Client(verify=trusting, trust_env=False) as client:
            moved = client.get(f"{plain}/results?campaign=1")
            assert (moved.status_code, moved.headers["location"]) == (308, "https://localhost/results?campaign=1")
            answer = client.get(f"{tls}/readyz")
            assert (answer.status_code, "max-age" in answer.headers["strict-transport-security"]) == (200, True)
            assert "script-src" in answer.headers["content-security-policy"]
            guesses = [
                client.post(f"{tls}/api/console/v1/sign-in", json={"login": f"nobody-{n}", "password": "x"}).status_code
                for n in range(30)
            ]
            assert guesses[0] != 429
            assert guesses[-1] == 429
