"""A real Chromium over a real `assay view`, or the reason why there is none."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """The path of a Chromium; skips with the reason where there is none."""
    found = os.environ.get("ASSAY_CHROMIUM") or next(filter(None, map(shutil.which, CHROMIUM)), None)
    if found is None:
        pytest.skip("browser: no Chromium here: apt-get install chromium, or set ASSAY_CHROMIUM")
    return found


@contextlib.contextmanager
def launched() -> Iterator[Browser]:
    """A Chromium, without a window; skips where playwright or Chromium is missing."""
    path = chromium()
    playwright = pytest.importorskip("playwright.sync_api", reason="browser: playwright is not installed")
    with playwright.sync_playwright() as api:
        # Chromium refuses its own sandbox as root; the page is ours, and its texts are what is tested.
        browser = api.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            browser.close()


@contextlib.contextmanager
def serving(folder: Path, *options: str) -> Iterator[str]:
    """`assay view` as a user starts it; its address."""
    with serving_process(folder, *options) as (address, _):
        yield address


@contextlib.contextmanager
def serving_process(folder: Path, *options: str) -> Iterator[tuple[str, int]]:
    """`assay view` as a user starts it; its address and its process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "assay", "view", str(folder), *options],
        stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True,
    )  # fmt: skip
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert address, line + process.stderr.read()
        yield address[0], process.pid
    finally:
        process.terminate()
        process.wait(20)
        process.stderr.close()


class Watched:
    """A page that reports every request, error and violation."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on(
            "console",
            lambda message: self.complaints.append(message.text) if message.type in ("error", "warning") else None,
        )
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", lambda request: self.requests.append(request.url))
        page.on("dialog", self._dialog)

    def _dialog(self, dialog: Any) -> None:
        self.complaints.append(f"a dialog: {dialog.message}")
        dialog.dismiss()


@contextlib.contextmanager
def opened(browser: Browser, base: str, address: str, **context: Any) -> Iterator[Watched]:
    """A page in a context of its own; at the end nothing may have been complained about or fetched from elsewhere."""
    context.setdefault("viewport", {"width": 1440, "height": 900})
    inside = browser.new_context(base_url=base, reduced_motion="reduce", **context)
    try:
        page = inside.new_page()
        page.set_default_timeout(15_000)
        watched = Watched(page)
        page.goto(address)
        yield watched
        assert watched.complaints == []
        assert [url for url in watched.requests if not url.startswith((base + "/", "data:"))] == []
    finally:
        inside.close()
