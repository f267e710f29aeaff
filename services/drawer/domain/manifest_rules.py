"""
What a manifest may not say, and what must be said aloud about it.

``check`` judges a manifest by itself, ``check_frame`` judges it beside the frame it names: exactly what section 4
refuses, for a stranger's record is judged by them too. ``check_sense`` refuses more, in a manifest that is made here;
``said_aloud`` lists what is allowed but belongs into the record.
Source: JIDRAW/1 sections 4 and 7.
"""

from collections.abc import Iterator, Mapping
from enum import StrEnum
from itertools import pairwise

from services.drawer.domain import beacons, merkle
from services.drawer.domain.encoding import class_of
from services.drawer.domain.frame import Census, Kind, shard_leaf, sub_frames
from services.drawer.domain.manifest import Beacon, Manifest, Selection, Slots
from services.drawer.domain.quota import Full, Rate, Rule, drawn_by
from services.drawer.domain.refusals import DrawRefused, Remark, remark

WITNESS = "witness"
BEACON_GAP_SECONDS = 600
SHORT_NOTICE_SECONDS = 24 * 3600
FEW_ENTITIES = 5
MOST_CHAIN_STEPS = 1_000_000
"""A manifest's chain has no more (its schema); a round's has no bound of its own."""
KEY_BYTES = {"ed25519": 32, "sm2": 65}
_SMALL_ORDER = frozenset(
    # y of the points whose order divides eight, and what reads as one of them modulo 2^255 - 19; the sign is left out.
    (
        *("00" * 32, "01" + "00" * 31, "ec" + "ff" * 30 + "7f", "ed" + "ff" * 30 + "7f", "ee" + "ff" * 30 + "7f"),
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    )
)


class AgencyCalledWitness(DrawRefused):
    """An agency bears the name under which the witness's key is published."""

    code = "draw.agency_called_witness"


class LeadIsNoAgency(DrawRefused):
    """The lead (牵头部门) is none of the draw's agencies."""

    code = "draw.lead_is_no_agency"
    says = ("lead",)


class WitnessIsAgency(DrawRefused):
    """The witness (见证人) bears the name of an agency of this draw: it must be a body outside it."""

    code = "draw.witness_is_agency"
    says = ("name",)


class AgencyUnknown(DrawRefused):
    """Something is given for an agency that takes no part: ``where`` is slots or rosters."""

    code = "draw.agency_unknown"
    says = ("agency", "where")


class KeyNotOfAlgorithm(DrawRefused):
    """A public key has not the length of its algorithm's keys."""

    code = "draw.key_not_of_algorithm"
    says = ("who", "alg")


class KeyShared(DrawRefused):
    """Two agencies, or an agency and the witness, have one key: one of them could sign for both."""

    code = "draw.key_shared"
    says = ("first", "second")


class KeyWeak(DrawRefused):
    """An Ed25519 key is a point of small order: anybody could sign with it."""

    code = "draw.key_weak"
    says = ("who",)


class LineWithoutAgency(DrawRefused):
    """A line of a selection or of the frame belongs to no agency of the draw."""

    code = "draw.line_without_agency"
    says = ("line", "where")


class AgencyWithoutSlots(DrawRefused):
    """An agency has lines, and nothing says how many inspectors of what kind it sends; ``stratum`` names where."""

    code = "draw.agency_without_slots"
    says = ("agency", "stratum")


class AgencyWithoutRoster(DrawRefused):
    """An agency has lines and no roster."""

    code = "draw.agency_without_roster"
    says = ("agency",)


class SelectionsNotAscending(DrawRefused):
    """Selections are not in ascending order of their ids, or one stands twice."""

    code = "draw.selections_not_ascending"
    says = ("selection",)


class RuleWrong(DrawRefused):
    """A rule draws more than all (p > q), or its least is above its most."""

    code = "draw.rule_wrong"
    says = ("selection", "class", "reason")


class ClassWithoutRule(DrawRefused):
    """A class occurs in a selection's sub-frame and the selection has no rule for it."""

    code = "draw.class_without_rule"
    says = ("selection", "class", "size")


class StagedDrawNotFull(DrawRefused):
    """A staged draw (分段式) sends officers to targets already drawn: every rule must be full."""

    code = "draw.staged_draw_not_full"
    says = ("selection", "class")


class SizesDiffer(DrawRefused):
    """The sizes in the manifest are not those of the frame and the rules."""

    code = "draw.sizes_differ"
    says = ("selection", "class", "stated", "counted")


class FrameDiffers(DrawRefused):
    """The frame's files are not the ones the manifest names; ``what`` is shards, n, digest or root."""

    code = "draw.frame_differs"
    says = ("shard", "what")


class FrameRootWrong(DrawRefused):
    """The manifest's own frame section does not add up: ``what`` is shards (one stands twice), n or root."""

    code = "draw.frame_root_wrong"
    says = ("what",)


class TimesOutOfOrder(DrawRefused):
    """Two moments of the ceremony are in the wrong order or too close: ``earlier`` + ``gap`` <= ``later`` must hold."""

    code = "draw.times_out_of_order"
    says = ("earlier", "later", "gap")


class TooManyMayBeMissing(DrawRefused):
    """More reveals may stay away than a third of the agencies."""

    code = "draw.too_many_may_be_missing"
    says = ("max_missing", "allowed")


class LiveWithoutBeacon(DrawRefused):
    """A live draw has no beacon, so its last revealer could choose."""

    code = "draw.live_without_beacon"


class SingleWithoutWitness(DrawRefused):
    """One agency alone draws and nobody outside it seals."""

    code = "draw.single_without_witness"


class AttemptWithoutPrevious(DrawRefused):
    """Attempt 1 follows nothing, and every later attempt names the manifest of the one before."""

    code = "draw.attempt_without_previous"
    says = ("attempt",)


class BeaconWrong(DrawRefused):
    """
    A source cannot serve: ``reason`` is too_early (its value exists before beacon_time), holder_is_agency,
    chain_alone (a holder's chain needs another source beside it), doubled (two are one), or too_long (a chain of
    more steps than anybody will go).
    """

    code = "draw.beacon_wrong"
    says = ("beacon", "reason")


def check(manifest: Manifest) -> None:
    """Refuse what a manifest may not say, as far as it shows without the frame's rows."""
    _check_parties(manifest)
    _check_keys(manifest)
    _check_lines(manifest)
    for before, selection in pairwise(manifest.selections):
        if before.id >= selection.id:
            raise SelectionsNotAscending(selection=selection.id)
    for selection in manifest.selections:
        _check_rules(manifest, selection)
    _check_frame_section(manifest)
    _check_times(manifest)
    _check_protection(manifest)
    check_beacons(manifest, manifest.beacons, manifest.times.beacon_time)


def check_sense(manifest: Manifest, census: Census) -> None:
    """Refuse in a manifest of our own what section 4 lets pass and nobody can mean."""
    for where, given in (("slots", manifest.slots), ("rosters", manifest.rosters)):
        for agency in sorted(given.keys() - manifest.agencies.keys()):
            raise AgencyUnknown(agency=agency, where=where)
    for line, agency in sorted(manifest.lines.items()):
        if agency not in manifest.agencies:
            raise LineWithoutAgency(line=line, where="lines")
    drawn_from = {line for selection in manifest.selections for line in selection.lines}
    for kind in sorted(census.counts):
        for line in drawn_from.intersection(kind.lines):
            if manifest.slots_of(manifest.lines[line], kind.stratum) is None:
                raise AgencyWithoutSlots(agency=manifest.lines[line], stratum=kind.stratum)
    for position, beacon in enumerate(manifest.beacons):
        if beacon in manifest.beacons[:position]:
            raise BeaconWrong(beacon=beacon.id, reason="doubled")


def check_beacons(manifest: Manifest, sources: tuple[Beacon, ...], beacon_time: int) -> None:
    """Refuse sources whose value exists before *beacon_time*, or that stand too near to the agencies (section 7)."""
    for source in sources:
        reason = _beacon_fault(manifest, sources, source, beacon_time)
        if reason is not None:
            raise BeaconWrong(beacon=source.id, reason=reason)


def check_frame(manifest: Manifest, census: Census) -> None:
    """Refuse a frame that is not the manifest's, and a manifest whose lines, rules, sizes or slots do not fit it."""
    _check_same_frame(manifest, census)
    _check_frame_lines(manifest, census.counts)
    counted = sizes(manifest.selections, census.counts)
    for selection in manifest.selections:
        _check_sizes(selection.id, manifest.sizes.get(selection.id, {}), counted[selection.id])
    for unknown in sorted(name for name, stated in manifest.sizes.items() if stated and name not in counted):
        raise SizesDiffer(**{"selection": unknown, "class": None, "stated": None, "counted": None})


def slots_at(manifest: Manifest, agency: str, stratum: str) -> Slots:
    """Give the slots of a target that was drawn; refuse a manifest that has none for it."""
    slots = manifest.slots_of(agency, stratum)
    if slots is None:
        raise AgencyWithoutSlots(agency=agency, stratum=stratum)
    return slots


def sizes(selections: tuple[Selection, ...], counts: Mapping[Kind, int]) -> dict[str, dict[str, tuple[int, int]]]:
    """
    Work out the manifest's ``sizes``: {selection: {class: (N, n)}}, classes that do not occur left out.

    Raises:
        ClassWithoutRule: a class of a sub-frame has no rule in that selection.
    """
    frames = sub_frames(counts, selections)
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for selection in selections:
        found[selection.id] = {}
        for entity_class, cells in frames[selection.id].items():
            size = sum(cells.values())
            if entity_class not in selection.rules:
                raise ClassWithoutRule(**{"selection": selection.id, "class": entity_class, "size": size})
            found[selection.id][entity_class] = (size, drawn_by(selection.rules[entity_class], size))
    return found


def said_aloud(manifest: Manifest) -> tuple[Remark, ...]:
    """List what the record must say about this manifest although it is allowed."""
    return tuple(_remarks(manifest))


def _remarks(manifest: Manifest) -> Iterator[Remark]:
    notice = manifest.times.commit_close - manifest.times.published
    if notice < SHORT_NOTICE_SECONDS:
        yield remark("draw.said.short_notice", {"hours": notice // 3600, "minutes": notice % 3600 // 60})
    own = sum(agency.custody != "server" for agency in manifest.agencies.values())
    if own < 2:
        yield remark("draw.said.keys_with_operator", {"own": own})
    if manifest.witness is None:
        yield remark("draw.said.no_witness", {})
    for selection, classes in sorted(manifest.sizes.items()):
        for entity_class, (size, drawn) in sorted(classes.items()):
            if _is_named(size, drawn):
                facts = {"selection": selection, "class": entity_class, "size": size, "drawn": drawn}
                yield remark("draw.said.named_not_drawn", facts)


def _is_named(size: int, drawn: int) -> bool:
    return drawn == size or size < FEW_ENTITIES


class Chosen(StrEnum):
    """How a target came to be visited, as far as its class says it."""

    DRAWN = "drawn"
    PARTLY_NAMED = "partly_named"
    NAMED = "named"
    FIRST_STAGE = "first_stage"


def chosen(manifest: Manifest, stratum: str) -> Chosen:
    """
    Say whether chance chose among the class of a target: whoever tells a firm that it was drawn must know.

    Named: every selection that takes anybody of the class takes all of it, or it has fewer than five entities.
    In a second stage nobody is chosen: the first draw did that.
    """
    if manifest.parent is not None:
        return Chosen.FIRST_STAGE
    classes = [sizes[class_of(stratum)] for sizes in manifest.sizes.values() if class_of(stratum) in sizes]
    named = [_is_named(size, drawn) for size, drawn in classes if drawn]
    if all(named):
        return Chosen.NAMED
    return Chosen.PARTLY_NAMED if any(named) else Chosen.DRAWN


def _check_parties(manifest: Manifest) -> None:
    if WITNESS in manifest.agencies:
        raise AgencyCalledWitness
    if manifest.lead not in manifest.agencies:
        raise LeadIsNoAgency(lead=manifest.lead)
    if manifest.witness is not None and manifest.witness.name in manifest.agencies:
        raise WitnessIsAgency(name=manifest.witness.name)


def _check_keys(manifest: Manifest) -> None:
    parties = {name: (agency.alg, agency.key) for name, agency in sorted(manifest.agencies.items())}
    if manifest.witness is not None:
        parties[WITNESS] = (manifest.witness.alg, manifest.witness.key)
    owner: dict[str, str] = {}
    for who, (alg, key) in parties.items():
        check_key(who, alg, key)
        if owner.setdefault(key, who) != who:
            raise KeyShared(first=owner[key], second=who)


def check_key(who: str, alg: str, key: str) -> None:
    """Refuse a key (lower-case hex) that is none of its algorithm, or with which anybody could sign."""
    if len(key) != 2 * KEY_BYTES[alg]:
        raise KeyNotOfAlgorithm(who=who, alg=alg)
    if alg == "ed25519" and _without_sign(key) in _SMALL_ORDER:
        raise KeyWeak(who=who)


def _without_sign(key: str) -> str:
    return f"{key[:62]}{int(key[62:], 16) & 0x7F:02x}"


def _check_lines(manifest: Manifest) -> None:
    for agency in sorted(manifest.agencies.keys() & set(manifest.lines.values())):
        if not manifest.slots.get(agency):
            raise AgencyWithoutSlots(agency=agency, stratum=None)
        if agency not in manifest.rosters:
            raise AgencyWithoutRoster(agency=agency)
    for selection in manifest.selections:
        for line in selection.lines:
            if manifest.lines.get(line) not in manifest.agencies:
                raise LineWithoutAgency(line=line, where=selection.id)


def _check_rules(manifest: Manifest, selection: Selection) -> None:
    for entity_class, rule in sorted(selection.rules.items()):
        reason = _rule_fault(rule)
        if reason is not None:
            raise RuleWrong(**{"selection": selection.id, "class": entity_class, "reason": reason})
        if manifest.parent is not None and not isinstance(rule, Full):
            raise StagedDrawNotFull(**{"selection": selection.id, "class": entity_class})


def _rule_fault(rule: Rule) -> str | None:
    if not isinstance(rule, Rate):
        return None
    if rule.rate[0] > rule.rate[1]:
        return "more_than_all"
    if rule.min is not None and rule.max is not None and rule.min > rule.max:
        return "min_above_max"
    return None


def _check_frame_section(manifest: Manifest) -> None:
    shards = sorted(manifest.frame.shards, key=lambda shard: shard.shard)
    if len({shard.shard for shard in shards}) < len(shards):
        raise FrameRootWrong(what="shards")
    if sum(shard.n for shard in shards) != manifest.frame.n:
        raise FrameRootWrong(what="n")
    leaves = [shard_leaf(manifest.h, shard) for shard in shards]
    if merkle.root(manifest.h, leaves).hex() != manifest.frame.root:
        raise FrameRootWrong(what="root")


def _check_times(manifest: Manifest) -> None:
    order = (
        ("published", "commit_close", 0),
        ("commit_close", "reveal_close", 1),
        ("reveal_close", "seal_by", 0),
        ("seal_by", "beacon_time", BEACON_GAP_SECONDS),
        ("beacon_time", "window_end", 0),
    )
    for earlier, later, gap in order:
        if getattr(manifest.times, earlier) + gap > getattr(manifest.times, later):
            raise TimesOutOfOrder(earlier=earlier, later=later, gap=gap)


def _check_protection(manifest: Manifest) -> None:
    allowed = len(manifest.agencies) // 3
    if manifest.max_missing > allowed:
        raise TooManyMayBeMissing(max_missing=manifest.max_missing, allowed=allowed)
    if manifest.purpose == "live" and not manifest.beacons:
        raise LiveWithoutBeacon
    if len(manifest.agencies) == 1 and manifest.witness is None:
        raise SingleWithoutWitness
    if (manifest.attempt == 1) != (manifest.prev is None):
        raise AttemptWithoutPrevious(attempt=manifest.attempt)


def _beacon_fault(manifest: Manifest, sources: tuple[Beacon, ...], source: Beacon, beacon_time: int) -> str | None:
    kind, _, holder = source.id.partition(":")
    if source.id == beacons.DRAND:
        return "too_early" if beacons.drand_time(source.round) < beacon_time else None
    if kind != beacons.CHAIN:
        return None
    if holder in manifest.agencies:
        return "holder_is_agency"
    if all(other.id == source.id for other in sources):
        return "chain_alone"
    return "too_long" if (source.index or 0) > MOST_CHAIN_STEPS else None


def _check_same_frame(manifest: Manifest, census: Census) -> None:
    stated, counted = sorted(manifest.frame.shards, key=lambda shard: shard.shard), census.frame.shards
    if [shard.shard for shard in stated] != [shard.shard for shard in counted]:
        raise FrameDiffers(shard=None, what="shards")
    for one, other in zip(stated, counted, strict=True):
        for what in ("n", "digest", "root"):
            if getattr(one, what) != getattr(other, what):
                raise FrameDiffers(shard=one.shard, what=what)


def _check_frame_lines(manifest: Manifest, counts: Mapping[Kind, int]) -> None:
    for kind in sorted(counts):
        for line in kind.lines:
            if manifest.lines.get(line) not in manifest.agencies:
                raise LineWithoutAgency(line=line, where=kind.stratum)


def _check_sizes(selection: str, stated: Mapping[str, tuple[int, int]], counted: Mapping[str, tuple[int, int]]) -> None:
    for entity_class in sorted(stated.keys() | counted.keys()):
        one, other = stated.get(entity_class), counted.get(entity_class)
        if one != other:
            raise SizesDiffer(**{"selection": selection, "class": entity_class, "stated": one, "counted": other})
