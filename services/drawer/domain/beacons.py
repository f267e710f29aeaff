"""
Beacons: randomness that nobody in the draw could know or choose, shown after the seal.

Four kinds of source: dice thrown in the room, a round of drand's quicknet, a lottery's digits, and a chain whose holder
is none of the agencies. What cannot be judged here (a lottery's result; drand without its library) is said so.
Source: JIDRAW/1 section 7.
"""

from collections.abc import Callable

from services.drawer.domain import messages
from services.drawer.domain.encoding import DIGEST_BYTES
from services.drawer.domain.manifest import Beacon
from services.drawer.domain.refusals import DrawRefused
from services.drawer.domain.sealing import Act, BeaconShown, Seal, Signatures

ROOM_DICE = "room-dice"
DRAND = "drand-quicknet"
LOTTERY, CHAIN = "lottery", "chain"
DRAND_GENESIS = 1692803367
DRAND_PERIOD_SECONDS = 3
DRAND_BYTES = 48

VerifyDrand = Callable[[int, bytes], bool]
"""(round, 48 bytes) → whether they are quicknet's signature of that round; never raises."""


class NotSealed(DrawRefused):
    """A beacon's value was entered before the reveals were sealed."""

    code = "draw.not_sealed"


class DiceTooEarly(DrawRefused):
    """Dice were thrown before ``beacon_time``."""

    code = "draw.dice_too_early"
    says = ("at", "beacon_time")


class DiceWrong(DrawRefused):
    """The dice are not exactly as many digits as were announced."""

    code = "draw.dice_wrong"
    says = ("dice", "given")


class BeaconUnexpected(DrawRefused):
    """A value of a source that is not the next one announced, or of a kind this step does not take."""

    code = "draw.beacon_unexpected"
    says = ("beacon", "round")


class BeaconValueWrong(DrawRefused):
    """
    A value that its source cannot have given: ``reason`` is too_early, length, digits, signature (of drand's round)
    or anchor (the holder's chain does not lead there).
    """

    code = "draw.beacon_value_wrong"
    says = ("beacon", "round", "reason")


def kind_of(beacon: str) -> str:
    """Name the kind of a source: the text before the colon."""
    return beacon.partition(":")[0]


def drand_time(number: int) -> int:
    """Say when a round of quicknet is signed, in Unix seconds."""
    return DRAND_GENESIS + DRAND_PERIOD_SECONDS * (number - 1)


def first_drand_round(beacon_time: int) -> int:
    """Choose the first round of quicknet whose value does not exist before *beacon_time*."""
    return max(1, 1 - (DRAND_GENESIS - beacon_time) // DRAND_PERIOD_SECONDS)


def judge(
    act: Act,
    seal: Seal | None,
    shown: tuple[BeaconShown, ...],
    new: BeaconShown,
    at: int,
    verify_drand: VerifyDrand | None = None,
) -> bool:
    """
    Judge the next beacon's value after the seal.

    Args:
        shown: The values accepted before it.
        at: The moment it came, in Unix seconds.
        verify_drand: None where drand's library is not there.

    Returns:
        Whether the value has been proved to be its source's; False for what somebody has to compare elsewhere.
    """
    if new.beacon.id == ROOM_DICE:
        sealed = check_dice(act, seal, shown, new, at)
        message = messages.said_of_dice(act.h, act.opening, sealed.digest, new.beacon.value)
        act.check_signed(new.proof or Signatures(), message, "dice")
        return True
    _, source = _expected(act, seal, shown, new)
    beacon = new.beacon
    reason = "too_early" if at < act.beacon_time else _fault(act, source, beacon.value, verify_drand)
    if reason is not None:
        raise BeaconValueWrong(beacon=beacon.id, round=beacon.round, reason=reason)
    return kind_of(beacon.id) == CHAIN or (beacon.id == DRAND and verify_drand is not None)


def check_dice(act: Act, seal: Seal | None, shown: tuple[BeaconShown, ...], new: BeaconShown, at: int) -> Seal:
    """Judge dice but for who signed them: after the seal, in time, as many as announced; give the seal."""
    sealed, _ = _expected(act, seal, shown, new)
    digits, dice = new.beacon.value, new.beacon.round
    if at < act.beacon_time:
        raise DiceTooEarly(at=at, beacon_time=act.beacon_time)
    if len(digits) != dice or not digits.isdigit():
        raise DiceWrong(dice=dice, given=len(digits))
    return sealed


def _expected(act: Act, seal: Seal | None, shown: tuple[BeaconShown, ...], new: BeaconShown) -> tuple[Seal, Beacon]:
    """Give the seal and the source whose turn it is; refuse before the seal, and what is not of that source."""
    if seal is None:
        raise NotSealed
    wanted, beacon = act.sources[len(shown) :], new.beacon
    if not wanted or (wanted[0].id, wanted[0].round) != (beacon.id, beacon.round):
        raise BeaconUnexpected(beacon=beacon.id, round=beacon.round)
    return seal, wanted[0]


def _fault(act: Act, source: Beacon, value: bytes, verify_drand: VerifyDrand | None) -> str | None:
    if source.id == DRAND:
        if len(value) != DRAND_BYTES:
            return "length"
        return None if verify_drand is None or verify_drand(source.round, value) else "signature"
    if kind_of(source.id) == LOTTERY:
        return None if len(value) == source.digits and value.isdigit() else "digits"
    if len(value) != DIGEST_BYTES:
        return "length"
    return None if messages.opened(act.h, value, source.index or 0).hex() == source.anchor else "anchor"
