"""Where findings come from, and what becomes of each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.results.domain.checklists import Item, Question
from services.results.domain.findings import (
    Finding,
    FindingKindUnknown,
    FindingNamesForeignEvidence,
    FindingWithoutItem,
    FollowUp,
    Route,
    consequence,
    fit_findings,
    gather,
)
from tests.unit.results.world import rule_pack

ITEMS = (
    Item(
        "I1",
        "事项一",
        (
            Question("a", "能否联系", "yes_no", bad_answers=("no",), finding_kind="unreachable"),
            Question("b", "不计问题", "yes_no", bad_answers=("no",)),
        ),
    ),
    Item("I2", "事项二", (Question("a", "规模", "choice", ("大", "小"), bad_answers=("小",), finding_kind="small"),)),
)
BODIES = {"GA": "agency", "XF": "external", "GZ": "witness_body"}


def test_each_bad_answer_with_a_kind_is_a_finding_in_the_order_of_the_checklist() -> None:
    own = Finding("I1", "", "other", "还看到别的")
    answers = {"I1": {"a": "no", "b": "no"}, "I2": {"a": "小"}}

    found = gather(ITEMS, answers, [own], None)

    assert [(f.item, f.question, f.kind, f.text) for f in found] == [
        ("I1", "a", "unreachable", "能否联系：否"),
        ("I1", "", "other", "还看到别的"),
        ("I2", "a", "small", "规模：小"),
    ]


def test_officers_explain_a_bad_answer_and_the_explanation_goes_when_the_answer_is_mended() -> None:
    note = Finding("I1", "a", "", "大门上锁", ("E1",))

    assert gather(ITEMS, {"I1": {"a": "no"}}, [note], None) == (Finding("I1", "a", "unreachable", "大门上锁", ("E1",)),)
    assert gather(ITEMS, {"I1": {"a": "yes"}}, [note], None) == ()
    blank = Finding("I1", "a", "", "", ("E1",))
    assert gather(ITEMS, {"I1": {"a": "no"}}, [blank], None)[0].text == "能否联系：否"


def test_written_findings_are_checked() -> None:
    fitted = fit_findings(ITEMS, {"other"}, {"E1"}, [Finding("I1", "", "other", " 有问题 ", ("E1", "E1"))])

    assert fitted == (Finding("I1", "", "other", "有问题", ("E1",)),)
    for finding, refusal in (
        (Finding("I9", "", "other", "x"), FindingWithoutItem),
        (Finding("I1", "z", "", "x"), FindingWithoutItem),
        (Finding("I1", "", "nothing", "x"), FindingKindUnknown),
        (Finding("I1", "a", "", "x", ("E2",)), FindingNamesForeignEvidence),
    ):
        with pytest.raises(refusal):
            fit_findings(ITEMS, {"other"}, {"E1"}, [finding])


@pytest.mark.parametrize(
    ("route", "follow_up", "receiver", "external"),
    [
        (Route("own", None, "mending", "r", follow_up="rectification"), FollowUp.RECTIFICATION, None, False),
        (Route("own", None, "rectification", "r", follow_up="action"), FollowUp.OWN_ACTION, None, False),
        (Route("transfer", "GA", "referral_decision", "r"), FollowUp.REFERRAL, "GA", False),
        (Route("inform", "GA", "referral_decision", "r"), FollowUp.REFERRAL, "GA", False),
        (Route("transfer", "XF", "referral_decision", "r"), FollowUp.REFERRAL, "XF", True),
        (Route("transfer", "ZZ", "referral_decision", "r"), FollowUp.UNROUTED, None, False),
        (Route("transfer", "GZ", "referral_decision", "r"), FollowUp.UNROUTED, None, False),
        (Route("transfer", None, "referral_decision", "r"), FollowUp.UNROUTED, None, False),
        (Route("unrouted", None, "referral_routing", "r"), FollowUp.UNROUTED, None, False),
    ],
)
def test_the_route_says_what_becomes_of_a_finding(
    route: Route, follow_up: FollowUp, receiver: str | None, external: bool
) -> None:
    made = consequence(route, BODIES)

    assert (made.follow_up, made.receiver, made.external) == (follow_up, receiver, external)
    assert made.inside_remit == (follow_up in (FollowUp.RECTIFICATION, FollowUp.OWN_ACTION))


PACK = rule_pack()
BODIES_OF_PACK = {agency.code: agency.kind.value for agency in PACK.agencies}


@given(
    st.sampled_from([*(kind.code for kind in PACK.finding_kinds), "unheard_of"]),
    st.sampled_from(["JT", "GA", "AJ", "SJ", "YG"]),
    st.sampled_from([category.code for category in PACK.categories]),
    st.sampled_from([district.code for district in PACK.districts]),
    st.sets(st.sampled_from(sorted(BODIES_OF_PACK))),
)
def test_no_finding_ever_vanishes_or_goes_back_to_its_finder(
    kind: str, finder: str, category: str, district: str, unknown: set[str]
) -> None:
    row = PACK.route(kind, finder, category, district)
    known = {agency: sort for agency, sort in BODIES_OF_PACK.items() if agency not in unknown}

    made = consequence(Route(row.mode.value, row.agency, row.deadline, "r", follow_up=row.follow_up or ""), known)

    assert made.receiver != finder
    assert (made.follow_up is FollowUp.REFERRAL) == (made.receiver is not None)
    assert made.receiver is None or made.receiver in known
    assert made.external == (known.get(made.receiver or "") == "external")


@given(st.permutations(range(len(PACK.routing))), st.sampled_from([kind.code for kind in PACK.finding_kinds]))
def test_the_order_of_the_routing_table_changes_nothing(order: list[int], kind: str) -> None:
    shuffled = PACK.model_copy(update={"routing": tuple(PACK.routing[at] for at in order)})

    for finder in ("JT", "SJ"):
        assert shuffled.route(kind, finder, "ZC", "PL01") == PACK.route(kind, finder, "ZC", "PL01")
