"""Builders of replacement rounds over the small draw of ``draws``: ask, sign, reveal, seal, throw, close."""

from dataclasses import dataclass, field, replace
from typing import Any

from services.drawer.domain import frame, messages, outcome, replacing, rounds
from services.drawer.domain.encoding import SHA256
from services.drawer.domain.frame import Census
from services.drawer.domain.manifest import Beacon
from services.drawer.domain.outcome import Outcome
from services.drawer.domain.record import ClosedRound, Proceedings, SpentRound
from services.drawer.domain.replacing import Replaced
from services.drawer.domain.requests import DropOut, Removal, Request, RoundTimes
from services.drawer.domain.rounds import Round
from services.drawer.domain.sealing import BeaconShown, Reveal, Seal
from services.drawer.domain.seed import BeaconValue
from services.drawer.domain.standing import Standing
from tests.unit.drawer.draws import (
    AGENCIES,
    TIMES,
    Room,
    a_played_room,
    entities,
    frame_of,
    rosters,
    secret,
    signed_by,
    signing_key,
)

EVIDENCE = "e" * 64
DICE = Beacon("room-dice", 20)
ROUND_TIMES = RoundTimes(seal_by=TIMES.beacon_time + 100_000, beacon_time=TIMES.beacon_time + 100_600)


def census() -> Census:
    """Count the usual frame."""
    return frame.survey(SHA256, frame_of(entities()))


def outcome_of(room: Room) -> Outcome:
    """Compute what a played room drew."""
    return outcome.compute(room.attempt.manifest, frame_of(entities()), room.seed(), rosters())


def standing_of(room: Room) -> Standing:
    """Say what stands after a played room."""
    return outcome_of(room).standing(room.attempt.manifest.times.beacon_time, rosters())


def a_target(standing: Standing, selection: str = "joint", stratum: str = "A/x") -> str:
    """Name the first target drawn in a stratum."""
    return standing.selected[selection][stratum][0]


def a_removal(standing: Standing, **changes: Any) -> Removal:
    """Ask for the removal of a target."""
    return replace(Removal(a_target(standing), "moved_out", EVIDENCE), **changes)


def a_dropout(standing: Standing, **changes: Any) -> DropOut:
    """Ask for the release of JT's first officer at the first target in B."""
    target = a_target(standing, stratum="B")
    inspector = standing.assigned["JT"][target][0]
    assert inspector is not None
    return replace(DropOut("JT", inspector, target, "ill", EVIDENCE), **changes)


def a_request(standing: Standing, **changes: Any) -> Request:
    """Ask for a removal and a release."""
    asked = Request((DICE,), (a_dropout(standing),), (a_removal(standing),), ROUND_TIMES)
    return replace(asked, **changes)


@dataclass
class RoundRoom:
    """Everybody in the room again: plays one round honestly, step by step."""

    one: Round
    signatures: dict[str, bytes] = field(default_factory=dict)
    reveals: dict[str, Reveal] = field(default_factory=dict)
    seal: Seal | None = None
    beacons: tuple[BeaconShown, ...] = ()

    def signature(self, who: str) -> bytes:
        """Sign the request."""
        return signing_key(who).sign(messages.removal_message(self.one.h, self.one.digest))

    def chain_value(self, agency: str, link: int | None = None) -> bytes:
        """Give an agency's chain value of this round, or of another link."""
        values = messages.chain(self.one.h, secret("x", agency), self.one.attempt.manifest.chain_len)
        return values[self.one.number if link is None else link]

    def reveal(self, agency: str, value: bytes | None = None) -> Reveal:
        """Reveal the chain value, or another one, well signed."""
        shown = value or self.chain_value(agency)
        return Reveal(
            shown, signing_key(agency).sign(messages.said_of_reveal(self.one.h, self.one.act.opening, agency, shown))
        )

    def sealed(self, at: int, *signers: str) -> Seal:
        """Seal the reveals at hand."""
        rd = self.one.act.reveals_digest(self.reveals)
        return Seal(rd, at, signed_by(messages.said_of_seal(self.one.h, self.one.act.opening, rd, at), *signers))

    def dice(self, digits: bytes, *signers: str) -> BeaconShown:
        """Throw dice and have them signed."""
        assert self.seal is not None
        message = messages.said_of_dice(self.one.h, self.one.act.opening, self.seal.digest, digits)
        return BeaconShown(BeaconValue("room-dice", len(digits), digits), signed_by(message, *signers))

    def play_signatures(self, *who: str) -> "RoundRoom":
        """Let agencies and the witness sign the request."""
        for name in who:
            rounds.accept_signature(self.one, self.signatures, name, self.signature(name))
            self.signatures[name] = self.signature(name)
        return self

    def play_reveals(self, *agencies: str) -> "RoundRoom":
        """Let agencies reveal their chain values."""
        for agency in agencies:
            new = self.reveal(agency)
            at = self.one.request.times.seal_by - 1
            rounds.accept_reveal(self.one, self.signatures, self.reveals, agency, new, at)
            self.reveals[agency] = new
        return self

    def play_seal(self, *signers: str) -> "RoundRoom":
        """Seal in time."""
        new = self.sealed(self.one.request.times.seal_by, *signers)
        rounds.accept_seal(self.one, self.signatures, self.reveals, new)
        self.seal = new
        return self

    def play_dice(self, *signers: str, digits: bytes = b"27182818284590452353") -> "RoundRoom":
        """Throw the dice."""
        new = self.dice(digits, *signers)
        at = self.one.request.times.beacon_time
        assert rounds.accept_beacon(self.one, self.seal, self.beacons, new, at)
        self.beacons = (*self.beacons, new)
        return self

    def replaced(self) -> Replaced:
        """Work out what the round does."""
        one = self.one
        seed = one.seed(self.reveals, self.beacons)
        return replacing.replace(
            one.attempt.manifest, frame_of(entities()), census(), one.standing, one.request, seed, rosters()
        )

    def closed(self) -> ClosedRound:
        """Give the round as it stands in the record."""
        assert self.seal is not None
        one = self.one
        said = (self.signatures, self.reveals, self.seal, self.beacons)
        return ClosedRound(one.number, one.request, *said, self.replaced())

    def spent(self, reason: str = "no seal in time") -> SpentRound:
        """Give the round as one that was not sealed."""
        return SpentRound(self.one.number, self.one.request, self.signatures, reason)


def a_round(room: Room | None = None, number: int = 1, standing: Standing | None = None, **changes: Any) -> RoundRoom:
    """Open a round after a played draw."""
    room = room or a_played_room()
    stands = standing or standing_of(room)
    request = a_request(stands, **changes)
    return RoundRoom(rounds.open_round(room.attempt, room.commits, stands, number, request, number - 1))


def a_signed_round(**changes: Any) -> RoundRoom:
    """Open a round and let everybody sign it."""
    return a_round(**changes).play_signatures(*AGENCIES, "witness")


def a_played_round(room: Room | None = None, **changes: Any) -> RoundRoom:
    """Play a whole round with a witness."""
    one = a_round(room, **changes).play_signatures(*AGENCIES, "witness")
    return one.play_reveals(*AGENCIES).play_seal("witness").play_dice("witness")


def proceedings(room: Room, *closed: ClosedRound, spent: tuple[SpentRound, ...] = (), **changes: Any) -> Proceedings:
    """Give what was said in a draw and its rounds."""
    assert room.seal is not None
    said = Proceedings(room.commits, room.countersignatures, room.reveals, room.seal, room.beacons)
    return replace(said, rounds=closed, spent=spent, **changes)
