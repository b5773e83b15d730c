"""Every page over whole, running and broken runs: what it shows, that filters and pages agree with the samples."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.viewing.conftest import Site, mixed, viewer
from tests.viewing.folders import sample, write_run

FIRST, SECOND = "a/checkpoint-500/sums-1", "a/checkpoint-1000/sums-1"


def test_every_run_is_listed_also_broken_ones(site: Site) -> None:
    page = site.get("/")
    names = re.findall(r'<a href="/run\?run=([^"]+)" data-open', page)
    assert [unescape(name).replace("%2F", "/") for name in names] == [
        FIRST, SECOND, "broken/cut", "broken/empty", "broken/no-manifest", "broken/odd", "broken/rotten", "broken/text",
        "grpo/rollouts", "other/data",
    ]  # fmt: skip
    assert "cannot be read" in page
    for name in names:
        shown = site.get(f"/run?run={name}")
        assert "This page failed" not in shown
        assert ("broken" in name) == ("notice-bad" in shown), name
    assert "3 damaged lines" in site.get("/run?run=broken/text")
    assert "holds no manifest.json" in site.get("/run?run=broken/no-manifest")


def test_the_score_is_that_of_the_summary_or_of_the_samples_so_far(site: Site) -> None:
    page = site.get("/")
    # 4 of 12 problems right, one half right, and one whose checked samples have no answer.
    value = (4 + 0.5) / 12
    assert f"{value:.3f} ± " in page
    assert f"{(5 + 0.5) / 12:.3f} ± " in page  # the trainer's, which has no summary
    assert "partial 50%" in re.sub(r"\s+", " ", page) or "running 50%" in re.sub(r"\s+", " ", page)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 48),
        ("&verdict=right", 16),
        ("&verdict=wrong", 24),
        ("&verdict=right&verdict=partial", 20),
        ("&verdict=error", 1),
        ("&verdict=nonsense", 48),
        ("&problem=sum-1", 4),
        ("&like=SUM-1", 12),
        ("&low=0.5", 20),
        ("&low=0.4&high=0.6", 4),
        ("&low=nan&high=zebra", 48),
        ("&mark=cap", 1),
        ("&q=zebra3", 4),
        ("&q=ZEBRA", 40),
        ("&q=x%5E2&verdict=right", 16),
        ("&q=zebra3&problem=sum-2", 0),
        (f"&flip=lost&against={SECOND}", 12),
        (f"&flip=gained&against={SECOND}", 0),
        (f"&flip=any&against={SECOND}", 12),
        ("&flip=any&against=nowhere", 48),
    ],
)
def test_filters(site: Site, query: str, count: int) -> None:
    assert site.total(f"run={FIRST}{query}") == count


def test_filters_over_many_runs(site: Site) -> None:
    assert site.total("benchmark=sums") == 144
    assert site.total("benchmark=train") == 48
    assert site.total("model=CHECKPOINT-1000") == 96
    assert site.total(f"run={FIRST}&run={SECOND}&q=zebra") == 80
    assert site.total("") >= 192


@pytest.mark.parametrize("order", ["", "newest", "longest", "shortest"])
@pytest.mark.parametrize("query", ["", "&verdict=wrong", "&q=zebra"])
def test_pages_forwards_and_backwards_hold_every_sample_once(site: Site, order: str, query: str) -> None:
    base = f"benchmark=sums&benchmark=train&order={order}{query}"
    total = site.total(base)
    address = f"/samples?{base}"
    pages: list[list[str]] = []
    while address:
        page = site.get(address)
        pages.append(re.findall(r'<li id="(s-[^"]+)"', page))
        following = re.search(r'rel="next" data-key="n" href="([^"]+)"', page)
        address = unescape(following[1]) if following else ""
        last = page
    found = [each for page in pages for each in page]
    assert len(found) == len(set(found)) == total
    backwards = [pages[-1]]
    while match := re.search(r'rel="prev" data-key="p" href="([^"]+)"', last):
        last = site.get(unescape(match[1]))
        backwards.append(re.findall(r'<li id="(s-[^"]+)"', last))
    # Pages counted from the end begin elsewhere, but hold the same in the same order.
    assert [each for page in reversed(backwards) for each in page] == found


def test_going_from_sample_to_sample_follows_the_filter(site: Site) -> None:
    addresses = site.samples(f"run={FIRST}&verdict=wrong&q=zebra")
    address, seen = addresses[0], []
    while address:
        page = site.get(address)
        title = re.search(r"<title>([^<]+)", page)
        assert title
        seen.append(title[1])
        following = re.search(r'rel="next" data-key="j" href="([^"]+)"', page)
        address = unescape(following[1]) if following else ""
    assert len(seen) == len(set(seen)) == 24


def test_a_sample_shows_what_was_read_and_why(site: Site) -> None:
    (address, *_) = site.samples(f"run={FIRST}&problem=sum-3")
    page = site.get(address)
    assert "the answer 4 equals the reference 4" in page
    assert "let me see 3" in page
    assert '<details id="reasoning">' in page
    assert '<details id="reasoning" open>' in site.get(address + "&open=reasoning")
    assert 'class="tex"' in page
    assert 'class="tex"' not in site.get(address + "&raw=1")
    key = re.search(r"key=(\w+)", address)
    assert key
    text = site.client.get(f"/text?run={FIRST}&key={key[1]}")
    assert text.text == "<think>\nlet me see 3\n</think>\nso Zebra3 $x^2$ \\boxed{4}"
    assert text.headers["content-type"] == "text/plain; charset=utf-8"
    assert "sandbox" in text.headers["content-security-policy"]


def test_an_unclosed_thought_is_no_answer(site: Site) -> None:
    (address,) = site.samples(f"run={FIRST}&verdict=truncated")
    page = site.get(address)
    assert "ends inside its reasoning" in page
    assert '<details id="reasoning" open>' in page


def test_a_comparison_is_paired_by_problem(site: Site) -> None:
    page = site.get(f"/compare?a={FIRST}&b={SECOND}")
    assert "+0.250" in page  # 3 of 12 problems
    assert re.search(r'<b class="good">3</b> won', page)
    assert re.search(r'<b class="bad">0</b> lost', page)
    assert "p = 0.2500" in page  # exact: 2 of 2^3 signs
    assert len(re.findall(r'id="pair-', site.get(f"/compare?a={FIRST}&b={SECOND}&kind=won"))) == 3


def test_runs_of_other_data_are_not_compared_unless_asked(site: Site) -> None:
    page = site.get(f"/compare?a={FIRST}&b=other/data")
    assert "Not comparable" in page
    assert "benchmark revision" in page
    assert "pair-" not in page
    assert "pair-" in site.get(f"/compare?a={FIRST}&b=other/data&anyway=1")


def test_a_file_that_turns_out_rotten_costs_only_itself(site: Site) -> None:
    assert site.total("benchmark=sums&benchmark=rotten") == 144
    assert "cannot be read" in site.get("/run?run=broken/rotten")
    site.get("/")


@pytest.mark.parametrize(
    "address",
    ["/run", "/run?run=../../etc", "/run?run=/etc/passwd", "/sample", f"/sample?run={FIRST}&key=0", "/nothing",
     "/static/../app.py", "/static/%2e%2e/app.py", "/look/..%2f..%2f__init__.py", f"/text?run={FIRST}&key=x",
     "/compare?a=x&b=y"],
)  # fmt: skip
def test_what_is_not_there_is_not_found(site: Site, address: str) -> None:
    site.get(address, 404)


INJECTIONS = [
    "' OR 1=1 --",
    "'); DROP TABLE journal; --",
    '"',
    "\\",
    "%",
    "_",
    "*",
    "?[",
    "\x00",
    "(",
    "[a-",
    "$1",
    "é",
    "x" * 5_000,
    "{{7*7}}",
    "\ud800",
]


FIELDS = [
    "q", "like", "problem", "run", "benchmark", "model", "verdict", "low", "high", "mark", "against", "flip", "order",
    "after", "before",
]  # fmt: skip


@pytest.mark.parametrize("name", FIELDS)
def test_whatever_a_filter_holds_is_data(site: Site, name: str) -> None:
    for text in INJECTIONS:
        value = quote(text, errors="surrogatepass")
        flip = "" if name == "flip" else f"&flip=any&against={FIRST}"
        page = site.get(f"/samples?{name}={value}{flip}")
        assert "49" not in re.findall(r"value=\"([^\"]*)\"", page)
    assert site.total(f"run={FIRST}") == 48


@pytest.mark.parametrize("text", INJECTIONS, ids=range(len(INJECTIONS)))
def test_whatever_an_address_holds_is_data(site: Site, text: str) -> None:
    value = quote(text, errors="surrogatepass")
    site.get(f"/?q={value}&state={value}&benchmark={value}&order={value}")
    site.get(f"/run?run={value}", 404)
    site.get(f"/run?run={FIRST}&order={value}&from={value}")
    site.get(f"/compare?a={FIRST}&b={SECOND}&kind={value}&order={value}&from={value}")
    site.get(f"/sample?run={FIRST}&key={value}&q={value}&scope={value}", 404)


def test_a_run_that_grows_is_shown_as_it_grows(tmp_path: Path) -> None:
    from assay.runs.store import SampleStore

    samples = mixed(4)
    folder = write_run(tmp_path / "run", samples[:10], seal=False, summary=False, planned=48)
    with viewer(tmp_path) as site:
        assert site.total("run=run") == 10
        before = site.client.get("/pulse").json()["version"]
        with SampleStore.lock(folder) as store:
            for each in samples[10:30]:
                store.append(each)
            _wait_for(site, before)
            assert site.total("run=run") == 30
            assert "running" in site.get("/")
            with open(folder / "journal.jsonl", "ab") as torn:
                torn.write(b'{"key": "half a rec')
            assert site.total("run=run") == 30
        with SampleStore.lock(folder) as store:
            for each in samples[30:]:
                store.append(each)
            _wait(lambda: site.total("run=run") == 48)
            store.seal(lambda row: (int(row.problem_id[4:]), row.sample_index))
            _wait(lambda: site.client.app.state.viewer.catalog.get("run").sealed is not None)  # type: ignore[attr-defined]
            _wait(lambda: site.client.app.state.viewer.catalog.get("run").journalled == 0)  # type: ignore[attr-defined]
            assert site.total("run=run") == 48
            # A rescore: the journal's verdicts are laid over the sealed ones.
            for each in samples[:4]:
                store.append(sample(each.problem_id, each.sample_index, each.completion.text, verdict=0.0))
            _wait(lambda: site.total("run=run&verdict=right") == 12)
            assert site.total("run=run") == 48
            assert site.total("run=run&q=zebra") == 40


def _wait_for(site: Site, version: str) -> None:
    _wait(lambda: site.client.get("/pulse").json()["version"] != version)


def _wait(true: object) -> None:
    import time

    end = time.monotonic() + 20
    while not true():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.1)


def test_nothing_is_written_into_the_folder(results: Path, site: Site) -> None:
    def state() -> list[tuple[str, int, int]]:
        return sorted((str(path), path.stat().st_mtime_ns, path.stat().st_size) for path in results.rglob("*"))

    before = state()
    site.get("/")
    for address in site.samples("q=zebra")[:3]:
        site.get(address)
    site.get(f"/compare?a={FIRST}&b={SECOND}")
    assert state() == before


def test_only_loopback_names_and_own_pages_are_answered(results: Path) -> None:
    from starlette.testclient import TestClient

    from assay.viewing.app import make_app

    with TestClient(make_app(results, port=8123), base_url="http://127.0.0.1:8123") as client:
        assert client.get("/").status_code == 200
        for host in ("localhost:8123", "[::1]:8123", "127.0.0.1:8123"):
            assert client.get("/pulse", headers={"host": host}).status_code == 200
        for host in (
            "evil.example",
            "evil.example:8123",
            "127.0.0.1",
            "127.0.0.1:80",
            "127.0.0.1.evil.example:8123",
            "",
        ):
            assert client.get("/", headers={"host": host}).status_code == 421
        assert client.get("/", headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "no-cors"}).status_code == 403
        assert (
            client.get("/", headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate"}).status_code == 200
        )
        assert client.post("/").status_code == 405
        headers = client.get("/").headers
        assert headers["x-frame-options"] == "DENY"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "unsafe" not in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers


def test_pages_hold_no_inline_script_style_or_outside_address(site: Site) -> None:
    addresses = ["/", "/samples", f"/run?run={FIRST}", f"/compare?a={FIRST}&b={SECOND}", *site.samples("")[:2]]
    for address in addresses:
        page = site.get(address)
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script>|javascript:", page)
        assert not re.search(r'(?:href|src|action)="(?!/|#)', page)


def test_code_shows_the_failed_test_with_a_diff(tmp_path: Path) -> None:
    details = {
        "status": "wrong_answer", "language": "python", "first_failing_test": 2, "tests": 5,
        "failure": {"input": "3 <b>\n", "line": 4, "expected": "1 2 4", "got": "1 2 5"},
    }  # fmt: skip
    program = "for i in range(3):\n    print(i)\n"
    write_run(
        tmp_path / "run", [sample("p1", 0, f"```python\n{program}```", verdict=0.0, extracted=program, details=details)]
    )
    with viewer(tmp_path) as site:
        (address,) = site.samples("")
        page = site.get(address)
    assert "Failed test 2" in page
    assert "1 2 <mark>4</mark>" in page
    assert "1 2 <mark>5</mark>" in page
    assert "3 &lt;b&gt;" in page
    assert '<span class="tok-keyword">for</span>' in page


def test_one_run_may_be_the_folder_itself(results: Path) -> None:
    with viewer(results / "a" / "checkpoint-500" / "sums-1") as site:
        assert site.total("run=sums-1") == 48


def test_names_of_folders_are_data_too(tmp_path: Path) -> None:
    names = [
        "<b>x</b>",
        "a'b\"c",
        "star*[x]?",
        "new\nline",
        "ünïcode",
        "a..",
        "a%2Fb",
        "run&x=1",
        b"\xff\xfe".decode("utf-8", "surrogateescape"),
    ]
    for name in names:
        write_run(tmp_path / name, mixed(4)[:4], benchmark=name if name.isprintable() else "odd")
    with viewer(tmp_path) as site:
        links = [unescape(link) for link in re.findall(r'<a href="(/run\?run=[^"]+)" data-open', site.get("/"))]
        assert len(links) == len(names)
        for link in links:
            assert "all samples" in site.get(link)
            assert len(site.samples(link.partition("?")[2])) == 4
        assert site.total("") == 4 * len(names)


@pytest.mark.parametrize(
    "text",
    ["\x00" * 1000, "x" * 1_000_000, "\u202e" * 5000, "{" * 100_000, "a\ud800b", "<script>" * 1000],
    ids=range(6),
)
def test_hostile_texts_have_their_page(tmp_path: Path, text: str) -> None:
    hostile = sample(
        "<p>'",
        0,
        text,
        reason=text[:100_000],
        extracted=text[:100_000],
        details={
            text[:100]: {"failure": text[:1000]},
            "failure": {"expected": text[:90_000], "got": [text[:9000]], "line": "x"},
        },
    )
    for seal in (True, False):
        write_run(tmp_path / str(seal), [hostile], seal=seal, benchmark=text[:50] or "x", model=text[:300])
    with viewer(tmp_path) as site:
        assert "<script>" not in site.get("/").replace("<script src=", "")
        for address in site.samples(""):
            page = site.get(address)
            assert "<script>" not in page
            assert len(page) < 4_000_000
        assert site.total("q=%00%00") >= 0


def test_what_a_trainer_writes_is_a_run_like_any_other(tmp_path: Path) -> None:
    from assay import Completion, Outcome, RunWriter, Sampling, Verdict

    with RunWriter(
        tmp_path / "out" / "rollouts", model="policy:out/step-000050", fingerprint="x", benchmark="train", revision="r",
        sampling=Sampling(temperature=1.0), planned=8, first_prompt="2+2=", verifiers={"reward": "1"},
    ) as writer:  # fmt: skip
        for number in range(6):
            parts = {"parts": {"format": 1}}
            verdict = Verdict(outcome=Outcome.GRADED, score=float(number % 2), extracted="4", details=parts)
            writer.append(
                f"50/{number}", problem_id="p1", prompt="2+2=", completion=Completion(text=f"rollout {number}"),
                verdict=verdict, verifier="reward", version="1",
            )  # fmt: skip
        with viewer(tmp_path) as site:
            assert site.total("") == 6
            assert site.total("q=rollout+3&verdict=right") == 1
            (address, *_) = site.samples("")
            assert "format" in site.get(address)
            assert "step-000050" in site.get("/")


def test_verdicts_that_a_rescore_changed_are_listed(tmp_path: Path) -> None:
    folder = write_run(tmp_path / "run", mixed(4))
    (folder / "flips.jsonl").write_text(
        'rubbish\n[]\n{"problem_id": "sum-<3>", "sample_index": 1, "before": "graded 0", "after": "graded 1", '
        '"reason": "<b>"}\n{"problem_id": 3}\n'
    )
    with viewer(tmp_path) as site:
        page = site.get("/run?run=run")
    assert "sum-&lt;3&gt;" in page
    assert page.count('<ol class="flips"><li>') == 1


def test_a_search_over_many_runs_leaves_none_out(tmp_path: Path) -> None:
    for number in range(30):
        write_run(tmp_path / f"run-{number}", mixed(4)[:8], seal=number % 3 > 0, summary=False)
    with viewer(tmp_path) as site:
        for words in ("zebra1", "zebra0", *"abcdefghij", "zebra1"):
            page = site.get(f"/samples?q={words}")
            assert "searched so far" not in page
        assert site.total("q=zebra1") == 120
        assert site.total("q=zebra") == 240


def test_a_rotten_text_costs_only_its_own_run(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    write_run(tmp_path / "good", mixed(4))
    path = write_run(tmp_path / "rotten", mixed(4)) / "samples.parquet"
    group = pq.ParquetFile(path).metadata.row_group(0)
    column = next(group.column(n) for n in range(group.num_columns) if group.column(n).path_in_schema == "text")
    start = column.dictionary_page_offset or column.data_page_offset
    whole = bytearray(path.read_bytes())
    whole[start : start + column.total_compressed_size] = b"\xff" * column.total_compressed_size
    path.write_bytes(whole)
    with viewer(tmp_path) as site:
        assert site.total("") == 96  # nobody asked for a text yet
        assert site.total("q=zebra") == 40
        assert site.total("") == 48
        assert "cannot be read" in site.get("/run?run=rotten")
