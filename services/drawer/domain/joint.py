"""
A seal and dice without a witness: more than half of the agencies sign the very same thing, one after another.

The first signature under a seal fixes its list of reveals and its moment; the others sign those or nothing, each agency
once. So there are never two seals, and no reveal is taken any more once the first signature is there. Dice may be
misread: until enough agencies have signed the same digits each of them may sign others instead, and the last counts.
Source: JIDRAW/1 sections 6, 7 and 11.
"""

from collections.abc import Mapping
from dataclasses import replace

from services.drawer.domain import beacons, messages
from services.drawer.domain.sealing import (
    Act,
    BeaconShown,
    Reveal,
    Seal,
    SealAlreadySet,
    SealDiffers,
    Signatures,
    WrongSigners,
)


def needed(agencies: int) -> int:
    """Say how many of *agencies* are more than half."""
    return agencies // 2 + 1


def stands(act: Act, signed: Signatures) -> bool:
    """Tell whether enough agencies have signed."""
    return len(signed.agencies) >= needed(len(act.agencies))


def add_to_seal(
    act: Act,
    reveals: Mapping[str, Reveal],
    so_far: Seal | None,
    agency: str,
    new: Seal,
    already: Seal | None = None,
) -> Seal:
    """
    Judge one agency's signature under a seal beside those already there.

    Args:
        so_far: The seal on its way, with the signatures it has; None before the first one.
        new: The seal as this agency signed it, its signature alone.
        already: The seal that stands.

    Returns:
        The seal with this agency's signature too.
    """
    if already is not None:
        raise SealAlreadySet
    signed = so_far.signed.agencies if so_far else {}
    _check_turn(act, agency, signed, "seal")
    act.check_sealable(reveals, new.at)
    if new.digest != act.reveals_digest(reveals):
        raise SealDiffers
    if so_far is not None and (new.digest, new.at) != (so_far.digest, so_far.at):
        raise SealDiffers
    message = messages.said_of_seal(act.h, act.opening, new.digest, new.at)
    sig = new.signed.agencies.get(agency, b"")
    act.check_agency_signature(agency, message, sig, "seal")
    return replace(new, signed=Signatures(agencies={**signed, agency: sig}))


def add_to_dice(
    act: Act,
    seal: Seal | None,
    shown: tuple[BeaconShown, ...],
    read: Mapping[str, BeaconShown],
    agency: str,
    new: BeaconShown,
    at: int,
) -> BeaconShown:
    """
    Judge the dice as one agency read and signed them.

    Args:
        shown: The beacons that stand.
        read: The dice as each agency has read them so far, under its signature.
        new: The dice as this agency reads them, under its signature.

    Returns:
        The dice with the signatures of all who read the same.
    """
    same = {other: one.proof.agencies[other] for other, one in read.items() if one.proof and one.beacon == new.beacon}
    _check_turn(act, agency, same, "dice")
    sealed = beacons.check_dice(act, seal, shown, new, at)
    message = messages.said_of_dice(act.h, act.opening, sealed.digest, new.beacon.value)
    sig = new.proof.agencies.get(agency, b"") if new.proof else b""
    act.check_agency_signature(agency, message, sig, "dice")
    return BeaconShown(new.beacon, Signatures(agencies={**same, agency: sig}))


def _check_turn(act: Act, agency: str, said: Mapping[str, object], what: str) -> None:
    if act.manifest.witness is not None:
        raise WrongSigners(what=what, needed="witness", there=[agency])
    act.check_speaker(agency, said, what)
