"""
Rule packs and working calendars: what a county's rules say, as data with their sources.

A pack is written by people as TOML (``rulepacks/<id>/<edition>.toml``), checked here, and travels between services as
canonical JSON: a blob named by its digest, which a campaign pins. Nothing in the code of the services knows a ratio,
a term, an outcome or a competent agency; they ask the pack.
"""

import json
import re
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date, time
from enum import StrEnum
from hashlib import sha256
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints, ValidationError, model_validator

from schemas.vocabulary import AgencyKind, Purpose, ReferralMode

# ── words ────────────────────────────────────────────────────────────────────────────────────────────────────────────

Code = Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z._-]{0,63}$")]
Text = Annotated[str, StringConstraints(min_length=1, max_length=400, strip_whitespace=True)]
ANY = "*"
CodeOrAny = Annotated[str, StringConstraints(pattern=r"^(\*|[0-9A-Za-z][0-9A-Za-z._-]{0,63})$")]


def _a_fraction(pair: tuple[int, int]) -> tuple[int, int]:
    numerator, denominator = pair
    if denominator < 1 or not 0 <= numerator <= denominator:
        raise ValueError(f"a ratio [p, q] needs 0 <= p <= q and q >= 1, not [{numerator}, {denominator}]")
    return pair


Ratio = Annotated[tuple[int, int], AfterValidator(_a_fraction)]
"""An exact fraction ``(p, q)``: never a float, so that 7 % of 100 is 7."""


class ItemKind(StrEnum):
    """一般 / 重点检查事项."""

    GENERAL = "general"
    KEY = "key"


class Anchor(StrEnum):
    """What a term is counted from. ``EVENT``: the day on which the duty arose."""

    PREPARE_STAGE_END = "prepare_stage_end"
    DRAW_STAGE_END = "draw_stage_end"
    INSPECTION_STAGE_END = "inspection_stage_end"
    PUBLICATION_STAGE_END = "publication_stage_end"
    CAMPAIGN_END = "campaign_end"
    VISIT_END = "visit_end"
    EVENT = "event"


class Unit(StrEnum):
    """What a term is counted in."""

    WORKING_DAYS = "working_days"
    NATURAL_DAYS = "natural_days"
    HOURS = "hours"


class Roll(StrEnum):
    """What happens when a term in natural days ends on a day off."""

    NONE = "none"
    NEXT_WORKING_DAY = "next_working_day"


class RoutingMode(StrEnum):
    """
    What becomes of a finding.

    ``TRANSFER`` 移送 and ``INFORM`` 抄告 make a referral to ``agency``; ``OWN`` stays with the finder and becomes what
    the row's ``follow_up`` says; ``UNROUTED`` goes to the lead's queue (待定管辖), perhaps with a suggestion.
    """

    TRANSFER = ReferralMode.TRANSFER.value
    INFORM = ReferralMode.INFORM.value
    OWN = "own"
    UNROUTED = "unrouted"


class OwnFollowUp(StrEnum):
    """What the finder does about a finding that stays with it: ``RECTIFICATION`` 责令改正, or ``ACTION``: it acts itself."""

    RECTIFICATION = "rectification"
    ACTION = "action"


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Worded(_Model):
    """Something with a code that a page shows by name."""

    code: Code
    zh: Text
    en: Text


# ── the parts of a pack ──────────────────────────────────────────────────────────────────────────────────────────────


class Source(_Model):
    """
    Where a rule comes from. ``borrowed``: a rule of another place, taken here as a suggestion, binding nobody.

    ``note`` says how far the text was checked; a rule whose source is the house's own habit says so there.
    """

    title: Text
    number: str = ""
    dated: date | None = None
    borrowed: bool = False
    note: str = ""


class Agency(_Model):
    """A body the pack speaks of: an agency of the county, or one outside the system that receives letters."""

    code: Code
    zh: Text
    short: Text
    en: Text
    kind: AgencyKind = AgencyKind.AGENCY


class RatioRule(_Model):
    """Bounds of the sampling ratio (抽查比例) of one kind of item; n = ceil of the exact share, at least ``minimum_count``."""

    minimum: Ratio | None = None
    maximum: Ratio | None = None
    minimum_count: int = Field(default=1, ge=0)
    source: Code

    @model_validator(mode="after")
    def _minimum_not_above_maximum(self) -> Self:
        low, high = self.minimum, self.maximum
        if low and high and low[0] * high[1] > high[0] * low[1]:
            raise ValueError(f"the minimum ratio {low} is above the maximum {high}")
        return self


class ReplacementRule(_Model):
    """How many drawn targets a campaign may replace (递补) at most: a share of the planned number, rounded down."""

    share: Ratio
    minimum: int = Field(ge=0, le=10_000)
    source: Code

    def most(self, planned: int) -> int:
        """Return the bound of a campaign of *planned* targets; at least ``minimum``."""
        return max(self.minimum, planned * self.share[0] // self.share[1])


class ReplacementReason(Worded):
    """Why a drawn target is replaced, or (``about`` "officer") why a drawn officer is."""

    # Left out where it is about a target: earlier releases read such packs.
    about: Annotated[Literal["target", "officer"], Field(exclude_if=lambda about: about == "target")] = "target"


class RecusalReason(Worded):
    """Why an officer is recused; ``partys_request`` on the one under which a visited firm's request is registered."""

    # Left out where it does not apply: earlier releases read such packs.
    partys_request: Annotated[bool, Field(exclude_if=lambda marked: not marked)] = False


class BeaconKind(StrEnum):
    """Where a draw's randomness may come from after its seal (随机源, JIDRAW/1 section 7)."""

    ROOM_DICE = "room-dice"
    DRAND = "drand-quicknet"
    LOTTERY = "lottery"
    CHAIN = "chain"


class BeaconRule(Worded):
    """
    One source of randomness (随机源) that the county's draws may use.

    A lottery's ``code`` names the game and a chain's its holder; the code of the others is their kind. A pack without a
    single one offers dice thrown in the room.
    """

    kind: BeaconKind
    # How many digits a lottery's issue gives; of the others nothing.
    digits: Annotated[int, Field(ge=1, le=100)] | None = None
    source: Code

    @property
    def id(self) -> str:
        """Name the source as a draw's manifest does."""
        named = self.kind in (BeaconKind.LOTTERY, BeaconKind.CHAIN)
        return f"{self.kind.value}:{self.code}" if named else self.kind.value

    @model_validator(mode="after")
    def _is_what_its_kind_says(self) -> Self:
        if (self.digits is None) == (self.kind is BeaconKind.LOTTERY):
            raise ValueError("a lottery, and only it, says how many digits it gives")
        if self.kind in (BeaconKind.ROOM_DICE, BeaconKind.DRAND) and self.code != self.kind.value:
            raise ValueError(f"a source of kind {self.kind.value} has this code as well, not {self.code}")
        return self


ROOM_DICE = BeaconRule(
    code="room-dice", zh="现场掷骰", en="Dice thrown in the room", kind=BeaconKind.ROOM_DICE, source="JIDRAW"
)
"""What a pack offers that says nothing of sources."""


class HashRule(Worded):
    """
    A hash (杂凑算法) that the county's draws may use, by its name in a draw's manifest (JIDRAW/1 section 1).

    The first of a pack is what a plan has that names none. A pack without a single one offers SHA-256.
    """

    code: Literal["sha256", "sm3"]
    source: Code


SHA256 = HashRule(code="sha256", zh="国际标准 SHA-256", en="SHA-256", source="JIDRAW")
"""What a pack offers that says nothing of hashes."""


class LabelNeed(_Model):
    """
    Labels that every officer of *agency* needs for *item* at a target of *category* (``*``: any).

    Rows add up: an officer needs the labels of every row that applies, and those the agency's own item list asks for.
    """

    agency: CodeOrAny = ANY
    item: CodeOrAny = ANY
    category: CodeOrAny = ANY
    labels: tuple[Code, ...] = Field(min_length=1)
    source: Code


class Rotation(_Model):
    """An officer who inspected a target for an agency the last time is not drawn for it the next time (轮换)."""

    source: Code


class TeamRule(_Model):
    """Officers per agency and target (每个单位最少2名执法人员), and the labels they need."""

    officers: int = Field(ge=1)
    minimum_officers: int = Field(ge=1)
    pool_minimum: int = Field(ge=1)
    labels_needed: tuple[LabelNeed, ...] = ()
    rotation: Rotation | None = None
    source: Code

    @model_validator(mode="after")
    def _target_not_below_minimum(self) -> Self:
        if self.officers < self.minimum_officers:
            raise ValueError("officers (the number drawn) is below minimum_officers")
        return self


class Deadline(_Model):
    """A term (期限): so many units from an anchor; the day after the anchor is day 1, a term of 0 ends on the anchor."""

    zh: Text
    en: Text
    anchor: Anchor
    term: int = Field(ge=0, le=3660)
    unit: Unit
    roll: Roll = Roll.NONE
    counts_from: Literal["day_after"] = "day_after"
    source: Code


class Escalation(_Model):
    """Who is told, how many working days after a duty became overdue (0: on the first day it is)."""

    to: Literal["agency_head", "lead"]
    working_days_after: int = Field(ge=0)
    source: Code


class Reminders(_Model):
    """
    Traffic light, reminder ladder and escalation (红黄绿、催办、督办).

    ``time_of_day``: when reminders and escalations of a day go out, in the county's time (Asia/Shanghai), whole minutes.
    """

    yellow_working_days: int = Field(ge=0)
    ladder_working_days: tuple[int, ...]
    time_of_day: time
    escalation: tuple[Escalation, ...]
    source: Code

    @model_validator(mode="after")
    def _time_of_the_county(self) -> Self:
        if self.time_of_day.tzinfo is not None or self.time_of_day.second or self.time_of_day.microsecond:
            raise ValueError("time_of_day is a time of the county in whole minutes, such as 08:30:00")
        return self

    @model_validator(mode="after")
    def _ladder_comes_down(self) -> Self:
        ladder = self.ladder_working_days
        if list(ladder) != sorted(set(ladder), reverse=True) or (ladder and ladder[-1] < 0):
            raise ValueError("ladder_working_days must fall, without repetition, to 0 or more")
        return self


class Outcome(Worded):
    """
    One result (检查结果) an agency may enter for an item, and what it forces.

    ``needs_finding``: at least one finding; ``needs_target_agency``: an agency must still act, so at least one finding
    goes to one, or is the finder's own to act on; ``needs_rectification_date``: 责令改正 by a day, so at least one
    finding becomes a rectification by the routing table; ``closes``: nothing is left to do;
    ``updates_register``: the target register no longer tells the truth.
    """

    needs_finding: bool = False
    needs_target_agency: bool = False
    needs_rectification_date: bool = False
    closes: bool = False
    updates_register: bool = False
    source: Code

    @model_validator(mode="after")
    def _closed_means_nothing_left(self) -> Self:
        if self.closes and (self.needs_finding or self.needs_target_agency or self.needs_rectification_date):
            raise ValueError(f"outcome {self.code} closes, yet leaves something to do")
        if self.needs_target_agency and not self.needs_finding:
            raise ValueError(f"outcome {self.code} needs a target agency, but no finding to tell it about")
        return self


class FindingKind(Worded):
    """One kind of problem (发现的问题) that an agency may see, whoever has to act on it."""

    source: Code


class IfOwn(_Model):
    """What becomes of a finding whose row names the finder itself as the competent agency, and within which term."""

    follow_up: OwnFollowUp
    deadline: Code


class RoutingRow(_Model):
    """
    One line of the routing table: a finding of *kind*, made by *finder* at a target of *category* in *district*.

    ``*`` matches anything. Of the rows that match, the most specific wins: exact kind before any kind, then exact
    finder, then exact category, then exact district; among equals the smallest ``priority``. The pack refuses two
    rows with the same keys and priority, so there is never a tie. What goes to the finder itself is ``own``, as
    ``if_own`` says; the pack asks for it wherever that can happen.
    """

    kind: CodeOrAny
    finder: CodeOrAny = ANY
    category: CodeOrAny = ANY
    district: CodeOrAny = ANY
    mode: RoutingMode
    agency: Code | None = None
    suggest: Code | None = None
    action: Text
    action_en: Text
    deadline: Code
    follow_up: OwnFollowUp | None = None
    if_own: IfOwn | None = None
    priority: int = Field(default=100, ge=0)
    source: Code

    @property
    def keys(self) -> tuple[str, str, str, str]:
        """Kind, finder, category, district."""
        return (self.kind, self.finder, self.category, self.district)

    @model_validator(mode="after")
    def _mode_and_agency_fit(self) -> Self:
        goes_somewhere = self.mode in (RoutingMode.TRANSFER, RoutingMode.INFORM)
        if goes_somewhere and self.agency is None:
            raise ValueError(f"mode {self.mode.value} needs an agency")
        if not goes_somewhere and self.agency is not None:
            raise ValueError(f"mode {self.mode.value} takes no agency")
        if self.suggest is not None and self.mode is not RoutingMode.UNROUTED:
            raise ValueError("suggest belongs to mode unrouted")
        if (self.follow_up is not None) != (self.mode is RoutingMode.OWN):
            raise ValueError("mode own, and only it, needs follow_up: rectification or action")
        if self.if_own is not None and not goes_somewhere:
            raise ValueError("if_own belongs to modes transfer and inform")
        return self

    def for_finder(self) -> "RoutingRow":
        """Return the row as it applies to a finding of the agency that it names."""
        own = self.if_own
        if own is None:
            return self
        facts = {"mode": RoutingMode.OWN, "agency": None, "if_own": None}
        return self.model_copy(update=facts | {"follow_up": own.follow_up, "deadline": own.deadline})


class Method(Worded):
    """One way of checking (核查方式). ``on_site``: two officers must go."""

    on_site: bool = False
    source: Code


class PublicField(_Model):
    """One of the nine fields of the publicity system; ``per``: once a firm, or once a line of its detail list."""

    code: Annotated[str, StringConstraints(pattern=r"^[A-Za-z]+$")]
    zh: Text
    en: Text
    per: Literal["firm", "line"] = "firm"
    source: Code


class TextScan(Worded):
    """A pattern that must not occur in published text."""

    pattern: Text

    @model_validator(mode="after")
    def _pattern_compiles(self) -> Self:
        try:
            re.compile(self.pattern)
        except re.error as error:
            raise ValueError(f"not a regular expression: {error}") from error
        return self


class Masking(_Model):
    """What the public never sees (公示脱敏): fields left out, how a person is named, patterns looked for in free text."""

    natural_person: Literal["surname_only"]
    drop: tuple[Code, ...]
    scan: tuple[TextScan, ...]
    source: Code


class Conference(_Model):
    """The joint conference (联席会议): whether a campaign needs its record, and what the record must hold."""

    required: bool
    fields: tuple[Worded, ...]
    source: Code


class CalendarWarning(Worded):
    """Something said about a campaign's dates before anybody relies on them. ``blocks``: it stops the proposal."""

    blocks: bool = False
    source: Code


PUBLIC_FIELDS = frozenset(
    {
        "raninsPlanId",
        "raninsPlaneName",
        "raninsTaskId",
        "raninsTaskName",
        "raninsTypeName",
        "insAuth",
        "insDate",
        "raninsItemName",
        "raninsCheckResName",
    }
)
DEADLINES_NEEDED = frozenset(
    {
        "publication_rule",
        "publication_plan",
        "report_to_lead",
        "partner_response",
        "referral_receipt",
        "referral_answer",
        "referral_decision",
        "rectification",
        "result_approval",
    }
)
CAMPAIGN_TERMS = frozenset({"publication_rule", "publication_plan", "report_to_lead"})
"""Terms counted once for a whole campaign, when its plan is approved; every other one from the day its duty arose."""
CAMPAIGN_ANCHORS = frozenset(Anchor) - {Anchor.VISIT_END, Anchor.EVENT}
DAYS = frozenset({Unit.WORKING_DAYS, Unit.NATURAL_DAYS})
WORD_LISTS = (
    "agencies",
    "categories",
    "districts",
    "officer_labels",
    "outcomes",
    "finding_kinds",
    "methods",
    "public_fields",
    "warnings",
    "replacement_reasons",
    "exclusion_reasons",
    "recusal_reasons",
    "absence_reasons",
    "expert_fields",
    "expert_sources",
    "beacons",
    "hashes",
    "refusal_reasons",
    "decline_reasons",
    "return_reasons",
    "decisions",
)


class RulePack(_Model):
    """One edition of a county's rules. Every line names its source; every code it uses is declared in it."""

    id: Code
    edition: date
    county: Annotated[str, StringConstraints(pattern=r"^[0-9]{6}$")]
    title: Text
    purpose: Purpose
    calendar: Code
    sources: dict[Code, Source]
    agencies: tuple[Agency, ...]
    categories: tuple[Worded, ...]
    districts: tuple[Worded, ...]
    ratios: dict[ItemKind, RatioRule]
    replacement: ReplacementRule
    team: TeamRule
    officer_labels: tuple[Worded, ...]
    deadlines: dict[Code, Deadline]
    reminders: Reminders
    outcomes: tuple[Outcome, ...]
    finding_kinds: tuple[FindingKind, ...]
    routing: tuple[RoutingRow, ...]
    methods: tuple[Method, ...]
    public_fields: tuple[PublicField, ...]
    masking: Masking
    conference: Conference
    warnings: tuple[CalendarWarning, ...]
    replacement_reasons: tuple[ReplacementReason, ...]
    exclusion_reasons: tuple[Worded, ...]
    recusal_reasons: tuple[RecusalReason, ...]
    refusal_reasons: tuple[Worded, ...]
    decline_reasons: tuple[Worded, ...]
    return_reasons: tuple[Worded, ...]
    decisions: tuple[Worded, ...]
    # Left out where there are none: earlier releases read such packs.
    absence_reasons: Annotated[tuple[Worded, ...], Field(exclude_if=lambda words: not words)] = ()
    expert_fields: Annotated[
        tuple[Worded, ...], Field(exclude_if=lambda words: not words)
    ] = ()  # others may be written too
    expert_sources: Annotated[tuple[Worded, ...], Field(exclude_if=lambda words: not words)] = ()
    beacons: Annotated[tuple[BeaconRule, ...], Field(exclude_if=lambda rules: not rules)] = ()
    hashes: Annotated[tuple[HashRule, ...], Field(exclude_if=lambda rules: not rules)] = ()

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        problems = [
            *self._doubled_codes(),
            *self._doubled_marks(),
            *self._unknown_words(),
            *self._missing_rules(),
            *self._uncountable_terms(),
            *self._routing_problems(),
        ]
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _doubled_codes(self) -> Iterable[str]:
        for name in WORD_LISTS:
            seen: set[str] = set()
            for row in getattr(self, name):
                if row.code in seen:
                    yield f"{name}: code {row.code} occurs twice"
                seen.add(row.code)

    def _doubled_marks(self) -> Iterable[str]:
        marked = [reason.code for reason in self.recusal_reasons if reason.partys_request]
        if len(marked) > 1:
            yield f"recusal_reasons: partys_request belongs on one reason, not on {', '.join(marked)}"

    def _unknown_words(self) -> Iterable[str]:
        for where, source in _sources_named(self, ""):
            if source not in self.sources:
                yield f"{where}: source {source} is not declared in sources"
        labels, categories = codes(self.officer_labels), codes(self.categories)
        agencies, inspecting = codes(self.agencies), {a.code for a in self.agencies if a.kind is AgencyKind.AGENCY}
        for at, need in enumerate(self.team.labels_needed):
            where = f"team.labels_needed.{at}"
            yield from _unless_known(where, "label", need.labels, labels)
            yield from _unless_known(where, "agency", [need.agency], inspecting | {ANY})
            yield from _unless_known(where, "category", [need.category], categories | {ANY})
        for at, row in enumerate(self.routing):
            where = f"routing.{at}"
            yield from _unless_known(where, "finding kind", [row.kind], codes(self.finding_kinds) | {ANY})
            yield from _unless_known(where, "finder", [row.finder], inspecting | {ANY})
            yield from _unless_known(where, "category", [row.category], categories | {ANY})
            yield from _unless_known(where, "district", [row.district], codes(self.districts) | {ANY})
            yield from _unless_known(where, "agency", [a for a in (row.agency, row.suggest) if a], agencies)
            terms = [row.deadline, *([row.if_own.deadline] if row.if_own else [])]
            yield from _unless_known(where, "deadline", terms, set(self.deadlines))
            if row.agency in inspecting and row.finder in (ANY, row.agency) and row.if_own is None:
                yield f"{where}: {row.agency} may find this itself; if_own must say what it does then"

    def _missing_rules(self) -> Iterable[str]:
        for kind in ItemKind:
            if kind not in self.ratios:
                yield f"ratios: no rule for {kind.value}"
        if missing := sorted(DEADLINES_NEEDED - set(self.deadlines)):
            yield f"deadlines: {', '.join(missing)} missing"
        if codes(self.public_fields) != PUBLIC_FIELDS:
            yield f"public_fields: exactly these nine are published: {', '.join(sorted(PUBLIC_FIELDS))}"

    def _uncountable_terms(self) -> Iterable[str]:
        """Name the terms that this release does not count as they are written; a pack that has one is not published."""
        for name, deadline in self.deadlines.items():
            anchors = CAMPAIGN_ANCHORS if name in CAMPAIGN_TERMS else {Anchor.EVENT}
            if deadline.anchor not in anchors:
                known = ", ".join(sorted(anchors))
                yield f"deadlines.{name}.anchor: {deadline.anchor.value} is not counted in this release, only {known}"
            if deadline.unit not in DAYS:
                known = ", ".join(sorted(DAYS))
                yield f"deadlines.{name}.unit: {deadline.unit.value} are not counted in this release, only {known}"

    def _routing_problems(self) -> Iterable[str]:
        seen: dict[tuple[object, ...], int] = {}
        for at, row in enumerate(self.routing):
            first = seen.setdefault((row.keys, row.priority), at)
            if first != at:
                yield f"routing.{at}: the same keys and priority as routing.{first}"
        if not any(row.keys == (ANY, ANY, ANY, ANY) for row in self.routing):
            yield "routing: a last row for everything ('*', '*', '*', '*') is missing; a finding would vanish"

    def route(self, kind: str, finder: str, category: str, district: str) -> RoutingRow:
        """
        Find the row that says what becomes of a finding; see `RoutingRow` for which row wins.

        A row that names the finder itself comes back with mode ``own`` and no agency, as its ``if_own`` says.
        """
        asked = (kind, finder, category, district)
        fitting = [row for row in self.routing if all(k in (ANY, v) for k, v in zip(row.keys, asked, strict=True))]
        row = min(fitting, key=lambda r: (*(k == ANY for k in r.keys), r.priority))
        return row.for_finder() if row.agency == finder else row

    def labels_needed(self, agency: str, item: str, category: str) -> tuple[str, ...]:
        """Collect the labels each officer needs for one item at one kind of target, ascending."""
        rows = [
            row
            for row in self.team.labels_needed
            if row.agency in (ANY, agency) and row.item in (ANY, item) and row.category in (ANY, category)
        ]
        return tuple(sorted({label for row in rows for label in row.labels}))

    def outcome(self, code: str) -> Outcome | None:
        """Look up one outcome; None when the vocabulary does not know it."""
        return next((outcome for outcome in self.outcomes if outcome.code == code), None)

    @property
    def sources_of_randomness(self) -> tuple[BeaconRule, ...]:
        """List the sources a draw may use after its seal, as the pack orders them."""
        return self.beacons or (ROOM_DICE,)

    @property
    def hashes_offered(self) -> tuple[HashRule, ...]:
        """List the hashes a draw may use, as the pack orders them: the first is meant where none is named."""
        return self.hashes or (SHA256,)

    def canonical_bytes(self) -> bytes:
        """Write the pack as the bytes that are hashed, pinned and sent: sorted JSON in UTF-8."""
        return canonical_json(self)

    def digest(self) -> str:
        """Name the pack: SHA-256 hex of its canonical bytes."""
        return sha256(self.canonical_bytes()).hexdigest()


def codes(rows: Iterable[Worded | Agency | PublicField]) -> set[str]:
    """The codes a table declares."""
    return {row.code for row in rows}


def _unless_known(where: str, what: str, words: Iterable[str], known: set[str]) -> Iterable[str]:
    return (f"{where}: {what} {word} is not declared" for word in words if word not in known)


def _sources_named(part: object, where: str) -> Iterable[tuple[str, str]]:
    if isinstance(part, BaseModel):
        if isinstance(source := getattr(part, "source", None), str):
            yield where, source
        for name in type(part).model_fields:
            yield from _sources_named(getattr(part, name), f"{where}.{name}".lstrip("."))
    elif isinstance(part, Mapping):
        for key, value in part.items():
            yield from _sources_named(value, f"{where}.{key}")
    elif isinstance(part, tuple):
        for at, value in enumerate(part):
            yield from _sources_named(value, f"{where}.{at}")


# ── the calendar ─────────────────────────────────────────────────────────────────────────────────────────────────────


class CalendarYear(_Model):
    """
    One State Council notice: the days it takes off and the weekend days it has worked (调休).

    A notice may reach into the last days of December before its year: 2018-12-29..31 belong to the notice for 2019.
    """

    notice: Text
    number: str = ""
    off: tuple[date, ...]
    worked: tuple[date, ...] = ()

    @model_validator(mode="after")
    def _days_in_order(self) -> Self:
        for name, days in (("off", self.off), ("worked", self.worked)):
            if list(days) != sorted(set(days)):
                raise ValueError(f"{name} must ascend without repetition")
        if both := set(self.off) & set(self.worked):
            raise ValueError(f"{min(both)} is both off and worked")
        for day in self.worked:
            if day.weekday() < 5:
                raise ValueError(f"{day} is a weekday; only a weekend day can be a make-up day")
        return self


class Calendar(_Model):
    """Working days of a country: notices by year; a year that is not here has no published calendar yet (暂定)."""

    id: Code
    years: dict[int, CalendarYear]

    @model_validator(mode="after")
    def _each_day_in_one_notice(self) -> Self:
        owner: dict[date, int] = {}
        for year in sorted(self.years):
            for day in (*self.years[year].off, *self.years[year].worked):
                if not date(year - 1, 12, 25) <= day <= date(year, 12, 31):
                    raise ValueError(f"years.{year}: {day} is not of that year")
                if day in owner:
                    raise ValueError(f"years.{year}: {day} stands in the notice for {owner[day]} too")
                owner[day] = year
        return self

    def plain(self) -> dict[int, tuple[tuple[date, ...], tuple[date, ...]]]:
        """Hand over {year: (off, worked)}: what `runtime.time.workdays.WorkingCalendar.of` takes."""
        return {year: (days.off, days.worked) for year, days in sorted(self.years.items())}

    def canonical_bytes(self) -> bytes:
        """Write the calendar as the bytes that are hashed and sent."""
        return canonical_json(self)

    def digest(self) -> str:
        """Name the calendar: SHA-256 hex of its canonical bytes."""
        return sha256(self.canonical_bytes()).hexdigest()


def canonical_json(document: BaseModel) -> bytes:
    """Write a document as sorted, compact JSON in UTF-8: equal documents, equal bytes."""
    plain = document.model_dump(mode="json")
    return json.dumps(plain, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


# ── reading what people wrote ────────────────────────────────────────────────────────────────────────────────────────


class DocumentUnreadable(ValueError):
    """The text is not TOML in UTF-8; says where it stops being so."""

    def __init__(self, what: str, line: int | None, column: int | None, reason: str) -> None:
        super().__init__(f"{what} cannot be read" + (f" at line {line}" if line else "") + f": {reason}")
        self.what, self.line, self.column, self.reason = what, line, column, reason


class DocumentInvalid(ValueError):
    """The text is TOML, but not such a document; names every problem with its key and, where it can, its line."""

    def __init__(self, what: str, problems: Sequence["Problem"]) -> None:
        super().__init__(f"{what}: " + "; ".join(str(problem) for problem in problems))
        self.what, self.problems = what, tuple(problems)


class Problem(_Model):
    """One thing wrong in a document somebody wrote."""

    key: str
    line: int | None
    reason: str

    def __str__(self) -> str:
        return f"{self.key or '(whole document)'}" + (f" (line {self.line})" if self.line else "") + f": {self.reason}"


Document = TypeVar("Document", bound=BaseModel)


def parse_rulepack(text: bytes) -> RulePack:
    """
    Read a rule pack as people write it.

    Raises:
        DocumentUnreadable: not UTF-8 or not TOML.
        DocumentInvalid: unknown or missing keys, wrong values, words the pack does not declare.
    """
    return _parse("rule pack", text, RulePack)


def parse_calendar(text: bytes) -> Calendar:
    """Read a working calendar as people write it; raises as `parse_rulepack` does."""
    return _parse("calendar", text, Calendar)


def _parse(what: str, text: bytes, model: type[Document]) -> Document:
    try:
        written = text.decode("utf-8-sig")
        data = tomllib.loads(written)
    except UnicodeDecodeError as error:
        line = text.count(b"\n", 0, error.start) + 1
        raise DocumentUnreadable(what, line, None, "not UTF-8") from error
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"at line (\d+), column (\d+)", str(error))
        raise DocumentUnreadable(
            what, int(found[1]) if found else None, int(found[2]) if found else None, str(error)
        ) from error
    try:
        # By way of JSON: there, and only there, pydantic's strict mode takes a list for a tuple and text for a date.
        return model.model_validate_json(json.dumps(data, default=_as_text), strict=True)
    except ValidationError as error:
        raise DocumentInvalid(what, list(_problems(error, written))) from error


def _as_text(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _problems(error: ValidationError, written: str) -> Iterable[Problem]:
    lines = _lines_of_keys(written)
    for each in error.errors(include_url=False, include_context=False, include_input=False):
        location = [str(step) for step in each["loc"] if step != "[key]"]
        for reason in each["msg"].removeprefix("Value error, ").split("\n"):
            named = re.match(r"([a-z_]+(?:\.[0-9A-Za-z_-]+)*): ", reason)
            path = tuple(location or (named[1].split(".") if named else ()))
            line = next((lines[path[:n]] for n in range(len(path), 0, -1) if path[:n] in lines), None)
            yield Problem(key=".".join(path), line=line, reason=reason)


def _lines_of_keys(written: str) -> dict[tuple[str, ...], int]:
    """Map each table and key of a TOML text to its line: a plain reading, good enough to point a person at it."""
    lines: dict[tuple[str, ...], int] = {}
    counts: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for number, line in enumerate(written.splitlines(), start=1):
        if header := re.match(r"\s*(\[\[?)\s*([^\[\]]+?)\s*\]\]?\s*(#.*)?$", line):
            path = tuple(step.strip().strip("\"'") for step in header[2].split("."))
            for length in range(1, len(path)):
                lines.setdefault(path[:length], number)
            if header[1] == "[[":
                at = counts.get(path, -1) + 1
                counts[path] = at
                lines.setdefault(path, number)
                path = (*path, str(at))
            table = path
            lines.setdefault(table, number)
        elif key := re.match(r"\s*([0-9A-Za-z_\"'-]+)\s*=", line):
            lines.setdefault((*table, key[1].strip("\"'")), number)
    return lines
