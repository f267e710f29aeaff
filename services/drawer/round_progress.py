"""Where a replacement round stands, and what somebody may do about it now. Pure, like ``progress``."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from schemas.vocabulary import Role
from services.drawer.progress import SECOND, may_read_dice, step_of

CLOSED, SPENT = "closed", "spent"


class RoundStage(StrEnum):
    """The steps of a round as people see them."""

    SIGN = "sign"
    REVEAL = "reveal"
    SEAL = "seal"
    DICE = "dice"
    BEACON = "beacon"
    DRAWING = "drawing"
    CLOSED = CLOSED
    SPENT = SPENT


class RoundAct(StrEnum):
    """What somebody may be asked to do in a round."""

    SIGN = "sign"
    REVEAL = "reveal"
    SEAL = "seal"
    DICE = "dice"
    BEACON = "beacon"


@dataclass(frozen=True)
class RoundStanding:
    """What has been said in one round, by name only."""

    agencies: tuple[str, ...]
    witness: str | None
    signers: tuple[str, ...]
    max_missing: int
    seal_by: datetime
    beacon_time: datetime
    awaited: str | None
    signed: Collection[str]
    revealed: Collection[str]
    sealed: bool
    end: str | None
    seal_signed: Collection[str] = ()
    dice_read: Mapping[str, str] = field(default_factory=dict)

    @property
    def unsigned(self) -> tuple[str, ...]:
        """Name those whose signature is missing."""
        return tuple(body for body in self.signers if body not in self.signed)

    @property
    def unrevealed(self) -> tuple[str, ...]:
        """Name the agencies whose chain value is missing."""
        return tuple(agency for agency in self.agencies if agency not in self.revealed)

    @property
    def sealable(self) -> bool:
        """Whether no more reveals are missing than the manifest allows (a round has no ``reveal_close``)."""
        there = len(self.agencies) - len(self.unrevealed)
        return len(self.unrevealed) <= self.max_missing and there >= min(2, len(self.agencies))

    def stage(self, now: datetime) -> RoundStage:
        """Say which step comes next, or how the round ended."""
        if self.end is not None:
            return RoundStage(self.end)
        if self.sealed:
            return RoundStage(step_of(self.awaited).value)
        if now >= self.ends_at():
            return RoundStage.SPENT
        if self.unsigned:
            return RoundStage.SIGN
        return RoundStage.REVEAL if self.unrevealed else RoundStage.SEAL

    def ends_at(self) -> datetime:
        """Say from when on the round is spent if it is not sealed."""
        return self.seal_by + SECOND

    def is_over(self, now: datetime) -> bool:
        """Tell whether another round may be opened."""
        return self.stage(now) in (RoundStage.CLOSED, RoundStage.SPENT)

    def deadline(self, now: datetime) -> datetime | None:
        """Say by when the present step is to be done; of dice and other sources, from when on."""
        stage = self.stage(now)
        if stage in (RoundStage.DICE, RoundStage.BEACON):
            return self.beacon_time
        return self.seal_by if stage in (RoundStage.SIGN, RoundStage.REVEAL, RoundStage.SEAL) else None

    def acts_of(self, agency: str, roles: Collection[Role], now: datetime) -> tuple[RoundAct, ...]:
        """List what somebody of *agency* with *roles* can do now."""
        stage = self.stage(now)
        witness = Role.WITNESS in roles and agency == self.witness
        officer = Role.DRAW_OFFICER in roles and agency in self.agencies
        found = []
        if stage == RoundStage.SIGN and agency in self.unsigned and (officer or witness):
            found.append(RoundAct.SIGN)
        open_ = now < self.seal_by and not self.seal_signed
        if stage == RoundStage.REVEAL and officer and agency in self.unrevealed and open_:
            found.append(RoundAct.REVEAL)
        joint = officer and self.witness is None
        seals = witness or (joint and agency not in self.seal_signed)
        if stage in (RoundStage.REVEAL, RoundStage.SEAL) and seals and self.sealable:
            found.append(RoundAct.SEAL)
        may = {
            RoundStage.DICE: witness or (joint and may_read_dice(agency, self.dice_read)),
            RoundStage.BEACON: witness or joint,
        }
        if may.get(stage, False) and now >= self.beacon_time:
            found.append(RoundAct(stage.value))
        return tuple(found)
