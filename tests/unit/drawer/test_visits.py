"""Work lists, the visits root, and the proof that one firm gets."""

from dataclasses import replace

from services.drawer.domain import merkle
from services.drawer.domain.canonical import canonical
from services.drawer.domain.encoding import SHA256, tagged_hash
from services.drawer.domain.frame import Kind
from services.drawer.domain.manifest import Selection
from services.drawer.domain.teams import Team
from services.drawer.domain.visits import (
    Entry,
    VisitUnknown,
    Work,
    entries,
    prove_visit,
    root_of_proof,
    visits_root,
    work_list,
)
from tests.unit.drawer.draws import refused, secret

SEED = secret("seed")
VISITS: dict[str, Entry] = {
    f"E{number}": {"JT": (("JT-01",), ("a" * 64, None)), "GA": (("GA-01", "GA-02"), ())} for number in range(5)
}


def test_the_work_of_an_agency_is_its_lines_that_the_entity_carries_and_that_drew_it() -> None:
    selections = (Selection("one", ("GA-01", "JT-02"), {}), Selection("two", ("GA-02",), {}))
    lines = {"GA-01": "GA", "GA-02": "GA", "JT-01": "JT", "JT-02": "JT"}
    kinds = {"E1": Kind("A", ("GA-01", "GA-02", "JT-01")), "E2": Kind("A", ("GA-02", "JT-02"))}
    selected = {"one": {"A": ["E2", "E1"]}, "two": {"A": ["E2"]}}

    work = work_list(selected, kinds, selections, lines, ["SJ", "JT", "GA"])

    assert work == {"GA": {"E1": ("GA-01",), "E2": ("GA-02",)}, "JT": {"E2": ("JT-02",)}, "SJ": {}}
    assert list(work["GA"]) == ["E1", "E2"]


def test_one_visit_per_entity_whatever_the_number_of_agencies() -> None:
    work: Work = {"JT": {"E2": ("JT-01",), "E1": ("JT-01",)}, "GA": {"E2": ("GA-01",)}, "SJ": {}}
    assigned: dict[str, dict[str, Team]] = {"JT": {"E1": ("a", None), "E2": ("b", "c")}, "GA": {"E2": ("d",)}, "SJ": {}}

    visits = entries(work, assigned)

    assert visits == {
        "E1": {"JT": (("JT-01",), ("a", None))},
        "E2": {"GA": (("GA-01",), ("d",)), "JT": (("JT-01",), ("b", "c"))},
    }
    assert list(visits) == ["E1", "E2"]


def test_the_visits_root_is_sorted_by_value_and_not_by_id() -> None:
    def value(entity: str) -> bytes:
        blind = tagged_hash(SHA256, "blind", SEED, entity)
        return tagged_hash(SHA256, "visit", blind, entity, canonical(dict(VISITS[entity])))

    values = sorted(map(value, VISITS))

    assert values != list(map(value, VISITS))
    assert visits_root(SHA256, SEED, VISITS) == merkle.root(SHA256, values)


def test_no_visits_have_a_root_too() -> None:
    assert visits_root(SHA256, SEED, {}) == SHA256(b"")


def test_every_visited_firm_can_show_its_own_visit() -> None:
    for entity, entry in VISITS.items():
        proof = prove_visit(SHA256, SEED, VISITS, entity)

        assert (proof.entity, proof.entry) == (entity, entry)
        assert root_of_proof(SHA256, proof) == visits_root(SHA256, SEED, VISITS)


def test_a_proof_is_handed_out_with_all_that_its_leaf_is_made_of() -> None:
    proof = prove_visit(SHA256, SEED, VISITS, "E3")

    told = proof.as_json()

    assert (told["entity"], told["blind"], told["path"]) == ("E3", proof.blind.hex(), proof.path.as_json())
    assert told["entry"] == {agency: [list(lines), list(team)] for agency, (lines, team) in VISITS["E3"].items()}


def test_a_changed_proof_leads_elsewhere() -> None:
    proof = prove_visit(SHA256, SEED, VISITS, "E3")
    root = visits_root(SHA256, SEED, VISITS)

    assert root_of_proof(SHA256, replace(proof, entity="E4")) != root
    assert root_of_proof(SHA256, replace(proof, blind=secret("other"))) != root
    assert root_of_proof(SHA256, replace(proof, entry={"JT": (("JT-01",), ("b" * 64, None))})) != root
    assert root_of_proof(SHA256, replace(proof, path=replace(proof.path, size=99))) != root


def test_there_is_no_proof_of_a_visit_that_is_not() -> None:
    with refused(VisitUnknown, entity="E9"):
        prove_visit(SHA256, SEED, VISITS, "E9")
