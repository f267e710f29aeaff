"""
A partner system joins: from a key made by its administrator to its first assignment, over HTTP, with the program of the guide.

The county stands in the third day of inspections (``midway``); nothing is disclosed.
"""

import ast
import json
import os
import shutil
import socket
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn

from onevisit.serving import free_port
from schemas.envelope import CloudEvent
from schemas.webhooks import TEST_TYPE, Refused, verify
from services.notifier.outgoing import post
from services.notifier.sending import Sender
from tests.scenario.marks import Marks, joined
from tests.scenario.town import PARTNER, UNRELATED, Town

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("walls"), pytest.mark.timeout(600)]

ROOT = Path(__file__).parent.parent.parent
PROGRAM = ROOT / "examples" / "joining" / "partner.py"


@pytest.fixture(scope="module")
def address(town: Town) -> Iterator[str]:
    """The county's web on a port of this machine, without workers (the application's lifespan is left out)."""
    taken = free_port("127.0.0.1", 0)
    server = uvicorn.Server(uvicorn.Config(town.app, log_config=None, access_log=False, lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]}, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        threading.Event().wait(0.02)
    yield f"http://127.0.0.1:{taken.getsockname()[1]}"
    server.should_exit = True
    thread.join(10)


def key_of(town: Town, agency: str, *scopes: str) -> str:
    """Let the agency's administrator make a key."""
    admin = town.person(f"{agency}-agency-admin".lower()).client
    asked = {"name": "业务系统", "scopes": scopes, "expires_on": "2019-06-30"}
    return str(admin.api("POST", "/api/console/v1/clients", asked, key=uuid.uuid4().hex)["key"])


def bearer(key: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a partner's developer has it: the program and the package ``schemas``, nothing else of ours."""
    folder = tmp_path_factory.mktemp("partner")
    shutil.copy(PROGRAM, folder)
    shutil.copytree(ROOT / "schemas", folder / "schemas", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def run(alone: Path, address: str, agency: str, key: str, state: str = "state.json") -> Any:
    """Run the partner's program in its own folder and process."""
    environment = {"ONEVISIT_KEY": key, "PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
    command = [sys.executable, "partner.py", address, agency, state]
    done = subprocess.run(command, cwd=alone, env=environment, capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return json.loads(done.stdout) if done.stdout else None


def test_the_program_imports_nothing_of_ours_but_schemas() -> None:
    tree = ast.parse(PROGRAM.read_text(encoding="utf-8"))
    modules = {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module}
    modules |= {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }

    assert modules - sys.stdlib_module_names == {"schemas"}


def test_from_a_key_to_the_first_assignment(town: Town, marks: Marks, address: str, alone: Path) -> None:
    key = key_of(town, PARTNER, "feed:read", "assignments:read")

    visit = run(alone, address, PARTNER, key)
    assert {one["agency"] for one in visit["agencies"]} >= {PARTNER}
    assert visit["target"]["name"] in marks.drawn[visit["visit"]], (
        "the firm, though nothing is disclosed: it is its own visit"
    )
    assert visit["visit_on"]
    seen = {visit["visit"]}
    while (following := run(alone, address, PARTNER, key)) is not None:
        seen.add(following["visit"])
    listed = httpx.get(f"{address}/api/results/v1/visits", headers=bearer(key)).json()["visits"]
    assert seen == {line["visit"] for line in listed if line["visit_on"]}
    assert len(seen) > 1


def test_an_agency_without_a_part_gets_no_assignment(town: Town, address: str, alone: Path) -> None:
    key = key_of(town, UNRELATED, "feed:read", "assignments:read")

    assert run(alone, address, UNRELATED, key, "other.json") is None
    visit = next(iter(town.teams))
    assert httpx.get(f"{address}/api/results/v1/visits/{visit}", headers=bearer(key)).status_code == 404
    assert httpx.get(f"{address}/api/results/v1/visits", headers=bearer(key)).json() == {"visits": []}


def test_no_feed_names_a_target_or_a_person(town: Town, marks: Marks, address: str) -> None:
    forbidden = joined([marks.people, marks.firms, marks.all_written(), marks.secrets, *marks.drawn.values()])
    read = 0
    for agency in ("JT", PARTNER, UNRELATED):
        key, cursor, more = key_of(town, agency, "feed:read"), "", True
        while more:
            page = httpx.get(f"{address}/api/feed", params={"after": cursor, "limit": 500}, headers=bearer(key))
            cursor, more = page.headers["feed-cursor"], page.headers["feed-more"] == "true"
            texts = {str(value) for event in page.json() for value in _values(event["data"])}
            assert texts & forbidden.keys() == set()
            assert [mark for mark in forbidden if len(mark) > 12 and mark in page.text] == []
            read += len(page.json())

    assert read > 100


def _values(data: Any) -> Iterator[Any]:
    if isinstance(data, dict):
        for value in data.values():
            yield from _values(value)
    elif isinstance(data, list):
        for value in data:
            yield from _values(value)
    else:
        yield data


def test_a_client_reads_and_answers_referrals_by_its_scopes_once(town: Town, address: str) -> None:
    reads = bearer(key_of(town, PARTNER, "referrals:read"))
    answers = bearer(key_of(town, PARTNER, "referrals:read", "referrals:answer"))
    lists = httpx.get(f"{address}/api/results/v1/referrals", headers=reads).json()
    referral = next(line["referral"] for line in _lines(lists) if line.get("receiver") == PARTNER)
    path = f"{address}/api/results/v1/referrals/{referral}/receive"

    assert httpx.post(path, headers=reads).json()["code"] == "web.scope_missing"
    assert httpx.post(path, headers=answers).json()["code"] == "idempotency.key_missing"
    first = httpx.post(path, headers={**answers, "Idempotency-Key": "one"})
    again = httpx.post(path, headers={**answers, "Idempotency-Key": "one"})
    assert first.status_code in (200, 409), first.text  # received before this test, or by it
    assert (again.status_code, again.json().get("code")) == (first.status_code, first.json().get("code"))


def _lines(found: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(found, dict):
        if "referral" in found:
            yield found
        for value in found.values():
            yield from _lines(value)
    elif isinstance(found, list):
        for value in found:
            yield from _lines(value)


# ── pushed, on real sockets ─────────────────────────────────────────────────────────────────────────────────────────


class Listener(ThreadingHTTPServer):
    """A receiver on this machine: keeps what it gets, answers what it is told."""

    daemon_threads = True

    def __init__(self, status: int = 204, location: str = "") -> None:
        super().__init__(("127.0.0.1", 0), Taking)
        self.status, self.location = status, location
        self.got: list[tuple[dict[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook?x=1"


class Taking(BaseHTTPRequestHandler):
    """One request."""

    server: Listener

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.got.append((dict(self.headers.items()), body))
        self.send_response(self.server.status)
        if self.server.location:
            self.send_header("Location", self.server.location)
        self.end_headers()

    do_GET = do_POST  # noqa: N815  # named by the standard library

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@contextmanager
def listening(**how: Any) -> Iterator[Listener]:
    with Listener(**how) as listener:
        thread = threading.Thread(target=listener.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield listener
        finally:
            listener.shutdown()
            thread.join(5)


def test_a_pushed_event_is_verified_by_the_reference_and_a_tampered_one_refused(town: Town) -> None:
    notifier, settings = town.system.services["notifier"], town.system.services["notifier"].settings
    admin = town.person(f"{PARTNER}-agency-admin".lower()).client
    with listening() as listener:
        notifier.settings = settings.model_copy(update={"webhook_loopback": True})
        try:
            asked = {"name": "本机", "url": listener.url}
            made = admin.api("POST", "/api/notifier/v1/webhooks", asked, key=uuid.uuid4().hex)
            admin.api("POST", f"/api/notifier/v1/webhooks/{made['webhook']}/test", key=uuid.uuid4().hex)
            sender = Sender(notifier)
            assert sender.drain(made["webhook"]) == 1
        finally:
            notifier.settings = settings
        (headers, body) = listener.got[0]

    event = verify([made["secret"]], headers, body, now=sender._now(), seen=())
    assert (event.type, event.data["agency"]) == (TEST_TYPE, PARTNER)
    assert CloudEvent.model_validate_json(body) == event
    with pytest.raises(Refused):
        verify([made["secret"]], headers, body.replace(PARTNER.encode(), b"JT"), now=sender._now(), seen=())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(status: int) -> None:
    with listening() as inner, listening(status=status, location=inner.url) as outer:
        answer = post(outer.url, {}, b"{}", seconds=5, loopback=True)

        assert answer.status == status
        assert len(outer.got) == 1
        assert inner.got == []


def test_this_machine_is_not_called_without_leave_on_a_real_socket() -> None:
    with listening() as listener:
        for url in (
            listener.url,
            listener.url.replace("http", "https", 1),
            listener.url.replace("127.0.0.1", "localhost"),
        ):
            assert post(url, {}, b"{}", seconds=5).problem == "url_refused"
        rebound = post("https://xt.example.cn:8443/", {}, b"{}", seconds=5, resolve=lambda *_: ["127.0.0.1"])
        assert rebound.problem == "address_closed"
        assert listener.got == []


def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with listening() as proxy, listening() as listener:
        for name in ("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        assert post(listener.url, {}, b"{}", seconds=5, loopback=True).status == 204
        assert proxy.got == []


def test_a_receiver_that_drips_is_cut_off_when_the_time_is_up() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        stop = threading.Event()

        def drip() -> None:
            wire, _ = server.accept()
            with wire:
                wire.sendall(b"HTTP/1.1 200 OK\r\n")
                while not stop.wait(0.1):
                    try:
                        wire.sendall(b"X-Drop: 1\r\n"[:1])
                    except OSError:
                        return

        thread = threading.Thread(target=drip, daemon=True)
        thread.start()
        started = time.monotonic()
        answer = post(f"http://127.0.0.1:{server.getsockname()[1]}/", {}, b"{}", seconds=1, loopback=True)
        stop.set()
        thread.join(5)

    assert (answer.status, answer.problem) == (None, "too_slow")
    assert time.monotonic() - started < 4


def test_a_receiver_that_speaks_no_tls_is_told_so() -> None:
    with listening() as listener:
        answer = post(listener.url.replace("http", "https", 1), {}, b"{}", seconds=5, loopback=True)

    assert answer.problem == "tls_failed"
    assert listener.got == []
