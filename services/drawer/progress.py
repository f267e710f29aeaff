"""
Where an attempt stands, and what somebody may do about it now. Pure: sets of who has spoken, times, and a moment.

The ceremony's own rules are ``domain.ceremony``; this says what to show and what to offer before they are asked.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from schemas.vocabulary import Role
from services.drawer.domain.beacons import ROOM_DICE

SECOND = timedelta(seconds=1)


class Stage(StrEnum):
    """The steps of a draw as people see them."""

    NOT_OPENED = "not_opened"
    COMMIT = "commit"
    COUNTERSIGN = "countersign"
    REVEAL = "reveal"
    SEAL = "seal"
    DICE = "dice"
    BEACON = "beacon"
    DRAWING = "drawing"
    DRAWN = "drawn"
    DISCLOSED = "disclosed"
    VOID = "void"


class Act(StrEnum):
    """What somebody may be asked to do."""

    OPEN = "open"
    COMMIT = "commit"
    COUNTERSIGN = "countersign"
    REVEAL = "reveal"
    SEAL = "seal"
    DICE = "dice"
    BEACON = "beacon"


BEFORE_SEAL = frozenset({Stage.COMMIT, Stage.COUNTERSIGN, Stage.REVEAL, Stage.SEAL})
OVER = frozenset({Stage.DRAWING, Stage.DRAWN, Stage.DISCLOSED, Stage.VOID, Stage.NOT_OPENED})


def step_of(awaited: str | None) -> Stage:
    """Say which step follows the seal: dice, another source's value, or working out the result."""
    if awaited is None:
        return Stage.DRAWING
    return Stage.DICE if awaited == ROOM_DICE else Stage.BEACON


@dataclass(frozen=True)
class Moments:
    """The manifest's times as moments."""

    published: datetime
    commit_close: datetime
    reveal_close: datetime
    seal_by: datetime
    beacon_time: datetime
    window_end: datetime

    @classmethod
    def of(cls, times: dict[str, int]) -> "Moments":
        """Read the times of a manifest's JSON."""
        return cls(**{name: datetime.fromtimestamp(value, UTC) for name, value in times.items()})


@dataclass(frozen=True)
class Standing:
    """What has been said in one attempt, by name only."""

    lead: str
    agencies: tuple[str, ...]
    witness: str | None
    moments: Moments
    max_missing: int
    awaited: str | None
    """The source of randomness whose value is the next one; None where all are there."""
    committed: Collection[str]
    countersigned: Collection[str]
    revealed: Collection[str]
    sealed: bool
    drawn: bool
    disclosed: bool
    voided: bool
    disclose_at: datetime | None = None
    seal_signed: Collection[str] = ()
    """Agencies whose signature under a seal without a witness is there."""
    dice_read: Mapping[str, str] = field(default_factory=dict)
    """The dice as agencies signed them, where there is no witness."""

    def lacking(self, present: Collection[str]) -> tuple[str, ...]:
        """Name the agencies that are not in *present*."""
        return tuple(agency for agency in self.agencies if agency not in present)

    @property
    def enough_reveals(self) -> bool:
        """Whether no more reveals are missing than the manifest allows."""
        missing = len(self.lacking(self.revealed))
        return missing <= self.max_missing and len(self.agencies) - missing >= min(2, len(self.agencies))

    def stage(self, now: datetime) -> Stage:
        """Say which step comes next, or that the attempt is over."""
        if self.voided:
            return Stage.VOID
        if self.disclosed:
            return Stage.DISCLOSED
        if self.drawn:
            return Stage.DRAWN
        if self.sealed:
            return step_of(self.awaited)
        if (end := self.ends_at()) is not None and now >= end:
            return Stage.VOID
        if self.lacking(self.committed):
            return Stage.COMMIT
        if self.lacking(self.countersigned):
            return Stage.COUNTERSIGN
        return Stage.SEAL if self._sealable(now) else Stage.REVEAL

    def ends_at(self) -> datetime | None:
        """Say from when on the attempt is void if nothing more is said (JIDRAW/1 sections 5 and 6); None once sealed."""
        if self.sealed or self.voided:
            return None
        if self.lacking(self.committed):
            return self.moments.commit_close + SECOND
        if self.lacking(self.countersigned):
            return self.moments.reveal_close
        return self.moments.seal_by + SECOND

    def _sealable(self, now: datetime) -> bool:
        return not self.lacking(self.revealed) or (now >= self.moments.reveal_close and self.enough_reveals)

    def waits_for(self, now: datetime) -> datetime | None:
        """Say from when on the present step can be done, where that is still to come."""
        moments = self.moments
        begins = {
            Stage.COUNTERSIGN: moments.commit_close,
            Stage.DICE: moments.beacon_time,
            Stage.BEACON: moments.beacon_time,
        }
        begin = begins.get(self.stage(now))
        return begin if begin is not None and now < begin else None

    def next_turn(self, now: datetime) -> datetime | None:
        """
        Say when something changes by itself if nobody speaks: a step begins, ends or opens; None: nothing ever does.

        For whoever moves a clock, as in a rehearsal.
        """
        stage = self.stage(now)
        if (begin := self.waits_for(now)) is not None:
            return begin
        if stage == Stage.REVEAL and now < self.moments.reveal_close:
            return self.moments.reveal_close
        if stage in BEFORE_SEAL:
            return self.ends_at()
        return self.disclose_at if stage == Stage.DRAWN else None

    def deadline(self, now: datetime) -> datetime | None:
        """Say by when the present step is to be done: before its beginning that (``waits_for``), drawn: when it opens."""
        moments = self.moments
        by = {
            Stage.COMMIT: moments.commit_close,
            Stage.COUNTERSIGN: moments.reveal_close if now >= moments.commit_close else moments.commit_close,
            Stage.REVEAL: moments.reveal_close if now < moments.reveal_close else moments.seal_by,
            Stage.SEAL: moments.seal_by,
            Stage.DICE: moments.beacon_time,
            Stage.BEACON: moments.beacon_time,
            Stage.DRAWN: self.disclose_at,
        }
        return by.get(self.stage(now))

    def acts_of(self, agency: str, roles: Collection[Role], now: datetime) -> tuple[Act, ...]:
        """List what somebody of *agency* with *roles* can do now."""
        stage = self.stage(now)
        found: list[Act] = []
        if Role.DRAW_OFFICER in roles and agency in self.agencies:
            if stage == Stage.COMMIT and agency not in self.committed:
                found.append(Act.COMMIT)
            elif stage == Stage.COUNTERSIGN and agency not in self.countersigned and not self.waits_for(now):
                found.append(Act.COUNTERSIGN)
            elif stage in (Stage.REVEAL, Stage.SEAL) and agency not in self.revealed and self._takes_reveals(now):
                found.append(Act.REVEAL)
            elif self.witness is None:
                found += self._joint(agency, stage, now)
            if stage == Stage.VOID and agency == self.lead and self.voided:
                found.append(Act.OPEN)
        if Role.WITNESS in roles and agency == self.witness:
            if stage == Stage.SEAL:
                found.append(Act.SEAL)
            elif stage in (Stage.DICE, Stage.BEACON) and not self.waits_for(now):
                found.append(Act(stage.value))
        return tuple(found)

    def _takes_reveals(self, now: datetime) -> bool:
        return now < self.moments.seal_by and not self.seal_signed

    def _joint(self, agency: str, stage: Stage, now: datetime) -> list[Act]:
        if stage == Stage.SEAL and agency not in self.seal_signed:
            return [Act.SEAL]
        may = {Stage.DICE: may_read_dice(agency, self.dice_read), Stage.BEACON: True}
        return [Act(stage.value)] if may.get(stage, False) and not self.waits_for(now) else []


def may_read_dice(agency: str, read: Mapping[str, str]) -> bool:
    """Tell whether an agency has the dice to sign: where it has not, or where another one read them otherwise."""
    return agency not in read or len(set(read.values())) > 1
