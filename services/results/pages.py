"""Pages of results: visits, sections, publication, referrals; and the parts that other pages show."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Form, Request
from fastapi.responses import Response

from runtime.errors import OneVisitError, Stale
from runtime.service import Service
from runtime.web.caller import Caller, TheCaller
from runtime.web.refusals import status_of
from runtime.web.templates import Web, see_other
from services.results import forms
from services.results.api import Code, PageNumber, Text
from services.results.commands import actions, approval, drafts, experts, publication, rectification, referrals, visits
from services.results.domain.lights import worst
from services.results.domain.referrals import Act
from services.results.queries import publication as published
from services.results.queries import referrals as sent
from services.results.queries import summary
from services.results.queries import visits as seen
from services.results.queries.experts import campaign_experts, visit_experts
from services.results.uploads import as_download, enter_letter, keep_draft

Fields = Annotated[forms.Sent, Depends(forms.sent)]


def routes(service: Service, web: Web) -> APIRouter:
    """Offer the pages' routes."""
    router = APIRouter()
    _visit_pages(router, service, web)
    _section_pages(router, service, web)
    _section_steps(router, service, web)
    _publication_pages(router, service, web)
    _referral_pages(router, service, web)
    _referral_steps(router, service)
    _parts(router, service, web)
    return router


def _options(rows: Iterable[Sequence[Any]], lang: str) -> list[tuple[str, str]]:
    """Turn (code, Chinese, English) into choices in the visitor's language."""
    return [(row[0], row[1] if lang == "zh" else row[2]) for row in rows]


def _section_options(view: Mapping[str, Any], lang: str) -> dict[str, Any]:
    """Collect the choices of the section's forms."""
    return {
        "outcome_options": _options(view["outcomes"], lang),
        "kind_options": _options(view["kinds"], lang),
        "refusal_options": _options(view["refusal_reasons"], lang),
        "decision_options": _options(view["decisions"], lang),
        "item_options": [(item["id"], item["name"]) for item in view["items"]],
        "evidence_options": [(file["evidence"], file["name"]) for file in view["evidence"]],
        "own_findings": [each for each in view["written_findings"] if not each["question"]],
    }


def _run(service: Service, caller: Caller, command: Callable[..., Any], **facts: Any) -> Any:
    return service.do(caller.actor, command, key=caller.key, **facts).value


# ── visits ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _visit_pages(router: APIRouter, service: Service, web: Web) -> None:
    @router.get("/visits")
    def list_visits(request: Request, caller: TheCaller, campaign: str = "", mine: str = "") -> Response:
        lines = service.ask(caller.actor, seen.visit_lines, campaign_id=campaign or None, mine=bool(mine))
        days: dict[date | None, list[dict[str, Any]]] = {}
        for line in lines:
            days.setdefault(line["visit_on"], []).append(line)
        return web.render(
            request,
            "results/visits.html",
            days=list(days.items()),
            campaign_options=[
                (each["campaign"], each["title"]) for each in service.ask(caller.actor, seen.campaigns_seen)
            ],
            chosen=campaign,
            mine=bool(mine),
        )

    @router.get("/visits/{visit_id}")
    def show_visit(request: Request, caller: TheCaller, visit_id: str, warn: str = "") -> Response:
        view = service.ask(caller.actor, seen.visit_view, visit_id=visit_id)
        own = service.ask(caller.actor, visit_experts, visit_id=visit_id, now=service.ports.clock.now())
        warnings = [code for code in warn.split(",") if code.startswith("visit.warn_") and code in web.messages]
        return web.render(request, "results/visit.html", visit=view, experts=own, warnings=warnings)

    @router.post("/visits/{visit_id}/schedule")
    def schedule(
        caller: TheCaller,
        visit_id: str,
        day: Annotated[date, Form()],
        instead_of: Annotated[date | None, Form()] = None,  # an empty field: there was none
    ) -> Response:
        value = _run(service, caller, visits.schedule_visit, visit_id=visit_id, day=day, instead_of=instead_of)
        warn = f"?warn={','.join(value['warnings'])}" if value["warnings"] else ""
        return see_other(f"/visits/{visit_id}{warn}", said="visit.said_scheduled")


# ── sections ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _section_pages(router: APIRouter, service: Service, web: Web) -> None:
    def view_of(caller: Caller, section_id: str, unsaved: Mapping[str, Any] | None = None) -> dict[str, Any]:
        now = service.ports.clock.now()
        return service.ask(caller.actor, seen.section_view, section_id=section_id, now=now, unsaved=unsaved)

    @router.get("/sections/{section_id}")
    def show_section(request: Request, caller: TheCaller, section_id: str) -> Response:
        view = view_of(caller, section_id)
        headers = {"ETag": f'"{view["version"]}"'}
        options = _section_options(view, caller.lang)
        return web.render(
            request, "results/section.html", headers=headers, section=view, refused=None, stale=False, **options
        )

    @router.post("/sections/{section_id}/preview")
    def preview(request: Request, caller: TheCaller, section_id: str, fields: Fields) -> Response:
        """Show the questions as they would be asked, given what is typed; nothing is kept."""
        unsaved = forms.unsaved(fields)
        view = view_of(caller, section_id, unsaved)
        return web.render(request, "results/items.html", section=view, **_section_options(view, caller.lang))

    @router.post("/sections/{section_id}/draft")
    def draft(request: Request, caller: TheCaller, section_id: str, fields: Fields) -> Response:
        try:
            keep_draft(
                service,
                caller.actor,
                caller.key,
                section_id,
                fields.files,
                answers=fields.answers,
                outcomes=fields.outcomes,
                findings=fields.findings,
                version=fields.texts.get("version"),
            )
        except OneVisitError as refusal:
            return again(request, caller, section_id, fields, refusal)
        if fields.texts.get("then") == "check":
            return see_other(f"/sections/{section_id}/check")
        return see_other(f"/sections/{section_id}", said="section.said_saved")

    def again(
        request: Request, caller: Caller, section_id: str, fields: forms.Sent, refusal: OneVisitError
    ) -> Response:
        """Show the form once more with everything that was typed, and why it was refused: nothing is lost."""
        view = view_of(caller, section_id, forms.unsaved(fields))
        sentence = web.messages.about(refusal)
        refused = {"says": sentence.says(caller.lang), "advises": sentence.advises(caller.lang)}
        return web.render(
            request,
            "results/section.html",
            status=status_of(refusal),
            section=view,
            refused=refused,
            stale=isinstance(refusal, Stale),
            **_section_options(view, caller.lang),
        )

    @router.get("/sections/{section_id}/check")
    def check(request: Request, caller: TheCaller, section_id: str) -> Response:
        view = view_of(caller, section_id)
        return web.render(request, "results/check.html", section=view, **_section_options(view, caller.lang))

    @router.get("/sections/{section_id}/evidence/{evidence_id}")
    def evidence(caller: TheCaller, section_id: str, evidence_id: str) -> Response:
        found = service.ask(caller.actor, seen.evidence_file, section_id=section_id, evidence_id=evidence_id)
        return as_download(service, found)

    @router.get("/sections/{section_id}/review")
    def review(request: Request, caller: TheCaller, section_id: str) -> Response:
        now = service.ports.clock.now()
        view = service.ask(caller.actor, seen.review_view, section_id=section_id, now=now)
        return web.render(request, "results/review.html", section=view)


def _section_steps(router: APIRouter, service: Service, web: Web) -> None:
    @router.post("/sections/{section_id}/evidence/{evidence_id}/remove")
    def remove(caller: TheCaller, section_id: str, evidence_id: str) -> Response:
        _run(service, caller, drafts.remove_evidence, section_id=section_id, evidence_id=evidence_id)
        return see_other(f"/sections/{section_id}", said="section.said_removed")

    @router.post("/sections/{section_id}/experts")
    def appoint(caller: TheCaller, section_id: str, expert: Annotated[Code, Form()]) -> Response:
        value = _run(service, caller, experts.appoint_expert, section_id=section_id, expert=expert)
        return see_other(f"/visits/{value['visit']}", said="expert.said_appointed")

    @router.post("/sections/{section_id}/experts/withdraw")
    def withdraw(
        caller: TheCaller,
        section_id: str,
        appointment: Annotated[str, Form(max_length=160)],
        reason: Annotated[Text, Form()],
    ) -> Response:
        facts = {"appointment": appointment, "reason": reason}
        value = _run(service, caller, experts.withdraw_expert, section_id=section_id, **facts)
        return see_other(f"/visits/{value['visit']}", said="expert.said_withdrawn")

    @router.post("/sections/{section_id}/sign")
    def sign(caller: TheCaller, section_id: str, digest: Annotated[Code, Form()]) -> Response:
        _run(service, caller, visits.sign_section, section_id=section_id, digest=digest)
        return see_other(f"/sections/{section_id}/check", said="section.said_signed")

    @router.post("/sections/{section_id}/unit")
    def unit(
        caller: TheCaller,
        section_id: str,
        digest: Annotated[Code, Form()],
        how: Annotated[Literal["signed", "refused"], Form()],
        name: Annotated[Text, Form()] = "",
        reason: Annotated[Code, Form()] = "",
        witness: Annotated[Text, Form()] = "",
    ) -> Response:
        facts = {"how": how, "name": name, "reason": reason, "witness": witness, "digest": digest}
        _run(service, caller, visits.record_unit, section_id=section_id, **facts)
        return see_other(f"/sections/{section_id}/check", said="section.said_unit")

    @router.post("/sections/{section_id}/submit")
    def submit(caller: TheCaller, section_id: str) -> Response:
        value = _run(service, caller, visits.submit_section, section_id=section_id)
        return see_other(f"/visits/{value['visit']}", said="section.said_submitted")

    @router.post("/sections/{section_id}/approve")
    def approve(caller: TheCaller, section_id: str, digest: Annotated[Code, Form()]) -> Response:
        value = _run(service, caller, approval.approve_section, section_id=section_id, digest=digest)
        said = "section.said_approved_referred" if value["referrals"] else "section.said_approved"
        return see_other(f"/sections/{section_id}", said=said)

    @router.post("/sections/{section_id}/return")
    def return_(
        caller: TheCaller, section_id: str, digest: Annotated[Code, Form()], reason: Annotated[Text, Form()]
    ) -> Response:
        _run(service, caller, visits.return_section, section_id=section_id, digest=digest, reason=reason)
        return see_other(f"/sections/{section_id}", said="section.said_returned")

    @router.post("/sections/{section_id}/verify")
    def verify(
        caller: TheCaller,
        section_id: str,
        finding: Annotated[Code, Form()],
        passed: Annotated[bool, Form()],
        note: Annotated[Text, Form()] = "",
    ) -> Response:
        facts = {"finding": finding, "passed": passed, "note": note}
        _run(service, caller, rectification.verify_rectification, section_id=section_id, **facts)
        return see_other(
            f"/sections/{section_id}", said="rectification.said_passed" if passed else "rectification.said_again"
        )

    @router.post("/sections/{section_id}/act")
    def act(
        caller: TheCaller,
        section_id: str,
        finding: Annotated[Code, Form()],
        decision: Annotated[Code, Form()],
        text: Annotated[Text, Form()],
    ) -> Response:
        facts = {"finding": finding, "decision": decision, "text": text}
        _run(service, caller, actions.decide_action, section_id=section_id, **facts)
        return see_other(f"/sections/{section_id}", said="action.said_decided")

    @router.post("/sections/{section_id}/publish")
    def publish(caller: TheCaller, section_id: str) -> Response:
        value = _run(service, caller, publication.publish_section, section_id=section_id)
        return see_other(
            "/publication", said=value["warnings"][0] if value["warnings"] else "publication.said_published"
        )


# ── publication ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _publication_pages(router: APIRouter, service: Service, web: Web) -> None:
    @router.get("/publication")
    def to_publish(request: Request, caller: TheCaller) -> Response:
        lists = service.ask(caller.actor, published.publication_list, now=service.ports.clock.now())
        may = "publisher" in caller.actor.roles
        return web.render(request, "results/publication.html", lists=lists, may_publish=may)

    @router.get("/public/results")
    def public(request: Request, q: str = "", page: PageNumber = 1) -> Response:
        found = service.ask(service.system, published.public_results, q=q, page=page)
        campaigns = service.ask(service.system, published.public_campaigns)
        return web.render(request, "results/public.html", found=found, campaigns=campaigns, campaign=None)

    @router.get("/public/results/{campaign_id}")
    def public_campaign(request: Request, campaign_id: str, q: str = "", page: PageNumber = 1) -> Response:
        found = service.ask(service.system, published.public_results, campaign=campaign_id, q=q, page=page)
        campaigns = service.ask(service.system, published.public_campaigns)
        one = next((each for each in campaigns if each["campaign"] == campaign_id), None)
        if one is None:
            return see_other("/public/results")
        return web.render(request, "results/public.html", found=found, campaigns=campaigns, campaign=one)


# ── referrals ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _referral_pages(router: APIRouter, service: Service, web: Web) -> None:
    @router.get("/referrals")
    def list_referrals(request: Request, caller: TheCaller) -> Response:
        lists = service.ask(caller.actor, sent.referral_lists, now=service.ports.clock.now())
        return web.render(request, "results/referrals.html", lists=lists)

    @router.get("/referrals/{referral_id}")
    def show_referral(request: Request, caller: TheCaller, referral_id: str) -> Response:
        now = service.ports.clock.now()
        view = service.ask(caller.actor, sent.referral_view, referral_id=referral_id, now=now)
        letter = web.text(caller.lang, "（函件）", " (by letter)")
        return web.render(
            request,
            "results/referral.html",
            referral=view,
            decision_options=_options(view["decisions"], caller.lang),
            return_options=_options(view["return_reasons"], caller.lang),
            body_options=[(body, name + (letter if external else "")) for body, name, external in view["bodies"]],
        )

    @router.get("/referrals/{referral_id}/letter")
    def letter(request: Request, caller: TheCaller, referral_id: str) -> Response:
        view = service.ask(caller.actor, sent.letter_view, referral_id=referral_id)
        return web.render(request, "results/letter.html", letter=view)

    @router.get("/referrals/{referral_id}/evidence/{evidence_id}")
    def package_file(caller: TheCaller, referral_id: str, evidence_id: str) -> Response:
        found = service.ask(caller.actor, sent.package_file, referral_id=referral_id, evidence_id=evidence_id)
        return as_download(service, found)

    @router.get("/referrals/{referral_id}/scans/{scan_id}")
    def scan_file(caller: TheCaller, referral_id: str, scan_id: str) -> Response:
        found = service.ask(caller.actor, sent.scan_file, referral_id=referral_id, scan_id=scan_id)
        return as_download(service, found)


def _referral_steps(router: APIRouter, service: Service) -> None:
    def done(referral_id: str, act: str) -> Response:
        return see_other(f"/referrals/{referral_id}", said=f"referral.said_{act}")

    @router.post("/referrals/{referral_id}/receive")
    def receive(caller: TheCaller, referral_id: str, fields: Fields) -> Response:
        enter_letter(service, caller.actor, caller.key, referral_id, Act.RECEIVE, fields.scan)
        return done(referral_id, "received")

    @router.post("/referrals/{referral_id}/accept")
    def accept(caller: TheCaller, referral_id: str) -> Response:
        _run(service, caller, referrals.accept, referral_id=referral_id)
        return done(referral_id, "accepted")

    @router.post("/referrals/{referral_id}/return")
    def return_(
        caller: TheCaller, referral_id: str, reason: Annotated[Code, Form()], note: Annotated[Text, Form()] = ""
    ) -> Response:
        _run(service, caller, referrals.return_, referral_id=referral_id, reason=reason, note=note)
        return done(referral_id, "returned")

    @router.post("/referrals/{referral_id}/decide")
    def decide(caller: TheCaller, referral_id: str, fields: Fields) -> Response:
        said = {name: fields.texts.get(name, "") for name in ("decision", "text")}
        enter_letter(service, caller.actor, caller.key, referral_id, Act.DECIDE, fields.scan, **said)
        return done(referral_id, "decided")

    @router.post("/referrals/{referral_id}/close")
    def close(caller: TheCaller, referral_id: str) -> Response:
        _run(service, caller, referrals.close, referral_id=referral_id)
        return done(referral_id, "closed")

    @router.post("/referrals/{referral_id}/route")
    def route(
        caller: TheCaller,
        referral_id: str,
        receiver: Annotated[Code, Form()],
        mode: Annotated[Literal["transfer", "inform"], Form()] = "transfer",
    ) -> Response:
        _run(service, caller, referrals.route, referral_id=referral_id, receiver=receiver, mode=mode)
        return done(referral_id, "routed")


# ── parts ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def _parts(router: APIRouter, service: Service, web: Web) -> None:
    @router.get("/parts/results/campaign/{campaign_id}")
    def campaign_part(request: Request, caller: TheCaller, campaign_id: str) -> Response:
        view = service.ask(caller.actor, summary.campaign_part, campaign_id=campaign_id)
        return web.render(request, "results/campaign_part.html", part=view)

    @router.get("/parts/results/experts/{campaign_id}")
    def experts_part(request: Request, caller: TheCaller, campaign_id: str) -> Response:
        lines = service.ask(caller.actor, campaign_experts, campaign_id=campaign_id)
        return web.render(request, "results/experts_part.html", lines=lines)

    @router.get("/parts/results/home/me")
    def home_part(request: Request, caller: TheCaller) -> Response:
        view = service.ask(caller.actor, summary.home_me, now=service.ports.clock.now())
        lights = {name: worst([str(line["light"]) for line in lines]) for name, lines in view.items()}
        return web.render(request, "results/home_part.html", todo=view, lights=lights)
