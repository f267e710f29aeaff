"""Rule packs and calendars as the planner's domain needs them: bounds, terms, words."""

from collections.abc import Iterable, Sequence
from datetime import date
from fractions import Fraction
from functools import lru_cache

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import Conflict, NotFound, Rejected
from runtime.time.workdays import WorkingCalendar
from schemas.rulepack import Calendar, Deadline, RulePack, Worded, codes
from services.planner.domain.deadlines import Term
from services.planner.domain.ratios import Bounds, strictest
from services.planner.domain.register_rows import Vocabulary
from services.planner.domain.spreadsheets import Word, Words
from services.planner.tables import CalendarRow, RulepackRow

POOL_BELOW_MINIMUM = "pool_below_minimum"


class RulepackUnknown(NotFound):
    """There is no rule pack of this name (in this edition)."""

    code = "rulepack.unknown"


class NoRulepack(Conflict):
    """No rule pack has been published yet, so nothing can be judged."""

    code = "rulepack.none_published"


class NoReasonForPartysRequest(Rejected):
    """A visited firm's request for a recusal was granted, and no pack in force says under which reason to register it."""

    code = "rulepack.no_reason_for_partys_request"


class CalendarUnknown(Conflict):
    """The working calendar that a rule pack counts by has not been published here."""

    code = "calendar.unknown"


@lru_cache(maxsize=32)
def read_pack(document: str) -> RulePack:
    """Read a stored rule pack; the same text is read once."""
    return RulePack.model_validate_json(document)


@lru_cache(maxsize=8)
def read_calendar(document: str) -> WorkingCalendar:
    """Read a stored calendar; the same text is read once."""
    return WorkingCalendar.of(Calendar.model_validate_json(document).plain())


def find_pack(session: Session, county: str, pack: str, edition: date | None = None) -> RulepackRow:
    """Find a pack, in its newest edition where none is named."""
    query = select(RulepackRow).where(RulepackRow.county == county, RulepackRow.pack == pack)
    if edition is not None:
        query = query.where(RulepackRow.edition == edition)
    row = session.scalars(query.order_by(RulepackRow.edition.desc())).first()
    if row is None:
        raise RulepackUnknown(pack=pack, edition=edition)
    return row


def find_calendar(session: Session, county: str, calendar: str) -> CalendarRow:
    """Find the newest calendar of a name."""
    query = select(CalendarRow).where(CalendarRow.county == county, CalendarRow.calendar == calendar)
    row = session.scalars(query.order_by(CalendarRow.published_at.desc(), CalendarRow.id)).first()
    if row is None:
        raise CalendarUnknown(calendar=calendar)
    return row


def newest_packs(session: Session, county: str) -> list[RulepackRow]:
    """List the newest edition of every pack, by name."""
    rows = session.scalars(
        select(RulepackRow).where(RulepackRow.county == county).order_by(RulepackRow.pack, RulepackRow.edition)
    )
    return [row for _, row in sorted({row.pack: row for row in rows}.items())]


def vocabulary(session: Session, county: str) -> tuple[Vocabulary, list[RulepackRow]]:
    """
    Join the words of the newest edition of every pack: registers serve all campaigns, whatever pack judges them.

    Raises:
        NoRulepack: there is none yet.
    """
    rows = newest_packs(session, county)
    if not rows:
        raise NoRulepack()
    packs = [read_pack(row.document) for row in rows]
    words = Vocabulary(
        categories=_words(word for pack in packs for word in pack.categories),
        districts=_words(word for pack in packs for word in pack.districts),
        labels=_words(word for pack in packs for word in pack.officer_labels),
        methods=_words(word for pack in packs for word in pack.methods),
        finding_kinds=_words(word for pack in packs for word in pack.finding_kinds),
        recusal_reasons=_words(word for pack in packs for word in pack.recusal_reasons),
        absence_reasons=_words(word for pack in packs for word in pack.absence_reasons),
        expert_fields=_words(word for pack in packs for word in pack.expert_fields),
        expert_sources=_words(word for pack in packs for word in pack.expert_sources),
    )
    return words, rows


def partys_request(session: Session, county: str) -> str:
    """
    Say under which reason a recusal that a visited firm asked for is registered (当事人申请回避).

    Raises:
        NoReasonForPartysRequest: no pack marks one.
    """
    packs = [read_pack(row.document) for row in newest_packs(session, county)]
    marked = [reason.code for pack in packs for reason in pack.recusal_reasons if reason.partys_request]
    if not marked:
        raise NoReasonForPartysRequest(county=county)
    return marked[0]


def expert_fields(pack: RulePack) -> Words:
    """Collect the fields of expertise a pack names; others may be written in words."""
    return _words(pack.expert_fields)


def field_words(pack: RulePack, field: str) -> tuple[str, str]:
    """Say a field of expertise in Chinese and English; one that is no code of the pack is in words already."""
    return next(((word.zh, word.en) for word in pack.expert_fields if word.code == field), (field, field))


def finding_kinds(rows: Iterable[RulepackRow]) -> frozenset[str]:
    """Collect the finding kinds of these packs."""
    return frozenset(code for row in rows for code in codes(read_pack(row.document).finding_kinds))


def _words(words: Iterable[Worded]) -> Words:
    return Words([Word(word.code, (word.zh, word.en)) for word in words])


def bounds(pack: RulePack, kinds: Iterable[str]) -> Bounds:
    """Join the pack's ratio rules for the kinds of items in a campaign."""
    rules = [rule for kind, rule in pack.ratios.items() if kind.value in set(kinds)]
    return strictest([Bounds(_share(rule.minimum), _share(rule.maximum), rule.minimum_count) for rule in rules])


def _share(ratio: tuple[int, int] | None) -> Fraction | None:
    return None if ratio is None else Fraction(*ratio)


def term(pack: RulePack, name: str) -> Term:
    """Return one of the pack's terms by its name."""
    deadline: Deadline = pack.deadlines[name]
    return Term(
        name, deadline.anchor.value, deadline.term, deadline.unit.value, deadline.roll.value, source_of(pack, deadline)
    )


def source_of(pack: RulePack, rule: Deadline) -> str:
    """Name a rule's source as people quote it: title and number."""
    source = pack.sources[rule.source]
    return " ".join(filter(None, (source.title, source.number)))


def blocking(pack: RulePack) -> frozenset[str]:
    """Return the warnings that stop a proposal under this pack."""
    return frozenset(warning.code for warning in pack.warnings if warning.blocks)


def pool_too_small_is_a_warning(pack: RulePack) -> bool:
    """Tell whether the pack takes fewer officers than its minimum with a warning; otherwise they are refused."""
    return any(warning.code == POOL_BELOW_MINIMUM and not warning.blocks for warning in pack.warnings)


def labels_needed(
    pack: RulePack, agency: str, items: Sequence[tuple[str, Sequence[str], Sequence[str]]]
) -> tuple[str, ...]:
    """
    Collect the labels every officer of *agency* needs in a campaign.

    One team looks after all items of its agency at a target, so the needs of the items add up.

    Args:
        items: ``(item, labels its list asks for, categories)`` of the agency's items in the campaign.
    """
    found: set[str] = set()
    for item, labels, categories in items:
        found |= set(labels)
        for category in categories:
            found |= set(pack.labels_needed(agency, item, category))
    return tuple(sorted(found))
