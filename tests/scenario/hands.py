"""
People at browsers: what one can click, choose and type on a page, by the words that stand on it.

    with hands.as_("jt-plan") as planner:
        planner.opens("/campaigns")
        planner.clicks("发起联合抽查")
        planner.fills("任务名称", "…")

Every page somebody comes to is looked over at the size of their screen and at 390 px (`look_over`), and at the end the
browser must have reported nothing: no script error, nothing the CSP refused, no failed request.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, ConsoleMessage, Locator, Page, StorageState

from tests.pages.browser import DESKTOP, PHONE

SHOTS = os.environ.get("ONEVISIT_SHOTS")
"""A folder for a picture of every page that is come to, for people to look at; none are taken without it."""

Upload = tuple[str, bytes, str]  # name, bytes, content type

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

    # ── going somewhere ─────────────────────────────────────────────────────────────────────────────────────────────

    def opens(self, path: str) -> None:
        """Go to an address."""
        self.page.goto(path)
        self._arrived()

    def clicks(self, words: str, within: str | None = None) -> None:
        """Press the button or follow the link of these *words* (in the row that says *within*)."""
        with self.page.expect_navigation():
            self._what_says(words, within).click()
        self._arrived()

    def is_refused(self, words: str) -> str:
        """Press a button that is refused; return what the page says about it."""
        before = len(self.wrong)
        with self.page.expect_navigation() as going:
            self._what_says(words, None).click()
        assert going.value is not None
        assert going.value.status in (403, 409, 412, 422), f"{words} was not refused: {going.value.status}"
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
        if (size := self.page.viewport_size) is not None and size["width"] > PHONE["width"]:
            self.page.set_viewport_size(PHONE)  # type: ignore[arg-type]
            faults += [f"on a phone: {each}" for each in self.page.evaluate(LOOK_OVER) if "wider" in each]
            if self.shots is not None:
                self.page.screenshot(path=self.shots(f"{self.page.url}.phone"), full_page=True, caret="initial")
            self.page.set_viewport_size(size)
        self.wrong += [f"{self.page.url}: {each}" for each in faults]

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
        line = {"offline": False, "latency": 1000 * seconds, "downloadThroughput": -1, "uploadThroughput": -1}
        self.page.context.new_cdp_session(self.page).send("Network.emulateNetworkConditions", line)

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


def _is_wrong(message: ConsoleMessage) -> bool:
    """Tell whether the browser complains; htmx also logs a request it took back for a newer one, which is meant."""
    return message.type == "error" and not message.text.startswith(("htmx:afterRequest", "htmx:sendAbort"))


@dataclass
class Hands:
    """Everybody's browsers: each person has a profile of their own and stays signed in."""

    browser: Browser
    url: str
    password: Callable[[str], str]
    _signed_in: dict[str, StorageState] = field(default_factory=dict)
    _pictures: int = 0

    @contextmanager
    def as_(self, login: str | None, *, phone: bool = False) -> Iterator[Person]:
        """Sit down as *login*, at the home page (None: a visitor without account), at a desk or with a phone."""
        context = self.browser.new_context(
            base_url=self.url,
            locale="zh-CN",
            viewport=PHONE if phone else DESKTOP,  # type: ignore[arg-type]
            is_mobile=phone,
            has_touch=phone,
            storage_state=self._signed_in.get(login) if login else None,
        )
        page = context.new_page()
        page.set_default_timeout(20_000)
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if _is_wrong(message) else None)
        person = Person(login or "a visitor", page, wrong, self._picture if SHOTS else None)
        try:
            if login in self._signed_in:
                person.opens("/")
            elif login is not None:
                person.opens("/sign-in")
                person.fills("账号", login)
                person.fills("密码", self.password(login))
                person.clicks("登录")
                self._signed_in[login] = context.storage_state()
            yield person
        finally:
            context.close()
        assert not wrong, f"{login}: {wrong}"

    def _picture(self, name: str) -> Path:
        self._pictures += 1
        words = name.removeprefix(self.url).strip("/").replace("/", "-").partition("?")
        phone = ".phone" if name.endswith(".phone") else ""
        return Path(str(SHOTS)) / f"{self._pictures:03d}-{(words[0] or 'home').removesuffix('.phone')[:60]}{phone}.png"
