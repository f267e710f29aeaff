"""Every worked value of the protocol."""

import hashlib
from typing import Any

import pytest

from services.drawer.domain import (
    frame,
    manifest_reader,
    merkle,
    messages,
    outcome,
    quota,
    requests,
    roster,
    teams,
    ticket,
    visits,
)
from services.drawer.domain.canonical import canonical
from services.drawer.domain.ceremony import Attempt
from services.drawer.domain.encoding import SHA256, SM3, tagged_hash
from services.drawer.domain.manifest import as_json, digest
from services.drawer.domain.roster import Officer
from services.drawer.domain.sealing import Commit
from services.drawer.domain.seed import BeaconValue, reseed
from tests.unit.drawer.draws import as_plain, sample, sample_frame, sample_rosters, vectors, verify

TEAM_CASES = sorted(name for name in vectors() if name.startswith("teams_"))


def test_tagged_hashes() -> None:
    assert tagged_hash(SHA256, "x").hex() == vectors()["TH(x)"]
    assert tagged_hash(SHA256, "x", "ab", "c").hex() == vectors()["TH(x,ab,c)"]
    assert tagged_hash(SHA256, "x", b"a", b"bc").hex() == vectors()["TH(x,a,bc)"]
    assert tagged_hash(SHA256, "x", None, 7).hex() == vectors()['TH(x,"",7)']
    assert tagged_hash(SM3, "x", "ab", "c").hex() == vectors()["sm3 TH(x,ab,c)"]


def test_tickets_under_both_hashes() -> None:
    wanted = vectors()["ticket"]

    assert ticket.ticket(SHA256, wanted["key"].encode(), wanted["id"]).hex() == wanted["ticket"]
    assert ticket.ticket(SM3, wanted["key"].encode(), wanted["id"]).hex() == vectors()["sm3 ticket"]


def test_a_pid() -> None:
    wanted = vectors()["pid"]

    assert roster.pid(SHA256, bytes.fromhex(wanted["salt"]), wanted["staff"]) == wanted["pid"]


def test_merkle_roots() -> None:
    for size, wanted in vectors()["merkle"]["roots"].items():
        assert merkle.root(SHA256, [f"chunk {number}\n".encode() for number in range(int(size))]).hex() == wanted


def test_a_chain() -> None:
    wanted = vectors()["chain"]

    assert [z.hex() for z in messages.chain(SHA256, bytes.fromhex(wanted["x"]), 3)] == wanted["z"]


@pytest.mark.parametrize("case", vectors()["quotas"], ids=lambda case: str(case["rule"]))
def test_quotas(case: Any) -> None:
    seed = bytes.fromhex(vectors()["quota_seed"])
    entity_class = next(iter(case["cells"])).partition("/")[0]
    rule = manifest_reader.read_rule(case["rule"], "rule")

    assert quota.cell_order(SHA256, seed, case["cells"]) == case["order"]
    assert str(quota.rounding_offset(SHA256, seed, entity_class)) == case["U"]
    assert quota.class_quota(SHA256, seed, entity_class, rule, case["cells"]) == case["quota"]


@pytest.mark.parametrize("name", TEAM_CASES)
def test_teams(name: str) -> None:
    case = vectors()[name]
    officers = {who: Officer(tuple(labels), cap, base) for who, (labels, cap, base) in case["roster"].items()}

    found = teams.match(SHA256, case["key"].encode(), case["slots"], officers, map(tuple, case["recused"]))

    assert as_plain(found.assigned) == case["assigned"]
    assert (found.augmentations, found.levellings) == (case["augmentations"], case["levellings"])
    assert [[one.target, one.slot] for one in found.open] == case["open"]
    assert found.loads == case["loads"]


def test_the_manifest_and_shards_of_the_sample_with_rounds() -> None:
    wanted = vectors()["sample_rounds"]
    manifest = manifest_reader.read_manifest(sample("rounds")["manifest"])

    assert hashlib.sha256(canonical(as_json(manifest))).hexdigest() == wanted["manifest_jcs_sha256"]
    assert digest(manifest).hex() == wanted["manifest_digest"]
    assert [frame.shard_leaf(SHA256, shard).hex() for shard in manifest.frame.shards] == wanted["shard_leaves"]
    assert frame.survey(SHA256, sample_frame("rounds")).frame == manifest.frame


def test_the_messages_of_the_sample_with_rounds() -> None:
    wanted, record = vectors()["sample_rounds"], sample("rounds")
    attempt = Attempt(manifest_reader.read_manifest(record["manifest"]), verify)
    commits = {name: Commit(bytes.fromhex(one["c"]), b"") for name, one in record["commits"].items()}
    m, cd = attempt.digest, attempt.commits_digest(commits)
    rd = bytes.fromhex(record["seal"]["digest"])
    secrets = {
        name: messages.chain(SHA256, bytes.fromhex(x), attempt.manifest.chain_len)[0]
        for name, x in wanted["secrets_x"].items()
    }
    dice = bytes.fromhex(record["beacons"][0]["value"])

    assert cd.hex() == record["commits_digest"]
    assert {name: messages.commitment(SHA256, m, name, s) for name, s in secrets.items()} == {
        name: one.c for name, one in commits.items()
    }
    assert messages.commit_message(SHA256, m, "AJ", commits["AJ"].c).hex() == wanted["commit_msg_AJ"]
    assert messages.countersign_message(SHA256, m, cd).hex() == wanted["cd_msg"]
    assert messages.reveal_message(SHA256, m, cd, "AJ", secrets["AJ"]).hex() == wanted["reveal_msg_AJ"]
    assert messages.reveals_digest(SHA256, m, cd, dict(secrets)) == rd
    assert messages.seal_message(SHA256, m, cd, rd, record["seal"]["at"]).hex() == wanted["seal_msg"]
    assert messages.dice_message(SHA256, m, cd, rd, dice).hex() == wanted["dice_msg"]


def test_the_keys_and_the_first_visit_of_the_sample_with_rounds() -> None:
    wanted, record = vectors()["sample_rounds"], sample("rounds")
    seed = bytes.fromhex(record["seed"])
    manifest = manifest_reader.read_manifest(record["manifest"])
    found = outcome.compute(manifest, sample_frame("rounds"), seed, sample_rosters("rounds"))
    first = wanted["first_visit"]
    blinding = visits.blind(SHA256, seed, first["id"])

    assert ticket.target_key(SHA256, seed).decode() == wanted["K_target"]
    for agency, key in wanted["K_team"].items():
        assert ticket.team_key(SHA256, seed, agency).decode() == key
    assert blinding.hex() == first["blind"]
    assert canonical(dict(found.visits[first["id"]])).decode() == first["jcs"]
    assert visits.leaf_data(SHA256, blinding, first["id"], found.visits[first["id"]]).hex() == first["leaf_data"]


def test_the_pids_and_roster_digests_of_the_sample_with_rounds() -> None:
    wanted, record = vectors()["sample_rounds"], sample("rounds")
    rosters = sample_rosters("rounds")
    for agency, salts in wanted["salts"].items():
        enrolled = {
            wanted["pids"][agency][staff]: roster.Enrolled(staff, bytes.fromhex(salt), Officer((), 0, 0))
            for staff, salt in salts.items()
        }
        assert all(roster.pid(SHA256, one.salt, one.staff_number) == pid for pid, one in enrolled.items())
        summary = roster.summarise(SHA256, bytes.fromhex(record["teams"][agency]["rho"]), rosters[agency], enrolled)
        assert as_plain(summary.__dict__) == record["manifest"]["rosters"][agency]


def test_the_messages_and_the_work_of_the_rounds() -> None:
    wanted, record = vectors()["sample_rounds"], sample("rounds")
    manifest = manifest_reader.read_manifest(record["manifest"])
    one = record["replacements"][0]
    m, seed = digest(manifest), bytes.fromhex(record["seed"])
    d = messages.removal_digest(SHA256, m, 1, requests.read_request(one["rho"]).as_bytes())
    z = {
        name: messages.chain(SHA256, bytes.fromhex(x), manifest.chain_len)[1] for name, x in wanted["secrets_x"].items()
    }
    rd, dice = bytes.fromhex(one["seal"]["digest"]), one["beacons"][0]
    shown = BeaconValue(dice["id"], dice["round"], bytes.fromhex(dice["value"]))

    assert d.hex() == wanted["D_1"]
    assert messages.removal_message(SHA256, d).hex() == wanted["removal_msg_1"]
    assert messages.said_of_reveal(SHA256, (d,), "AJ", z["AJ"]).hex() == wanted["reveal_msg_1_AJ"]
    assert messages.reveals_digest(SHA256, m, d, dict(z)) == rd
    assert messages.said_of_seal(SHA256, (d,), rd, one["seal"]["at"]).hex() == wanted["seal_msg_1"]
    assert messages.said_of_dice(SHA256, (d,), rd, shown.value).hex() == wanted["dice_msg_1"]
    reseeded = reseed(SHA256, seed, d, dict(z), [shown])
    assert reseeded.hex() == one["seed"]
    assert ticket.target_key(SHA256, reseeded).decode() == wanted["K_target_1"]
    assert record["replacements"][-1]["work"] == wanted["work_after_rounds"]  # reached again: test_samples


def test_no_worked_value_is_left_out() -> None:
    covered = {"TH(x)", "TH(x,ab,c)", "TH(x,a,bc)", 'TH(x,"",7)', "sm3 TH(x,ab,c)", "ticket", "sm3 ticket", "pid"}
    covered |= {"merkle", "chain", "quota_seed", "quotas", "sample_rounds", *TEAM_CASES}
    in_sample = {"manifest_jcs_sha256", "manifest_digest", "shard_leaves", "commit_msg_AJ", "cd_msg", "reveal_msg_AJ"}
    in_sample |= {"seal_msg", "dice_msg", "K_target", "K_team", "first_visit", "secrets_x", "salts", "pids"}
    about_rounds = {"D_1", "removal_msg_1", "reveal_msg_1_AJ", "seal_msg_1", "dice_msg_1", "K_target_1"}
    about_rounds |= {"work_after_rounds"}

    assert set(vectors()) == covered
    assert set(vectors()["sample_rounds"]) == in_sample | about_rounds | {"signing_seeds_ed25519"}
