"""
One POST to a partner's address, behind the address guard (`domain.addresses`).

The name is resolved once; every address it has must be open; the connection goes to an address that was looked at, never to
what a second look would say (DNS rebinding). No redirect is followed, no proxy asked, no answer's body read. A try ends when
its time is up, however slowly the receiver drips.
"""

import http.client
import socket
import ssl
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

from services.notifier.domain.addresses import Endpoint, UrlRefused, is_open, read_url

Resolve = Callable[[str, int], Sequence[str]]
Connect = Callable[[str, int, float], socket.socket]


@dataclass(frozen=True)
class Answer:
    """What came of a try: a status, or the problem that kept it from getting one; and how long it took."""

    status: int | None
    problem: str | None  # url_refused | address_closed | not_resolved | not_connected | tls_failed | too_slow | no_http
    milliseconds: int


class _Failed(Exception):
    def __init__(self, problem: str) -> None:
        super().__init__(problem)
        self.problem = problem


def resolve(host: str, port: int) -> Sequence[str]:
    """Ask the system's resolver for every address of a host."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def connect(address: str, port: int, seconds: float) -> socket.socket:
    """Connect to an address (never a name)."""
    return socket.create_connection((address, port), timeout=seconds)


@cache
def _tls() -> ssl.SSLContext:
    return ssl.create_default_context()


def post(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    *,
    seconds: float,
    loopback: bool = False,
    resolve: Resolve = resolve,
    connect: Connect = connect,
    context: ssl.SSLContext | None = None,
) -> Answer:
    """
    Post *body* to *url* and tell what came of it; never raises for what a receiver does.

    Args:
        url: Of the webhook; checked anew.
        headers: Sent with the body.
        body: At most an event.
        seconds: That the whole try may take.
        loopback: Whether this machine itself may be called (demo homes).
        resolve: Finds the addresses of a host.
        connect: Connects to one of them.
        context: Trust for TLS; the system's certificates unless a test brings its own.
    """
    started = time.monotonic()
    try:
        status = _try(url, headers, body, started + seconds, loopback, resolve, connect, context)
        problem = None
    except _Failed as failed:
        status, problem = None, failed.problem
    return Answer(status, problem, int((time.monotonic() - started) * 1000))


def _try(
    url: str,
    headers: Mapping[str, str],
    body: bytes,
    end: float,
    loopback: bool,
    resolve: Resolve,
    connect: Connect,
    context: ssl.SSLContext | None,
) -> int:
    try:
        to = read_url(url, loopback=loopback)
    except UrlRefused as error:
        raise _Failed("url_refused") from error
    try:
        addresses = resolve(to.host, to.port)
    except (OSError, UnicodeError) as error:
        raise _Failed("not_resolved") from error
    if not addresses or not all(is_open(address, loopback=loopback) for address in addresses):
        raise _Failed("address_closed")
    wire = _connected(to, addresses, end, connect)
    with _Deadline(wire, end) as deadline:
        try:
            if to.tls:
                # Checked against the name in the URL, although the address was chosen here. The handshake comes after the
                # watch has begun: the plain socket is no longer one once it is wrapped.
                wrapped = (context or _tls()).wrap_socket(wire, server_hostname=to.host, do_handshake_on_connect=False)
                wire = deadline.watch(wrapped)
                wrapped.do_handshake()
            status = _exchange(wire, to, headers, body)
        except ssl.SSLError as error:
            raise _Failed("too_slow" if deadline.passed else "tls_failed") from error
        except (OSError, ValueError) as error:
            raise _Failed("too_slow" if deadline.passed else "not_connected") from error
        except http.client.HTTPException as error:
            raise _Failed("too_slow" if deadline.passed else "no_http") from error
        finally:
            wire.close()
        if deadline.passed:  # what was cut off in the middle of its headers looks like an answer
            raise _Failed("too_slow")
        return status


def _connected(to: Endpoint, addresses: Sequence[str], end: float, connect: Connect) -> socket.socket:
    for address in addresses:
        left = end - time.monotonic()
        if left <= 0:
            raise _Failed("too_slow")
        with suppress(OSError):
            return connect(address, to.port, left)
    raise _Failed("not_connected")


def _exchange(wire: socket.socket, to: Endpoint, headers: Mapping[str, str], body: bytes) -> int:
    connection = http.client.HTTPConnection(to.host, to.port)
    connection.auto_open = 0  # nothing here may connect anew
    connection.sock = wire
    try:
        connection.putrequest("POST", to.path, skip_host=True, skip_accept_encoding=True)
        for name, value in {"Host": to.authority, "Content-Length": str(len(body)), **headers}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        return connection.getresponse().status
    finally:
        connection.close()


class _Deadline:
    """Shuts a connection when the time is up: a socket's own timeout begins anew with every byte that drips in."""

    def __init__(self, wire: socket.socket, end: float) -> None:
        self._wire = wire
        self._timer = threading.Timer(max(0.0, end - time.monotonic()), self._shut)
        self._timer.daemon = True
        self.passed = False

    def watch(self, wire: ssl.SSLSocket) -> ssl.SSLSocket:
        """Watch the socket that has taken the first one's place."""
        self._wire = wire
        return wire

    def _shut(self) -> None:
        self.passed = True
        with suppress(OSError):
            self._wire.shutdown(socket.SHUT_RDWR)

    def __enter__(self) -> "_Deadline":
        self._timer.start()
        return self

    def __exit__(self, *raised: object) -> None:
        self._timer.cancel()
