"""A benchmark with contest ids in its problems' metadata, as `codeforces` has them; "yes" is right."""

import assay

PLACES = {"first": (2000, "A"), "second": (2000, "B1"), "third": ("2001", "a")}


class Yes(assay.BaseVerifier):
    name = "yes"
    version = "1"

    def verify_fast(self, problem, completion):
        answer = assay.split_completion(completion).answer
        if answer is None or not answer.strip():
            return assay.missing_answer(completion, "no answer")
        if answer == "crash":
            return assay.Verdict(outcome=assay.Outcome.ERROR, reason="our own failure")
        return assay.Verdict(outcome=assay.Outcome.GRADED, score={"yes": 1.0, "half": 0.5}.get(answer, 0.0))

    def verify(self, problem, completion):
        return self.verify_fast(problem, completion)


class Rounds(assay.BaseBenchmark):
    """With metadata, or with ids such as "2000/A" alone."""

    def __init__(self, name):
        self.name = name

    def problems(self):
        problems = []
        for key, (contest, index) in PLACES.items():
            told = {"rounds": {"contest_id": contest, "index": index}, "by_id": {}, "nowhere": {}}[self.name]
            identity = {"rounds": key, "by_id": f"{contest}/{index}", "nowhere": key}[self.name]
            prompt = (assay.Message(role="user", content="?"),)
            problems.append(assay.Problem(id=identity, prompt=prompt, reference="yes", verifier="yes", metadata=told))
        return problems


@assay.hookimpl
def register_verifiers():
    return {"yes": Yes}


@assay.hookimpl
def register_benchmarks():
    return {name: lambda name=name: Rounds(name) for name in ("rounds", "by_id", "nowhere")}
