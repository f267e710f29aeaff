"""JSON API ``/api/console/v1``: sign-in, agencies, accounts."""

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from runtime.service import KeyReused
from runtime.web.caller import Caller, TheCaller, TheVisitor
from runtime.web.etag import versioned
from runtime.web.guard import cookie
from runtime.web.refusals import NotSignedIn
from runtime.web.templates import Web
from schemas.vocabulary import AgencyKind, Role
from services.console.commands import (
    PASSWORD_CHANGED,
    change_account,
    change_own_password,
    close_account,
    open_account,
    register_agency,
)
from services.console.passwords import hash_password
from services.console.queries import AccountView, account_view, accounts_of, agencies_of
from services.console.sessions import OldPasswordWrong, token_digest

if TYPE_CHECKING:
    from services.console.app import Console

V1 = "/api/console/v1"
Text = Annotated[str, Field(min_length=1, max_length=200)]


class _Asked(BaseModel):
    """What a client sends; unknown fields are refused, so that a misspelt one is noticed."""

    model_config = ConfigDict(extra="forbid")


class Credentials(_Asked):
    """Login and password."""

    login: Text
    password: Text


class NewPassword(_Asked):
    """The own password: the present one and the next."""

    old: Text
    new: Text


class NewAgency(_Asked):
    """A body to register."""

    agency: Text
    kind: AgencyKind
    name: Text
    short_name: Text


class NewAccount(_Asked):
    """An account to open."""

    agency: Text
    login: Text
    display_name: Text
    roles: list[Role]
    password: Text
    officer: str | None = None
    must_change_password: bool = True


class AccountChange(_Asked):
    """What of an account is to change; what is left out stays. ``officer`` counts beside ``roles``."""

    display_name: Text | None = None
    roles: list[Role] | None = None
    officer: str | None = None
    password: Text | None = None


def routes(console: "Console", web: Web) -> APIRouter:
    """Offer console's API."""
    router = APIRouter()
    _sign_in_routes(router, console, web)
    _agency_routes(router, console)
    _account_routes(router, console)
    return router


def _sign_in_routes(router: APIRouter, console: "Console", web: Web) -> None:
    settings = web.settings

    @router.post(f"{V1}/sign-in")
    def sign_in(request: Request, asked: Credentials) -> Response:
        """Open a session: the answer sets the session cookie and carries the CSRF token for what follows."""
        opened = console.sessions.sign_in(
            asked.login, asked.password, address_of(request), request.cookies.get(settings.session_cookie)
        )
        response = JSONResponse(
            {
                "account": opened.account,
                "agency": opened.agency,
                "roles": [role.value for role in opened.roles],
                "csrf": opened.csrf,
                "must_change_password": opened.must_change_password,
            },
            headers={"Cache-Control": "no-store"},
        )
        response.headers.append("set-cookie", cookie(settings.session_cookie, opened.token, settings))
        return response

    @router.post(f"{V1}/sign-out")
    def sign_out(request: Request) -> Response:
        """End this session; whoever is signed in sends its X-CSRF-Token."""
        console.sessions.sign_out(request.cookies.get(settings.session_cookie, ""))
        response = JSONResponse({"signed_out": True})
        response.headers.append("set-cookie", cookie(settings.session_cookie, "", settings, max_age=0))
        return response

    @router.post(f"{V1}/password")
    def change_password(request: Request, caller: TheCaller, asked: NewPassword) -> dict[str, str]:
        """Change the own password; ends every other session of the account."""
        kept = token_digest(request.cookies.get(settings.session_cookie, ""))
        change_known_password(console, caller, asked.old, asked.new, kept, address_of(request))
        return PASSWORD_CHANGED

    @router.get(f"{V1}/me")
    def me(caller: TheCaller, visitor: TheVisitor) -> dict[str, Any]:
        """Tell who is signed in, with agency and roles."""
        if visitor.signed_in is None:
            raise NotSignedIn()
        view = console.ask(caller.actor, account_view, account=caller.actor.id)
        return account_json(view) | {"county": caller.actor.county, "csrf": visitor.signed_in.csrf}


def _agency_routes(router: APIRouter, console: "Console") -> None:
    @router.get(f"{V1}/agencies")
    def agencies(caller: TheCaller) -> dict[str, Any]:
        """List the bodies of the county."""
        found = console.ask(caller.actor, agencies_of)
        return {
            "agencies": [
                {"agency": one.id, "kind": one.kind, "name": one.name, "short_name": one.short_name} for one in found
            ]
        }

    @router.post(f"{V1}/agencies", status_code=201)
    def register(caller: TheCaller, asked: NewAgency) -> dict[str, Any]:
        """Make a body known to the county."""
        console.do(
            caller.actor,
            register_agency,
            key=caller.key,
            agency=asked.agency,
            kind=asked.kind,
            name=asked.name,
            short_name=asked.short_name,
        )
        return {"agency": asked.agency}


def _account_routes(router: APIRouter, console: "Console") -> None:
    @router.get(f"{V1}/accounts")
    def accounts(caller: TheCaller, agency: str | None = None) -> dict[str, Any]:
        """List the accounts the asker administers."""
        found = console.ask(caller.actor, accounts_of, agency=agency)
        return {"accounts": [account_json(one) for one in found]}

    @router.post(f"{V1}/accounts", status_code=201)
    def open_(caller: TheCaller, asked: NewAccount) -> Any:
        """Open an account; its first password must be changed before anything else."""
        reply = console.do(
            caller.actor,
            open_account,
            key=caller.key,
            agency=asked.agency,
            login=asked.login,
            display_name=asked.display_name,
            roles=asked.roles,
            officer=asked.officer,
            password=hash_password(asked.password, asked.login),
            must_change_password=asked.must_change_password,
        )
        return reply.value

    @router.get(f"{V1}/accounts/{{account_id}}")
    def account(request: Request, caller: TheCaller, account_id: str) -> Response:
        """Show one account."""
        view = console.ask(caller.actor, account_view, account=account_id)
        return versioned(request, account_json(view), view.version)

    @router.post(f"{V1}/accounts/{{account_id}}/change")
    def change(caller: TheCaller, account_id: str, asked: AccountChange) -> dict[str, Any]:
        """Change an account's name, roles, officer or password; a new password ends its sessions."""
        view = console.ask(caller.actor, account_view, account=account_id)
        console.do(
            caller.actor,
            change_account,
            key=caller.key,
            account=account_id,
            display_name=asked.display_name,
            roles=asked.roles,
            officer=asked.officer,
            password=None if asked.password is None else hash_password(asked.password, view.login),
            version=caller.if_match,
        )
        return {"account": account_id}

    @router.post(f"{V1}/accounts/{{account_id}}/close")
    def close(caller: TheCaller, account_id: str) -> dict[str, Any]:
        """Close an account for good; what it did stays."""
        console.do(caller.actor, close_account, key=caller.key, account=account_id)
        return {"account": account_id}


def change_known_password(console: "Console", caller: Caller, old: str, new: str, kept: str, address: str) -> None:
    """
    Change the caller's own password, who must know the *old* one.

    After a lost answer the repeated request finds the old password changed already: it is answered by its key, as long
    as it asks for the password that is there now. A password leaves no trace in the request's digest, so that is compared.
    """
    view = console.ask(caller.actor, account_view, account=caller.actor.id)
    if (earlier := console.recall(caller.actor, caller.key)) is not None:
        try:
            console.sessions.check_password(caller.actor.id, new, address)
        except OldPasswordWrong as error:
            raise KeyReused(key=caller.key) from error
        if earlier.value != PASSWORD_CHANGED:
            raise KeyReused(key=caller.key)
        return
    console.sessions.check_password(caller.actor.id, old, address)
    hashed = hash_password(new, view.login)
    console.do(caller.actor, change_own_password, key=caller.key, password=hashed, session_kept=kept)


def account_json(view: AccountView) -> dict[str, Any]:
    """Write an account for programs."""
    return {
        "account": view.id,
        "agency": view.agency,
        "agency_name": view.agency_name,
        "login": view.login,
        "display_name": view.display_name,
        "roles": [role.code for role in view.roles],
        "officer": view.officer,
        "open": view.open,
        "version": view.version,
    }


def address_of(request: Request) -> str:
    """Say where a request comes from (behind a proxy: what uvicorn was told to trust)."""
    return request.client.host if request.client else "unknown"
