"""Processes that must not outlive the tests: started so that the kernel ends them with whoever started them."""

import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE_SECONDS = 20.0


def free_port() -> int:
    """Find a port on loopback that nobody listens on."""
    with socket.socket() as trial:
        trial.bind(("127.0.0.1", 0))
        return int(trial.getsockname()[1])


def start(
    command: Sequence[str],
    *,
    output: Path,
    end_with: signal.Signals = signal.SIGKILL,
    user: str | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """
    Start *command* in the background; call it from a main thread.

    Args:
        command: Program and arguments.
        output: File to which what it says is appended.
        end_with: What the kernel sends it when the thread that started it ends, even by SIGKILL (Linux with util-linux).
        user: Run as this user instead (only root can).
        env: Its whole environment; None: ours.
    """
    wrapper: list[str] = []
    setpriv = shutil.which("setpriv")
    if setpriv:
        wrapper = [setpriv, "--pdeathsig", end_with.name.removeprefix("SIG")]
        if user is not None:
            wrapper += ["--reuid", user, "--regid", user, "--init-groups"]
        wrapper.append("--")
    elif user is not None:
        wrapper = ["runuser", "-u", user, "--"]
    with open(output, "ab") as file:
        return subprocess.Popen(
            [*wrapper, *command],
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            env=env,
            cwd=output.parent,
            start_new_session=True,  # Ctrl-C in the terminal is ours to answer
        )


def end(process: subprocess.Popen[bytes] | None, how: signal.Signals = signal.SIGTERM) -> None:
    """Ask *process* to end, wait, and kill it if it does not."""
    if process is None or process.poll() is not None:
        return
    process.send_signal(how)
    try:
        process.wait(PATIENCE_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(PATIENCE_SECONDS)


def tail(path: Path, lines: int = 20) -> str:
    """Return the end of a log, for a failure's message."""
    if not path.exists():
        return ""
    with open(path, "rb") as file:
        file.seek(max(0, os.path.getsize(path) - 20_000))
        return "\n".join(file.read().decode(errors="replace").splitlines()[-lines:])
