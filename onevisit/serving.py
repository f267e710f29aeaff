"""Serving on a port: find one, answer requests, stop gracefully; whole installations, or a part of one in this process."""

import errno
import gc
import signal
import socket
import threading
from collections.abc import Callable

import structlog
import uvicorn
from fastapi import FastAPI

from onevisit.system import System
from runtime.errors import OneVisitError

log = structlog.get_logger()

OnceUp = Callable[[str, Callable[[], None]], None]

PORTS_TRIED = 20
LAST_PORT = 65_535
STOP_SECONDS = 10
REQUESTS_SECONDS, THREADS_SECONDS = 2, 4  # of them, in a process with a part: first its requests end, then its threads
GARBAGE = 10_000  # objects between two looks for garbage; Python's 700 are made by every single request


class NoFreePort(OneVisitError):
    """Every port that was tried is taken, or not ours to take."""

    code = "serving.no_free_port"


class PartCrashed(OneVisitError):
    """What runs the services in this process cannot go on; the supervisor starts it again."""

    code = "serving.part_crashed"
    exit_code = 70


class PortTaken(OneVisitError):
    """The port of this process is taken; a proxy and a supervisor look for it there and nowhere else."""

    code = "serving.port_taken"


def own_port(host: str, wanted: int) -> socket.socket:
    """
    Take *wanted* and no other port (0: any).

    Raises:
        PortTaken: it is taken, or not ours to take.
        OSError: the host is no address of this machine.
    """
    try:
        return free_port(host, wanted, tried=1)
    except NoFreePort as refusal:
        raise PortTaken(host=host, port=wanted) from refusal


def free_port(host: str, wanted: int, *, tried: int | None = None) -> socket.socket:
    """
    Take *wanted*, or the next of *tried* (20) ports that is free (0: any); it stays taken until the socket is closed.

    Raises:
        NoFreePort: none of them is free.
        OSError: the host is no address of this machine.
    """
    last = min(wanted + (tried or PORTS_TRIED) - 1, LAST_PORT)
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


def serve(
    app: FastAPI,
    taken: socket.socket,
    once_up: OnceUp,
    *,
    ended: threading.Event | None = None,
    seconds: int = STOP_SECONDS,
    proxies: str = "127.0.0.1",
) -> None:
    """
    Serve until a signal asks to stop.

    Args:
        app: What to serve.
        taken: A socket that has its port (``free_port``); closed at the end.
        once_up: Called in a thread of its own when requests are answered, with the address and a function that stops.
        ended: Set when there is nothing more to serve for.
        seconds: How long requests that are under way may take to end.
        proxies: Whose word counts for the address of a client.
    """
    host, port = taken.getsockname()
    config = uvicorn.Config(
        app,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        forwarded_allow_ips=proxies,
        timeout_graceful_shutdown=seconds,
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
        if ended is not None:
            ended.wait()
            stop()

    threading.Thread(target=watch, name="once-up", daemon=True).start()
    gc.freeze()  # what is there now stays: half a million objects that no collection need look at again
    gc.set_threshold(GARBAGE)
    server.run(sockets=[taken])


def serve_part(system: System, app: FastAPI, port: int, once_up: OnceUp = lambda address, stop: None) -> None:
    """
    Run this process's part of a distributed installation until a signal asks to stop; at most ten seconds later it is over.

    Args:
        system: Of which this process runs a part.
        app: What is served meanwhile.
        port: Where, and nowhere else (0: anywhere).
        once_up: As for ``serve``.

    Raises:
        PartCrashed: it cannot go on.
        PortTaken: somebody else listens there.
        TopicsMissing, TopicsForbidden, OrdinalTaken: it does not start.
    """
    host, taken = system.host, own_port(system.home.settings.host, port)
    for number in (
        signal.SIGTERM,
        signal.SIGINT,
    ):  # uvicorn sends itself once more what ended it, with our threads at work
        signal.signal(number, lambda caught, frame: None)
    try:
        host.start()
        proxies = system.home.settings.proxies
        serve(app, taken, once_up, ended=host.ended, seconds=REQUESTS_SECONDS, proxies=proxies)
    finally:
        host.stop(THREADS_SECONDS)
    if host.crashed is not None:
        raise PartCrashed(why=host.crashed)
