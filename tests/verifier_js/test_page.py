"""The page in a real Chromium, saved somewhere and opened from a file: it answers, on a desk and on a phone, without a network."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, ViewportSize

from tests.pages.browser import DESKTOP, PHONE, chromium, needs_chromium, wider_than_screen
from tests.unit.verifier import forge
from tests.unit.verifier import test_tampering as tampering
from tests.unit.verifier.forge import SAMPLES
from tests.verifier_js.test_samples import written

pytestmark = [pytest.mark.browser, needs_chromium]

PAGE = Path(__file__).parents[2] / "verifier" / "verify.html"
SECONDS = 60_000  # milliseconds to wait for a verdict on a busy machine


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@contextmanager
def opened(browser: Browser, folder: Path, viewport: ViewportSize = DESKTOP, before: str = "") -> Iterator[Page]:
    """Save the page into a folder and open it from there; it may report no error and ask nothing of any network."""
    saved = Path(shutil.copy(PAGE, folder / "核验.html"))
    context = browser.new_context(locale="zh-CN", viewport=viewport, offline=True)
    page, wrong = context.new_page(), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on("console", lambda message: wrong.append(message.text) if message.type in ("error", "warning") else None)
    page.on("request", lambda one: None if one.url.startswith(("file:", "blob:", "data:")) else wrong.append(one.url))
    if before:
        page.add_init_script(before)
    try:
        page.goto(saved.as_uri())
        yield page
    finally:
        context.close()
    assert wrong == []


def choose(page: Page, folder: Path) -> None:
    """Choose a case's files."""
    page.set_input_files("#record", str(folder / "record.json"))
    page.set_input_files("#frames", sorted(str(path) for path in folder.glob("*.tsv")))
    if (folder / "keys.json").exists():
        page.set_input_files("#keys", str(folder / "keys.json"))


def verdict(page: Page) -> str:
    """Ask for the verdict; give what the card says."""
    page.click("#go")
    page.wait_for_selector("#result:not([hidden]) .verdict", timeout=SECONDS)
    return page.inner_text("#result")


@pytest.mark.parametrize("viewport", [DESKTOP, PHONE], ids=["desktop", "phone"])
def test_a_sample_is_accepted_on_desktop_and_phone(browser: Browser, tmp_path: Path, viewport: ViewportSize) -> None:
    with opened(browser, tmp_path, viewport) as page:
        choose(page, SAMPLES / "rounds")

        said = verdict(page)

        for words in (
            "✔ 一致",
            "EXIT 0",
            "随机源：现场骰子（room-dice）",
            "公告期：24 小时 0 分",
            "600 个对象，2 个分片",
            "✔ §12 检查组",
        ):
            assert words in said
        assert forge.sample("rounds").record["replacements"][-1]["result_digest"] in said
        assert wider_than_screen(page) == 0
        assert page.evaluate("document.activeElement.id") == "result"


@pytest.mark.parametrize("name", sorted(folder.name for folder in SAMPLES.iterdir()))
def test_every_sample_is_accepted_in_the_browser(browser: Browser, tmp_path: Path, name: str) -> None:
    with opened(browser, tmp_path) as page:
        choose(page, SAMPLES / name)

        assert "EXIT 0" in verdict(page)


def test_the_first_difference_is_named_and_nothing_is_said_to_rest_on_anything(
    browser: Browser, tmp_path: Path
) -> None:
    case = forge.base()
    case.record["seal"]["at"] += 1
    with opened(browser, tmp_path, PHONE) as page:
        choose(page, written(case, tmp_path / "case"))

        said = verdict(page)

        for words in ("✘ 不一致", "§6 揭示与封存：seal.witness", "见证人 的签名不成立", "EXIT 1", "✘ §6", "未证实"):
            assert words in said
        assert "这一结果取决于" not in said
        assert wider_than_screen(page) == 0


def test_what_is_not_checked_and_what_cannot_be_read_are_verdicts_of_their_own(
    browser: Browser, tmp_path: Path
) -> None:
    case = forge.sample("public")
    del case.frames["frame-640222.tsv"]
    written(case, tmp_path / "partly")
    written(case, tmp_path / "broken")
    (tmp_path / "broken" / "record.json").write_text("{")
    with opened(browser, tmp_path) as page:
        choose(page, tmp_path / "partly")
        partly = verdict(page)
        choose(page, tmp_path / "broken")
        broken = verdict(page)

    assert all(
        words in partly
        for words in ("△ 有未核验项", "EXIT 3", "没有提供分片 640222 的抽样框", "§12：名册与回避只在完整版中")
    )
    assert all(words in broken for words in ("无法读取", "EXIT 2", "record.json 不是 JSON"))


def test_keys_and_head_are_used(browser: Browser, tmp_path: Path) -> None:
    case = forge.base()
    good = written(case, tmp_path / "good", tampering.true_keys(case))
    bad = written(case, tmp_path / "bad", {**tampering.true_keys(case), "GA": forge.public_key("stranger")})
    with opened(browser, tmp_path) as page:
        choose(page, good)
        page.click("summary")
        page.fill("#head", " ".join([case.record["result_digest"][:32].upper(), case.record["result_digest"][32:]]))
        assert "与另行取得的公钥文件一致" in verdict(page)
        page.fill("#head", "0" * 64)
        assert "--head" in verdict(page)
        choose(page, bad)
        assert "manifest.agencies.GA.key" in verdict(page)


def test_files_can_be_dropped_in_any_order(browser: Browser, tmp_path: Path) -> None:
    case = forge.base()
    folder = written(case, tmp_path / "case", tampering.true_keys(case))
    files = {path.name: path.read_text() for path in sorted(folder.iterdir(), reverse=True)}
    with opened(browser, tmp_path) as page:
        page.evaluate(
            """files => {
                const carried = new DataTransfer();
                for (const [name, text] of Object.entries(files)) carried.items.add(new File([text], name));
                document.getElementById('drop').dispatchEvent(
                    new DragEvent('drop', { dataTransfer: carried, bubbles: true, cancelable: true }));
            }""",
            files,
        )
        page.wait_for_selector("#keys-chosen li", state="attached")
        assert "keys.json" in (page.text_content("#keys-chosen") or "")
        assert page.locator("#frames-chosen li").count() == 2

        assert "与另行取得的公钥文件一致" in verdict(page)


def test_the_language_can_be_changed_with_the_verdict_on_the_page(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path, PHONE) as page:
        choose(page, SAMPLES / "public")
        verdict(page)
        page.click("#language")

        said = page.inner_text("body")

        assert "✔ Agrees" in said
        assert "What this edition does not hold" in said
        assert not any("\u4e00" <= sign <= "\u9fff" for sign in said.replace("中文", ""))
        assert page.get_attribute("html", "lang") == "en"
        assert wider_than_screen(page) == 0


def test_without_a_record_the_page_asks_for_one(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path) as page:
        page.click("#go")

        assert page.inner_text("#missing") == "请先选择抽取记录。"
        assert page.locator("#result").is_hidden()


def test_a_verdict_does_not_outlive_the_files_it_was_about(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path) as page:
        choose(page, SAMPLES / "public")
        verdict(page)
        page.set_input_files("#record", str(SAMPLES / "rounds" / "record.json"))

        assert page.locator("#result").is_hidden()


def test_the_page_works_where_there_are_no_workers(browser: Browser, tmp_path: Path) -> None:
    with opened(browser, tmp_path, before="delete window.Worker;") as page:
        choose(page, SAMPLES / "rounds")

        assert "EXIT 0" in verdict(page)


def test_markup_in_a_record_is_shown_as_text(browser: Browser, tmp_path: Path) -> None:
    case = forge.base()
    case.manifest["witness"]["name"] = "<img src=x onerror='document.title=1'><script>document.title=2</script>"
    forge.anew(case)
    with opened(browser, tmp_path) as page:
        choose(page, written(case, tmp_path / "case"))

        said = verdict(page)

        assert "<img src=x" in said
        assert page.locator("#result img, #result script").count() == 0
        assert page.title().startswith("核验")


def test_nothing_but_the_page_itself_may_run_or_be_fetched(browser: Browser, tmp_path: Path) -> None:
    saved = Path(shutil.copy(PAGE, tmp_path / "verify.html"))
    context = browser.new_context()
    page = context.new_page()
    try:
        page.goto(saved.as_uri())
        tried = page.evaluate(
            """async () => {
                const refused = [];
                document.addEventListener('securitypolicyviolation', (event) => refused.push(event.effectiveDirective));
                await fetch('data:text/plain,x').then(() => refused.push('fetched'), () => 0);
                const script = document.createElement('script');
                script.textContent = 'window.ran = true';
                document.body.append(script);
                const image = new Image();
                image.src = 'file:///nothing.png';
                const style = document.createElement('style');
                style.textContent = 'body { display: none }';
                document.body.append(style);
                await new Promise((resolve) => setTimeout(resolve, 200));
                return { refused, ran: window.ran === true };
            }"""
        )
    finally:
        context.close()

    assert tried["ran"] is False
    assert {"connect-src", "script-src-elem", "img-src", "style-src-elem"} == set(tried["refused"])


def large_frame(folder: Path, megabytes: int) -> Path:
    """Write a frame that takes a while and belongs nowhere."""
    rows = "".join(f"91640221{number:09d}X\tA/640221/HY\tAJ-01,GA-01\n" for number in range(24_000))
    path = folder / "large.tsv"
    with path.open("w") as file:
        for _ in range(megabytes):
            file.write(rows)
    return path


GAPS = """
window.longest = 0;
let last = performance.now();
setInterval(() => { const now = performance.now(); window.longest = Math.max(window.longest, now - last); last = now; }, 10);
"""


@pytest.mark.parametrize("workers", [True, False], ids=["worker", "no-worker"])
def test_the_page_stays_awake_over_a_large_frame(browser: Browser, tmp_path: Path, workers: bool) -> None:
    large = large_frame(tmp_path, 80)
    with opened(browser, tmp_path, before=GAPS + ("" if workers else "delete window.Worker;")) as page:
        page.set_input_files("#record", str(SAMPLES / "public" / "record.json"))
        page.set_input_files("#frames", str(large))
        page.evaluate("() => { window.longest = 0; window.began = performance.now(); }")

        said = verdict(page)

        longest, total = page.evaluate("() => [window.longest, performance.now() - window.began]")
        assert "large.tsv" in said
        assert longest < max(250, total / 3)


def test_working_can_be_stopped_and_begun_again(browser: Browser, tmp_path: Path) -> None:
    large = large_frame(tmp_path, 150)
    with opened(browser, tmp_path) as page:
        page.set_input_files("#record", str(SAMPLES / "public" / "record.json"))
        page.set_input_files("#frames", str(large))
        page.click("#go")
        page.wait_for_selector("#stop:not([hidden])")
        assert page.locator("#go").is_disabled()
        page.click("#stop")
        assert page.locator("#progress").is_hidden()
        assert page.locator("#result").is_hidden()
        page.click("#clear")
        choose(page, SAMPLES / "public")

        assert "EXIT 0" in verdict(page)


def test_what_the_page_computes_is_checked_before_it_is_believed(browser: Browser, tmp_path: Path) -> None:
    # a browser that multiplies wrongly must not say "agrees"
    with opened(browser, tmp_path, before="delete window.Worker; BigInt.asUintN = () => 0n;") as page:
        choose(page, SAMPLES / "public")

        assert "此浏览器的运算结果不对" in verdict(page)
