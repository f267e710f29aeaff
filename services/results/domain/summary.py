"""The lead's summary (附件4 跨部门联合“双随机”抽查情况汇总表): counts and rates per agency."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class SectionFigures:
    """One section as the summary counts it; outcomes are known from its approval on."""

    agency: str
    state: str
    outcomes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AgencyRow:
    """One line of 附件4: 应检查、已录入、已审核、已公示、检查结果分类计数、移送件数、完成率、完结率."""

    agency: str
    should: int
    entered: int
    approved: int
    published: int
    outcomes: Mapping[str, int]
    referrals: int
    referrals_closed: int

    @property
    def completion(self) -> Fraction:
        """完成率 = 已公示 / 应检查; nothing to do is done."""
        return Fraction(self.published, self.should) if self.should else Fraction(1)

    @property
    def settled(self) -> Fraction:
        """完结率 of referrals = 已办结 / 移送; no referral is settled."""
        return Fraction(self.referrals_closed, self.referrals) if self.referrals else Fraction(1)


def rows(
    agencies: Iterable[str], sections: Iterable[SectionFigures], referrals: Iterable[tuple[str, str]]
) -> tuple[AgencyRow, ...]:
    """Count per agency, every agency of the campaign shown even with zero; *referrals* are (source agency, state)."""
    by_agency = list(sections)
    sent = list(referrals)
    return tuple(
        AgencyRow(
            agency=agency,
            should=sum(s.agency == agency for s in by_agency),
            entered=sum(s.agency == agency and s.state in ("submitted", "approved", "published") for s in by_agency),
            approved=sum(s.agency == agency and s.state in ("approved", "published") for s in by_agency),
            published=sum(s.agency == agency and s.state == "published" for s in by_agency),
            outcomes=dict(sorted(Counter(o for s in by_agency if s.agency == agency for o in s.outcomes).items())),
            referrals=sum(source == agency for source, _ in sent),
            referrals_closed=sum(source == agency and state == "closed" for source, state in sent),
        )
        for agency in sorted(set(agencies))
    )


def percent(rate: Fraction) -> str:
    """Write a rate as a percentage with one decimal, rounded half up."""
    tenths = (rate.numerator * 2000 + rate.denominator) // (2 * rate.denominator)
    return f"{tenths // 10}.{tenths % 10} %"
