"""Parity with lm-eval: the same figures and the same value of every metric of every sample, to 1e-9."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("lm_eval")

from assay_benchmarks._nltk_data import REMEDY, find_punkt
from tests.interop.lm_eval_both import run_both
from tests.interop.lm_eval_cases import BUILDERS, make

pytestmark = [
    pytest.mark.filterwarnings("ignore"),  # lm-eval and datasets warn of themselves
    pytest.mark.usefixtures("offline"),
]


ROWS = {"mmlu_pro": 1, "arc_easy": 20}
"""Rows where they are not 6: mmlu_pro has so many for each of its 14 subjects."""


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize("name", sorted(BUILDERS))
def test_our_scores_are_those_of_lm_eval(name: str, shared_data: Path, tmp_path: Path) -> None:
    if name == "ifeval" and not find_punkt():
        pytest.skip(f"NLTK's punkt_tab is missing. {REMEDY}")
    case = make(name, shared_data, tmp_path, ROWS.get(name, 6))
    both = run_both(case, tmp_path)
    assert both.worst() <= 1e-9
    scores = {
        value for metrics in both.our_samples.values() for value in metrics.values() if isinstance(value, float | int)
    }
    assert len(scores) > 1 or name == "ifeval", "a case in which every sample scores the same would prove little"
