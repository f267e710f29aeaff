"""The protocol's sample records: said again step by step, computed again, and accepted whole by the drawer's own check."""

from typing import Any

import pytest

from services.drawer.checking import verify
from services.drawer.domain import ceremony, manifest_reader, manifest_rules, outcome
from services.drawer.domain.ceremony import Attempt
from services.drawer.domain.manifest import as_json, digest
from services.drawer.domain.roster import Roster
from services.drawer.domain.sealing import BeaconShown, Commit, Reveal, Seal, Signatures
from services.drawer.domain.seed import BeaconValue
from tests.unit.drawer.draws import SAMPLE_NAMES, SAMPLES, as_plain, sample, sample_frame, sample_rosters
from tests.unit.drawer.draws import verify as verify_signature

# The public sample draws the same targets from the same reveals as the one with a spent round, whose rosters are known.
SAME_DRAW = {"public": "spent-round"}


def signatures(value: Any) -> Signatures:
    witness = bytes.fromhex(value["witness"]) if "witness" in value else None
    return Signatures(witness, {name: bytes.fromhex(sig) for name, sig in value.get("agencies", {}).items()})


def rosters_for(name: str) -> dict[str, Roster]:
    return sample_rosters(SAME_DRAW.get(name, name))


@pytest.mark.parametrize("name", SAMPLE_NAMES)
def test_a_sample_manifest_is_read_allowed_and_written_back(name: str) -> None:
    record = sample(name)

    manifest = manifest_reader.read_manifest(record["manifest"])
    manifest_rules.check(manifest)

    assert as_plain(as_json(manifest)) == record["manifest"]
    assert digest(manifest).hex() == record["manifest_digest"]


@pytest.mark.parametrize("name", SAMPLE_NAMES)
def test_a_sample_ceremony_is_accepted_step_by_step_and_gives_the_seed(name: str) -> None:
    record = sample(name)
    attempt = Attempt(manifest_reader.read_manifest(record["manifest"]), verify_signature)
    times = attempt.manifest.times
    commits: dict[str, Commit] = {}
    for agency, one in record["commits"].items():
        new = Commit(bytes.fromhex(one["c"]), bytes.fromhex(one["sig"]))
        ceremony.accept_commit(attempt, commits, agency, new, times.commit_close)
        commits[agency] = new
    countersignatures: dict[str, bytes] = {}
    for agency, sig in record["countersignatures"].items():
        ceremony.accept_countersignature(attempt, commits, countersignatures, agency, bytes.fromhex(sig))
        countersignatures[agency] = bytes.fromhex(sig)
    reveals: dict[str, Reveal] = {}
    for agency, one in record["reveals"].items():
        shown = Reveal(bytes.fromhex(one["value"]), bytes.fromhex(one["sig"]))
        ceremony.accept_reveal(attempt, commits, countersignatures, reveals, agency, shown, times.reveal_close)
        reveals[agency] = shown
    seal = Seal(bytes.fromhex(record["seal"]["digest"]), record["seal"]["at"], signatures(record["seal"]))
    ceremony.accept_seal(attempt, commits, reveals, seal)
    beacons: tuple[BeaconShown, ...] = ()
    for one in record["beacons"]:
        value = BeaconValue(one["id"], one["round"], bytes.fromhex(one["value"]))
        dice = BeaconShown(value, signatures(one["proof"]))
        ceremony.accept_dice(attempt, commits, seal, beacons, dice, times.beacon_time)
        beacons = (*beacons, dice)

    assert attempt.commits_digest(commits).hex() == record["commits_digest"]
    assert attempt.seed(commits, reveals, beacons).hex() == record["seed"]


@pytest.mark.parametrize("name", SAMPLE_NAMES)
def test_a_sample_outcome_is_reached_again(name: str) -> None:
    record = sample(name)
    manifest = manifest_reader.read_manifest(record["manifest"])

    found = outcome.compute(manifest, sample_frame(name), bytes.fromhex(record["seed"]), rosters_for(name))

    assert as_plain(found.as_json()) == {
        "selected": record["selected"],
        "work": record["work"],
        "teams": {agency: one["assigned"] for agency, one in record["teams"].items()},
        "open": [],
        "visits_root": record["visits_root"],
        "result_digest": record["result_digest"],
    }


@pytest.mark.parametrize("name", SAMPLE_NAMES)
def test_the_drawers_own_check_accepts_a_sample_with_all_its_rounds(name: str) -> None:
    record = sample(name)
    files = [file.read_bytes() for file in sorted((SAMPLES / name).glob("*.tsv"), reverse=True)]

    report = verify((SAMPLES / name / "record.json").read_bytes(), files)

    last = record["replacements"][-1] if record["replacements"] else record
    assert (report.result_digest, report.rounds) == (last["result_digest"], len(record["replacements"]))
    assert report.not_checked == ()
    assert report.not_held == (("teams",) if record["edition"] == "public" else ())
