"""
Places where a test may kill the process: the same moments a power cut would find.

``ONEVISIT_FAILPOINTS="planner.committed:37,results.handled:12"`` kills the process (SIGKILL) at the n-th passing of a
point; what fired is first appended to the file ``ONEVISIT_FAILPOINT_LOG``. With ``ONEVISIT_FAILPOINT_TRACE`` every
pass is appended to that file instead, so that a test knows how often and in which order a run comes by. Unset, a point
costs one dictionary look-up.
"""

import os
import signal
import threading

POINTS = ("row_written", "committed", "relayed", "read", "handled", "offset_stored")

_lock = threading.Lock()
_armed: dict[str, int] = {}
_passed: dict[str, int] = {}
_trace: list[int] = []  # the open file of the trace, where there is one


def arm(spec: str) -> None:
    """Arm the points of *spec*, ``name:count`` comma-separated; an empty *spec* disarms all."""
    with _lock:
        _armed.clear()
        _passed.clear()
        for part in filter(None, spec.split(",")):
            name, _, count = part.partition(":")
            service, _, point = name.partition(".")
            if not service or point not in POINTS:
                raise ValueError(f"unknown failpoint {name!r}")
            _armed[name] = int(count)


def hit(service: str, point: str) -> None:
    """Pass a point: dies here if it is armed and its count is reached."""
    if not _armed and not _trace:
        return
    name = f"{service}.{point}"
    with _lock:
        for trace in _trace:
            os.write(trace, f"{name}\n".encode("ascii"))
        if name not in _armed:
            return
        _passed[name] = _passed.get(name, 0) + 1
        if _passed[name] < _armed[name]:
            return
    log = os.environ.get("ONEVISIT_FAILPOINT_LOG")
    if log:
        with open(log, "a", encoding="ascii") as file:
            file.write(f"{name}\n")
            file.flush()
            os.fsync(file.fileno())
    os.kill(os.getpid(), signal.SIGKILL)


arm(os.environ.get("ONEVISIT_FAILPOINTS", ""))
if _path := os.environ.get("ONEVISIT_FAILPOINT_TRACE"):
    _trace.append(os.open(_path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600))
