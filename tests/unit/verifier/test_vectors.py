"""Every worked value of the protocol is reproduced by the verifier's own functions."""

from __future__ import annotations

from typing import Any

import pytest

import verify_draw
from tests.unit.verifier import forge
from tests.unit.verifier.forge import sample, sample_of_vectors, vectors
from verify_draw import Hasher, Steps, jcs

SHA = Hasher("sha256")
TEAMS = sorted(name for name in vectors() if name.startswith("teams_"))


def test_tagged_hashes() -> None:
    assert SHA.th("x").hex() == vectors()["TH(x)"]
    assert SHA.th("x", "ab", "c").hex() == vectors()["TH(x,ab,c)"]
    assert SHA.th("x", "a", "bc").hex() == vectors()["TH(x,a,bc)"]
    assert SHA.th("x", "", 7).hex() == vectors()['TH(x,"",7)']
    assert Hasher("sm3").th("x", "ab", "c").hex() == vectors()["sm3 TH(x,ab,c)"]


def test_tickets() -> None:
    given = vectors()["ticket"]
    text = f"{given['key']}|{given['id']}".encode()
    assert SHA.h(text).hex() == given["ticket"]
    assert Hasher("sm3").h(text).hex() == vectors()["sm3 ticket"]


def test_a_pid() -> None:
    given = vectors()["pid"]
    assert SHA.th("pid", bytes.fromhex(given["salt"]), given["staff"]).hex() == given["pid"]


@pytest.mark.parametrize("n", [int(n) for n in vectors()["merkle"]["roots"]])
def test_tree_hashes(n: int) -> None:
    assert SHA.tree(f"chunk {i}\n".encode() for i in range(n)).hex() == vectors()["merkle"]["roots"][str(n)]


def test_a_chain() -> None:
    given = vectors()["chain"]
    x = bytes.fromhex(given["x"])
    assert [SHA.chain(x, 3 - j).hex() for j in range(4)] == given["z"]


@pytest.mark.parametrize("given", vectors()["quotas"], ids=lambda given: next(iter(given["cells"])).split("/")[0])
def test_quotas(given: Any) -> None:
    seed, cells = bytes.fromhex(vectors()["quota_seed"]), given["cells"]
    name = verify_draw.class_of(next(iter(cells)))

    spread = verify_draw.spread(SHA, seed, name, cells, verify_draw.quota_of_class(given["rule"], sum(cells.values())))

    assert spread == given["quota"]
    assert list(spread) == given["order"]
    assert str(int.from_bytes(SHA.th("round", seed, name)[:8], "big")) == given["U"]


@pytest.mark.parametrize("name", TEAMS)
def test_teams(name: str) -> None:
    given = vectors()[name]
    recused = {(inspector, target) for inspector, target in given["recused"]}
    teams = verify_draw.Teams(SHA, given["key"], given["roster"], recused, Steps())
    for target, slots in given["slots"].items():
        teams.add_target(target, slots)

    teams.assign()

    assigned = teams.assigned()
    assert assigned == given["assigned"]
    assert teams.augmentations == given["augmentations"]
    assert teams.levellings == given["levellings"]
    assert {inspector: teams.load(inspector) for inspector in given["roster"]} == given["loads"]
    still_open = [[t, index] for t, team in sorted(assigned.items()) for index, i in enumerate(team) if i is None]
    assert still_open == given["open"]


def test_the_manifest_of_the_sample() -> None:
    record, given = sample("rounds").record, sample_of_vectors()
    assert SHA.h(jcs(record["manifest"])).hex() == given["manifest_jcs_sha256"]
    assert forge.manifest_digest(record["manifest"]).hex() == given["manifest_digest"]
    leaves = [
        SHA.th("shard", s["shard"], s["n"], bytes.fromhex(s["digest"]), bytes.fromhex(s["root"])).hex()
        for s in record["manifest"]["frame"]["shards"]
    ]
    assert leaves == given["shard_leaves"]


def test_the_messages_of_the_sample() -> None:
    case, given = sample("rounds"), sample_of_vectors()
    record, m, cd = case.record, forge.manifest_digest(case.manifest), forge.commits_digest(case)
    rd, dice = bytes.fromhex(record["seal"]["digest"]), bytes.fromhex(record["beacons"][0]["value"])
    c, s = (bytes.fromhex(record[part]["AJ"][value]) for part, value in (("commits", "c"), ("reveals", "value")))

    assert SHA.th("commit-msg", m, "AJ", c).hex() == given["commit_msg_AJ"]
    assert SHA.th("cd-msg", m, cd).hex() == given["cd_msg"]
    assert SHA.th("reveal-msg", m, cd, "AJ", s).hex() == given["reveal_msg_AJ"]
    assert SHA.th("seal", m, cd, rd, record["seal"]["at"]).hex() == given["seal_msg"]
    assert SHA.th("dice-msg", m, cd, rd, dice).hex() == given["dice_msg"]


def test_the_secrets_of_the_sample_open_its_commitments() -> None:
    case, given = sample("rounds"), sample_of_vectors()
    m = forge.manifest_digest(case.manifest)
    for agency, x in given["secrets_x"].items():
        s = SHA.chain(bytes.fromhex(x), case.manifest["chain_len"])
        assert case.record["reveals"][agency]["value"] == s.hex()
        assert case.record["commits"][agency]["c"] == SHA.th("commit", m, agency, s).hex()
        assert case.manifest["agencies"][agency]["key"] == forge.public_key(agency)


def test_the_keys_of_the_sample() -> None:
    seed, given = bytes.fromhex(sample("rounds").record["seed"]), sample_of_vectors()
    assert SHA.key(seed, "target") == given["K_target"]
    assert {agency: SHA.key(seed, "team", agency) for agency in given["K_team"]} == given["K_team"]


def test_a_visit_of_the_sample() -> None:
    record, given = sample("rounds").record, sample_of_vectors()["first_visit"]
    seed, entity = bytes.fromhex(record["seed"]), given["id"]
    content = {
        agency: [lines[entity], record["teams"][agency]["assigned"][entity]]
        for agency, lines in record["work"].items()
        if entity in lines
    }
    blind = SHA.th("blind", seed, entity)

    assert blind.hex() == given["blind"]
    assert jcs(content).decode() == given["jcs"]
    assert SHA.th("visit", blind, entity, jcs(content)).hex() == given["leaf_data"]


def test_the_pids_of_the_sample() -> None:
    given = sample_of_vectors()
    for agency, salts in given["salts"].items():
        pids = {staff: SHA.th("pid", bytes.fromhex(salt), staff).hex() for staff, salt in salts.items()}
        assert pids == given["pids"][agency]
        assert set(pids.values()) == set(sample("rounds").record["teams"][agency]["roster"])
