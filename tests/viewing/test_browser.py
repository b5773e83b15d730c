"""The viewer in a real Chromium: keys, filters, live updates, hostile texts, widths, and axe's rules."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from assay.runs.store import SampleStore
from tests.viewing.browser import launched, opened, serving
from tests.viewing.conftest import mixed
from tests.viewing.folders import sample, write_run

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

FIRST, SECOND = "a/checkpoint-500/sums-1", "a/checkpoint-1000/sums-1"


def until(page: Page, true: str) -> None:
    """Wait until an expression is true; the policy of the page forbids playwright's own way of waiting for one."""
    end = time.monotonic() + 20
    while not page.evaluate(true):
        assert time.monotonic() < end, true
        page.wait_for_timeout(50)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as found:
        yield found


@pytest.fixture(scope="module")
def base(results: Path, browser: Browser) -> Iterator[str]:
    with serving(results) as address:
        yield address


def test_from_the_runs_to_a_sample_and_back_by_keys(browser: Browser, base: str) -> None:
    with opened(browser, base, "/") as watched:
        page = watched.page
        page.keyboard.press("j")
        page.keyboard.press("j")
        page.keyboard.press("k")
        assert page.locator(".row.selected").count() == 1
        page.keyboard.press("Enter")
        page.wait_for_url("**/run?**")
        assert page.locator("h1").inner_text() == "sums"
        page.keyboard.press("s")
        page.wait_for_url("**/samples?**")
        page.keyboard.press("/")
        page.keyboard.type("zebra3")
        page.keyboard.press("Enter")
        page.wait_for_url("**q=zebra3**")
        assert page.locator(".samples li").count() == 4
        assert page.locator(".samples mark").first.inner_text() == "Zebra3"
        page.keyboard.press("j")
        page.keyboard.press("j")
        selected = page.locator(".row.selected").get_attribute("id")
        assert page.url.endswith(f"#{selected}")
        page.reload()  # every state is in the address
        assert page.locator(".row.selected").get_attribute("id") == selected
        page.keyboard.press("Enter")
        page.wait_for_url("**/sample?**")
        assert page.locator("h1").inner_text() == "sum-3 #1"
        page.keyboard.press("j")
        page.get_by_role("heading", name="sum-3 #2").wait_for()
        page.wait_for_load_state("load")  # the heading is there before the script that listens
        page.keyboard.press("k")
        page.get_by_role("heading", name="sum-3 #1").wait_for()
        assert not page.locator("#reasoning").evaluate("each => each.open")
        page.keyboard.press("r")
        page.wait_for_url("**open=reasoning**")
        page.reload()
        assert page.locator("#reasoning").evaluate("each => each.open")
        page.keyboard.press("t")
        page.wait_for_url("**raw=1**")
        page.keyboard.press("Escape")
        page.wait_for_url("**/samples?**")
        page.keyboard.press("Escape")
        page.wait_for_url("**/run?**")
        page.keyboard.press("g")
        page.wait_for_url(base + "/")


def test_pages_by_keys_and_filters_by_mouse(browser: Browser, base: str) -> None:
    with opened(browser, base, "/samples?benchmark=sums") as watched:
        page = watched.page
        first = page.locator(".samples li").first.get_attribute("id")
        page.keyboard.press("n")
        page.wait_for_url("**after=**")
        assert page.locator(".samples li").first.get_attribute("id") != first
        page.keyboard.press("p")
        page.wait_for_url("**before=**")
        assert page.locator(".samples li").first.get_attribute("id") == first
        page.get_by_role("button", name="no answer").click()
        page.wait_for_url("**verdict=no_answer**")
        assert page.locator(".total").inner_text() == "3 samples"
        page.locator("select[name=run]").select_option(FIRST)
        page.get_by_role("button", name="Filter").click()
        page.wait_for_url("**run=**")
        assert page.locator(".total").inner_text() == "1 sample"
        assert "like=" not in page.url  # empty fields are no part of a permanent link


def test_two_marked_runs_are_compared(browser: Browser, base: str) -> None:
    with opened(browser, base, "/") as watched:
        page = watched.page
        page.get_by_label(f"Mark {FIRST}").check()
        assert page.locator("#compare-button").is_disabled()
        page.get_by_label(f"Mark {SECOND}").check()
        assert page.get_by_label("Mark other/data").is_disabled()
        page.keyboard.press("c")
        page.wait_for_url("**/compare?**")
        assert "+0.250" in page.locator(".tile.accent").inner_text()
        page.get_by_role("link", name="only B right").click()
        page.wait_for_url("**flip=gained**")
        assert page.locator(".total").inner_text() == "12 samples"


def test_the_list_of_keys_opens_and_closes(browser: Browser, base: str) -> None:
    with opened(browser, base, "/") as watched:
        page = watched.page
        page.keyboard.press("?")
        assert page.locator("#help").is_visible()
        page.keyboard.press("Escape")
        assert page.locator("#help").is_hidden()


def test_a_run_that_goes_on_fills_the_open_page(browser: Browser, tmp_path: Path) -> None:
    samples = mixed(4)
    folder = write_run(tmp_path / "run", samples[:5], seal=False, summary=False, planned=48)
    with serving(tmp_path) as base, opened(browser, base, "/samples?run=run") as watched:
        page = watched.page
        page.keyboard.press("j")
        selected = page.locator(".row.selected").get_attribute("id")
        with SampleStore.lock(folder) as store:
            for each in samples[5:20]:
                store.append(each)
            until(page, "document.querySelectorAll('.samples li').length === 20")
        assert page.locator(".row.selected").get_attribute("id") == selected
        assert page.locator(".total").inner_text() == "20 samples"


FORMULAS = r"""<think>
$x^2 + \frac{1}{2}$ and \(\sqrt{2}\) and $$\sum_{k=1}^n k$$ and \boxed{\text{yes}}
$\href{javascript:alert(1)}{here}$ $\htmlData{x=1}{a}$ $\htmlStyle{color:red}{a}$ $\includegraphics{http://evil.example/x.png}$
$\def\a{\a\a}\a$ $\rule{99999em}{99999em}$ $\frac{1$ $\unknowncommand$ $\color{url(//evil.example)}x$
$\url{javascript:alert(1)}$
</think>
"""
HOSTILE = (
    FORMULAS
    + "<script>window.hacked=1;alert(1)</script><img src=x onerror='window.hacked=1'><svg/onload=window.hacked=1>\n"
    + "</div></main></body></html><iframe src='javascript:window.hacked=1'></iframe>\n"
    + "<meta http-equiv=refresh content='0;url=http://evil.example'>\n"
    + "<link rel=stylesheet href=http://evil.example/x.css><style>body{display:none}</style><base href=http://evil.example/>\n"
    + "[link](javascript:window.hacked=1) ![image](http://evil.example/x.png) {{7*7}} ${7*7} <%= 7 %>\n"
    + "\x00\x1b[31m\u202egnp.exe\u202c \u2066\u2067 \U000e0041\U000e0042\n"
    + "```html\n<script>window.hacked=1</script>\n```\n"
    + "<b>" * 2_000
    + "x" * 1_000_000
)


def test_hostile_texts_run_nothing_and_fetch_nothing(browser: Browser, tmp_path: Path) -> None:
    name = "<img src=x onerror=window.hacked=1>"
    failure = {"expected": HOSTILE[:3_000], "got": name, "input": HOSTILE[:3_000]}
    details = {name: name, "failure": failure}
    hostile = sample(
        name, 0, HOSTILE, extracted=HOSTILE[:5_000], reason=HOSTILE[:5_000], verdict=0.0, details=details
    )  # fmt: skip
    write_run(tmp_path / name, [hostile], model=name, benchmark=name)
    with serving(tmp_path) as base, opened(browser, base, "/") as watched:
        page = watched.page
        page.locator("[data-open]").first.click()
        page.wait_for_url("**/run?**")
        page.goto("/samples?q=evil")
        page.locator("[data-open]").first.click()
        page.wait_for_url("**/sample?**")
        page.keyboard.press("r")
        until(page, "document.querySelectorAll('.reasoning .tex[data-drawn]').length >= 14")
        drawn = page.locator(".reasoning .tex[role=math]").count()
        assert drawn >= 4  # the honest ones
        assert page.locator(".reasoning .tex.undrawn").count() >= 4  # shown as their source
        assert page.evaluate("window.hacked") is None
        assert (
            page.locator(
                "main a[href^='javascript:'], main iframe, main script, main style, main img, main base"
            ).count()
            == 0
        )
        assert page.locator(".block .text [style*=evil], .tex a").count() == 0
        assert "7*7" in page.locator(".answer-text").inner_text()
        assert page.locator(".hidden-char").count() > 4
        # KaTeX is bounded: the rule of 99,999 em is not 99,999 em wide.
        heights = "Array.from(document.querySelectorAll('.tex *'), each => each.getBoundingClientRect().height)"
        assert max(page.evaluate(heights)) < 2_000
        for address in ("/", "/samples", "/compare"):
            page.goto(address)
        assert page.evaluate("window.hacked") is None


PAGES = {
    "runs": "/",
    "run": f"/run?run={FIRST}",
    "samples": f"/samples?run={FIRST}&q=zebra",
    "all samples": "/samples",
    "compare": f"/compare?a={FIRST}&b={SECOND}",
    "barred": f"/compare?a={FIRST}&b=other/data",
    "broken": "/run?run=broken/odd",
    "missing": "/run?run=nowhere",
    "sample": "",
}


def address_of(page: Page, name: str) -> str:
    if PAGES[name]:
        return PAGES[name]
    page.goto(f"/samples?run={FIRST}&verdict=right")
    return str(page.locator("[data-open]").first.get_attribute("href")) + "&open=reasoning"


@pytest.mark.parametrize("width", [375, 1440])
def test_no_page_scrolls_sideways(browser: Browser, base: str, width: int) -> None:
    with opened(browser, base, "/", viewport={"width": width, "height": 800}) as watched:
        for name in PAGES:
            watched.page.goto(address_of(watched.page, name))
            wide = watched.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= width, f"{name} is {wide} px wide"
        watched.complaints = [each for each in watched.complaints if "404" not in each]


def axe() -> str:
    """The source of axe-core, out of the package that ships it."""
    package = pytest.importorskip("axe_playwright_python", reason="browser: axe-playwright-python is not installed")
    return (Path(package.__path__[0]) / "axe.min.js").read_text()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_serious_fault(browser: Browser, base: str, scheme: str) -> None:
    rules = axe()
    faults = []
    # The policy would keep axe itself out; the page is the same without it.
    with opened(browser, base, "/", color_scheme=scheme, bypass_csp=True) as watched:
        for name in PAGES:
            watched.page.goto(address_of(watched.page, name))
            watched.page.evaluate(rules)
            found = watched.page.evaluate("axe.run({resultTypes: ['violations']})")
            faults += [
                f"{name}: {each['id']}: {json.dumps([node['html'][:200] for node in each['nodes'][:3]])}"
                for each in found["violations"]
                if each["impact"] in ("serious", "critical")
            ]
        watched.complaints = [each for each in watched.complaints if "404" not in each]
    assert faults == []


def test_a_large_text_is_shown_within_a_second_or_two(browser: Browser, tmp_path: Path) -> None:
    text = "<think>\n" + "So $x_{1}$ is \\(\\frac{1}{2}\\), hmm.\n" * 3_000 + "</think>\nIt is $4$."
    write_run(tmp_path / "run", [sample("p", 0, text)])
    with serving(tmp_path) as base, opened(browser, base, "/samples") as watched:
        page = watched.page
        started = time.monotonic()
        page.locator("[data-open]").first.click()
        until(page, "document.querySelector('.answer-text .tex[role=math]')")
        assert time.monotonic() - started < 10
        page.keyboard.press("r")
        until(page, "document.querySelector('.reasoning .tex[role=math]')")
        # Formulas far below are not drawn before they come into view.
        assert page.locator(".reasoning .tex:not([data-drawn])").count() > 1_000
