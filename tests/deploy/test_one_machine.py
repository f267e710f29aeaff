"""One machine, as county IT staff set it up: from the offline bundle to a running county behind nginx, and its backups."""

import hashlib
import json
import os
import re
import shutil
import ssl
import subprocess
import tarfile
import time
import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

from onevisit.demo import stand
from runtime.web.vendoring import RECORD, VENDOR
from tests.deploy.proxy import make_certificate, running
from tests.tier.missing import Missing, give_up
from tests.tier.processes import free_port

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = {path.name.replace("@.", "@planner-0."): path for path in sorted((DEPLOY / "systemd").iterdir())}
LASTING = [name for name in UNITS if name.endswith(".service") and "backup" not in name]
SAMPLE = ROOT / "tests" / "golden" / "draw" / "draw-sample" / "single"
PLACE = "/opt/onevisit/current"
RUN_SECONDS = 600.0  # with a busy machine: pip installs for half a minute on an idle one
OPEN = {
    "PrivateNetwork": "it serves",
    "RestrictAddressFamilies_AF_INET_INET6": "it serves",
    "IPAddressDeny": "webhooks go where partners are; what they may reach is refused by the program itself",
    "SystemCallFilter_resources": "whatever reads a spreadsheet limits itself first",
    "PrivateUsers": "its data folder belongs to its user",
    "RootDirectoryOrRootImage": "it runs Python of the machine",
}
"""What systemd counts as open (exposure of 0.2 and more), and why it has to be."""

pytestmark = [pytest.mark.xdist_group("one machine"), pytest.mark.timeout(1500)]


def component(name: str) -> None:
    """Go on where a program is installed."""
    if shutil.which(name) is None:
        give_up(Missing(f"{name} is not installed (tests/provide.py)"))


def run(*command: object, **environment: str) -> str:
    """Run a command to its end; what it said, if it succeeded."""
    words = [str(word) for word in command]
    done = subprocess.run(
        words, capture_output=True, text=True, timeout=RUN_SECONDS, check=False, env={**os.environ, **environment}
    )
    if done.returncode != 0:  # not an assert: pytest shortens what one says, and tests look for words in it
        pytest.fail(f"{words}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
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


def test_the_command_line_works_in_whatever_folder_it_is_called(machine: Path, tmp_path: Path) -> None:
    assert os.readlink(machine / "usr" / "local" / "bin" / "onevisit") == f"{PLACE}/bin/onevisit"
    shutil.copytree(SAMPLE, tmp_path / "sample")
    (tmp_path / "schemas.py").write_text("raise SystemExit('taken for ours')", encoding="utf-8")
    verify = f"cd '{tmp_path}' && '{machine}{PLACE}/bin/onevisit' draw verify sample/record.json sample/frame-*.tsv"
    assert "4/108" in run("sh", "-c", verify)


def test_units_are_what_systemd_takes_and_open_no_more_than_they_must(machine: Path, tmp_path: Path) -> None:
    component("systemd-analyze")
    for name, unit in UNITS.items():
        text = unit.read_text("utf-8").replace(PLACE, f"{machine}{PLACE}")
        (tmp_path / name).write_text(text, encoding="utf-8")
    run("systemd-analyze", "verify", *sorted(tmp_path.iterdir()))
    broken = tmp_path / "broken.service"
    broken.write_text((tmp_path / LASTING[0]).read_text("utf-8").replace("ExecStart=", "ExecStrat="), encoding="utf-8")
    with pytest.raises(pytest.fail.Exception, match="ExecStrat"):
        run("systemd-analyze", "verify", broken)

    for name in LASTING:
        lines = json.loads(run("systemd-analyze", "security", "--offline=yes", "--json=short", tmp_path / name))
        exposed = {line["json_field"] for line in lines if line["set"] is False and float(line["exposure"] or 0) >= 0.2}
        assert exposed <= OPEN.keys(), name


def test_the_bundle_says_what_is_in_it(bundle: Path) -> None:
    told = {
        line.split("==")[0]
        for lock in ("requirements.lock", "requirements-dist.lock")
        for line in (ROOT / lock).read_text("ascii").splitlines()
        if "==" in line
    }
    bill = json.loads((bundle / "sbom.cdx.json").read_text("utf-8"))
    assert bill["bomFormat"] == "CycloneDX"
    sent = tomllib.loads(RECORD.read_text("utf-8"))
    parts = {part["name"]: part for part in bill["components"]}
    assert len(parts) == len(bill["components"])
    assert parts.keys() == told | sent.keys()
    assert not JsonStrictValidator(SchemaVersion.from_version(bill["specVersion"])).validate_str(json.dumps(bill))
    for name, package in sent.items():
        assert parts[name]["version"] == package["version"]
        assert parts[name]["licenses"] == [{"license": {"id": package["licence"]}}]
        for file in parts[name]["components"]:
            content = (bundle / "app" / file["name"]).read_bytes()
            assert file["hashes"] == [{"alg": "SHA-512", "content": hashlib.sha512(content).hexdigest()}]
    named = {file["name"] for part in parts.values() for file in part.get("components", ())}
    vendored = bundle / "app" / VENDOR.relative_to(ROOT)
    assert named == {file.relative_to(bundle / "app").as_posix() for file in vendored.iterdir()}
    fonts = {".woff", ".woff2", ".ttf", ".otf", ".ttc", ".eot"}
    assert not [file for file in (bundle / "app").rglob("*") if file.suffix in fonts], (
        "and then they are to be told, too"
    )
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


def test_a_third_word_installs_what_several_processes_need(bundle: Path, tmp_path: Path) -> None:
    run(bundle / "install.sh", "640221", "平罗县", "distributed", ROOT=str(tmp_path))

    python = f"{tmp_path}{PLACE}/.venv/bin/python"
    run(python, "-c", "import aiokafka, faust, psycopg")
    assert (tmp_path / "var" / "lib" / "onevisit" / "home" / "secrets.toml").exists()


# ── nginx ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@contextmanager
def proxied(address: str, folder: Path) -> Iterator[tuple[str, str, ssl.SSLContext]]:
    """Run nginx by our file: its plain and its TLS address, and what trusts it."""
    trusting = make_certificate(folder / "fullchain.pem", folder / "key.pem")
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
    paths = "".join(
        f"{kind}_temp_path {folder}/{kind};\n" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    main = f"daemon off;\npid {folder}/pid;\nerror_log {folder}/error.log;\nevents {{}}\nhttp {{\n{paths}{text}}}\n"
    settings = folder / "nginx.conf"
    with running(["nginx", "-c", str(settings)], settings, main, tls):
        yield f"http://localhost:{plain}", f"https://localhost:{tls}", trusting


def test_behind_nginx_it_is_reached_by_tls_only(machine: Path, tmp_path: Path) -> None:
    component("nginx")
    with served(machine) as address, proxied(address, tmp_path) as (plain, tls, trusting):
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
