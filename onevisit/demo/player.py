"""Somebody at a browser, many times over: signs in over HTTP as each person and does what the story says."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx

PATIENCE_SECONDS = 120.0
PAUSE_SECONDS = 0.05


class StepRefused(Exception):
    """The county answered a step of the story with a refusal."""

    def __init__(self, step: str, who: str, status: int, body: str) -> None:
        super().__init__(f"{step} by {who}: HTTP {status}: {body[:2000]}")
        self.step, self.who, self.status, self.body = step, who, status, body


@dataclass
class _Session:
    cookie: str
    csrf: str


@dataclass
class Player:
    """
    Acts for everybody of the story.

    Requests are tried again while the county is down or not ready (it may be killed and started again at any moment);
    every step carries its name as Idempotency-Key, so that trying again does nothing twice.
    """

    url: Callable[[], str]  # asked anew for every request: a restarted county may have another port
    password: Callable[[str], str]
    admin: str
    _sessions: dict[str, _Session] = field(default_factory=dict)
    _http: httpx.Client = field(default_factory=lambda: httpx.Client(timeout=90.0, trust_env=False))

    def get(self, who: str, path: str) -> Any:
        """Read JSON as *who*."""
        return self._try("read", who, lambda: self._send("GET", who, path, {})).json()

    def post(
        self,
        step: str,
        who: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        file: tuple[str, bytes, str] | None = None,
        fields: Mapping[str, str] | None = None,
        raw: bytes | None = None,
        if_match: str | None = None,
    ) -> Any:
        """Do a step as *who*: JSON *body*, a *file* (name, bytes, content type) with form *fields*, or *raw* bytes."""
        headers = {"Idempotency-Key": step} | ({"If-Match": f'"{if_match}"'} if if_match else {})

        def send() -> httpx.Response:
            if raw is not None:
                return self._send("POST", who, path, headers, content=raw)
            if file is not None:
                return self._send("POST", who, path, headers, files={"file": file}, data=dict(fields or {}))
            return self._send("POST", who, path, headers, json=dict(body or {}))

        answer = self._try(step, who, send)
        return answer.json() if answer.content else {}

    def move_clock(self, to: datetime) -> None:
        """Let business time go on to *to*, timers included."""
        self.post(f"clock-{to.isoformat()}", self.admin, "/api/demo/v1/clock", {"to": to.isoformat()})

    def close(self) -> None:
        """Close the connection."""
        self._http.close()

    def _send(self, method: str, who: str, path: str, headers: Mapping[str, str], **content: Any) -> httpx.Response:
        session = self._session(who)
        own = {"Cookie": f"onevisit={session.cookie}", "X-CSRF-Token": session.csrf, "Accept": "application/json"}
        answer = self._http.request(method, f"{self.url()}{path}", headers={**own, **headers}, **content)
        if answer.status_code == 401:
            del self._sessions[who]
            return self._send(method, who, path, headers, **content)
        return answer

    def _session(self, who: str) -> _Session:
        if who not in self._sessions:
            body = {"login": who, "password": self.password(who)}
            answer = self._http.post(f"{self.url()}/api/console/v1/sign-in", json=body)
            if answer.status_code != 200:
                raise StepRefused("sign-in", who, answer.status_code, answer.text)
            self._sessions[who] = _Session(answer.cookies["onevisit"], answer.json()["csrf"])
            self._http.cookies.clear()
        return self._sessions[who]

    def _try(self, step: str, who: str, send: Callable[[], httpx.Response]) -> httpx.Response:
        end = time.monotonic() + PATIENCE_SECONDS
        while True:
            try:
                answer = send()
            except (httpx.TransportError, FileNotFoundError):  # down, or just coming up under another address
                if time.monotonic() > end:
                    raise
            except StepRefused as refused:  # at the sign-in before it
                if refused.status != 503 or time.monotonic() > end:
                    raise
            else:
                if answer.is_success:
                    return answer
                later = answer.status_code in (502, 503) or "retry-after" in answer.headers
                if not later or time.monotonic() > end:
                    raise StepRefused(step, who, answer.status_code, answer.text)
            time.sleep(PAUSE_SECONDS)
