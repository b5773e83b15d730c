import json

import assay


def test_every_gold_answer_scores_1():
    """The conformance kit: ids are unique, references are usable, and the verifier agrees with every gold answer."""
    assert assay.validate_benchmark(assay.get_benchmark("my_plugin")) == []


def test_problems_are_the_same_every_time():
    first, second = assay.get_benchmark("my_plugin"), assay.get_benchmark("my_plugin")
    assert [problem.id for problem in first.problems()] == [problem.id for problem in second.problems()]
    assert first.revision == second.revision


def test_a_run(tmp_path):
    """Completions from a file in place of a model: one right, one wrong, one silent, one right for each problem."""
    problems = assay.get_benchmark("my_plugin").problems()
    with open(tmp_path / "completions.jsonl", "w") as file:
        for problem in problems:
            for index, answer in enumerate((problem.reference, "Atlantis", "", problem.reference)):
                text = f"\\boxed{{{answer}}}" if answer else "I do not know."
                file.write(json.dumps({"problem_id": problem.id, "sample_index": index, "text": text}) + "\n")
    (result,) = assay.evaluate(f"replay:{tmp_path}/completions.jsonl", "my_plugin", out=tmp_path / "runs")
    assert result.summary["metrics"]["pass@1"]["value"] == 0.5
    assert result.summary["metrics"]["cons@n"]["value"] == 1.0
    assert result.summary["outcomes"]["no_answer"] == len(problems)
