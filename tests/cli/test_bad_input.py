"""Everything that a person can get wrong: a clear message, the right exit code, no traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from assay.runs.store import JOURNAL, SEALED

PLUGIN = Path(__file__).parents[1] / "runs" / "arithmetic_plugin.py"


def run_assay(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "assay", *arguments],
        capture_output=True, text=True, timeout=120, stdin=subprocess.DEVNULL,
        env={**os.environ, "ASSAY_DATA": "", "ASSAY_CACHE": "/nonexistent/assay", "HF_HUB_OFFLINE": "1", **environment},
    )  # fmt: skip


def replay(path: Path, problems: int = 3, samples: int = 2) -> str:
    with open(path, "w") as file:
        for a in range(problems):
            for sample in range(samples):
                file.write(json.dumps({"problem_id": f"sum-{a}", "sample_index": sample, "text": str(2 * a)}) + "\n")
    return f"replay:{path}"


def sums(
    model: str, out: Path, *more: str, spec: str = "sums:2", **environment: str
) -> subprocess.CompletedProcess[str]:
    return run_assay(
        "run", model, spec, "--limit", "3", "--plugin", str(PLUGIN), "--out", str(out), "-q", *more, **environment
    )


def assert_refused(done: subprocess.CompletedProcess[str], code: int, *parts: str) -> None:
    assert done.returncode == code, done.stdout + done.stderr
    for part in parts:
        assert part in done.stderr
    assert "Traceback" not in done.stderr


def test_unknown_scheme() -> None:
    assert_refused(run_assay("run", "lama:x", "sums"), 2, "no backend opens the model 'lama:x'", "hf:PATH_OR_ID")


def test_unknown_local_model(tmp_path: Path) -> None:
    done = sums(f"hf:{tmp_path}/gone", tmp_path / "out")
    assert done.returncode in (1, 2)
    assert_refused(done, done.returncode, "gone")


def test_unknown_benchmark(tmp_path: Path) -> None:
    done = run_assay("run", replay(tmp_path / "r.jsonl"), "aime25x")
    assert_refused(done, 2, "no benchmark is called 'aime25x'", "Did you mean aime25")


def test_unknown_plugin_file() -> None:
    assert_refused(run_assay("plugins", "--plugin", "gone.py"), 2, "plugin file gone.py does not exist")


def test_unknown_verifier(tmp_path: Path) -> None:
    file = tmp_path / "f.jsonl"
    file.write_text('{"response": "x", "answer": "y"}\n')
    assert_refused(
        run_assay("score", str(file), "--verifier", "boxed"), 2, "no verifier is called 'boxed'", "boxed_math"
    )


def test_unknown_option() -> None:
    assert run_assay("run", "--nonsense").returncode == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--temperature", "-1"], "the temperature must lie in"),
        (["--top-p", "0"], "top-p must lie in"),
        (["--max-tokens", "0"], "the token cap must be at least 1"),
        (["--template", "r2"], "no prompt template is called 'r2'"),
        (["-o", "rubbish"], "--option takes NAME=VALUE"),
        (["-o", "colour=red"], "colour"),
    ],
)
def test_impossible_settings(tmp_path: Path, arguments: list[str], message: str) -> None:
    assert_refused(sums(replay(tmp_path / "r.jsonl"), tmp_path / "out", *arguments), 2, message)


def test_zero_samples(tmp_path: Path) -> None:
    done = sums(replay(tmp_path / "r.jsonl"), tmp_path / "out", spec="sums:0")
    assert_refused(done, 2, "the number of samples must be at least 1")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b'{"problem_id": "sum-0", "text": "0"}\n{"problem_id": "sum', "line 2"),
        (b"not json at all\n", "line 1"),
        (b"\xff\xfe\x00\x01\n", "line 1"),
        (b"[1, 2]\n", "line 1"),
        (b"", "r.jsonl"),
    ],
)
def test_malformed_and_truncated_files(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "r.jsonl"
    file.write_bytes(content)
    done = sums(f"replay:{file}", tmp_path / "out")
    assert_refused(done, 1, message, "r.jsonl")


def test_malformed_score_file_names_the_line(tmp_path: Path) -> None:
    file = tmp_path / "f.jsonl"
    file.write_bytes(b'{"response": "a", "answer": "a"}\n{"response": "b", "answ')
    done = run_assay("score", str(file), "--verifier", "boxed_math")
    assert_refused(done, 1, "f.jsonl, line 2 is not JSON", "probably cut off")
    file.write_bytes(b"")
    assert_refused(run_assay("score", str(file), "--verifier", "boxed_math"), 1, "holds no rows")
    file.write_bytes(b'{"reply": "a"}\n')
    assert_refused(run_assay("score", str(file), "--verifier", "boxed_math"), 2, "--field response=NAME", "reply")


def test_a_missing_file() -> None:
    assert_refused(run_assay("score", "gone.jsonl", "--verifier", "boxed_math"), 1, "gone.jsonl")
    assert_refused(run_assay("report", "gone"), 1, "gone holds no run")
    assert_refused(run_assay("rescore", "gone"), 1, "gone holds no run")


def test_an_empty_benchmark(tmp_path: Path) -> None:
    plugin = tmp_path / "empty.py"
    plugin.write_text(
        "import assay\nclass E(assay.BaseBenchmark):\n    name = 'empty'\n    def problems(self): return []\n"
        "@assay.hookimpl\ndef register_benchmarks(): return {'empty': E}\n"
    )
    done = run_assay(
        "run", replay(tmp_path / "r.jsonl"), "empty", "--plugin", str(plugin), "--out", str(tmp_path / "o")
    )
    assert_refused(done, 1, "the benchmark empty holds no problems")


def test_missing_data_lists_the_places_and_the_remedy(tmp_path: Path) -> None:
    done = run_assay("run", replay(tmp_path / "r.jsonl"), "aime24", "--data", str(tmp_path))
    assert_refused(done, 1, "aime_2024.jsonl", str(tmp_path), "assay data fetch")


def test_fewer_samples_than_k_is_not_a_number(tmp_path: Path) -> None:
    done = sums(replay(tmp_path / "r.jsonl"), tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    metrics = json.loads(done.stdout)[0]["summary"]["metrics"]
    assert metrics["pass@1"]["value"] == 1.0
    assert metrics["pass@4"]["value"] is None


def test_an_unwritable_run_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = sums(replay(tmp_path / "r.jsonl"), tmp_path / "file" / "runs")
    assert_refused(done, 1, "cannot create the run folder", "--out")


def test_a_full_disk_loses_nothing(tmp_path: Path) -> None:
    """A real file system of 256 KiB where mounting is allowed; else the kernel's own limit on file sizes."""
    small = tmp_path / "small"
    small.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "none", str(small)], capture_output=True)
    if mounted.returncode:
        pytest.skip("mounting a small file system needs root; tests/runs/test_store.py covers the write itself")
    try:
        model = replay(tmp_path / "r.jsonl", problems=40, samples=20)
        done = run_assay("run", model, "sums:20", "--plugin", str(PLUGIN), "--out", str(small), "-q")
        assert_refused(done, 1, "No space left on device", "run the same command again")
        (folder,) = {path.parent for path in small.rglob(JOURNAL)}
        kept = (folder / JOURNAL).read_bytes().count(b"\n")
        assert kept > 10
        subprocess.run(["mount", "-o", "remount,size=16m", str(small)], check=True)
        done = run_assay("run", model, "sums:20", "--plugin", str(PLUGIN), "--out", str(small), "--json")
        assert done.returncode == 0, done.stderr
        assert f"{kept} of 800 samples are already stored" in done.stderr
        assert json.loads(done.stdout)[0]["summary"]["num_samples"] == 800
    finally:
        subprocess.run(["umount", str(small)], check=False)


def test_a_damaged_journal_is_said_and_mended(tmp_path: Path) -> None:
    model = replay(tmp_path / "r.jsonl")
    assert sums(model, tmp_path / "out").returncode == 0
    (sealed,) = (tmp_path / "out").rglob(SEALED)
    sealed.unlink()
    sealed.with_name(JOURNAL).write_bytes(b'{"key": "torn", "crc":"00000000"}\n{"key"')
    done = sums(model, tmp_path / "out", "--json")
    assert done.returncode == 0, done.stderr
    assert "line 1 is damaged" in done.stderr
    assert "cut off by a crash" in done.stderr
    assert json.loads(done.stdout)[0]["summary"]["num_samples"] == 6


def test_a_damaged_manifest_is_named(tmp_path: Path) -> None:
    model = replay(tmp_path / "r.jsonl")
    assert sums(model, tmp_path / "out").returncode == 0
    (manifest,) = (tmp_path / "out").rglob("manifest.json")
    manifest.write_text("{")
    assert_refused(run_assay("report", str(tmp_path / "out")), 1, "cannot read", "manifest.json")


def test_ctrl_c_keeps_what_was_recorded(tmp_path: Path) -> None:
    model = replay(tmp_path / "r.jsonl", problems=40, samples=50)
    command = [
        sys.executable, "-m", "assay", "run", model, "sums:50", "--plugin", str(PLUGIN), "--out", str(tmp_path / "out"),
    ]  # fmt: skip
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where a shell's & started the tests
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    signal.signal(signal.SIGINT, before)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and not any(
        path.stat().st_size > 20_000 for path in (tmp_path / "out").rglob(JOURNAL)
    ):
        time.sleep(0.02)
    os.killpg(process.pid, signal.SIGINT)
    _, complaint = process.communicate(timeout=20)
    assert process.returncode == 130, complaint
    assert "Interrupted: " in complaint
    assert "of 2000 samples of sums are stored. Run the same command again" in complaint
    assert "Traceback" not in complaint
    done = subprocess.run([*command, "--json"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "of 2000 samples are already stored" in done.stderr
    assert json.loads(done.stdout)[0]["summary"]["num_samples"] == 2000


def test_two_processes_on_one_run(tmp_path: Path) -> None:
    model = replay(tmp_path / "r.jsonl", problems=40, samples=50)
    command = [
        sys.executable, "-m", "assay", "run", model, "sums:50",
        "--plugin", str(PLUGIN), "--out", str(tmp_path / "out"), "-q",
    ]  # fmt: skip
    first = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not list((tmp_path / "out").rglob(JOURNAL)):
            time.sleep(0.02)
        second = subprocess.run(command, capture_output=True, text=True, timeout=60)
        assert_refused(second, 1, f"is in use by process {first.pid}")
    finally:
        first.kill()
        first.wait()
