"""Sixty dates between 1900 and 2099, four samples each."""

import datetime
import random

import assay
from assay_weekdays.verifier import day_of

_FIRST, _LAST = datetime.date(1900, 1, 1).toordinal(), datetime.date(2099, 12, 31).toordinal()


class Weekdays(assay.BaseBenchmark):
    """On which day did it fall?"""

    name = "weekdays"
    protocol = assay.EvalProtocol(samples=4, instruction='End with a line "Answer: …" that names the day.')
    metrics = ("pass@1", "cons@n")

    def problems(self):
        """All problems in their fixed order; the seed is a part of the data."""
        ordinals = random.Random(1900).sample(range(_FIRST, _LAST + 1), 60)
        return [self._problem(datetime.date.fromordinal(ordinal).isoformat()) for ordinal in ordinals]

    def gold_response(self, problem):
        """What a perfect model would write: `assay data check` wants it to score 1."""
        return f"Answer: {day_of(problem.reference)}"

    def aggregate(self, samples):
        """A figure of our own, which stands in the report beside the metrics."""
        scores = [sample.verdict.score or 0.0 for sample in samples if sample.problem_id < "2000"]
        return {"before 2000": sum(scores) / len(scores) if scores else None}

    def _problem(self, date):
        question = f"On which day of the week did {date} fall, or will it fall (Gregorian calendar)?"
        return assay.Problem(
            id=date,  # for ever: stored samples are found by it
            prompt=(assay.Message(role="user", content=question),),
            reference=date,
            verifier="weekday",
        )
