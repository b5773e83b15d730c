"""Capitals of countries, four samples a problem."""

import json
from importlib.resources import files

import assay


class MyPlugin(assay.BaseBenchmark):
    """Questions with a one-word answer, read from `problems.jsonl` beside this file."""

    name = "my_plugin"
    protocol = assay.EvalProtocol(samples=4, instruction=r"Put the answer into \boxed{}.")
    metrics = ("pass@1", "cons@n")

    def problems(self):
        """All problems in their fixed order."""
        lines = files("my_plugin").joinpath("problems.jsonl").read_text("utf-8").splitlines()
        return [self._problem(json.loads(line)) for line in lines]

    def _problem(self, row):
        return assay.Problem(
            id=row["id"],
            prompt=(assay.Message(role="user", content=row["question"]),),
            reference=row["answer"],
            verifier="boxed_math",  # compares text too; or a verifier of your own
        )
