"""The page that is shipped is what source/ makes: one file, nothing newer than Chromium 90, nothing of any network."""

from __future__ import annotations

import base64
import hashlib
import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

HERE = Path(__file__).parents[2] / "verifier"
PAGE = (HERE / "verify.html").read_text("utf-8")

BEYOND_CHROMIUM_90 = re.compile(
    r"\.(?:at|findLast|findLastIndex|toSorted|toReversed|toSpliced|with|groupBy|isWellFormed|toWellFormed|hasOwn)\("
    r"|structuredClone|Array\.fromAsync|Promise\.withResolvers|static \{|#\w+ in |/[dgimsuy]*v[dgimsuy]*[;,)]"
    r"|:has\(|@layer|@container|color-mix\(|:is\(.*:has"
)
NETWORK = re.compile(
    r"\b(?:fetch|XMLHttpRequest|WebSocket|EventSource|sendBeacon|importScripts|eval|Function)\s*\(|https?://"
)


def test_the_page_is_made_of_its_source() -> None:
    assert subprocess.run([sys.executable, str(HERE / "build.py"), "--check"], check=False).returncode == 0


def test_a_page_that_was_changed_by_hand_is_noticed(tmp_path: Path) -> None:
    shutil.copytree(HERE, tmp_path / "verifier")
    (tmp_path / "verifier" / "verify.html").write_text(PAGE.replace("S < L", "S > L"), encoding="utf-8")

    assert (
        subprocess.run([sys.executable, str(tmp_path / "verifier" / "build.py"), "--check"], check=False).returncode
        == 1
    )


class Parts(HTMLParser):
    """Collects the policy, the scripts and styles, and everything that points somewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.policy, self.inside = "", ""
        self.texts: dict[str, list[str]] = {"script": [], "style": []}
        self.links: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if given.get("http-equiv") == "Content-Security-Policy":
            self.policy = str(given["content"])
        self.inside = tag if tag in self.texts else ""
        if self.inside:
            self.texts[tag].append("")
        self.links += [str(value) for name, value in attrs if name in ("src", "href", "action", "data", "srcset")]
        self.inline += [name for name, _ in attrs if name.startswith("on") or name == "style"]

    def handle_endtag(self, tag: str) -> None:
        self.inside = ""

    def handle_data(self, data: str) -> None:
        if self.inside:
            self.texts[self.inside][-1] += data


def parts() -> Parts:
    found = Parts()
    found.feed(PAGE)
    return found


def test_its_policy_lets_nothing_run_but_its_own_scripts_and_nothing_be_fetched() -> None:
    found = parts()

    rules = dict(rule.strip().split(" ", 1) for rule in found.policy.split(";"))

    assert rules["default-src"] == "'none'"
    assert set(rules) == {"default-src", "script-src", "style-src", "worker-src", "img-src", "base-uri", "form-action"}
    assert (rules["worker-src"], rules["img-src"], rules["form-action"]) == ("blob:", "data:", "'none'")
    for kind, texts in found.texts.items():
        digests = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts]
        assert rules[f"{kind}-src"].split() == [f"'sha256-{digest}'" for digest in digests]
    assert "unsafe" not in found.policy


def test_it_is_one_file_that_points_nowhere() -> None:
    found = parts()

    assert found.links == ["data:,"]
    assert found.inline == []
    assert not NETWORK.findall(PAGE)


def test_it_stays_within_chromium_90() -> None:
    assert not BEYOND_CHROMIUM_90.findall(PAGE)
    assert BEYOND_CHROMIUM_90.search("list.at(-1)")


def test_every_part_of_the_source_is_in_the_page() -> None:
    scripts = {path.stem for path in (HERE / "source").glob("*.js")} - {"page"}

    assert {part for part in scripts if f"\nparts.{part} = " not in PAGE} == set()
