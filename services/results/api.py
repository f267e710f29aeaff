"""JSON API of results: /api/results/v1."""

from collections.abc import Callable
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from runtime.service import Service
from runtime.web.caller import Caller, TheCaller
from runtime.web.etag import etag
from runtime.web.templates import Web
from schemas.events.payload import Digest, Id
from services.results.commands import approval, drafts, publication, referrals, visits
from services.results.commands.actions import decide_action
from services.results.commands.experts import appoint_expert, withdraw_expert
from services.results.commands.found import SectionNotYours
from services.results.commands.rectification import verify_rectification
from services.results.queries import publication as published
from services.results.queries import referrals as sent
from services.results.queries import visits as seen
from services.results.queries.summary import campaign_summary
from services.results.uploads import as_download, keep_evidence, keep_scan

API = "/api/results/v1"

Code = Annotated[str, Field(pattern=r"^[0-9A-Za-z._-]{0,64}$")]
"""An id, or nothing; which ids there are is said by the domain."""
Text = Annotated[str, Field(max_length=10_000)]
"""Free text, longer than any field takes: how long each may be, and of which characters, is said by the domain in words."""
Many = 500

PageNumber = Annotated[int, Query(ge=1, le=100_000)]
CampaignId = Annotated[Id | None, Query()]


class Body(BaseModel):
    """What a request may hold; anything else is refused."""

    model_config = ConfigDict(extra="forbid")


class Day(Body):
    """The day of a visit, and the one that stood there when it was chosen (null: none)."""

    day: date
    instead_of: date | None


class WrittenFinding(Body):
    """A finding as officers write it; *question* names the bad answer it explains, else *kind* says what it is."""

    item: Id
    question: Code = ""
    kind: Code = ""
    text: Text = ""
    evidence: list[Id] = Field(default_factory=list, max_length=Many)


class DraftBody(Body):
    """What has been entered so far; a part left out stays as it is."""

    answers: Annotated[dict[Id, Annotated[dict[Id, Text], Field(max_length=Many)]], Field(max_length=Many)] | None = (
        None
    )
    outcomes: Annotated[dict[Id, Code], Field(max_length=Many)] | None = None
    findings: Annotated[list[WrittenFinding], Field(max_length=Many)] | None = None


class Shown(Body):
    """The digest of the text that was shown to whoever signs or approves it."""

    digest: Digest


class Unit(Body):
    """How the inspected unit answered the record."""

    how: Literal["signed", "refused"]
    digest: Digest
    name: Text = ""
    reason: Code = ""
    witness: Text = ""


class Reason(Shown):
    """Why a section goes back that says what its digest says."""

    reason: Text


class ReturnBody(Body):
    """Why a referral goes back: a code of the pack, and a note."""

    reason: Id
    note: Text = ""


class DecisionBody(Body):
    """What a receiver decided."""

    decision: Id
    text: Text


class RouteBody(Body):
    """Whom the lead sends a referral to."""

    receiver: Id
    mode: Literal["transfer", "inform"] = "transfer"


class Checked(Body):
    """Whether a finding was put right, and what was seen; needed where it was not."""

    finding: Id
    passed: bool
    note: Text = ""


class ActedBody(DecisionBody):
    """What an agency decided on its own finding."""

    finding: Id


class ExpertBody(Body):
    """Whom an agency appoints: an expert's number in its register."""

    expert: Id


class WithdrawBody(Body):
    """Which appointment is withdrawn, and why."""

    appointment: Annotated[str, Field(max_length=160)]
    reason: Text


class Nothing(Body):
    """No facts: the address says it all."""


def routes(service: Service, web: Web) -> APIRouter:
    """Offer the API's routes."""
    router = APIRouter()
    _visit_routes(router, service)
    _section_routes(router, service)
    _publication_routes(router, service)
    _referral_routes(router, service)
    return router


def _run(service: Service, caller: Caller, command: Callable[..., Any], **facts: Any) -> Any:
    return service.do(caller.actor, command, key=caller.key, **facts).value


def _visit_routes(router: APIRouter, service: Service) -> None:
    @router.get(f"{API}/visits")
    def list_visits(caller: TheCaller, campaign: CampaignId = None, mine: bool = False) -> Any:
        """List the visits the asker has a part in, with the progress of every section."""
        lines = service.ask(caller.actor, seen.visit_lines, campaign_id=campaign, mine=mine)
        return {"visits": lines}

    @router.get(f"{API}/visits/{{visit_id}}")
    def show_visit(caller: TheCaller, visit_id: str) -> Any:
        """Show a visit with its sections; the target only to those who may know it."""
        return service.ask(caller.actor, seen.visit_view, visit_id=visit_id)

    @router.post(f"{API}/visits/{{visit_id}}/schedule")
    def schedule(caller: TheCaller, visit_id: str, body: Day) -> Any:
        """Set the day of a visit, one for all its agencies."""
        return _run(service, caller, visits.schedule_visit, visit_id=visit_id, **body.model_dump())

    @router.get(f"{API}/campaigns/{{campaign_id}}/summary")
    def summary(caller: TheCaller, campaign_id: str) -> Any:
        """Give a campaign's figures: completion, publication, outcomes, referrals per agency."""
        return service.ask(caller.actor, campaign_summary, campaign_id=campaign_id)


def _section_routes(router: APIRouter, service: Service) -> None:
    @router.get(f"{API}/sections/{{section_id}}")
    def show_section(caller: TheCaller, section_id: str) -> Response:
        """Show an own section: questions, answers, evidence, findings, signatures."""
        try:
            view = service.ask(caller.actor, seen.section_view, section_id=section_id, now=service.ports.clock.now())
        except SectionNotYours:
            return JSONResponse(
                jsonable_encoder(service.ask(caller.actor, seen.section_progress, section_id=section_id))
            )
        return JSONResponse(jsonable_encoder(view), headers={"ETag": etag(view["version"])})

    @router.post(f"{API}/sections/{{section_id}}/answers")
    def answers(caller: TheCaller, section_id: str, body: DraftBody) -> Response:
        """Save the draft of a section: answers, outcomes, findings; If-Match holds the ETag of what it rests on."""
        findings = None if body.findings is None else [finding.model_dump() for finding in body.findings]
        value = _run(
            service,
            caller,
            drafts.save_draft,
            section_id=section_id,
            answers=body.answers,
            outcomes=body.outcomes,
            findings=findings,
            version=caller.if_match,
        )
        return JSONResponse(value, headers={"ETag": etag(value["version"])})

    @router.post(f"{API}/sections/{{section_id}}/evidence")
    def evidence(
        caller: TheCaller,
        section_id: str,
        file: Annotated[UploadFile, File()],
        item: Annotated[Code, Form()] = "",
        question: Annotated[Code, Form()] = "",
    ) -> Any:
        """Add a file to a section as evidence."""
        return keep_evidence(service, caller.actor, caller.key, section_id, file, item, question).value

    @router.get(f"{API}/sections/{{section_id}}/evidence/{{evidence_id}}")
    def evidence_file(caller: TheCaller, section_id: str, evidence_id: str) -> Response:
        """Give a file of an own section."""
        found = service.ask(caller.actor, seen.evidence_file, section_id=section_id, evidence_id=evidence_id)
        return as_download(service, found)

    @router.post(f"{API}/sections/{{section_id}}/evidence/{{evidence_id}}/remove")
    def remove(caller: TheCaller, section_id: str, evidence_id: str) -> Any:
        """Take a file back, before the section is signed."""
        return _run(service, caller, drafts.remove_evidence, section_id=section_id, evidence_id=evidence_id)

    @router.post(f"{API}/sections/{{section_id}}/experts")
    def appoint(caller: TheCaller, section_id: str, body: ExpertBody) -> Any:
        """Appoint an expert of the agency to assist at its part of a visit: appointed, not drawn, counted as no officer."""
        return _run(service, caller, appoint_expert, section_id=section_id, expert=body.expert)

    @router.post(f"{API}/sections/{{section_id}}/experts/withdraw")
    def withdraw(caller: TheCaller, section_id: str, body: WithdrawBody) -> Any:
        """Withdraw an appointment with a reason, as long as nobody has signed."""
        return _run(service, caller, withdraw_expert, section_id=section_id, **body.model_dump())

    @router.post(f"{API}/sections/{{section_id}}/sign")
    def sign(caller: TheCaller, section_id: str, body: Shown) -> Any:
        """Sign the section's text that was shown, as an officer of its team."""
        return _run(service, caller, visits.sign_section, section_id=section_id, digest=body.digest)

    @router.post(f"{API}/sections/{{section_id}}/unit")
    def unit(caller: TheCaller, section_id: str, body: Unit) -> Any:
        """Record the signature of the inspected unit, or its refusal with reason and witness."""
        return _run(service, caller, visits.record_unit, section_id=section_id, **body.model_dump())

    @router.post(f"{API}/sections/{{section_id}}/submit")
    def submit(caller: TheCaller, section_id: str, body: Nothing | None = None) -> Any:
        """Hand the signed section in for approval."""
        return _run(service, caller, visits.submit_section, section_id=section_id)

    @router.post(f"{API}/sections/{{section_id}}/return")
    def return_(caller: TheCaller, section_id: str, body: Reason) -> Any:
        """Send a section back to whoever entered it, with a reason."""
        return _run(service, caller, visits.return_section, section_id=section_id, **body.model_dump())

    @router.post(f"{API}/sections/{{section_id}}/approve")
    def approve(caller: TheCaller, section_id: str, body: Shown) -> Any:
        """Approve the text that was shown, written by others; its findings are raised and referred in the same step."""
        return _run(service, caller, approval.approve_section, section_id=section_id, digest=body.digest)

    @router.post(f"{API}/sections/{{section_id}}/verify")
    def verify(caller: TheCaller, section_id: str, body: Checked) -> Any:
        """Record the check of a rectification."""
        return _run(service, caller, verify_rectification, section_id=section_id, **body.model_dump())

    @router.post(f"{API}/sections/{{section_id}}/act")
    def act(caller: TheCaller, section_id: str, body: ActedBody) -> Any:
        """Record what the agency decided on a finding that it must act on itself."""
        return _run(service, caller, decide_action, section_id=section_id, **body.model_dump())

    @router.post(f"{API}/sections/{{section_id}}/publish")
    def publish(caller: TheCaller, section_id: str, body: Nothing | None = None) -> Any:
        """Publish an approved section."""
        return _run(service, caller, publication.publish_section, section_id=section_id)


def _publication_routes(router: APIRouter, service: Service) -> None:
    @router.get(f"{API}/publication")
    def to_publish(caller: TheCaller) -> Any:
        """List the own agency's sections that wait for publication."""
        return service.ask(caller.actor, published.publication_list, now=service.ports.clock.now())

    @router.get(f"{API}/public")
    def public(campaign: CampaignId = None, q: Annotated[Text, Query()] = "", page: PageNumber = 1) -> Any:
        """List published results, as the public sees them."""
        return service.ask(service.system, published.public_results, campaign=campaign, q=q, page=page)


def _referral_routes(router: APIRouter, service: Service) -> None:
    @router.get(f"{API}/referrals")
    def list_referrals(caller: TheCaller) -> Any:
        """List the referrals sent, received, and waiting for a receiver."""
        return service.ask(caller.actor, sent.referral_lists, now=service.ports.clock.now())

    @router.get(f"{API}/referrals/{{referral_id}}")
    def show_referral(caller: TheCaller, referral_id: str) -> Any:
        """Show a referral: its state, its clocks, its sources, and the package to those who may read it."""
        return service.ask(caller.actor, sent.referral_view, referral_id=referral_id, now=service.ports.clock.now())

    @router.get(f"{API}/referrals/{{referral_id}}/letter")
    def letter(caller: TheCaller, referral_id: str) -> Any:
        """Give the referral's letter as one printable page."""
        return service.ask(caller.actor, sent.letter_view, referral_id=referral_id)

    @router.get(f"{API}/referrals/{{referral_id}}/evidence/{{evidence_id}}")
    def package_file(caller: TheCaller, referral_id: str, evidence_id: str) -> Response:
        """Give a file of a referral's package."""
        found = service.ask(caller.actor, sent.package_file, referral_id=referral_id, evidence_id=evidence_id)
        return as_download(service, found)

    @router.get(f"{API}/referrals/{{referral_id}}/scans/{{scan_id}}")
    def scan_file(caller: TheCaller, referral_id: str, scan_id: str) -> Response:
        """Give the scan of a receipt or answer."""
        return as_download(service, service.ask(caller.actor, sent.scan_file, referral_id=referral_id, scan_id=scan_id))

    @router.post(f"{API}/referrals/{{referral_id}}/scans")
    def scan(
        caller: TheCaller,
        referral_id: str,
        file: Annotated[UploadFile, File()],
        act: Annotated[Literal["receive", "decide"], Form()],
    ) -> Any:
        """Add the scan of a receipt or answer of a body without an account."""
        return keep_scan(service, caller.actor, caller.key, referral_id, file, act).value

    @router.post(f"{API}/referrals/{{referral_id}}/receive")
    def receive(caller: TheCaller, referral_id: str, body: Nothing | None = None) -> Any:
        """Confirm that a referral has arrived."""
        return _run(service, caller, referrals.receive, referral_id=referral_id)

    @router.post(f"{API}/referrals/{{referral_id}}/accept")
    def accept(caller: TheCaller, referral_id: str, body: Nothing | None = None) -> Any:
        """Accept a referral for decision."""
        return _run(service, caller, referrals.accept, referral_id=referral_id)

    @router.post(f"{API}/referrals/{{referral_id}}/return")
    def return_(caller: TheCaller, referral_id: str, body: ReturnBody) -> Any:
        """Send a referral back as not one's own, with a reason."""
        return _run(service, caller, referrals.return_, referral_id=referral_id, reason=body.reason, note=body.note)

    @router.post(f"{API}/referrals/{{referral_id}}/decide")
    def decide(caller: TheCaller, referral_id: str, body: DecisionBody) -> Any:
        """Record what the receiver decided."""
        return _run(service, caller, referrals.decide, referral_id=referral_id, decision=body.decision, text=body.text)

    @router.post(f"{API}/referrals/{{referral_id}}/close")
    def close(caller: TheCaller, referral_id: str, body: Nothing | None = None) -> Any:
        """Close a decided referral, as its sender."""
        return _run(service, caller, referrals.close, referral_id=referral_id)

    @router.post(f"{API}/referrals/{{referral_id}}/route")
    def route(caller: TheCaller, referral_id: str, body: RouteBody) -> Any:
        """Choose the receiver of a referral that no rule routes."""
        return _run(service, caller, referrals.route, referral_id=referral_id, receiver=body.receiver, mode=body.mode)
