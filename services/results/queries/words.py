"""Names and labels that views show: agencies, categories, outcomes, kinds."""

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from runtime.errors import NotYet
from services.results.rules import Rules, rules_of
from services.results.tables import Agency, Campaign

Label = tuple[str, str]  # Chinese, English


def names(session: Session) -> dict[str, str]:
    """Short names of every body known; asked once a session."""
    if "results.names" not in session.info:
        session.info["results.names"] = {body.id: body.short_name for body in session.scalars(select(Agency))}
    found: dict[str, str] = session.info["results.names"]
    return found


PUT_RIGHT = {"import_corrected": ("外部抽取的导入已更正", "the import of a draw made elsewhere was corrected")}
"""A reason that is no county's: the draw was never replaced, its list was mistyped."""


@dataclass(frozen=True)
class Words:
    """Labels of a campaign's pack; a code without a label stands for itself."""

    rules: Rules | None

    def outcome(self, code: str) -> Label:
        """Label an outcome."""
        return self._of(self.rules.outcome_labels if self.rules else {}, code)

    def kind(self, code: str) -> Label:
        """Label a kind of finding."""
        return self._of(self.rules.kinds if self.rules else {}, code)

    def category(self, code: str) -> Label:
        """Label a category of target."""
        return self._of(
            {each.code: (each.zh, each.en) for each in self.rules.pack.categories} if self.rules else {}, code
        )

    def reason(self, code: str) -> Label:
        """Label a reason for refusing to sign, or for returning a referral."""
        both = (*self.rules.pack.refusal_reasons, *self.rules.pack.return_reasons) if self.rules else ()
        return self._of({each.code: (each.zh, each.en) for each in both}, code)

    def replacement(self, code: str) -> Label:
        """Label the reason why a drawn target was replaced."""
        known = self.rules.pack.replacement_reasons if self.rules else ()
        return self._of({each.code: (each.zh, each.en) for each in known} | PUT_RIGHT, code)

    def expert_field(self, field: str) -> Label:
        """Label an expert's field; one that is no code of the pack is in words already."""
        known = self.rules.pack.expert_fields if self.rules else ()
        return self._of({each.code: (each.zh, each.en) for each in known}, field)

    def expert_source(self, code: str) -> Label:
        """Label where an expert comes from."""
        known = self.rules.pack.expert_sources if self.rules else ()
        return self._of({each.code: (each.zh, each.en) for each in known}, code)

    def decision(self, code: str | None) -> Label:
        """Label what a receiver decided; nothing where nothing is decided yet."""
        known = self.rules.pack.decisions if self.rules else ()
        return self._of({each.code: (each.zh, each.en) for each in known}, code) if code else ("", "")

    def rule(self, written: str) -> Label:
        """Say a row of the routing table in words: what is asked for, and by which source."""
        return self._of(self.rules.rule_words if self.rules else {}, written)

    @staticmethod
    def _of(labels: Mapping[str, Label], code: str) -> Label:
        return labels.get(code, (code, code))


def words_of(session: Session, pack_digest: str, calendar_digest: str) -> Words:
    """Load the labels of a pack, as far as it has arrived."""
    try:
        return Words(rules_of(session, pack_digest, calendar_digest))
    except NotYet:
        return Words(None)


def campaign_words(session: Session, campaign: Campaign | None) -> Words:
    """Load the labels a campaign uses."""
    return words_of(session, campaign.pack_digest, campaign.calendar_digest) if campaign else Words(None)
