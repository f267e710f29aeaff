"""A real Chromium for pages: Debian's binary, driven by Playwright, against an application on loopback."""

import shutil
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from fastapi import FastAPI
from playwright.sync_api import Browser, ConsoleMessage, Page, ViewportSize, sync_playwright

CHROMIUM = "/usr/bin/chromium"
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 390, "height": 844}

needs_chromium = pytest.mark.skipif(
    shutil.which(CHROMIUM) is None, reason="chromium is not installed (tests/provide.py)"
)


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve *app* on a free port of loopback; yield its address."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    end = time.monotonic() + 20
    while not server.started:
        assert thread.is_alive(), "the server did not start"
        assert time.monotonic() < end, "the server did not start in time"
        time.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(20)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Launch Chromium headless."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, headless=True, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def tab(browser: Browser, address: str, viewport: ViewportSize = DESKTOP, *, refused: bool = False) -> Iterator[Page]:
    """
    Open a tab in a profile of its own, speaking Chinese.

    At the end the tab must have reported no error: no script exception, nothing the CSP refused, no failed request
    (unless *refused*: the test is about requests that fail).
    """
    context = browser.new_context(base_url=address, locale="zh-CN", viewport=viewport)
    page = context.new_page()
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    meant = "Failed to load resource" if refused else "\0"
    page.on(
        "console", lambda told: wrong.append(told.text) if complains(told) and not told.text.startswith(meant) else None
    )
    try:
        yield page
    finally:
        context.close()
    assert not wrong, wrong


def complains(message: ConsoleMessage) -> bool:
    """Tell whether the browser complains; htmx also logs a request it took back for a newer one, which is meant."""
    return message.type == "error" and not message.text.startswith(("htmx:afterRequest", "htmx:sendAbort"))


def sign_in(page: Page, login: str, password: str) -> None:
    """Sign in through the page."""
    page.goto("/sign-in")
    page.fill("#login", login)
    page.fill("#password", password)
    page.click("button:has-text('登录')")
    page.wait_for_url(lambda url: "/sign-in" not in url)


def wider_than_screen(page: Page) -> int:
    """Say by how many pixels the page is wider than its screen (0: no scrolling sideways)."""
    return int(page.evaluate("Math.max(0, document.documentElement.scrollWidth - window.innerWidth)"))
