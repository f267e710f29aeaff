"""What `make demo` leaves in ``build/demo/summary.json``; ``demo-summary.schema.json`` is generated from this."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0, strict=True)]
AtLeastOne = Annotated[int, Field(ge=1, strict=True)]
OutcomeCode = Annotated[str, Field(pattern=r"^[A-Z][A-Z_]{1,63}$")]
EventType = Annotated[str, Field(pattern=r"^onevisit\.[a-z_]+\.[a-z_]+\.v[1-9][0-9]*$")]
ReferralState = Literal["unrouted", "sent", "received", "accepted", "returned", "decided", "closed"]
_NO_OTHER_KEYS = {"additionalProperties": False}


class LateSections(BaseModel):
    """Sections published late, graded at their first publication."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rule: Annotated[Count, Field(description="Against the rule pack's term.")]
    plan: Annotated[Count, Field(description="Against the plan's publication stage.")]


class DemoSummary(BaseModel):
    """What came of the demonstration: build/demo/summary.json, written by `make demo`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    entities: Annotated[Count, Field(description="Entities (检查对象) in the frozen frame.")]
    targets: Annotated[Count, Field(description="Targets drawn.")]
    visits: Annotated[Count, Field(description="Visits opened, one per target (进一次门).")]
    checklists: Annotated[Count, Field(description="Sections: one per visit and agency that inspects there.")]
    officer_slots: Annotated[Count, Field(description="Officers sent, over all sections.")]
    results: Annotated[
        dict[OutcomeCode, AtLeastOne],
        Field(description="Outcomes of items, {code: n}; codes of the rule pack.", json_schema_extra=_NO_OTHER_KEYS),
    ]
    publication_rate: Annotated[float, Field(ge=0, le=1, description="Sections published, by sections that are due.")]
    late: LateSections
    referrals: Annotated[
        dict[ReferralState, AtLeastOne], Field(description="Referrals by the state they ended in, {state: n}.")
    ]
    notices: Annotated[Count, Field(description="Notices delivered.")]
    events: Annotated[
        dict[EventType, AtLeastOne],
        Field(description="Events of the fact topics, {type: n}.", json_schema_extra=_NO_OTHER_KEYS),
    ]
    dead_letters: Annotated[Count, Field(description="Events parked, over all services.")]
    waiting: Annotated[Count, Field(description="Events that wait for another, over all services.")]
    state_digest: Annotated[
        str,
        Field(pattern=r"^[0-9a-f]{64}$", description="Digest of all business tables; equal runs have equal ones."),
    ]
