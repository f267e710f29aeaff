"""
Pages: one Jinja environment for all services, and the helpers every template may use.

Helpers are globals that look at the rendering under way, so that macros imported without context can use them too:
``t(zh, en, **facts)``, ``csrf_field()``, ``key_field()``, ``asset(name)``, ``message(code)``; filters ``day``,
``day_short``, ``weekday``, ``moment``, ``when``, ``iso``, ``shown``.
"""

import secrets
from collections.abc import Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse
from jinja2 import Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup

from runtime.errors import OneVisitError
from runtime.service import MenuEntry, Service
from runtime.web import days
from runtime.web.assets_served import Assets
from runtime.web.caller import Visitor, visitor_of
from runtime.web.messages import OWN, Lang, Messages, fact_text, filled
from runtime.web.settings import WebSettings
from runtime.web.signin import SignedIn
from runtime.web.vendoring import ASSETS


@dataclass(frozen=True)
class Rendering:
    """What helpers know of the page being made."""

    visitor: Visitor
    path: str


@dataclass(frozen=True)
class Page:
    """What the shell around a page shows: the template variable ``page``."""

    lang: Lang
    path: str
    viewer: SignedIn | None
    menu: Sequence[MenuEntry]
    settings: WebSettings
    public_menu: Sequence[MenuEntry]  # entries under /public/, for everybody
    said: str | None  # sentence of ``?said=<code>``: what was done just now

    @property
    def other_lang(self) -> Lang:
        """Return the language to switch to."""
        return "en" if self.lang == "zh" else "zh"

    @property
    def name(self) -> str:
        """Return the name of the system."""
        return self.settings.name_zh if self.lang == "zh" else self.settings.name_en

    @property
    def county(self) -> str:
        """Return the name of the county; may be empty."""
        return self.settings.county_zh if self.lang == "zh" else self.settings.county_en

    def is_here(self, entry: MenuEntry) -> bool:
        """Tell whether a menu entry leads to this page or one below it."""
        return self.path == entry.path or self.path.startswith(f"{entry.path}/")


_rendering: ContextVar[Rendering] = ContextVar("onevisit_rendering")


class Web:
    """What pages of all services share: templates, sentences, assets, menu and home tiles."""

    def __init__(
        self, services: Sequence[Service], settings: WebSettings | None = None, *, messages: Sequence[Path] = ()
    ) -> None:
        """*messages*: further sentence files, beside the web's own and the services'."""
        self.settings = settings or WebSettings()
        self.messages = Messages(OWN, *messages, *(service.messages for service in services if service.messages))
        self.menu = menu_of(services)
        self.tiles = tuple(path for service in services for path in service.tiles)
        self.assets = Assets({"": ASSETS} | _asset_folders(services))
        self._environment = _environment(services, self)

    def render(
        self,
        request: Request,
        template: str,
        /,
        status: int = 200,
        headers: Mapping[str, str] | None = None,
        **view: Any,
    ) -> HTMLResponse:
        """Make the page *template* out of a plain *view*; the shell's own variables come by themselves."""
        visitor = visitor_of(request)
        if visitor.csrf is None:
            visitor.form_token, visitor.form_token_is_new = secrets.token_urlsafe(32), True
        token = _rendering.set(Rendering(visitor, request.url.path))
        try:
            text = self._environment.get_template(template).render(page=self._page(request, visitor), **view)
        finally:
            _rendering.reset(token)
        return HTMLResponse(text, status_code=status, headers=dict(headers or {}))

    def text(self, lang: Lang, zh: str, en: str, **facts: object) -> str:
        """Say something outside a template, in the asker's language."""
        return _say(lang, zh, en, facts)

    def origin(self, request: Request) -> str:
        """Say where this installation is reached from outside: scheme and host, without a slash at the end."""
        scheme = "https" if self.settings.https else "http"
        return self.settings.origin or f"{scheme}://{request.headers.get('host')}"

    def tells(self, request: Request, refusal: OneVisitError) -> str:
        """Say a refusal and its next step as one text, to be shown beside the form it is about."""
        lang = visitor_of(request).lang
        sentence = self.messages.about(refusal)
        told = [part for part in (sentence.says(lang), sentence.advises(lang)) if part]
        return ("" if lang == "zh" else " ").join(told)

    def _page(self, request: Request, visitor: Visitor) -> Page:
        viewer = visitor.signed_in
        held = viewer.actor.roles if viewer else frozenset()
        public = [entry for entry in self.menu if entry.path.startswith("/public/")]
        entries = [entry for entry in self.menu if viewer and (not entry.roles or entry.roles & held)]
        said = request.query_params.get("said")
        sentence = self.messages.of(said).says(visitor.lang) if said in self.messages and said else None
        return Page(visitor.lang, request.url.path, viewer, entries, self.settings, public, sentence)


def menu_of(services: Sequence[Service]) -> tuple[MenuEntry, ...]:
    """Join the menus of all services in their order; console's own entries (accounts) come last."""
    ordered = sorted(services, key=lambda service: service.name == "console")
    return tuple(entry for service in ordered for entry in service.menu)


def see_other(path: str, said: str | None = None) -> RedirectResponse:
    """Send the browser on after a POST; *said* is the code of a sentence shown there once (``messages.toml``)."""
    if said:
        path += f"{'&' if '?' in path else '?'}said={said}"
    return RedirectResponse(path, status_code=303)


def template_folder(service: Service) -> Path | None:
    """Return where a service's templates stand: ``services/<name>/templates``, unless it says another place."""
    if service.templates is not None:
        return service.templates
    return service.messages.parent / "templates" if service.messages else None


def _asset_folders(services: Sequence[Service]) -> dict[str, Path]:
    folders = {service.name: service.messages.parent / "assets" for service in services if service.messages}
    return {name: folder for name, folder in folders.items() if folder.is_dir()}


def _environment(services: Sequence[Service], web: Web) -> Environment:
    # Each service's templates stand under its own name (planner/…), so that none can take another's place.
    folders = {service.name: folder for service in services if (folder := template_folder(service))}
    loader = PrefixLoader({name: FileSystemLoader(folder / name) for name, folder in folders.items()})
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        auto_reload=False,
    )
    environment.globals |= {
        "t": _t,
        "csrf_field": _csrf_field,
        "key_field": _key_field,
        "asset": web.assets.address,
        "message": lambda code, **facts: web.messages.of(code, facts).says(_here().visitor.lang),
        "home_tiles": web.tiles,
    }
    environment.filters |= {
        "day": lambda value: _shown(value, days.day_in),
        "day_short": lambda value: _shown(value, days.short_day_in),
        "weekday": lambda value: _shown(value, days.weekday_in),
        "moment": lambda value: "—" if value is None else days.moment_in(value),
        "when": _when,
        "shown": _whatever,
        "iso": lambda value: "" if value is None else value.isoformat(),
    }
    return environment


def _here() -> Rendering:
    return _rendering.get()


def _say(lang: str, zh: str, en: str, facts: Mapping[str, object]) -> str:
    text = zh if lang == "zh" else en
    return filled(text, lambda name: fact_text(facts[name], lang), lang) if facts else text


def _t(zh: str, en: str, **facts: object) -> str:
    """Say it in the visitor's language; ``{name}`` is filled from *facts*."""
    return _say(_here().visitor.lang, zh, en, facts)


def _csrf_field() -> Markup:
    return Markup('<input type="hidden" name="_csrf" value="{}">').format(_here().visitor.csrf)


def _key_field(key: str | None = None) -> Markup:
    """Give each rendering of a form a key of its own; *key* where the page has a better one."""
    return Markup('<input type="hidden" name="_key" value="{}">').format(key or secrets.token_hex(16))


def _shown(value: date | str | None, form: Any) -> str:
    """Show a day; one that comes out of a document is text (2018-12-03) and is shown like any other."""
    on = date.fromisoformat(value) if isinstance(value, str) else value
    return "—" if on is None else str(form(on, _here().visitor.lang))


def _whatever(value: object) -> str:
    """Show any plain value; what a macro made stays as it is."""
    return value if isinstance(value, Markup) else fact_text(value, _here().visitor.lang)


def _when(value: date | None) -> str:
    return days.moment_in(value) if isinstance(value, datetime) else _shown(value, days.day_in)
