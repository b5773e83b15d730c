"""One file of a hub repository: into the cache as it is, held to its recorded checksum, never half of it."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from assay import DataError, DataSource, find_data
from assay.data import cache
from assay.data.inventory import fetch, sources_of

CONTENT = b'{"id": "a", "text": "\\u00e4"}\n{"id": "b", "text": "x"}\n'
COMMIT = "0" * 40


@pytest.fixture(autouse=True)
def own_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ASSAY_DATA", raising=False)


def source(repo: Path | str, **changes) -> DataSource:
    fields = {
        "name": "one_file",
        "files": ("one_file.jsonl",),
        "licence": "none",
        "hub_repo": str(repo),
        "hub_revision": COMMIT,
        "hub_file": "test5.jsonl",
        "hub_sha256": hashlib.sha256(CONTENT).hexdigest(),
        "benchmark": "bench[v5]",
    }
    return DataSource(**{**fields, **changes})


def repository(tmp_path: Path, content: bytes = CONTENT) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir(exist_ok=True)
    (folder / "test5.jsonl").write_bytes(content)
    return folder


def test_the_file_is_taken_as_it_is(tmp_path: Path) -> None:
    wanted = source(repository(tmp_path))
    data = find_data(wanted)
    assert (data.origin, data.revision) == ("hub", COMMIT)
    assert data.path is not None
    assert data.path.read_bytes() == CONTENT
    assert [record.values["id"] for record in data.stream()] == ["a", "b"]
    assert [record.where.rpartition(", ")[2] for record in data.records()] == ["line 1", "line 2"]
    (tmp_path / "repo" / "test5.jsonl").unlink()
    assert find_data(wanted).origin == "cache"
    assert not list(data.path.parent.glob(".download*"))


def test_an_array_stays_an_array(tmp_path: Path) -> None:
    folder = repository(tmp_path)
    content = b'[{"id": "a"}, {"id": "b"}]'
    (folder / "all.json").write_bytes(content)
    wanted = source(folder, hub_file="all.json", hub_sha256=hashlib.sha256(content).hexdigest())
    assert [record.values["id"] for record in find_data(wanted).records()] == ["a", "b"]
    assert cache.file_of(wanted).suffix == ".json"
    assert find_data(wanted).origin == "cache"


def test_another_file_than_the_recorded_one_is_refused(tmp_path: Path) -> None:
    wanted = source(repository(tmp_path, CONTENT + b"{}\n"))
    with pytest.raises(DataError, match=r"what arrived of test5\.jsonl has the sha256 .*, recorded is "):
        find_data(wanted)
    assert not cache.file_of(wanted).exists()


def test_a_changed_cache_names_the_benchmark_to_fetch(tmp_path: Path) -> None:
    wanted = source(repository(tmp_path))
    fetch(wanted)
    cache.file_of(wanted).write_bytes(CONTENT[:20])
    with pytest.raises(DataError, match=r"assay data fetch --force bench\[v5\]"):
        find_data(wanted)
    assert fetch(wanted, force=True).sha256 == wanted.hub_sha256


def test_no_such_file_and_no_network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DataError, match=r"holds no test6\.jsonl"):
        find_data(source(repository(tmp_path), hub_file="test6.jsonl"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(DataError, match=r"HF_HUB_OFFLINE is set(.|\n)*assay data fetch bench\[v5\]"):
        find_data(source("nobody/nothing"))


def test_a_file_that_changes_while_it_is_streamed(tmp_path: Path) -> None:
    data = find_data(source(repository(tmp_path)))
    rows = data.stream()
    next(rows)
    assert data.path is not None
    data.path.write_bytes(CONTENT + b"{}\n")
    with pytest.raises(DataError, match="changed while it was read"):
        list(rows)


def test_sources_of_a_benchmark(tmp_path: Path) -> None:
    class One:
        source = source("a/b")

    class Several(One):
        sources = (source("a/b"), source("a/b", name="other"))

    assert len(sources_of(One())) == 1
    assert [each.name for each in sources_of(Several())] == ["one_file", "other"]
    assert sources_of(object()) == ()
