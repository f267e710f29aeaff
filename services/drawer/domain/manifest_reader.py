"""
Read a manifest from outside: its shape, value by value, as ``schemas/draw-manifest.schema.json`` gives it.

The schema and these readers are held together by a test that breaks sample manifests and asks both.
"""

import re

from services.drawer.domain import manifest as parts
from services.drawer.domain.manifest import Manifest
from services.drawer.domain.quota import Count, Full, Rate, Rule
from services.drawer.domain.shape import (
    LARGEST,
    Reader,
    ShapeWrong,
    array,
    choice,
    digest,
    distinct,
    identifier,
    mapping,
    members,
    number,
    optional,
    stratum,
    text,
    words,
)

FEWEST_DICE = 20
MOST_DICE = 1000
LONGEST_CHAIN = 1000
MOST_BEACON_STEPS = 1_000_000
MOST_ATTEMPTS = 2**31
_TERMS = (
    *("hash", "draw", "attempt", "prev", "parent", "purpose", "plan", "lead", "agencies", "witness", "lines"),
    *("selections", "slots", "rosters", "base_from", "beacons", "times", "chain_len", "max_missing"),
    *("replacement", "disclosure"),
)
_key = text("public_key", re.compile(r"[0-9a-f]{64}|04[0-9a-f]{128}").fullmatch)
_labels: Reader[parts.Labels] = array(identifier)


def read_manifest(value: object) -> Manifest:
    """
    Turn parsed JSON into a manifest.

    Raises:
        ShapeWrong: with the place and what was expected there. Whether what it says is allowed is another
            question: ``manifest_rules.check``.
    """
    found = members(value, "manifest", ("v", *_TERMS, "frame", "sizes"))
    choice(parts.VERSION)(found["v"], "v")
    return Manifest(
        hash=choice("sha256", "sm3")(found["hash"], "hash"),
        draw=identifier(found["draw"], "draw"),
        attempt=number(1, MOST_ATTEMPTS)(found["attempt"], "attempt"),
        prev=optional(digest)(found["prev"], "prev"),
        parent=optional(_parent)(found["parent"], "parent"),
        purpose=choice(*parts.PURPOSES)(found["purpose"], "purpose"),
        plan=digest(found["plan"], "plan"),
        lead=identifier(found["lead"], "lead"),
        agencies=mapping(identifier, _agency, least=1)(found["agencies"], "agencies"),
        witness=optional(_witness)(found["witness"], "witness"),
        lines=mapping(identifier, identifier)(found["lines"], "lines"),
        selections=array(_selection, least=1)(found["selections"], "selections"),
        frame=_frame(found["frame"], "frame"),
        sizes=mapping(identifier, mapping(identifier, _size))(found["sizes"], "sizes"),
        slots=mapping(identifier, mapping(_slot_place, array(_labels)))(found["slots"], "slots"),
        rosters=mapping(identifier, _roster)(found["rosters"], "rosters"),
        base_from=array(digest)(found["base_from"], "base_from"),
        beacons=array(_beacon, most=2)(found["beacons"], "beacons"),
        times=_times(found["times"], "times"),
        chain_len=number(0, LONGEST_CHAIN)(found["chain_len"], "chain_len"),
        max_missing=number()(found["max_missing"], "max_missing"),
        replacement=_replacement(found["replacement"], "replacement"),
        disclosure=choice(*parts.DISCLOSURES)(found["disclosure"], "disclosure"),
    )


def _slot_place(value: object, where: str) -> str:
    return "" if value == "" else stratum(value, where)


def _parent(value: object, where: str) -> parts.Parent:
    found = members(value, where, ("manifest", "result"))
    return parts.Parent(digest(found["manifest"], f"{where}.manifest"), digest(found["result"], f"{where}.result"))


def _agency(value: object, where: str) -> parts.Agency:
    found = members(value, where, ("alg", "key", "custody"))
    return parts.Agency(
        alg=choice(*parts.ALGORITHMS)(found["alg"], f"{where}.alg"),
        key=_key(found["key"], f"{where}.key"),
        custody=choice(*parts.CUSTODIES)(found["custody"], f"{where}.custody"),
    )


def _witness(value: object, where: str) -> parts.Witness:
    found = members(value, where, ("name", "alg", "key"))
    return parts.Witness(
        name=words(found["name"], f"{where}.name"),
        alg=choice(*parts.ALGORITHMS)(found["alg"], f"{where}.alg"),
        key=_key(found["key"], f"{where}.key"),
    )


def _selection(value: object, where: str) -> parts.Selection:
    found = members(value, where, ("id", "lines", "rules"))
    return parts.Selection(
        id=identifier(found["id"], f"{where}.id"),
        lines=distinct(array(identifier, least=1))(found["lines"], f"{where}.lines"),
        rules=mapping(identifier, read_rule)(found["rules"], f"{where}.rules"),
    )


def read_rule(value: object, where: str) -> Rule:
    """Read one rule of section 9: exactly one of the three forms."""
    found = members(value, where, (), ("rate", "min", "max", "count", "full"))
    if "rate" in found:
        return _rate(value, where)
    if "count" in found:
        return Count(number()(members(value, where, ("count",))["count"], f"{where}.count"))
    if members(value, where, ("full",))["full"] is not True:
        raise ShapeWrong(where=f"{where}.full", reason="true")
    return Full()


def _rate(value: object, where: str) -> Rate:
    found = members(value, where, ("rate",), ("min", "max"))
    part, whole = array(number(), least=2, most=2)(found["rate"], f"{where}.rate")
    bounds = {name: number()(found[name], f"{where}.{name}") for name in ("min", "max") if name in found}
    return Rate((part, number(1)(whole, f"{where}.rate.1")), bounds.get("min"), bounds.get("max"))


def _frame(value: object, where: str) -> parts.Frame:
    found = members(value, where, ("n", "root", "shards"))
    return parts.Frame(
        n=number()(found["n"], f"{where}.n"),
        root=digest(found["root"], f"{where}.root"),
        shards=array(_shard, least=1)(found["shards"], f"{where}.shards"),
    )


def _shard(value: object, where: str) -> parts.Shard:
    found = members(value, where, ("shard", "n", "digest", "root"))
    return parts.Shard(
        shard=identifier(found["shard"], f"{where}.shard"),
        n=number()(found["n"], f"{where}.n"),
        digest=digest(found["digest"], f"{where}.digest"),
        root=digest(found["root"], f"{where}.root"),
    )


def _size(value: object, where: str) -> tuple[int, int]:
    size, drawn = array(number(), least=2, most=2)(value, where)
    return size, drawn


def _roster(value: object, where: str) -> parts.RosterSummary:
    digests, counts = ("roster", "recusals", "pids"), ("inspectors", "capacity", "recused", "most_recused")
    found = members(value, where, (*digests, "labels", *counts))
    roster, recusals, pids = (digest(found[name], f"{where}.{name}") for name in digests)
    inspectors, capacity, recused, most_recused = (number()(found[name], f"{where}.{name}") for name in counts)
    labels = mapping(identifier, number())(found["labels"], f"{where}.labels")
    return parts.RosterSummary(roster, recusals, pids, inspectors, labels, capacity, recused, most_recused)


def _beacon(value: object, where: str) -> parts.Beacon:
    return read_beacon(value, where, MOST_DICE, MOST_BEACON_STEPS)


def read_beacon(value: object, where: str, most_dice: int = LARGEST, most_steps: int = LARGEST) -> parts.Beacon:
    """Read one source of section 7; a round's request knows no bounds for dice and steps, a manifest does."""
    found = members(value, where, ("id", "round"), ("digits", "anchor", "index"))
    name = words(found["id"], f"{where}.id")
    kind, colon, rest = name.partition(":")
    if colon and not re.fullmatch(r"[0-9A-Za-z._-]+", rest):
        raise ShapeWrong(where=f"{where}.id", reason="beacon")
    extra = {"drand-quicknet": (), "room-dice": (), "lottery:": ("digits",), "chain:": ("anchor", "index")}
    if kind + colon not in extra:
        raise ShapeWrong(where=f"{where}.id", reason="beacon")
    members(value, where, ("id", "round", *extra[kind + colon]))
    lowest, highest = {"drand-quicknet": (1, LARGEST), "room-dice": (FEWEST_DICE, most_dice)}.get(kind, (0, LARGEST))
    number_of = number(lowest, highest)(found["round"], f"{where}.round")
    if kind == "lottery":
        return parts.Beacon(name, number_of, digits=number(1, most_steps)(found["digits"], f"{where}.digits"))
    if kind == "chain":
        anchor = digest(found["anchor"], f"{where}.anchor")
        index = number(1, most_steps)(found["index"], f"{where}.index")
        return parts.Beacon(name, number_of, anchor=anchor, index=index)
    return parts.Beacon(name, number_of)


def _times(value: object, where: str) -> parts.Times:
    names = ("published", "commit_close", "reveal_close", "seal_by", "beacon_time", "window_end")
    found = members(value, where, names)
    return parts.Times(**{name: number()(found[name], f"{where}.{name}") for name in names})


def _replacement(value: object, where: str) -> parts.Replacement:
    found = members(value, where, ("max", "reasons"))
    return parts.Replacement(
        max=number()(found["max"], f"{where}.max"),
        reasons=array(identifier)(found["reasons"], f"{where}.reasons"),
    )
