"""Topic ``referrals``: a finding handed to the agency that has the remit (移送, 抄告), until it is answered. Said by results."""

from typing import ClassVar

from schemas.events.payload import Count, Due, Id, Payload
from schemas.vocabulary import ReferralMode


class ReferralsPayload(Payload):
    """A fact about a referral. *sender* reported first; further reporters are its sources."""

    topic: ClassVar[str] = "referrals"
    key: ClassVar[str] = "referral"

    referral: Id
    campaign: Id
    sender: Id


class ReferralUnrouted(ReferralsPayload):
    """No agency of the routing table is competent: it waits in the lead's queue (待定管辖)."""

    type: ClassVar[str] = "onevisit.referral.unrouted.v1"

    lead: Id
    kind: Id
    route: Due


class ReferralSent(ReferralsPayload):
    """The receiver has the referral on its desk (or, if external, gets a letter) and is asked for receipt and answer."""

    type: ClassVar[str] = "onevisit.referral.sent.v1"

    receiver: Id
    external: bool
    mode: ReferralMode
    kind: Id
    rule: str  # the routing rule that said so, or "lead" when the lead decided
    lead: Id
    receipt: Due
    answer: Due


class ReferralAnswered(ReferralsPayload):
    """What the receiver said, or how the matter stands."""

    receiver: Id
    lead: Id


class ReferralSourceAdded(ReferralAnswered):
    """Another agency reported the same target and kind to the same receiver: one action, one more source."""

    type: ClassVar[str] = "onevisit.referral.source_added.v1"

    source_agency: Id
    sources: Count


class ReferralReceived(ReferralAnswered):
    """The receiver has it (回执); says nothing about taking it on."""

    type: ClassVar[str] = "onevisit.referral.received.v1"


class ReferralAccepted(ReferralAnswered):
    """The receiver takes it on and will decide by a day."""

    type: ClassVar[str] = "onevisit.referral.accepted.v1"

    decide: Due


class ReferralReturned(ReferralAnswered):
    """The receiver says it is not theirs; it goes back to the lead's queue."""

    type: ClassVar[str] = "onevisit.referral.returned.v1"

    route: Due


class ReferralDecided(ReferralAnswered):
    """The receiver decided; the decision's text stays with sender, receiver and lead."""

    type: ClassVar[str] = "onevisit.referral.decided.v1"

    decision: Id


class ReferralClosed(ReferralAnswered):
    """All sources have heard the outcome."""

    type: ClassVar[str] = "onevisit.referral.closed.v1"
