"""Weights exchanged in a live vLLM engine: what it says equals a fresh one; test_vllm.py says how to run it."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest
from tests.backends.conftest import build_tiny_model
from tests.backends.test_vllm import PYTHON

SCRIPT = """
import json, sys, time

def main():
    from assay.backends.vllm import open_vllm
    from assay.types import Message, Request, Sampling

    options = {"dtype": "float32", "enforce_eager": True, "max_model_len": 128}
    requests = [Request(key=str(i), prompt=(Message(role="user", content="hi there"),), seed=i) for i in range(6)]

    def run(backend):
        found = {}
        for generated in backend.generate(requests, Sampling(temperature=0.9, top_p=1.0, max_tokens=20)):
            completion = generated.completion
            assert completion.error is None, completion.error
            found[generated.request.key] = [completion.token_ids, completion.logprobs]
        return found

    first, second, other = sys.argv[1:]
    kept = open_vllm(first, options)
    start = time.monotonic()
    before = run(kept)
    out = {"start": time.monotonic() - start, "other": kept.swap(f"vllm:{other}"), "swap": kept.swap(f"vllm:{second}")}
    start = time.monotonic()
    after = run(kept)
    out |= {"exchange": time.monotonic() - start, "before": before, "after": after, "swaps": kept.swaps}
    kept.swap(f"vllm:{first}")
    out |= {"back": run(kept), "fingerprint": kept.fingerprint}
    kept.close()
    fresh = open_vllm(second, options)
    out["fresh"] = run(fresh)
    fresh.close()
    print("RESULT" + json.dumps(out))

if __name__ == "__main__":
    main()
"""


@pytest.mark.model
@pytest.mark.parametrize("tied", [True, False], ids=["tied head", "own head"])
@pytest.mark.skipif(PYTHON is None, reason="vLLM is not installed; ASSAY_VLLM_PYTHON may name a Python that has it")
def test_the_engine_after_an_exchange_equals_a_fresh_one(tmp_path: Path, tied: bool) -> None:
    folders = [build_tiny_model(tmp_path / f"checkpoint-{seed}", seed=seed) for seed in (1, 2)]
    if tied:
        from transformers import AutoModelForCausalLM

        for folder in folders:
            model = AutoModelForCausalLM.from_pretrained(folder)
            model.config.tie_word_embeddings = True
            model.tie_weights()
            model.save_pretrained(folder)
    folders.append(build_tiny_model(tmp_path / "wider", window=512))
    script = tmp_path / "use_vllm.py"
    script.write_text(SCRIPT)
    environment = {
        **os.environ, "VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "2",
        "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1", "ASSAY_PLUGINS": "backends",
    }  # fmt: skip
    done = subprocess.run(
        [str(PYTHON), str(script), *map(str, folders)], env=environment, cwd=tmp_path, capture_output=True, text=True,
        timeout=280,
    )  # fmt: skip
    assert "RESULT" in done.stdout, done.stderr[-4000:]
    out = json.loads(done.stdout.partition("RESULT")[2])
    assert (out["swap"], out["other"], out["swaps"]) == (True, False, 1)
    # By key: completions come in the order in which they finish.
    assert {key: ids for key, (ids, _) in out["after"].items()} == {key: ids for key, (ids, _) in out["fresh"].items()}
    assert out["after"] != out["before"] == out["back"]
    for key, (_, logprobs) in out["fresh"].items():
        assert out["after"][key][1] == pytest.approx(logprobs, abs=1e-5)
    assert out["exchange"] < out["start"] / 4
