"""
The console client: walks pages as a browser would, and checks on every page what must hold on every page.

    site = open_site(kit, planner_service)                 # console comes by itself
    page = site.person(actor).get("/campaigns")            # title, lang, forms, escaping, CSP … are checked here
    done = page.form("/campaigns").submit(title="…")       # with its own _csrf and _key; follows the redirect
"""

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from fastapi import FastAPI
from httpx import Response

import runtime
from runtime.service import Service
from runtime.store import Actor
from runtime.web.application import application
from runtime.web.messages import OWN
from runtime.web.refusals import NotSignedIn
from runtime.web.settings import WebSettings
from runtime.web.signin import SignedIn
from runtime.web.templates import Web
from schemas.vocabulary import Scope
from services.console.app import console
from services.console.domain.scopes import roles_of
from tests.kit import COUNTY, Kit

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # starlette would rather have httpx2; httpx is what we lock
    from starlette.testclient import TestClient as TestClient

ADDRESS = "http://127.0.0.1"
HOSTILE = '<i data-hostile="1">恶意&\'"</i>'
"""A name to plant: a page that does not escape it fails in the client."""

_VOID = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr")
)
_LABELLED = frozenset({"input", "select", "textarea"})
_REPRS = (" object at 0x", "<bound method", "Markup(", "datetime.date", "Undefined")


@dataclass
class Element:
    """One element of a page, with what is inside it."""

    tag: str
    attributes: dict[str, str]
    children: list["Element | str"] = field(default_factory=list)

    def all(self, *tags: str) -> Iterator["Element"]:
        """Walk the elements inside this one, in the order of the page; *tags* narrows."""
        for child in self.children:
            if isinstance(child, Element):
                if not tags or child.tag in tags:
                    yield child
                yield from child.all(*tags)

    def one(self, tag: str) -> "Element":
        """Return the only element of this kind inside."""
        found = list(self.all(tag))
        assert len(found) == 1, f"{len(found)} <{tag}> instead of one"
        return found[0]

    def get(self, name: str, default: str = "") -> str:
        """Return an attribute."""
        return self.attributes.get(name, default)

    @property
    def text(self) -> str:
        """Return what a reader sees, blanks folded."""
        parts = [child if isinstance(child, str) else child.text for child in self.children]
        return " ".join(" ".join(parts).split())


class _Builder(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("#document", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


def parse(text: str) -> Element:
    """Read HTML strictly: every element closed, in order."""
    builder = _Builder()
    builder.feed(text)
    builder.close()
    assert len(builder._open) == 1, f"<{builder._open[-1].tag}> is never closed"
    return builder.root


class Form:
    """A form of a page, with the values it would send as it stands."""

    def __init__(self, page: "Page", element: Element) -> None:
        self.page = page
        self.element = element
        self.action = element.get("action")
        self.multipart = element.get("enctype") == "multipart/form-data"

    @property
    def values(self) -> dict[str, list[str]]:
        """Return what a browser would send now, without files."""
        found: dict[str, list[str]] = {}
        for name, value in self._sent():
            found.setdefault(name, []).append(value)
        return found

    def _sent(self) -> Iterator[tuple[str, str]]:
        for element in self.element.all("input", "select", "textarea"):
            name, kind = element.get("name"), element.get("type", "text")
            if not name or kind in ("file", "submit"):
                continue
            if element.tag == "select":
                options = list(element.all("option"))
                chosen = [option for option in options if "selected" in option.attributes] or options[:1]
                yield from ((name, option.get("value", option.text)) for option in chosen)
            elif element.tag == "textarea":
                yield name, "".join(str(child) for child in element.children).removeprefix("\n")
            elif kind not in ("checkbox", "radio") or "checked" in element.attributes:
                yield name, element.get("value")

    def submit(
        self,
        status: int = 200,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        **filled: str | Sequence[str] | None,
    ) -> "Page":
        """
        Send the form with *filled* over what stands in it, follow the redirect, and check the page it leads to.

        Args:
            status: Status of the page at the end.
            files: ``{field: (file name, content, type)}``.
            filled: A text, several (checkboxes), or None to leave a field out. Each must be in the form.
        """
        values = self.values
        names = {element.get("name") for element in self.element.all(*_LABELLED, "button")}
        for name, value in filled.items():
            assert name in names, f"the form {self.action} has no field {name}; it has {sorted(names)}"
            values[name] = [] if value is None else [value] if isinstance(value, str) else list(value)
        data = {name: value for name, value in values.items() if value}
        if self.element.get("method") == "get":
            return self.page.client.get(self.action, status, params=data)
        return self.page.client.post(self.action, data, status, files=files, referer=self.page.path)


@dataclass
class Page:
    """A page that was fetched and passed the checks."""

    client: "ConsoleClient"
    response: Response
    root: Element

    @property
    def path(self) -> str:
        """Return the path it stands under, after redirects."""
        return urlsplit(str(self.response.url)).path

    @property
    def text(self) -> str:
        """Return what a reader sees of the body."""
        bodies = list(self.root.all("body"))
        return (bodies[0] if bodies else self.root).text

    @property
    def main(self) -> str:
        """Return what a reader sees of the content, without menu and frame."""
        return self.root.one("main").text

    @property
    def forms(self) -> list[Form]:
        """Return all forms."""
        return [Form(self, element) for element in self.root.all("form")]

    @property
    def links(self) -> list[str]:
        """Return the addresses of all links."""
        return [element.get("href") for element in self.root.all("a")]

    @property
    def parts(self) -> list[str]:
        """Return the addresses of the parts that htmx would load."""
        return [element.get("hx-get") for element in self.root.all() if element.get("hx-get")]

    def form(self, action: str) -> Form:
        """Return the form that posts to *action*."""
        found = [form for form in self.forms if form.action == action]
        assert found, f"no form to {action}; there are {sorted({form.action for form in self.forms})}"
        return found[0]

    def load(self, part: str) -> "Page":
        """Fetch one of the page's parts as htmx does."""
        assert part in self.parts, f"no part {part}; there are {self.parts}"
        return self.client.part(part)


class ConsoleClient:
    """Somebody's browser, or an API client with the same session."""

    def __init__(self, app: FastAPI, token: str | None = None, csrf: str = "", address: str = ADDRESS) -> None:
        self.csrf = csrf
        self.http = TestClient(app, base_url=address, raise_server_exceptions=False)
        if token is not None:
            self.http.cookies.set("onevisit", token)
        self._keys = 0

    def get(self, path: str, status: int = 200, **options: Any) -> Page:
        """Fetch a page, following redirects, and check it."""
        return self._page(self.http.get(path, **options), status)

    def part(self, path: str, status: int = 200) -> Page:
        """Fetch a part as htmx does, and check it."""
        response = self.http.get(path, headers={"HX-Request": "true", "HX-Current-URL": f"{ADDRESS}/"})
        return self._page(response, status)

    def post(
        self,
        path: str,
        data: Mapping[str, Any],
        status: int = 200,
        files: Mapping[str, tuple[str, bytes, str]] | None = None,
        referer: str = "/",
    ) -> Page:
        """Send a form as a browser does: with Origin and Referer; follow the redirect and check the page."""
        headers = {"Origin": ADDRESS, "Sec-Fetch-Site": "same-origin", "Referer": urljoin(ADDRESS, referer)}
        return self._page(self.http.post(path, data=dict(data), files=files, headers=headers), status)

    def api(
        self,
        method: str,
        path: str,
        content: Any = None,
        status: int | None = None,
        key: str | None = None,
        **headers: str,
    ) -> Any:
        """Call the JSON API with CSRF token and a fresh Idempotency-Key; return the decoded answer."""
        response = self.call(method, path, content, key, **headers)
        if status is None:
            assert response.status_code < 300, response.text
        else:
            assert response.status_code == status, response.text
        return response.json()

    def call(self, method: str, path: str, content: Any = None, key: str | None = None, **headers: str) -> Response:
        """Call the JSON API; return the bare response."""
        if key is None:
            self._keys += 1
            key = f"test-{self._keys}"
        sent = {"X-CSRF-Token": self.csrf, "Idempotency-Key": key} if method != "GET" else {}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        body = None if content is None else json.dumps(content, default=str).encode()
        kind = {} if body is None else {"Content-Type": "application/json"}
        response: Response = self.http.request(method, path, content=body, headers={**kind, **sent, **named})
        check_headers(response)
        return response

    def sign_in(self, login: str, password: str, status: int = 200) -> Page:
        """Sign in through the page; keeps the CSRF token for API calls."""
        page = self.get("/sign-in").form("/sign-in").submit(status, login=login, password=password)
        found = [form.values["_csrf"][0] for form in page.forms if form.action == "/sign-out"]
        self.csrf = found[0] if found else ""
        return page

    def _page(self, response: Any, status: int) -> Page:
        assert response.status_code == status, f"{response.status_code} instead of {status}: {response.text[:2000]}"
        check_headers(response)
        root = check_html(response.text)
        return Page(self, response, root)


def check_headers(response: Any) -> None:
    """Hold every answer to the security headers."""
    policy = response.headers["content-security-policy"]
    assert "script-src 'self'" in policy
    assert "unsafe" not in policy
    assert response.headers["x-content-type-options"] == "nosniff"
    assert response.headers["referrer-policy"] == "same-origin"


def check_html(text: str) -> Element:
    """Hold a page or a part to what must be true of each."""
    root = parse(text)
    if any(root.all("html")):
        _check_document(root)
    for element in root.all():
        _check_element(element)
    for form in root.all("form"):
        _check_form(form)
    _check_labels(root)
    seen = root.text
    for sign in _REPRS:
        assert sign not in seen, f"a Python value shows on the page: {sign}"
    return root


def _check_document(root: Element) -> None:
    html = root.one("html")
    assert html.get("lang") in ("zh-CN", "en")
    title = next(iter(root.all("title"))).text
    assert title.split("·")[0].strip(), "a page needs a title"
    assert len(list(root.all("h1"))) == 1, "a page has one <h1>"
    assert any(element.get("name") == "viewport" for element in root.all("meta"))
    ids = [element.get("id") for element in root.all() if element.get("id")]
    doubled = {one for one in ids if ids.count(one) > 1}
    assert not doubled, f"ids twice: {doubled}"


def _check_element(element: Element) -> None:
    assert element.tag != "style", "the CSP refuses <style>"
    assert "data-hostile" not in element.attributes, "text was not escaped"
    for name, value in element.attributes.items():
        assert name != "style", f"the CSP refuses style= on <{element.tag}>"
        assert not name.startswith("on"), f"the CSP refuses {name}= on <{element.tag}>"
        assert not name.startswith("hx-on"), "htmx may not evaluate"
        assert not value.strip().lower().startswith("javascript:")
    if element.tag == "script":
        assert element.get("src").startswith("/assets/"), "scripts come from /assets/ only"
        assert not element.children
    if element.tag == "img":
        assert "alt" in element.attributes, "a picture needs its words"
    if element.tag in ("td", "dd", "li", "p", "h1", "h2"):
        assert element.text not in ("None", "True", "False", "[]", "()"), f"a Python value stands in <{element.tag}>"


def _check_form(form: Element) -> None:
    assert form.get("action").startswith("/"), "a form names its action"
    assert form.get("method") in ("get", "post"), "a form names its method"
    hidden = {element.get("name"): element.get("value") for element in form.all("input")}
    if form.get("method") == "post":
        assert hidden.get("_csrf"), f"the form {form.get('action')} has no _csrf"
        assert hidden.get("_key"), f"the form {form.get('action')} has no _key"
    else:
        assert "_csrf" not in hidden, "a GET form would put the token into the address"


def _check_labels(root: Element) -> None:
    targets = {element.get("for") for element in root.all("label")}
    for element in root.all(*_LABELLED):
        if element.get("type") in ("hidden", "submit"):
            continue
        named = element.get("id") in targets or element.get("aria-label") or element.get("aria-labelledby")
        assert named, f"the field {element.get('name')} has no label"
    for button in root.all("button"):
        assert button.text or button.get("aria-label"), "a button needs words"


class Doors:
    """A ``SignIn`` port for tests of pages: people are let in without accounts or passwords."""

    def __init__(self) -> None:
        self._people: dict[str, SignedIn] = {}

    def actor_of(self, token: str) -> SignedIn | None:
        """Look up who was given this token."""
        return self._people.get(token)

    def client_of(self, key: str, address: str) -> SignedIn:
        """Look up which system was given this key."""
        if key not in self._people:
            raise NotSignedIn()
        return self._people[key]

    def admit(self, actor: Actor, name: str = "测试人员", agency_name: str = "测试单位") -> tuple[str, str]:
        """Give *actor* a session; return its token and CSRF token."""
        token, csrf = f"token-of-{len(self._people):012d}-", f"csrf-of-{len(self._people):012d}-"
        self._people[token] = SignedIn(actor, csrf, name, agency_name)
        return token, csrf

    def admit_client(self, actor: Actor, *scopes: Scope) -> str:
        """Give a system of *actor*'s agency a key."""
        key = f"key-of-{len(self._people)}"
        self._people[key] = SignedIn(actor, "", "业务系统", "测试单位", scopes=frozenset(scopes))
        return key


@dataclass
class Site:
    """An application with some services, and people to send into it."""

    app: FastAPI
    doors: Doors

    def person(self, actor: Actor) -> ConsoleClient:
        """Return a browser in which *actor* is signed in."""
        token, csrf = self.doors.admit(actor)
        return ConsoleClient(self.app, token, csrf)

    def client(self, agency: str, *scopes: Scope) -> ConsoleClient:
        """Return a program of *agency*'s own that holds a key with these scopes."""
        client = ConsoleClient(self.app)
        actor = Actor(f"K-{agency}", agency, COUNTY, roles_of(scopes), kind="client")
        client.http.headers["Authorization"] = f"Bearer {self.doors.admit_client(actor, *scopes)}"
        return client

    def anonymous(self) -> ConsoleClient:
        """Return a browser in which nobody is signed in."""
        return ConsoleClient(self.app)


def open_site(kit: Kit, *services: Service, settings: WebSettings | None = None) -> Site:
    """Serve *services* with console's frame around them; people enter through ``Site.person``."""
    shell = kit.build(lambda ports, home: console(ports, home, COUNTY))
    everybody = [shell, *services]
    doors = Doors()
    sentences = sorted(Path(runtime.__file__).parent.glob("*/messages.toml"))
    web = Web(everybody, settings, messages=[file for file in sentences if file != OWN])
    return Site(application(web, everybody, doors), doors)
