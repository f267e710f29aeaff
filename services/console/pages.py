"""Console's pages: sign-in, home, accounts, own password, language."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import Response

from runtime.errors import OneVisitError, Rejected
from runtime.web.caller import Caller, TheCaller, TheVisitor
from runtime.web.guard import cookie
from runtime.web.problems import local_path
from runtime.web.refusals import status_of
from runtime.web.templates import Web, see_other
from schemas.vocabulary import AgencyKind, Role
from services.console.api import address_of, change_known_password
from services.console.commands import (
    change_account,
    close_account,
    open_account,
    register_agency,
)
from services.console.domain.roles import ALLOWED, KIND_NAMES, NAMES
from services.console.passwords import hash_password
from services.console.queries import account_view, administered
from services.console.sessions import token_digest

if TYPE_CHECKING:
    from services.console.app import Console

Text = Annotated[str, Form()]
Roles = Annotated[list[Role] | None, Form()]
Optional = Annotated[str | None, Form()]
LANG_SECONDS = 365 * 24 * 3600


class PasswordNotRepeated(Rejected):
    """The new password was typed in two different ways."""

    code = "password.not_repeated"


def routes(console: "Console", web: Web) -> APIRouter:
    """Offer console's pages."""
    router = APIRouter(include_in_schema=False)
    _sign_in_pages(router, console, web)
    _own_pages(router, console, web)
    _account_pages(router, console, web)
    _account_actions(router, console)
    return router


def _sign_in_pages(router: APIRouter, console: "Console", web: Web) -> None:
    settings = web.settings

    @router.get("/sign-in")
    def sign_in_page(request: Request, visitor: TheVisitor, next: str = "/") -> Response:
        if visitor.signed_in is not None:
            return see_other(local_path(next))
        return web.render(request, "console/sign_in.html", next=local_path(next), login="", refusal=None)

    @router.post("/sign-in")
    def sign_in(request: Request, login: Text, password: Text, next: Text = "/") -> Response:
        before = request.cookies.get(settings.session_cookie)
        try:
            opened = console.sessions.sign_in(login, password, address_of(request), before)
        except OneVisitError as refusal:
            return web.render(
                request,
                "console/sign_in.html",
                status=status_of(refusal),
                next=local_path(next),
                login=login[:64],
                refusal=web.tells(request, refusal),
            )
        response = see_other("/password" if opened.must_change_password else local_path(next))
        response.headers.append("set-cookie", cookie(settings.session_cookie, opened.token, settings))
        response.headers.append("set-cookie", cookie(settings.form_cookie, "", settings, max_age=0))
        return response

    @router.post("/sign-out")
    def sign_out(request: Request) -> Response:
        console.sessions.sign_out(request.cookies.get(settings.session_cookie, ""))
        response = see_other("/sign-in")
        response.headers.append("set-cookie", cookie(settings.session_cookie, "", settings, max_age=0))
        return response

    @router.post("/lang")
    def switch_language(lang: Text, back: Text = "/") -> Response:
        response = see_other(local_path(back))
        chosen = "en" if lang == "en" else "zh"
        response.headers.append("set-cookie", cookie("lang", chosen, settings, max_age=LANG_SECONDS))
        return response


def _own_pages(router: APIRouter, console: "Console", web: Web) -> None:
    @router.get("/")
    def home(request: Request, caller: TheCaller, visitor: TheVisitor) -> Response:
        return web.render(
            request,
            "console/home.html",
            agency=visitor.signed_in.agency_name if visitor.signed_in else "",
            role_names=_role_names(caller),
        )

    @router.get("/password")
    def password_page(request: Request, caller: TheCaller) -> Response:
        return web.render(request, "console/password.html", refusal=None, **_own_account(console, caller))

    @router.post("/password")
    def change_password(request: Request, caller: TheCaller, old: Text, new: Text, again: Text) -> Response:
        kept = token_digest(request.cookies.get(web.settings.session_cookie, ""))
        try:
            if new != again:
                raise PasswordNotRepeated()
            change_known_password(console, caller, old, new, kept, address_of(request))
        except OneVisitError as refusal:
            return web.render(
                request,
                "console/password.html",
                status=status_of(refusal),
                refusal=web.tells(request, refusal),
                **_own_account(console, caller),
            )
        return see_other("/password", said="done.password_changed")


def _account_pages(router: APIRouter, console: "Console", web: Web) -> None:
    @router.get("/accounts")
    def accounts(request: Request, caller: TheCaller) -> Response:
        return web.render(
            request,
            "console/accounts.html",
            agencies=console.ask(caller.actor, administered),
            may_register=caller.actor.has(Role.COUNTY_ADMIN),
        )

    @router.get("/accounts/new")
    def new_account(request: Request, caller: TheCaller) -> Response:
        agencies = console.ask(caller.actor, administered)
        return web.render(
            request,
            "console/account_new.html",
            agencies=[(agency.id, agency.name) for agency in agencies if agency.has_accounts],
            roles=_role_options(caller),
        )

    @router.get("/accounts/agencies/new")
    def new_agency(request: Request, caller: TheCaller) -> Response:
        kinds = [(kind.value, KIND_NAMES[kind][caller.lang == "en"]) for kind in AgencyKind]
        return web.render(request, "console/agency_new.html", kinds=kinds)

    @router.get("/accounts/{account_id}")
    def account(request: Request, caller: TheCaller, account_id: str) -> Response:
        view = console.ask(caller.actor, account_view, account=account_id)
        return web.render(
            request,
            "console/account.html",
            account=view,
            roles=_role_options(caller, view.agency_kind),
            held=[role.code for role in view.roles],
            role_names=[getattr(role, caller.lang) for role in view.roles],
            own=view.id == caller.actor.id,
        )


def _account_actions(router: APIRouter, console: "Console") -> None:
    @router.post("/accounts")
    def open_(
        caller: TheCaller,
        agency: Text,
        login: Text,
        display_name: Text,
        password: Text,
        roles: Roles = None,
        officer: Optional = None,
    ) -> Response:
        reply = console.do(
            caller.actor,
            open_account,
            key=caller.key,
            agency=agency,
            login=login,
            display_name=display_name,
            roles=roles or [],
            officer=officer,
            password=hash_password(password, login),
        )
        return see_other(f"/accounts/{reply.value['account']}", said="done.account_opened")

    @router.post("/accounts/agencies")
    def register(
        caller: TheCaller, agency: Text, name: Text, short_name: Text, kind: Annotated[AgencyKind, Form()]
    ) -> Response:
        console.do(
            caller.actor, register_agency, key=caller.key, agency=agency, kind=kind, name=name, short_name=short_name
        )
        return see_other("/accounts", said="done.agency_registered")

    @router.post("/accounts/{account_id}/change")
    def change(
        caller: TheCaller,
        account_id: str,
        display_name: Text,
        version: Text,
        roles: Roles = None,
        officer: Optional = None,
    ) -> Response:
        console.do(
            caller.actor,
            change_account,
            key=caller.key,
            account=account_id,
            display_name=display_name,
            roles=roles or [],
            officer=officer,
            version=version,
        )
        return see_other(f"/accounts/{account_id}", said="done.account_changed")

    @router.post("/accounts/{account_id}/password")
    def reset_password(caller: TheCaller, account_id: str, password: Text) -> Response:
        view = console.ask(caller.actor, account_view, account=account_id)
        hashed = hash_password(password, view.login)
        console.do(caller.actor, change_account, key=caller.key, account=account_id, password=hashed)
        return see_other(f"/accounts/{account_id}", said="done.password_reset")

    @router.post("/accounts/{account_id}/close")
    def close(caller: TheCaller, account_id: str) -> Response:
        console.do(caller.actor, close_account, key=caller.key, account=account_id)
        return see_other("/accounts", said="done.account_closed")


def _own_account(console: "Console", caller: Caller) -> dict[str, Any]:
    view = console.ask(caller.actor, account_view, account=caller.actor.id)
    return {"account": view, "role_names": _role_names(caller)}


def _role_names(caller: Caller) -> str:
    named = [NAMES[role][caller.lang == "en"] for role in Role if role in caller.actor.roles]
    return ("、" if caller.lang == "zh" else ", ").join(named)


def _role_options(caller: Caller, kind: AgencyKind | None = None) -> list[tuple[str, str]]:
    """List the roles the caller may give, to an account of a body of this kind."""
    allowed = frozenset(Role) if kind is None else ALLOWED[kind]
    if not caller.actor.has(Role.COUNTY_ADMIN):
        allowed -= {Role.COUNTY_ADMIN}
    return [(role.value, NAMES[role][caller.lang == "en"]) for role in Role if role in allowed]
