"""Right if the one line "Answer: …" names the day of the week of the reference, a date like 2024-02-29."""

import datetime
import re

import assay

DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_ANSWER = re.compile(r"^[ \t>*]{0,8}answer:[ \t]{0,8}(.*)$", re.IGNORECASE | re.MULTILINE)
_MOST_CHARACTERS = 100


def day_of(date):
    """The English name of a date's day. Raises ValueError for what is no date."""
    return DAYS[datetime.date.fromisoformat(date).weekday()]


class Weekday(assay.BaseVerifier):
    """Compares what stands after "Answer:" with the day of the reference.

    Args:
        abbreviations: Whether "Tue" is Tuesday.
    """

    name = "weekday"
    version = "1"  # change it whenever a verdict may change: stored runs then ask for `assay rescore`

    def __init__(self, abbreviations: bool = True) -> None:
        self.abbreviations = abbreviations

    def verify_fast(self, problem, completion):
        """Decides in the caller, so it must end in bounded time whatever the response holds."""
        answer = assay.split_completion(completion).answer  # never grade the reasoning
        said = {self._key(text): text.strip() for text in _ANSWER.findall(answer or "") if text.strip()}
        if len(said) != 1:  # two different answers are none, or a model that lists all seven would be paid
            return assay.missing_answer(completion, f"the response holds {len(said)} different answers, must be one")
        key, text = said.popitem()
        if len(text) > _MOST_CHARACTERS:
            return assay.Verdict(
                outcome=assay.Outcome.REFUSED, reason=f"the answer is over {_MOST_CHARACTERS} characters"
            )
        gold = day_of(problem.reference)
        return assay.Verdict(
            outcome=assay.Outcome.GRADED,
            score=float(key == gold.lower()),
            extracted=text,
            reason="" if key == gold.lower() else f"it was a {gold}",
        )

    def verify(self, problem, completion):
        """What `verify_fast` leaves undecided runs here, in a worker process with a deadline: nothing, in this one."""
        return self.verify_fast(problem, completion)

    def check_reference(self, reference):
        """Why nothing can be graded against a reference; None where something can."""
        try:
            day_of(reference)
        except (TypeError, ValueError):
            return f"{reference!r} is no date like 2024-02-29"
        return None

    def same_answer(self, a, b):
        """Whether two answers are one vote in cons@k."""
        return self._key(a) == self._key(b)

    def answer_key(self, answer):
        """Answers with the same key are the same; this spares comparing all pairs."""
        return "", self._key(answer)

    def audit_cases(self):
        """What `assay audit weekday` starts from."""
        return [
            assay.AuditCase(
                reference="2024-02-29",
                right="A leap year.\nAnswer: Thursday",
                wrong=("Answer: Friday", "It was Thursday.\nAnswer: Wednesday"),
                template="It follows.\nAnswer: {}",
                answer="Thursday",
                wrong_answers=("Friday", "Wednesday", "Thirsday", "2024-02-29"),
            )
        ]

    def _key(self, text):
        word = text.strip().rstrip(".!").strip("* ").lower()
        if self.abbreviations:
            return next((day.lower() for day in DAYS if word == day[:3].lower()), word)
        return word
