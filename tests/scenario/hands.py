"""
People at browsers: what one can click, choose and type on a page, by the words that stand on it.

    with hands.as_("jt-plan") as planner:
        planner.opens("/campaigns")
        planner.clicks("发起联合抽查")
        planner.fills("任务名称", "…")

Every page somebody comes to is looked over (`look_over`), every form of a page also at 390 px, and at the end the browser
must have reported nothing: no script error, nothing the CSP refused, no failed request.

There are two screens, a desk and a phone, at which people take turns: each has a session of their own, but what one
leaves in the browser's cache lies before the next (and a browser opened anew for each would cost two thirds of the time).
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import (
    Browser,
    CDPSession,
    Locator,
    Page,
    ViewportSize,
)

from tests.pages.browser import DESKTOP, PHONE, complains

SHOTS = os.environ.get("ONEVISIT_SHOTS")
"""A folder for a picture of every page that is come to, for people to look at; none are taken without it."""

Upload = tuple[str, bytes, str]  # name, bytes, content type

FORM_OF_PAGE = r"""
() => {
  const titles = [...document.querySelectorAll("h2, th, .ov-heading-status")].map((each) => each.textContent.trim());
  return [location.pathname, ...new Set(titles)].join("|").replace(/[A-Z0-9-]+/g, "#");
}
"""
"""What there is to see on a page, whatever it is about."""

LOOK_OVER = r"""
() => {
  const wrong = [];
  const seen = (element) => element.getClientRects().length > 0;
  const all = (selector) => [...document.querySelectorAll(selector)];
  const text = (element) => element.textContent.trim() || element.getAttribute("aria-label") || "";
  if (!["zh-CN", "en"].includes(document.documentElement.lang)) wrong.push("html has no language");
  if (!document.title.trim()) wrong.push("no title");
  const headings = all("h1").filter(seen);
  if (headings.length !== 1) wrong.push(headings.length + " h1");
  for (const field of all("input:not([type=hidden]):not([type=submit]), select, textarea")) {
    if (!field.labels.length && !field.getAttribute("aria-label")) wrong.push("no label: " + field.name);
  }
  for (const fieldset of all("fieldset")) if (!fieldset.querySelector("legend")) wrong.push("a group without legend");
  for (const each of all("button, a[href], summary").filter(seen)) {
    if (!text(each) && !each.querySelector("[aria-label], img[alt]")) wrong.push("no words: " + each.outerHTML.slice(0, 80));
  }
  for (const image of all("img")) if (!image.hasAttribute("alt")) wrong.push("a picture without alt");
  const ids = all("[id]").map((element) => element.id);
  const twice = ids.filter((id, place) => ids.indexOf(id) !== place);
  if (twice.length) wrong.push("ids used twice: " + twice.join(" "));
  const wide = document.documentElement.scrollWidth - window.innerWidth;
  if (wide > 0) wrong.push("wider than the screen by " + wide);
  for (const table of all(".ov-table-wrap")) {
    if (table.scrollWidth > table.clientWidth) wrong.push("a table too wide for its panel: " + table.innerText.slice(0, 30));
  }
  return wrong;
}
"""

READ_OVER = r"""
() => {
  const main = (document.querySelector("main") || document.body).cloneNode(true);
  main.querySelectorAll("code, pre, script, textarea, option, .ov-written").forEach((element) => element.remove());
  const text = main.textContent;
  const wrong = [];
  if (document.documentElement.lang === "zh-CN" && !/[\u4e00-\u9fff]{2}/.test(text)) wrong.push("not a word of Chinese");
  const codes = text.match(/\b[a-z]+_[a-z_]+\b(?!\.py)/g) || [];
  if (codes.length) wrong.push("codes for people: " + codes.slice(0, 5).join(" "));
  const days = text.match(/\b\d{4}-\d{2}-\d{2}\b(?! \d\d:\d\d)/g) || [];
  if (days.length) wrong.push("days in two forms: " + days.slice(0, 5).join(" "));
  const loose = text.match(/undefined|None|\{[a-z_]+\}|\bnull\b/g) || [];
  if (loose.length) wrong.push("left over: " + loose.slice(0, 5).join(" "));
  return wrong;
}
"""


def look_over(page: Page) -> list[str]:
    """Name what is wrong with a page as it stands: language, headings, labels, width, codes and dates for people."""
    wrong: list[str] = page.evaluate(LOOK_OVER)
    wrong += page.evaluate(READ_OVER)
    return wrong


@dataclass
class Person:
    """Somebody signed in, at a screen."""

    login: str
    page: Page
    wrong: list[str]
    shots: Callable[[str], Path] | None
    seen: set[str]  # forms of pages that were looked over on a phone already
    line: CDPSession | None = None

    # ── going somewhere ─────────────────────────────────────────────────────────────────────────────────────────────

    def opens(self, path: str) -> None:
        """Go to an address."""
        self.page.goto(path)
        self._arrived()

    def clicks(self, words: str, within: str | None = None) -> None:
        """Press the button or follow the link of these *words* (in the row that says *within*)."""
        self.page.evaluate("document.querySelector('main').setAttribute('data-left', '')")
        self._what_says(words, within).click()
        self.page.wait_for_selector("main:not([data-left])", state="attached")
        self._arrived()

    def is_refused(self, words: str) -> str:
        """Press a button that is refused; return what the page says about it. What was filled in stays where it is."""
        before = len(self.wrong)
        with self.page.expect_response(lambda answer: answer.request.method == "POST") as heard:
            self._what_says(words, None).click()
        assert heard.value.status in (403, 409, 412, 422), f"{words} was not refused: {heard.value.status}"
        self.page.wait_for_selector("main [role=alert]:focus")
        self._arrived()
        told = [each for each in self.wrong[before:] if "Failed to load resource" not in each]
        self.wrong[before:] = told
        return self.page.locator("main").inner_text()

    def _what_says(self, words: str, within: str | None) -> Locator:
        place: Page | Locator = self.page
        if within is not None:
            place = self.page.locator("tr, li").filter(has_text=within).first
        found = place.get_by_role("button", name=words).or_(place.get_by_role("link", name=words, exact=True))
        return found.first

    def _arrived(self) -> None:
        self.page.wait_for_load_state("load")
        self._quiet()
        if self.shots is not None:
            self.page.screenshot(path=self.shots(self.page.url), full_page=True, caret="initial")
        faults = look_over(self.page)
        size = self.page.viewport_size
        if size is not None and size["width"] > PHONE["width"] and (self.shots or self._is_new()):
            self.page.set_viewport_size(PHONE)
            faults += [f"on a phone: {each}" for each in self.page.evaluate(LOOK_OVER) if "wider" in each]
            if self.shots is not None:
                self.page.screenshot(path=self.shots(f"{self.page.url}.phone"), full_page=True, caret="initial")
            self.page.set_viewport_size(size)
        self.wrong += [f"{self.page.url}: {each}" for each in faults]

    def _is_new(self) -> bool:
        form = str(self.page.evaluate(FORM_OF_PAGE))
        new = form not in self.seen
        self.seen.add(form)
        return new

    def _quiet(self) -> None:
        # By selector: a function is compiled by eval, which the pages' CSP refuses to this test as to everybody.
        self.page.wait_for_selector("[aria-busy=true], .htmx-request, .htmx-settling", state="detached")

    # ── on a page ───────────────────────────────────────────────────────────────────────────────────────────────────

    def sees(self, *words: str) -> None:
        """Check that the page says each of these."""
        text = self.reads()
        missing = [each for each in words if each not in text]
        assert not missing, f"{self.login} does not see {missing} on {self.page.url}:\n{text[:3000]}"

    def sees_not(self, *words: str) -> None:
        """Check that the page says none of these."""
        shown = [each for each in words if each in self.reads()]
        assert not shown, f"{self.login} sees {shown} on {self.page.url}"

    def reads(self) -> str:
        """Return what stands on the page."""
        return self.page.locator("body").inner_text()

    def table(self) -> list[list[str]]:
        """Return the rows of the page's first table, cell by cell."""
        rows = self.page.locator("table").first.locator("tbody tr")
        return [row.locator("td").all_inner_texts() for row in rows.all()]

    def row(self, words: str) -> str:
        """Return what stands in the first table row that says *words*."""
        return self.page.locator("tr").filter(has_text=words).first.inner_text()

    def cell(self, words: str, heading: str) -> str:
        """Return what stands under a heading in the first table row that says *words*."""
        row = self.page.locator("tr").filter(has_text=words).first
        return row.locator(f"td[data-label='{heading}']").inner_text().strip()

    def unfolds(self, words: str) -> None:
        """Open what is folded away."""
        self.page.locator("summary").filter(has_text=words).first.click()

    def fills(self, label: str, value: str, within: str | None = None) -> None:
        """Type into a field."""
        self._field(label, within).fill(value)

    def fills_in(self, values: Mapping[str, str]) -> None:
        """Type into several fields."""
        for label, value in values.items():
            self.fills(label, value)

    def selects(self, label: str, option: str, within: str | None = None) -> None:
        """Choose from a list, by what the option says."""
        self._field(label, within).select_option(label=option)

    def _field(self, label: str, within: str | None) -> Locator:
        return self._panel(within).get_by_label(label).locator("visible=true").first

    def answers(self, question: str, answer: str, within: str | None = None, *, waits: bool = True) -> None:
        """Answer a question of circles or boxes, and wait until the page has followed (or go on at once)."""
        self._group(question, within).get_by_label(answer, exact=True).check()
        if waits:
            self._quiet()

    def waits(self) -> None:
        """Wait until everything asked of the county has come."""
        self._quiet()

    def has_a_slow_line(self, seconds: float) -> None:
        """Let every request from now on take this much longer."""
        conditions = {"offline": False, "latency": 1000 * seconds, "downloadThroughput": -1, "uploadThroughput": -1}
        self.line = self.page.context.new_cdp_session(self.page)
        self.line.send("Network.emulateNetworkConditions", conditions)

    def ticks(self, group: str, choices: Sequence[str]) -> None:
        """Tick boxes of a group: exactly those whose words hold one of *choices*."""
        for box in self._group(group, None).get_by_role("checkbox").all():
            words = box.evaluate("element => element.labels[0].innerText")
            box.set_checked(any(each in words for each in choices))

    def _group(self, legend: str, within: str | None) -> Locator:
        return self._panel(within).get_by_role("group", name=legend).first

    def _panel(self, title: str | None) -> Page | Locator:
        if title is None:
            return self.page
        return self.page.locator("section").filter(has=self.page.get_by_role("heading", name=title)).first

    def asks(self, question: str, within: str | None = None) -> bool:
        """Tell whether the page asks a question now."""
        numbered = re.compile(rf"^\s*[0-9]+\. {re.escape(question)}")
        return (
            self._panel(within).locator("legend, label").filter(has_text=numbered).locator("visible=true").count() > 0
        )

    def attaches(self, label: str, *files: Upload) -> None:
        """Choose files for an upload."""
        chosen: list[Any] = [{"name": name, "buffer": data, "mimeType": kind} for name, data, kind in files]
        self.page.get_by_label(label).first.set_input_files(chosen)


@dataclass
class Screen:
    """A browser at which people take turns."""

    page: Page
    size: ViewportSize
    wrong: list[str] = field(default_factory=list)
    taken: bool = False


@dataclass
class Hands:
    """Everybody's hands: each person has a session of their own and stays signed in."""

    browser: Browser
    url: str
    password: Callable[[str], str]
    _cookies: dict[str, list[Any]] = field(default_factory=dict)
    _screens: dict[bool, Screen] = field(default_factory=dict)
    _seen: set[str] = field(default_factory=set)
    _pictures: int = 0

    @contextmanager
    def as_(self, login: str | None, *, phone: bool = False) -> Iterator[Person]:
        """Sit down as *login*, at the home page (None: a visitor without account), at a desk or with a phone."""
        screen = self._screens.get(phone) or self._screen(phone)
        assert not screen.taken, "somebody sits there"
        screen.taken = True
        screen.wrong.clear()
        screen.page.set_viewport_size(screen.size)
        context = screen.page.context
        context.clear_cookies()
        person = Person(login or "a visitor", screen.page, screen.wrong, self._picture if SHOTS else None, self._seen)
        try:
            if login in self._cookies:
                context.add_cookies(self._cookies[login])
                person.opens("/")
            elif login is not None:
                person.opens("/sign-in")
                person.fills("账号", login)
                person.fills("密码", self.password(login))
                person.clicks("登录")
                self._cookies[login] = list(context.cookies())
            yield person
        finally:
            screen.taken = False
            if person.line is not None:
                person.line.detach()
        assert not screen.wrong, f"{login}: {screen.wrong}"

    def _screen(self, phone: bool) -> Screen:
        size = PHONE if phone else DESKTOP
        context = self.browser.new_context(
            base_url=self.url, locale="zh-CN", viewport=size, is_mobile=phone, has_touch=phone
        )
        page = context.new_page()
        page.set_default_timeout(20_000)
        screen = self._screens[phone] = Screen(page, size)
        page.on("pageerror", lambda error: screen.wrong.append(str(error)))
        page.on("console", lambda message: screen.wrong.append(message.text) if complains(message) else None)
        return screen

    def _picture(self, name: str) -> Path:
        self._pictures += 1
        words = name.removeprefix(self.url).strip("/").replace("/", "-").partition("?")
        phone = ".phone" if name.endswith(".phone") else ""
        return Path(str(SHOTS)) / f"{self._pictures:03d}-{(words[0] or 'home').removesuffix('.phone')[:60]}{phone}.png"
