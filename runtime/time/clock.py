"""
Business time: what commands and timers take for now.

Handlers use their event's time; back-off, leases and session expiry use real time. A county's clock is real. A
demonstration's clock stands still at a moment and is moved forward by whoever plays the demonstration, until it has
caught up and becomes real for good. Either way it is kept in the data folder and never goes back.
"""

import fcntl
import json
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal, Protocol

from runtime.errors import Conflict, Rejected, TryAgain

Mode = Literal["real", "simulated"]
_MARK_EVERY = timedelta(seconds=60)


class ClockWouldGoBack(Rejected):
    """Business time was asked to go back; it never does."""

    code = "clock.would_go_back"


class ClockIsReal(Conflict):
    """The clock is the real one; nobody sets it any more."""

    code = "clock.is_real"


class ClockAlreadyStarted(Conflict):
    """The clock of this data folder has been started before and keeps its time."""

    code = "clock.already_started"


class ClockAheadOfNow(Conflict):
    """The simulated moment lies in the future; going real would take business time back."""

    code = "clock.ahead_of_now"


class ClockDamaged(TryAgain):
    """The clock's file in the data folder cannot be read; restore it, time is not guessed."""

    code = "clock.damaged"


class Clock(Protocol):
    """Tells business time."""

    def now(self) -> datetime:
        """Tell the moment it is: aware, UTC."""
        ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        """Tell the moment it is: aware, UTC."""
        return datetime.now(UTC)


class StillClock:
    """A clock that stands at a moment, in memory, until it is moved forward: for tests."""

    def __init__(self, moment: datetime) -> None:
        self._moment = _utc(moment)

    def now(self) -> datetime:
        """Tell the moment it stands at."""
        return self._moment

    def advance_to(self, moment: datetime) -> datetime:
        """Move forward to *moment*; a moment already passed is refused."""
        if _utc(moment) < self._moment:
            raise ClockWouldGoBack(asked=moment.isoformat(), now=self._moment.isoformat())
        self._moment = _utc(moment)
        return self._moment


@dataclass(frozen=True, slots=True)
class _Kept:
    mode: Mode
    moment: datetime  # simulated: the moment it stands at; real: a moment it has certainly reached


class DurableClock:
    """
    Business time kept in a file of the data folder, so that kill -9 loses nothing.

    Begins real; `start_simulated` begins it at a moment instead, once, in a folder that has no clock yet. Every move
    is on disk (written beside, fsynced, renamed, folder fsynced) before it is told. Several processes may share the
    file: moves are made under a lock, and readers notice them.

    In real mode the greatest moment told is marked in the file at most once a minute: within a process time never goes
    back, and after a restart on a machine whose clock was set back it stands still at that mark.

    Args:
        path: The clock's file; its folder must exist.
        wall: The machine's clock.
    """

    def __init__(self, path: Path, wall: Callable[[], datetime] | None = None) -> None:
        self._path = path
        self._wall = wall or SystemClock().now
        self._guard = threading.RLock()
        self._seen: tuple[int, int, int] | None = None
        self._kept = _Kept("real", datetime.min.replace(tzinfo=UTC))
        self._told = self._kept.moment

    @property
    def mode(self) -> Mode:
        """Tell whether the clock is real or simulated."""
        with self._guard:
            self._refresh()
            return self._kept.mode

    def now(self) -> datetime:
        """Tell the moment it is: aware, UTC, never before one told earlier."""
        with self._guard:
            self._refresh()
            if self._kept.mode == "simulated":
                self._told = self._kept.moment
                return self._told
            self._told = max(self._told, self._kept.moment, _utc(self._wall()))
            if self._told - self._kept.moment >= _MARK_EVERY:
                with self._alone():
                    if self._kept.mode == "real" and self._kept.moment < self._told:
                        self._keep(_Kept("real", self._told))
            return self._told

    def start_simulated(self, moment: datetime) -> None:
        """
        Begin this folder's clock at *moment*, standing still.

        Raises:
            ClockAlreadyStarted: the folder has a clock.
        """
        with self._guard, self._alone():
            if self._seen is not None:
                raise ClockAlreadyStarted(mode=self._kept.mode, now=self._kept.moment.isoformat())
            self._keep(_Kept("simulated", _utc(moment)))

    def advance_to(self, moment: datetime) -> datetime:
        """
        Move the simulated clock forward to *moment*; to move it to where it stands changes nothing.

        Raises:
            ClockIsReal: the clock is not simulated (any more).
            ClockWouldGoBack: *moment* has passed.
        """
        with self._guard, self._alone():
            if self._kept.mode == "real":
                raise ClockIsReal()
            if _utc(moment) < self._kept.moment:
                raise ClockWouldGoBack(asked=_utc(moment).isoformat(), now=self._kept.moment.isoformat())
            if _utc(moment) > self._kept.moment:
                self._keep(_Kept("simulated", _utc(moment)))
            return self._kept.moment

    def go_real(self) -> datetime:
        """
        Become the real clock for good, at the machine's now; a real clock stays as it is.

        Raises:
            ClockAheadOfNow: the simulated moment has not been reached yet.
        """
        with self._guard, self._alone():
            if self._kept.mode == "simulated":
                now = _utc(self._wall())
                if now < self._kept.moment:
                    raise ClockAheadOfNow(now=now.isoformat(), simulated=self._kept.moment.isoformat())
                self._keep(_Kept("real", now))
        return self.now()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep every other process from moving the clock, and see what they did before."""
        lock = os.open(self._path.with_name(self._path.name + ".lock"), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._refresh()
            yield
        finally:
            os.close(lock)

    def _refresh(self) -> None:
        try:
            facts = os.stat(self._path)
        except FileNotFoundError:
            return
        seen = (facts.st_ino, facts.st_mtime_ns, facts.st_size)
        if seen == self._seen:
            return
        try:
            data = json.loads(self._path.read_bytes())
            if data["mode"] not in ("real", "simulated"):
                raise ValueError(data["mode"])
            kept = _Kept(data["mode"], _utc(datetime.fromisoformat(data["moment"])))
        except (ValueError, KeyError, TypeError) as error:
            raise ClockDamaged(path=str(self._path)) from error
        self._kept, self._seen = kept, seen

    def _keep(self, kept: _Kept) -> None:
        beside = self._path.with_name(f"{self._path.name}.{os.getpid()}.new")
        with open(beside, "w", encoding="ascii") as file:
            json.dump({"mode": kept.mode, "moment": kept.moment.isoformat()}, file)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, self._path)
        folder = os.open(self._path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
        facts = os.stat(self._path)
        self._kept, self._seen = kept, (facts.st_ino, facts.st_mtime_ns, facts.st_size)


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError("a moment must be aware of its time zone")
    return moment.astimezone(UTC)
