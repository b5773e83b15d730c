"""Right if the line "Answer: …" says exactly the reference."""

import re

import assay

_ANSWER = re.compile(r"^[ \t>*]{0,8}answer:[ \t]{0,8}(.*)$", re.IGNORECASE | re.MULTILINE)
_MOST_CHARACTERS = 200


class MyPlugin(assay.BaseVerifier):
    """Compares what stands after "Answer:" with the reference.

    Args:
        ignore_case: Whether "Paris" and "paris" are the same.
    """

    name = "my_plugin"
    version = "1"  # change it whenever a verdict may change: stored runs then ask for `assay rescore`

    def __init__(self, ignore_case: bool = True) -> None:
        self.ignore_case = ignore_case

    def verify_fast(self, problem, completion):
        """Decides in the caller, so it must end in bounded time whatever the response holds."""
        answer = assay.split_completion(completion).answer  # never grade the reasoning
        said = {self._key(text): text.strip() for text in _ANSWER.findall(answer or "") if text.strip()}
        if len(said) != 1:  # two different answers are none, or a model that lists all would be paid
            return assay.missing_answer(completion, f"the response holds {len(said)} different answers, must be one")
        key, text = said.popitem()
        if len(text) > _MOST_CHARACTERS:
            return assay.Verdict(
                outcome=assay.Outcome.REFUSED, reason=f"the answer is over {_MOST_CHARACTERS} characters"
            )
        return assay.Verdict(
            outcome=assay.Outcome.GRADED,
            score=float(key == self._key(str(problem.reference))),
            extracted=text,
            reason=f"the answer is {text!r}",
        )

    def verify(self, problem, completion):
        """What `verify_fast` leaves undecided runs here, in a worker process with a deadline: nothing, in this one."""
        return self.verify_fast(problem, completion)

    def same_answer(self, a, b):
        """Whether two answers are one vote in cons@k."""
        return self._key(a) == self._key(b)

    def answer_key(self, answer):
        """Answers with the same key are the same; this spares comparing all pairs."""
        return "", self._key(answer)

    def audit_cases(self):
        """What `assay audit my_plugin` starts from."""
        return [
            assay.AuditCase(
                reference="Paris",
                right="It is on the Seine.\nAnswer: Paris",
                wrong=("It is Paris.\nAnswer: Rome",),
                template="It follows.\nAnswer: {}",
                answer="Paris",
                wrong_answers=("Rome", "Par", "Pariss"),
            )
        ]

    def _key(self, text):
        text = " ".join(text.split()).rstrip(".")
        return text.lower() if self.ignore_case else text
