"""Serving one data folder on loopback: find a port, run web, workers and timers, stop gracefully."""

import errno
import gc
import socket
import threading
from collections.abc import Callable

import structlog
import uvicorn

from onevisit.system import System
from runtime.errors import OneVisitError

log = structlog.get_logger()

PORTS_TRIED = 20
LAST_PORT = 65_535
STOP_SECONDS = 10
GARBAGE = 10_000  # objects between two looks for garbage; Python's 700 are made by every single request


class NoFreePort(OneVisitError):
    """Every port that was tried is taken, or not ours to take."""

    code = "serving.no_free_port"


def free_port(host: str, wanted: int) -> socket.socket:
    """
    Take *wanted*, or the next port that is free (0: any); it stays taken until the socket is closed.

    Raises:
        NoFreePort: none of the next 20 is free.
        OSError: the host is no address of this machine.
    """
    last = min(wanted + PORTS_TRIED - 1, LAST_PORT)
    for port in range(wanted, last + 1) if wanted else [0]:
        # With the protocol named: asyncio turns Nagle's algorithm off only then, and with it on every answer, sent as head
        # and body, waits 40 ms for the client's delayed acknowledgement.
        taken = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            taken.bind((host, port))
            taken.listen()  # of two that are bound to the same port only one may listen
        except OSError as error:
            taken.close()
            if error.errno not in (errno.EADDRINUSE, errno.EACCES):
                error.filename = host
                raise
            continue
        return taken
    raise NoFreePort(host=host, first=wanted, last=last)


def serve(system: System, taken: socket.socket, once_up: Callable[[str, Callable[[], None]], None]) -> None:
    """
    Serve until a signal asks to stop.

    Args:
        system: What to serve; already migrated.
        taken: A socket that has its port (``free_port``); closed at the end.
        once_up: Called in a thread of its own when requests are answered, with the address and a function that stops.
    """
    host, port = system.home.settings.host, int(taken.getsockname()[1])
    config = uvicorn.Config(
        system.web(),
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=STOP_SECONDS,
    )
    server = uvicorn.Server(config)

    def stop() -> None:
        server.should_exit = True

    def watch() -> None:
        while not server.started:
            if server.should_exit:
                return
            threading.Event().wait(0.02)
        address = f"http://{host}:{port}"
        log.info("serving.started", address=address)
        once_up(address, stop)

    threading.Thread(target=watch, name="once-up", daemon=True).start()
    gc.freeze()  # what is there now stays: half a million objects that no collection need look at again
    gc.set_threshold(GARBAGE)
    server.run(sockets=[taken])
