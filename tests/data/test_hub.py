"""The hub route, with a real dataset folder that `datasets` loads, and with a hub that is not there."""

from __future__ import annotations

import json
import socket
import time
from pathlib import Path

import pytest

from assay import DataError, DataSource, find_data
from assay.data import hub, inventory

REVISION = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def dataset(tmp_path: Path) -> Path:
    folder = tmp_path / "served"
    folder.mkdir()
    rows = [
        {"question": f"{i} eggs\u2028and more", "answer": f"so <<{i}>>\n#### 1,{i:03d}", "level": i} for i in range(3)
    ]
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def source(repo: Path | str, **changes) -> DataSource:
    fields = {
        "name": "served",
        "files": ("served.jsonl",),
        "licence": "CC0",
        "hub_repo": str(repo),
        "hub_revision": REVISION,
        "hub_fields": {"problem": "question", "level": "level"},
        "hub_derive": lambda index, row: {"id": f"s-{index}", "answer": row["answer"].rpartition("####")[2].strip()},
    }
    return DataSource(**{**fields, **changes})


def test_download_converts_caches_and_is_found_again(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = find_data(source(dataset))
    assert (first.origin, first.revision) == ("hub", REVISION)
    rows = [dict(record.values) for record in first.records()]
    assert rows[2] == {"id": "s-2", "problem": "2 eggs\u2028and more", "answer": "1,002", "level": 2}
    monkeypatch.setattr(hub, "download", lambda _: pytest.fail("the cache should have been used"))
    again = find_data(source(dataset))
    assert (again.origin, again.sha256) == ("cache", first.sha256)
    assert [dict(record.values) for record in again.records()] == rows


def test_a_set_in_parts_is_read_part_by_part(tmp_path: Path) -> None:
    folder = tmp_path / "parts"
    folder.mkdir()
    card = "---\nconfigs:\n"
    for part, count in (("algebra", 2), ("art", 1)):
        lines = (json.dumps({"question": f"{part} {i}"}) + "\n" for i in range(count))
        (folder / f"{part}.jsonl").write_text("".join(lines))
        card += f"- config_name: {part}\n  data_files:\n  - split: test\n    path: {part}.jsonl\n"
    (folder / "README.md").write_text(card + "---\n")
    fields = {"hub_fields": {"question": "question"}, "hub_derive": lambda _index, row: {"subject": row["config"]}}
    found = find_data(source(folder, hub_config=("art", "algebra"), **fields))
    assert [dict(record.values) for record in found.records()] == [
        {"question": "art 0", "subject": "art"},
        {"question": "algebra 0", "subject": "algebra"},
        {"question": "algebra 1", "subject": "algebra"},
    ]


def test_changed_hub_data_under_the_same_revision(dataset: Path) -> None:
    first = find_data(source(dataset))
    (dataset / "test.jsonl").write_text(json.dumps({"question": "q", "answer": "#### 1", "level": 0}) + "\n")
    assert find_data(source(dataset)).sha256 == first.sha256  # the cache is what the name stands for
    forced = inventory.fetch(source(dataset), force=True)
    assert forced.sha256 != first.sha256
    assert len(forced.records()) == 1


def test_force_mends_a_damaged_cache(dataset: Path) -> None:
    first = find_data(source(dataset))
    assert first.path is not None
    first.path.write_bytes(b"broken")
    with pytest.raises(DataError, match="--force"):
        inventory.fetch(source(dataset))
    assert inventory.fetch(source(dataset), force=True).sha256 == first.sha256
    assert find_data(source(dataset)).origin == "cache"


def test_confidential_data_reaches_neither_cache_nor_disk(dataset: Path, tmp_path: Path) -> None:
    secret = source(dataset, password_env="ASSAY_TEST_PASSWORD", hub_fields={}, hub_derive=None)
    found = find_data(secret)
    assert (found.origin, found.path) == ("hub", None)
    assert found.records()[0].text("question").startswith("0 eggs")
    written = [path for path in tmp_path.rglob("*") if path.is_file() and dataset not in path.parents]
    assert not [path for path in written if b"eggs" in path.read_bytes()]
    with pytest.raises(DataError, match="never stored in the cache"):
        inventory.fetch(secret)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hub_fields": {"problem": "text"}}, "row 0 lacks the column 'text'; it has answer, level, question"),
        ({"hub_split": "train"}, "train"),
        ({"hub_derive": lambda index, row: {"id": row["url"]}}, "does not have the expected form: KeyError"),
    ],
)
def test_data_of_another_form(dataset: Path, changes: dict, message: str) -> None:
    with pytest.raises(DataError, match=message):
        find_data(source(dataset, **changes))


def test_a_working_folder_called_datasets_is_not_imported(
    dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "__init__.py").write_text("raise SystemExit('the wrong datasets')")
    monkeypatch.chdir(tmp_path)
    assert len(find_data(source(dataset)).records()) == 3


def test_no_network_is_noticed_at_once() -> None:
    start = time.monotonic()
    with pytest.raises(DataError, match="cannot be reached"):
        find_data(source("nobody/nothing"))
    assert time.monotonic() - start < 3


def test_a_hub_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        monkeypatch.setattr(hub, "PROBE_SECONDS", 0.2)
        with pytest.raises(DataError, match=r"cannot be reached.*ReadTimeout"):
            find_data(source("nobody/nothing"))


def test_a_download_that_takes_too_long_is_ended(dataset: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSAY_HUB_TIMEOUT", "0.05")
    with pytest.raises(DataError, match=r"did not arrive within 0\.05 s"):
        find_data(source(dataset))
    monkeypatch.setenv("ASSAY_HUB_TIMEOUT", "soon")
    with pytest.raises(DataError, match="positive number of seconds, got 'soon'"):
        find_data(source(dataset))
