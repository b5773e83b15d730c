"""A run of many samples, for measuring: its journal is written in its own format, without a model or a verifier.

Run as a program: `python -m tests.perf.big_store journal FOLDER COUNT` writes a run that goes on, `seal FOLDER` seals
it, `changed FOLDER NEW` writes a sealed copy in which a tenth of the verdicts differ.

The texts are words drawn by Zipf's law, 2 kB each: like language for a compressor and for a search, and all different.
"""

from __future__ import annotations

import sys
import zlib
from pathlib import Path

import numpy as np
import orjson

from assay.runs.manifest import load_manifest, write_json
from assay.runs.store import JOURNAL, SEALED, SampleStore
from tests.viewing.folders import sample, write_run

PER_PROBLEM = 64
TEXT = 1_940
"""Characters of reasoning; with its frame a text has 2,000."""
OUTCOMES = ["graded"] * 14 + ["no_answer", "truncated", "truncated", "refused", "error", "verifier_timeout"]
NEEDLE = "quartzite"
"""A word that stands in one text of a hundred thousand."""


def pool(generator: np.random.Generator) -> str:
    """Forty million characters of words."""
    letters = np.array(list("etaoinshrdlcumwfgypbvk"))
    words = ["".join(generator.choice(letters, size=size)) for size in generator.integers(2, 11, size=20_000)]
    weights = 1 / np.arange(1, len(words) + 1)
    chosen = generator.choice(len(words), size=6_500_000, p=weights / weights.sum())
    return " ".join([words[index] for index in chosen])


def write_journal(folder: Path, count: int) -> None:
    """A run whose samples are all in its journal, in an order of their own."""
    write_run(folder, [sample("p0", 0)], benchmark="big", model="hf:out/big", seal=False, summary=False, planned=count)
    manifest = load_manifest(folder)
    manifest["sessions"][-1]["samples_per_problem"] = PER_PROBLEM
    write_json(folder / "manifest.json", manifest)
    generator = np.random.default_rng(0)
    text = pool(generator)
    places = generator.integers(0, len(text) - TEXT, size=count)
    order = generator.permutation(count)
    outcomes = generator.integers(0, len(OUTCOMES), size=count)
    answers = generator.integers(0, 1_000, size=count)
    with open(folder / JOURNAL, "wb") as file:
        for number in order.tolist():
            words = text[places[number] : places[number] + TEXT]
            file.write(line(number, words, OUTCOMES[outcomes[number]], int(answers[number])))


def line(number: int, text: str, outcome: str, answer: int) -> bytes:
    """One sample as a line of a journal."""
    problem, index = divmod(number, PER_PROBLEM)
    right = answer % 3 == 0
    graded = outcome == "graded"
    word = f" {NEEDLE} " if number % 100_000 == 77 else " "
    fields = {
        "key": f"{number * 0x9E3779B97F4A7C15F39CC0605CEDC835 % 2**128:032x}",
        "problem_id": f"problem-{problem:05d}",
        "sample_index": index,
        "seed": number,
        "prompt_sha256": f"{problem:064x}",
        "text": f"<think>\n{text}{word}\n</think>\n\nIt is $\\boxed{{{answer}}}$.",
        "finish_reason": "length" if outcome == "truncated" else "stop",
        "num_tokens": 400 + number % 1_000,
        "prefill": "",
        "backend_error": None,
        "outcome": outcome,
        "score": float(right) if graded else None,
        "extracted": str(answer) if graded else None,
        "reason": f"the answer {answer} {'equals' if right else 'is not'} the reference 42" if graded else "no answer",
        "details": '{"how":"number"}',
        "verify_seconds": 0.001,
        "verifier": "boxed_math",
        "verifier_version": "1",
        "repetitive": number % 50 == 0,
        "recorded_at": 1.7e9 + number / 100,
    }  # fmt: skip
    body = orjson.dumps(fields)[:-1]
    return b'%b,"crc":"%08x"}\n' % (body, zlib.crc32(body))


def seal(folder: Path) -> None:
    """What `assay run` does at the end of a run."""
    with SampleStore.lock(folder) as store:
        store.seal(lambda row: (int(row.problem_id[8:]), row.sample_index))


def write_changed(folder: Path, new: Path) -> None:
    """A sealed run with the same samples, a tenth of the verdicts turned round."""
    write_run(new, [sample("p0", 0)], benchmark="big", model="hf:out/other", seal=False, summary=False)
    (new / JOURNAL).unlink()
    write_json(new / "manifest.json", load_manifest(folder) | {"model": "hf:out/other"})

    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    with (
        pq.ParquetFile(folder / SEALED) as old,
        pq.ParquetWriter(new / SEALED, old.schema_arrow, compression="zstd") as file,
    ):
        for group in range(old.num_row_groups):
            table = old.read_row_group(group)
            turned = pc.equal(pc.subtract(table["seed"], pc.multiply(pc.divide(table["seed"], 10), 10)), 3)
            score = pc.if_else(turned, pc.subtract(1.0, table["score"]), table["score"])
            file.write_table(table.set_column(table.schema.get_field_index("score"), "score", score.cast(pa.float64())))


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "journal":
        write_journal(Path(rest[0]), int(rest[1]))
    elif what == "seal":
        seal(Path(rest[0]))
    elif what == "changed":
        write_changed(Path(rest[0]), Path(rest[1]))
