"""Serving one data folder on loopback: find a port, run web, workers and timers, stop gracefully."""

import socket
import threading
from collections.abc import Callable

import uvicorn

from onevisit.system import System

PORTS_TRIED = 20
STOP_SECONDS = 10


def free_port(host: str, wanted: int) -> int:
    """Return *wanted*, or the next port that is free (0: any)."""
    for port in range(wanted, wanted + PORTS_TRIED) if wanted else [0]:
        with socket.socket() as trial:
            trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                trial.bind((host, port))
            except OSError:
                continue
            return int(trial.getsockname()[1])
    raise OSError(f"no free port from {wanted} to {wanted + PORTS_TRIED - 1}")


def serve(system: System, port: int, once_up: Callable[[str, Callable[[], None]], None]) -> None:
    """
    Serve until a signal asks to stop.

    Args:
        system: What to serve; already migrated.
        port: A free port.
        once_up: Called in a thread of its own when requests are answered, with the address and a function that stops.
    """
    host = system.home.settings.host
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
        once_up(f"http://{host}:{port}", stop)

    threading.Thread(target=watch, name="once-up", daemon=True).start()
    server.run()
