"""
A joint inspection campaign (部门联合抽查): its states, who may take the next step, and what must hold before it.

``draft → proposed → (partners confirm | decline) → confirmed → frozen → drawn → closed``; ``drawn`` is what the draw
says, not a state of the plan. A campaign may be cancelled until its draw is completed.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from runtime.errors import Conflict, Forbidden, Rejected
from schemas.vocabulary import Purpose
from services.planner.domain.frames import Line
from services.planner.domain.ratios import ONE_CLASS, SPREADS

DRAFT, PROPOSED, CONFIRMED, FROZEN, CLOSED, CANCELLED = (
    "draft",
    "proposed",
    "confirmed",
    "frozen",
    "closed",
    "cancelled",
)
DRAWN = "drawn"
ASKED, AGREED, DECLINED, REMOVED = "asked", "confirmed", "declined", "removed"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]")
DICE = range(20, 1001)
ROOM_DICE, CHAIN = "room-dice", "chain:"
SHA256 = "sha256"
MOST_BEACONS = 2


class CampaignStateWrong(Conflict):
    """The campaign is not in a state in which this can be done."""

    code = "campaign.state_wrong"


class NotTheLead(Forbidden):
    """Only the lead agency (牵头部门) may do this."""

    code = "campaign.not_the_lead"


class NotAPartner(Forbidden):
    """The agency was not asked to take part in this campaign."""

    code = "campaign.not_a_partner"


class NotConfirmedBy(Conflict):
    """Agencies that were asked have not confirmed."""

    code = "campaign.not_confirmed_by"


class NotApproved(Conflict):
    """Everybody has confirmed, but the lead's approver has not approved the plan yet."""

    code = "campaign.not_approved"


class SamePerson(Forbidden):
    """Who proposed a campaign may not approve it."""

    code = "campaign.same_person"


class PartAlreadyAnswered(Conflict):
    """The agency has declined, or was taken out of the campaign."""

    code = "campaign.part_already_answered"


class PartNotRemovable(Conflict):
    """Only an agency that has not confirmed, and is not the lead, can be taken out."""

    code = "campaign.part_not_removable"


class DrawAlreadyCompleted(Conflict):
    """The draw is completed: from here on a campaign is carried out, not cancelled."""

    code = "campaign.draw_completed"


class DrawSealed(Conflict):
    """The reveals are sealed: nothing stops the draw any more (JIDRAW/1 section 6), so the campaign is carried out."""

    code = "campaign.draw_sealed"


class NotDrawnYet(Conflict):
    """A campaign is closed after its draw, not before."""

    code = "campaign.not_drawn_yet"


class SectionsOpen(Conflict):
    """Results of agencies are not published yet."""

    code = "campaign.sections_open"


class TextMissing(Rejected):
    """A text that the campaign cannot do without is empty."""

    code = "campaign.text_missing"


class TextImpossible(Rejected):
    """A text holds control characters, or is longer than can be shown."""

    code = "campaign.text_impossible"


class PartnersWrong(Rejected):
    """Partners are distinct agencies other than the lead."""

    code = "campaign.partners_wrong"


class AgencyUnknown(Rejected):
    """An agency is not registered in this county, or is a body that cannot inspect."""

    code = "campaign.agency_unknown"


class AgencyWithoutItems(Rejected):
    """An agency takes part without a single item, so it would have nothing to do."""

    code = "campaign.agency_without_items"


class ItemUnknown(Rejected):
    """An item stands in no item list (抽查事项清单) of the agencies that take part."""

    code = "campaign.item_unknown"


class ItemOfNobody(Rejected):
    """An item belongs to an agency that does not take part."""

    code = "campaign.item_of_nobody"


class CategoryUnknown(Rejected):
    """A category of target is not declared in the rule pack."""

    code = "campaign.category_unknown"


class DistrictUnknown(Rejected):
    """A district is not declared in the rule pack."""

    code = "campaign.district_unknown"


class PlannedImpossible(Rejected):
    """The planned number of targets is a whole number of at least 1."""

    code = "campaign.planned_impossible"


class SpreadUnknown(Rejected):
    """The draw is spread as one class, or as one class per category."""

    code = "campaign.spread_unknown"


class ClassBoundsNeedClasses(Rejected):
    """Numbers of single categories only bind where each category is a class of its own."""

    code = "campaign.class_bounds_need_classes"


class ClassBoundsWrong(Rejected):
    """Bounds name each category of the campaign once at most, and the fewest is not above the most."""

    code = "campaign.class_bounds_wrong"


class WitnessImpossible(Rejected):
    """The witness (见证人) is a registered witness body, and no agency of the draw."""

    code = "campaign.witness_impossible"


class WitnessNeeded(Rejected):
    """An agency that draws alone needs a witness (JIDRAW/1 section 4)."""

    code = "campaign.witness_needed"


class BeaconNeeded(Rejected):
    """A live draw needs a beacon: dice thrown in the room, or another source (JIDRAW/1 section 4)."""

    code = "campaign.beacon_needed"


class BeaconNotOffered(Rejected):
    """A source of randomness that the rule pack does not offer."""

    code = "campaign.beacon_not_offered"


class TooManyBeacons(Rejected):
    """A draw has one source of randomness or two (JIDRAW/1 section 7)."""

    code = "campaign.too_many_beacons"


class ChainStandsAlone(Rejected):
    """A holder's chain counts as one more agency: another kind of source stands beside it (JIDRAW/1 section 7)."""

    code = "campaign.chain_stands_alone"


class HolderIsAgency(Rejected):
    """The holder of a chain is none of the agencies (JIDRAW/1 section 7)."""

    code = "campaign.holder_is_agency"


class DiceImpossible(Rejected):
    """Room dice are 20 to 1000 ten-sided dice (JIDRAW/1 section 7)."""

    code = "campaign.dice_impossible"


class HashNotOffered(Rejected):
    """A hash that the rule pack does not offer."""

    code = "campaign.hash_not_offered"


class MissingTooMany(Rejected):
    """At most a third of the agencies' reveals may be missing (JIDRAW/1 section 4)."""

    code = "campaign.max_missing_too_large"


class ChainImpossible(Rejected):
    """The chain for later rounds has 0 to 100 links."""

    code = "campaign.chain_impossible"


class PackOfAnotherPurpose(Rejected):
    """A rule pack made for rehearsals cannot judge a live campaign."""

    code = "campaign.pack_for_rehearsals"


class FirstStageUnknown(Rejected):
    """A staged campaign (分段式) follows a draw of the county, of the same purpose, that is disclosed."""

    code = "campaign.first_stage_unknown"


@dataclass(frozen=True)
class DrawTerms:
    """How the draw will be held, as the plan says it."""

    purpose: Purpose
    disclosure: str
    witness: str | None
    dice: int | None
    chain_len: int
    max_missing: int
    beacons: tuple[str, ...] = ()
    """Sources beside the dice, as a manifest names them."""
    hash: str = SHA256


@dataclass(frozen=True)
class Plan:
    """What a proposal must get right, without its dates."""

    title: str
    number: str
    lead: str
    partners: tuple[str, ...]
    lines: tuple[Line, ...]
    districts: tuple[str, ...]
    ratio: Fraction
    planned: int
    spread: str
    terms: DrawTerms

    @property
    def agencies(self) -> tuple[str, ...]:
        """Return everybody who draws, ascending."""
        return tuple(sorted({self.lead, *self.partners}))

    @property
    def categories(self) -> tuple[str, ...]:
        """Return every category to which some item applies, ascending."""
        return tuple(sorted({category for line in self.lines for category in line.categories}))


@dataclass(frozen=True)
class Known:
    """Words and bodies a plan may speak of."""

    agencies: frozenset[str]
    witnesses: frozenset[str]
    categories: frozenset[str]
    districts: frozenset[str]
    pack_purpose: Purpose
    beacons: frozenset[str] = frozenset({ROOM_DICE})
    hashes: frozenset[str] = frozenset({SHA256})


def clean_text(name: str, text: str, longest: int, *, needed: bool = True) -> str:
    """Strip *text* and refuse one that is empty, too long, or holds control or direction characters."""
    stripped = text.replace("\r\n", "\n").strip()
    if needed and not stripped:
        raise TextMissing(field=name)
    if CONTROL.search(stripped) or len(stripped) > longest:
        raise TextImpossible(field=name, longest=longest)
    return stripped


def check_plan(plan: Plan, known: Known) -> None:
    """Refuse a plan that could not be carried out as it stands."""
    _check_agencies(plan, known)
    for line in plan.lines:
        if unknown := sorted(line.categories - known.categories):
            raise CategoryUnknown(item=line.item, categories=", ".join(unknown))
        if not line.categories:
            raise CategoryUnknown(item=line.item, categories="")
    if unknown := sorted(set(plan.districts) - known.districts):
        raise DistrictUnknown(districts=", ".join(unknown))
    if plan.planned < 1:
        raise PlannedImpossible(planned=plan.planned)
    if plan.spread not in SPREADS:
        raise SpreadUnknown(spread=plan.spread)
    if plan.terms.purpose is Purpose.LIVE and known.pack_purpose is not Purpose.LIVE:
        raise PackOfAnotherPurpose()
    check_terms(plan.terms, plan.agencies, known)


def _check_agencies(plan: Plan, known: Known) -> None:
    if plan.lead in plan.partners or len(set(plan.partners)) != len(plan.partners):
        raise PartnersWrong(partners=", ".join(plan.partners))
    if unknown := sorted({*plan.agencies} - known.agencies):
        raise AgencyUnknown(agencies=", ".join(unknown))
    if foreign := sorted({line.item for line in plan.lines if line.agency not in plan.agencies}):
        raise ItemOfNobody(items=", ".join(foreign))
    if idle := sorted(set(plan.agencies) - {line.agency for line in plan.lines}):
        raise AgencyWithoutItems(agencies=", ".join(idle))


def check_class_bounds(spread: str, bounds: Sequence[Mapping[str, Any]], categories: Collection[str]) -> None:
    """Refuse bounds of classes that no draw could hold; *bounds*: as stored, ``{category, ratio, least, most}``."""
    if bounds and spread == ONE_CLASS:
        raise ClassBoundsNeedClasses()
    named = [each["category"] for each in bounds]
    for each in bounds:
        least, most = each["least"], each["most"]
        reversed_ = least is not None and most is not None and least > most
        if each["category"] not in categories or named.count(each["category"]) > 1 or reversed_:
            raise ClassBoundsWrong(category=each["category"])


def check_terms(terms: DrawTerms, agencies: Sequence[str], known: Known) -> None:
    """Hold the terms of the draw against what the rule pack offers and the bounds of JIDRAW/1 sections 4 and 7."""
    if terms.witness is not None and (terms.witness in agencies or terms.witness not in known.witnesses):
        raise WitnessImpossible(witness=terms.witness)
    if len(agencies) == 1 and terms.witness is None:
        raise WitnessNeeded()
    if terms.dice is not None and terms.dice not in DICE:
        raise DiceImpossible(dice=terms.dice)
    _check_beacons(terms, agencies, known.beacons)
    if terms.hash not in known.hashes:
        raise HashNotOffered(hash=terms.hash)
    if not 0 <= terms.max_missing <= len(agencies) // 3:
        raise MissingTooMany(max_missing=terms.max_missing, most=len(agencies) // 3)
    if not 0 <= terms.chain_len <= 100:
        raise ChainImpossible(chain_len=terms.chain_len)


def _check_beacons(terms: DrawTerms, agencies: Sequence[str], offered: Collection[str]) -> None:
    sources = (*([ROOM_DICE] if terms.dice is not None else []), *terms.beacons)
    if not sources and terms.purpose is Purpose.LIVE:
        raise BeaconNeeded()
    if unknown := [source for source in sources if source not in offered]:
        raise BeaconNotOffered(beacon=unknown[0])
    if len(sources) > MOST_BEACONS or len(set(sources)) < len(sources):
        raise TooManyBeacons(given=len(sources))
    holders = [source.removeprefix(CHAIN) for source in sources if source.startswith(CHAIN)]
    if holders and len(holders) == len(sources):
        raise ChainStandsAlone(holder=holders[0])
    if inside := [holder for holder in holders if holder in agencies]:
        raise HolderIsAgency(holder=inside[0])


def require_state(campaign: str, state: str, *allowed: str) -> None:
    """Refuse a step that does not follow from *state*."""
    if state not in allowed:
        raise CampaignStateWrong(campaign=campaign, state=state, allowed=allowed)


def check_answerable(state: str) -> None:
    """Let an agency confirm or decline while it is asked, and confirm again as long as nothing is approved."""
    if state not in (ASKED, AGREED):
        raise PartAlreadyAnswered(state=state)


def check_removable(agency: str, lead: str, state: str) -> None:
    """Let the lead take out an agency that has declined or not answered, never itself."""
    if agency == lead or state not in (ASKED, DECLINED):
        raise PartNotRemovable(agency=agency, state=state)


def check_everybody_agreed(parts: Mapping[str, str], names: Mapping[str, str]) -> None:
    """
    Refuse to go on while an agency that is not taken out has not confirmed.

    Args:
        parts: State of each agency's part.
        names: What people call an agency; the refusal names those that are missing.
    """
    if open_ := sorted(agency for agency, state in parts.items() if state not in (AGREED, REMOVED)):
        raise NotConfirmedBy(agencies=tuple(open_), names=tuple(names.get(agency, agency) for agency in open_))


def check_freezable(campaign: str, state: str, parts: Mapping[str, str], names: Mapping[str, str]) -> None:
    """Let a frame be frozen only for a plan that everybody confirmed and a second person approved."""
    if state == PROPOSED:
        check_everybody_agreed(parts, names)
        raise NotApproved(campaign=campaign)
    require_state(campaign, state, CONFIRMED)


def check_approver(proposed_by: str | None, approver: str) -> None:
    """Keep planner and approver apart (职责分离)."""
    if proposed_by == approver:
        raise SamePerson()


def check_cancellable(campaign: str, state: str, *, sealed: bool, drawn: bool) -> None:
    """Let a campaign end before its draw is sealed; afterwards it is carried out."""
    if drawn:
        raise DrawAlreadyCompleted(campaign=campaign)
    if sealed:
        raise DrawSealed(campaign=campaign)
    require_state(campaign, state, DRAFT, PROPOSED, CONFIRMED, FROZEN)


def check_closable(campaign: str, state: str, *, drawn: bool, sections: int, published: int) -> None:
    """Let a campaign be closed when every section that was drawn is published, as far as is known here."""
    require_state(campaign, state, FROZEN)
    if not drawn:
        raise NotDrawnYet(campaign=campaign)
    if published < sections:
        raise SectionsOpen(open=sections - published, sections=sections)


def shown_state(state: str, *, drawn: bool) -> str:
    """Say the state as people see it: a frozen campaign whose draw is completed is drawn."""
    return DRAWN if state == FROZEN and drawn else state
