"""What must have come of the Pingluo campaign (reference/domain.md §6), read through queries after the run."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from referencing import Registry, Resource

from onevisit.demo import outcome
from onevisit.demo.papers import ROOT
from onevisit.system import System
from runtime.store.actor import Actor
from schemas.vocabulary import Role
from services.planner.queries.campaigns import campaign_view
from services.results.queries.publication import public_results
from services.results.queries.referrals import package_file, referral_lists, referral_view
from services.results.queries.visits import section_view, visit_lines, visit_view
from tests.kit import person
from tests.scenario.playing import Played, copied

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("county"), pytest.mark.timeout(600)]

CAMPAIGN = "C-640221-2018-001"
AGENCIES = {"KY": 5, "WH": 5, "PH": 4, "ZC": 3, "WX": 2}
"""How many agencies inspect a target of each category."""
CHECKED_BY_AJ_TWICE = "WH"  # 安监 has two items at carriers of dangerous goods
LEAD = person("JT", Role.PLANNER)


@pytest.fixture(scope="module")
def county(undisturbed: Played, tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    """A copy of the played county."""
    with copied(undisturbed.home, tmp_path_factory.mktemp("summary") / "home") as system:
        yield system


@pytest.fixture(scope="module")
def out(undisturbed: Played, county: System, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What ``make demo`` leaves in build/demo."""
    folder = tmp_path_factory.mktemp("out")
    outcome.write_results(county, undisturbed.summary, folder)
    return folder


@pytest.fixture(scope="module")
def record(out: Path) -> dict[str, Any]:
    """The draw's record, full edition."""
    found: dict[str, Any] = json.loads((out / "draw" / "record.json").read_bytes())
    return found


@pytest.fixture(scope="module")
def drawn(out: Path, record: Mapping[str, Any]) -> Counter[str]:
    """How many targets of each category were drawn, counted in record and frame."""
    category = {}
    for line in (out / "draw" / "frame.tsv").read_text(encoding="utf-8").splitlines():
        target, cell, _ = line.split("\t")
        category[target] = cell.split("/")[1]
    targets = {target for work in record["work"].values() for target in work}
    return Counter(category[target] for target in targets)


def ask(county: System, service: str, actor: Actor, query: Any, **facts: Any) -> Any:
    one = county.services[service]
    return one.ask(actor, query, **facts)


def visits_of(county: System) -> list[dict[str, Any]]:
    """Read every visit as the lead's planner, in the order of ticket within each category."""
    found = ask(county, "results", LEAD, visit_lines, campaign_id=CAMPAIGN)
    return sorted(found, key=lambda line: (line["target"]["category"], line["target"]["ticket_rank"]))


def visit_at(county: System, category: str, place: int) -> dict[str, Any]:
    """Find the visit to the *place*-th drawn target of a category."""
    return [line for line in visits_of(county) if line["target"]["category"] == category][place]


def section_at(county: System, visit: Mapping[str, Any], agency: str) -> dict[str, Any]:
    """Read an agency's own section of a visit, as its approver."""
    section = next(each["section"] for each in visit["sections"] if each["agency"] == agency)
    found: dict[str, Any] = ask(
        county,
        "results",
        person(agency, Role.APPROVER),
        section_view,
        section_id=section,
        now=county.ports.clock.now(),
    )
    return found


def referral_to(county: System, receiver: str) -> dict[str, Any]:
    """Read the referral to *receiver*, as the lead."""
    now = county.ports.clock.now()
    lists = ask(county, "results", LEAD, referral_lists, now=now)
    (line,) = [line for line in lists["led"] if line["receiver"] == receiver]
    found: dict[str, Any] = ask(county, "results", LEAD, referral_view, referral_id=line["referral"], now=now)
    return found


# ── summary.json ────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_summary_fits_its_schema(out: Path) -> None:
    schema = json.loads((ROOT / "schemas" / "demo-summary.schema.json").read_text(encoding="utf-8"))
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))

    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(summary, schema)
    for broken in (
        {key: value for key, value in summary.items() if key != "late"},
        {**summary, "late": {"rule": 1}},
        {**summary, "more": 1},
        {**summary, "referrals": {"lost": 1}},
        {**summary, "state_digest": "?"},
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(broken, schema)


def test_the_summary_says_what_the_issue_expects(undisturbed: Played, drawn: Counter[str]) -> None:
    summary = undisturbed.summary
    checklists = sum(AGENCIES[category] * count for category, count in drawn.items())

    assert sum(drawn.values()) == 11
    assert drawn.keys() == AGENCIES.keys(), "every category is present"
    assert summary["entities"] == 110
    assert summary["targets"] == summary["visits"] == 11
    assert summary["checklists"] == checklists
    assert summary["officer_slots"] == 2 * checklists
    assert summary["publication_rate"] == 1.0
    assert summary["late"] == {"rule": 1, "plan": 1}
    assert sum(summary["referrals"].values()) == 3
    assert summary["dead_letters"] == summary["waiting"] == 0
    assert outcome.broken_invariants(summary) == []


def test_a_summary_that_breaks_an_invariant_is_named(undisturbed: Played) -> None:
    broken = undisturbed.summary | {"waiting": 1, "referrals": {"sent": 2}, "officer_slots": 3}

    assert names(outcome.broken_invariants(broken)) == ["waiting", "referrals", "officer_slots"]


def names(broken: Sequence[str]) -> list[str]:
    return [name.split(":")[0] for name in broken]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"results": {"NO_ISSUE": 42, "PENDING": 3}}, "results"),
        ({"results": {"NO_ISSUE": 37, "PENDING": 2, "CORRECTED": 1, "UNREACHABLE": 4, "REFUSED": 1}}, "results"),
        ({"referrals": {"closed": 2, "decided": 1}}, "referrals"),
        ({"referrals": {"closed": 2}}, "referrals"),
        ({"state_digest": "?"}, "schema"),
        ({"notices": -1}, "schema"),
        ({"notices": 0}, "notices"),
        ({"more": 1}, "schema"),
    ],
)
def test_each_broken_invariant_names_itself(change: dict[str, Any], named: str, undisturbed: Played) -> None:
    assert names(outcome.broken_invariants(undisturbed.summary | change)) == [named]


def test_the_summary_is_checked_against_what_its_schema_is_made_of(undisturbed: Played) -> None:
    without = {name: value for name, value in undisturbed.summary.items() if name != "notices"}

    assert names(outcome.broken_invariants(without)) == ["schema"]


def test_every_visit_has_one_section_of_each_competent_agency(county: System, undisturbed: Played) -> None:
    applying = outcome.items_by_category()
    assert outcome.broken_visits(county, undisturbed.summary, applying) == []

    assert {category: len(agencies) for category, agencies in applying.items()} == AGENCIES
    broken = outcome.broken_visits(county, undisturbed.summary, applying | {"KY": {"JT": ["JT-01"]}})
    assert set(names(broken)) == {"sections", "results"}
    assert names(outcome.broken_visits(county, undisturbed.summary | {"visits": 12}, applying)) == ["visits"]


def test_results_are_those_of_the_scripted_findings_and_nothing_else(undisturbed: Played, drawn: Counter[str]) -> None:
    results = undisturbed.summary["results"]
    items = sum(AGENCIES[category] * count for category, count in drawn.items()) + drawn[CHECKED_BY_AJ_TWICE]

    assert results["PENDING"] == 2, "#1 at 客运 A and #3 at 站场 C"
    assert results["CORRECTED"] == 1, "#2 at 普货 B"
    assert results["UNREACHABLE"] == 4, "#5: four agencies before the closed door of 普货 E"
    assert results["NO_ISSUE"] == items - 7
    assert sum(results.values()) == items


def test_events_agree_with_what_they_brought_about(undisturbed: Played) -> None:
    summary, events = undisturbed.summary, undisturbed.summary["events"]

    assert events["onevisit.checklist.submitted.v1"] == summary["checklists"]
    assert events["onevisit.result.approved.v1"] == summary["checklists"]
    assert events["onevisit.result.published.v1"] == summary["checklists"]
    assert events["onevisit.notice.delivered.v1"] == summary["notices"]
    assert events["onevisit.finding.raised.v1"] == 7
    assert events["onevisit.rectification.ordered.v1"] == events["onevisit.rectification.verified.v1"] == 1
    assert events["onevisit.referral.unrouted.v1"] == 1
    assert events["onevisit.referral.source_added.v1"] == 2
    for once in ("campaign.confirmed", "frame.frozen", "draw.completed", "draw.disclosed", "campaign.closed"):
        assert events[f"onevisit.{once}.v1"] == 1


# ── the draw's record ───────────────────────────────────────────────────────────────────────────────────────────────


def test_the_record_fits_the_given_schema(record: Mapping[str, Any]) -> None:
    folder = ROOT / "schemas"
    schemas = {
        name: json.loads((folder / name).read_bytes())
        for name in ("draw-record.schema.json", "draw-manifest.schema.json")
    }
    registry: Registry[Any] = Registry().with_resources(
        (name, Resource.from_contents(schema)) for name, schema in schemas.items()
    )
    validator = jsonschema.Draft202012Validator(schemas["draw-record.schema.json"], registry=registry)

    assert [error.message for error in validator.iter_errors(record)] == []
    assert list(validator.iter_errors({**record, "seed": "?"})) != []


def test_the_record_is_verified_with_one_file_and_nothing_else(
    out: Path, record: dict[str, Any], tmp_path: Path
) -> None:
    assert verify(out / "draw" / "record.json", out / "draw" / "frame.tsv").returncode == 0

    forged = tmp_path / "record.json"
    agency, targets = next(iter(record["teams"].items()))
    target = next(iter(targets))
    forged.write_text(json.dumps(record | {"teams": record["teams"] | {agency: targets | {target: []}}}))
    frame = tmp_path / "frame.tsv"
    frame.write_bytes((out / "draw" / "frame.tsv").read_bytes().replace(b"c1/KY", b"c1/PH", 1))
    assert verify(forged, out / "draw" / "frame.tsv").returncode == 1
    assert verify(out / "draw" / "record.json", frame).returncode == 1


def verify(record: Path, frame: Path) -> subprocess.CompletedProcess[str]:
    """Run the independent verifier with Python's own library and nothing of this system."""
    return subprocess.run(
        [sys.executable, "-I", "-S", str(ROOT / "verify_draw.py"), str(record), str(frame)],
        env={},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


# ── deadlines (§6.4) ────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_days_of_the_table_appear(county: System) -> None:
    view = ask(county, "planner", LEAD, campaign_view, campaign_id=CAMPAIGN)
    stages = {each.stage.value: each for each in view.stages}

    assert view.dues["publication_rule"]["due_on"] == "2019-01-04"
    assert view.dues["publication_rule"]["anchor"] == "inspection_stage_end"
    assert view.dues["publication_plan"]["due_on"] == "2018-12-31"
    assert view.dues["report"]["due_on"] == "2019-01-02", "12-30 rolled"
    assert stages["publish"].last_working_on == date(2018, 12, 29)
    assert stages["draw"].last_working_on == date(2018, 12, 7)
    codes = {warned.code for warned in view.warnings}
    assert {"stage_ends_on_day_off", "rule_term_does_not_fit"} <= codes


def test_both_late_days_are_graded_as_the_plan_says(county: System) -> None:
    lines = [
        line
        for visit in visits_of(county)
        for line in ask(county, "results", LEAD, visit_view, visit_id=visit["visit"])["sections"]
    ]
    after = {line["agency"]: line for line in lines if line["published_on"] > date(2018, 12, 21)}

    assert {agency: line["published_on"] for agency, line in after.items()} == {
        "AJ": date(2018, 12, 30),
        "YG": date(2019, 1, 5),
    }
    assert (after["AJ"]["late_by_plan"], after["AJ"]["late_by_rule"]) == (False, False), "12-30 is in time for both"
    assert (after["YG"]["late_by_plan"], after["YG"]["late_by_rule"]) == (True, True)


# ── findings and referrals (§6.5) ───────────────────────────────────────────────────────────────────────────────────


def test_finding_1_goes_to_the_police_with_its_package_and_the_rule_that_said_so(county: System) -> None:
    visit, referral = visit_at(county, "KY", 0), referral_to(county, "GA")
    section = section_at(county, visit, "JT")
    now = county.ports.clock.now()
    received = ask(
        county, "results", person("GA", Role.APPROVER), referral_view, referral_id=referral["referral"], now=now
    )

    assert (referral["sender"], referral["kind"]) == ("JT", "driver_licence_mismatch")
    assert referral["rule"].startswith("driver_licence_mismatch/")
    assert referral["decision"] == "case_opened"
    assert [each["act"] for each in referral["history"]][:4] == ["sent", "receive", "accept", "decide"]
    (package,) = received["packages"]
    assert package["target"]["name"] == visit["target"]["name"]
    assert [each["text"] for each in package["findings"]] == [each["text"] for each in section["findings"]]
    assert {each["item"] for each in package["record"]} == {"JT-01"}
    (photo,) = package["evidence"]
    assert photo["sha256"] == section["evidence"][0]["sha256"]
    file = ask(
        county,
        "results",
        person("GA", Role.APPROVER),
        package_file,
        referral_id=referral["referral"],
        evidence_id=photo["id"],
    )
    assert file["name"] == "photo.png"


def test_finding_2_stays_where_it_was_found_and_has_its_day(county: System) -> None:
    section = section_at(county, visit_at(county, "PH", 0), "SJ")
    (followed,) = section["followed"]

    assert section["items"][0]["outcome"] == "CORRECTED"
    assert (followed["follow_up"], followed["referral"]) == ("rectification", None)
    assert followed["due"]["due_on"] == "2018-12-25", "ten working days from 12-11"
    assert [each["passed"] for each in followed["checks"]] == [True], "市监 looked again when it was due"


def test_finding_3_did_not_vanish_between_the_duties(county: System) -> None:
    visit, referral = visit_at(county, "ZC", 0), referral_to(county, "XF")
    (followed,) = section_at(county, visit, "AJ")["followed"]

    assert referral["kind"] == "fire_exit_blocked"
    assert referral["external"] is True
    assert followed["referral"] == referral["referral"]
    assert [each["act"] for each in referral["history"]][:2] == ["unrouted", "route"]
    assert [scan["act"] for scan in referral["scans"]] == ["receive", "decide"]


def test_finding_5_is_one_action_with_three_sources(county: System) -> None:
    visit, referral = visit_at(county, "PH", 1), referral_to(county, "SJ")

    assert (referral["kind"], referral["decision"]) == ("unreachable", "listed_abnormal")
    assert len(referral["sources"]) == 3
    outcomes = {
        section["agency"]: {item["outcome"] for item in section_at(county, visit, section["agency"])["items"]}
        for section in visit["sections"]
    }
    assert outcomes == {key: {"UNREACHABLE"} for key in ("AJ", "JT", "SJ", "YG")}
    (own,) = section_at(county, visit, "SJ")["followed"]
    assert own["referral"] == referral["referral"], "市监 met the closed door too: the same action"
    assert "市场监管局" not in referral["sources"]


def test_finding_7_a_refused_signature_is_on_record_and_publication_allowed(county: System) -> None:
    section = section_at(county, visit_at(county, "PH", 2), "YG")

    assert section["unit"]["how"] == "refused"
    assert (section["unit"]["reason"], section["unit"]["valid"]) == ("no_reason", True)
    assert section["unit"]["witness"].startswith("同行执法人员")
    assert {item["outcome"] for item in section["items"]} == {"NO_ISSUE"}
    assert section["published_on"] is not None


def test_every_item_of_every_firm_is_public_with_nine_fields(county: System, undisturbed: Played) -> None:
    system = county.services["results"].system
    shown = ask(county, "results", system, public_results, campaign=CAMPAIGN)
    lines = [line for each in shown["results"] for line in each["record"]["lines"]]

    assert len(shown["results"]) == undisturbed.summary["checklists"]
    assert len(lines) == sum(undisturbed.summary["results"].values()), "one line per item"
    assert {len({*each["record"]} - {"lines"}) for each in shown["results"]} == {7}
    assert {tuple(line) for line in lines} == {("raninsItemName", "raninsCheckResName")}
