"""
Which sources a draw and its rounds announce, and how a value that somebody types in is read.

A plan says which kinds; the round of drand follows from ``beacon_time``, and what nobody can know beforehand (a lottery's
issue, a holder's anchor) is told when the draw is opened. Whether a value may stand is judged in ``beacons``.
Source: JIDRAW/1 sections 7 and 11.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import astuple, dataclass, replace

from services.drawer.domain import beacons
from services.drawer.domain.beacons import BeaconValueWrong
from services.drawer.domain.encoding import from_hex
from services.drawer.domain.manifest import Beacon
from services.drawer.domain.manifest_rules import MOST_CHAIN_STEPS, BeaconWrong
from services.drawer.domain.refusals import DrawRefused


class SourceNotTold(DrawRefused):
    """A lottery without its issue, or a holder's chain without anchor and index: the manifest could not name it."""

    code = "draw.source_not_told"
    says = ("beacon",)


@dataclass(frozen=True)
class Chosen:
    """A source as the plan has it: the number of ``dice``, or of a lottery's ``digits``."""

    id: str
    dice: int = 0
    digits: int | None = None


@dataclass(frozen=True)
class Told:
    """What is told of a source when a draw or a round is opened: a lottery's issue; a chain's anchor (hex) and index."""

    issue: int | None = None
    anchor: str | None = None
    index: int | None = None


NOTHING_TOLD = Told()
NONE_TOLD: Mapping[str, Told] = {}
ANYTHING = Told(1, "0" * 64, 1)
"""For trying whether a draw could be made, before anything is told."""


def flat(told: Mapping[str, Told]) -> list[str | int | None]:
    """List what was told, by name: so one request is told from another."""
    return [part for name, one in sorted(told.items()) for part in (name, *astuple(one))]


def announce(chosen: Sequence[Chosen], told: Mapping[str, Told], beacon_time: int) -> tuple[Beacon, ...]:
    """Name the sources of a draw as its manifest does."""
    return tuple(_announced(one, told.get(one.id, NOTHING_TOLD), beacon_time) for one in chosen)


def _announced(one: Chosen, told: Told, beacon_time: int) -> Beacon:
    kind = beacons.kind_of(one.id)
    if kind == beacons.DRAND:
        return Beacon(one.id, beacons.first_drand_round(beacon_time))
    if kind == beacons.LOTTERY:
        return Beacon(one.id, _needed(one.id, told.issue), digits=one.digits)
    if kind == beacons.CHAIN:
        anchor = from_hex(told.anchor or _needed(one.id, None), "anchor").hex()
        index = _needed(one.id, told.index)
        if index > MOST_CHAIN_STEPS:
            raise BeaconWrong(beacon=one.id, reason="too_long")
        return Beacon(one.id, 0, anchor=anchor, index=index)
    return Beacon(one.id, one.dice)


def _needed(beacon: str, told: int | None) -> int:
    if told is None:
        raise SourceNotTold(beacon=beacon)
    return told


def announce_again(before: Sequence[Beacon], told: Mapping[str, Told], beacon_time: int) -> tuple[Beacon, ...]:
    """
    Name the sources of a replacement round: those of the draw, with values that nobody has seen.

    Args:
        before: The sources of the last closed round, or of the draw; a holder's chain is opened one step further.

    Raises:
        BeaconWrong: a lottery's issue is not after the one before.
    """
    return tuple(_announced_again(one, told.get(one.id, NOTHING_TOLD), beacon_time) for one in before)


def _announced_again(one: Beacon, told: Told, beacon_time: int) -> Beacon:
    kind = beacons.kind_of(one.id)
    if kind == beacons.DRAND:
        return replace(one, round=beacons.first_drand_round(beacon_time))
    if kind == beacons.LOTTERY:
        issue = _needed(one.id, told.issue)
        if issue <= one.round:
            raise BeaconWrong(beacon=one.id, reason="issue_before")
        return replace(one, round=issue)
    return one if one.index is None else replace(one, index=one.index + 1)


def read_value(source: Beacon, typed: str) -> bytes:
    """
    Read the value of a source as somebody types, pastes or uploads it: hex, of a lottery digits, of drand its JSON too.

    Raises:
        BeaconValueWrong: it is not written so, or the JSON is about another round.
    """
    written = "".join(typed.split())
    if beacons.kind_of(source.id) == beacons.LOTTERY:
        return written.encode()
    if written.startswith("{"):
        written = _signature_in(source, written)
    try:
        return bytes.fromhex(written)
    except ValueError:
        raise BeaconValueWrong(beacon=source.id, round=source.round, reason="not_hex") from None


def _signature_in(source: Beacon, written: str) -> str:
    try:
        told = json.loads(written)
    except (ValueError, RecursionError):
        raise BeaconValueWrong(beacon=source.id, round=source.round, reason="syntax") from None
    if told.get("round", source.round) != source.round:
        raise BeaconValueWrong(beacon=source.id, round=source.round, reason="other_round")
    return str(told.get("signature", ""))
