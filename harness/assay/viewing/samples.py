"""A page of samples, what follows it, counts of verdicts, and one whole sample.

Pages are found by key: a cursor names the sample behind or before which a page begins (sort value, run, position), so
that the thousandth page costs what the first does and samples that arrive meanwhile move nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from markupsafe import Markup

from assay.errors import StoreError
from assay.reasoning import CLOSE
from assay.rendering import snippet
from assay.viewing.catalog import Catalog
from assay.viewing.database import OURS, VERDICTS, Database
from assay.viewing.filters import ORDERS, Filter, conditions
from assay.viewing.run import Run
from assay.viewing.search import Searches

PAGE = 50
_Answer = TypeVar("_Answer")
_LISTED = (
    "run, pos, key, problem_id, sample_index, verdict, score, extracted[:300] AS extracted, reason[:300] AS reason, "
    "num_tokens, finish_reason, repetitive"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """A sample in a list."""

    run: Run
    pos: int
    key: str
    problem_id: str
    sample_index: int
    verdict: str
    score: float | None
    extracted: str | None
    reason: str
    num_tokens: int | None
    capped: bool
    repetitive: bool
    cursor: str
    """Where a page that begins behind it begins."""
    found: Markup | None = None
    """Where the words of a search stand in its text."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Page:
    """A page of samples."""

    rows: Sequence[Listed]
    before: str
    """Cursor of the page before; empty where this is the first."""
    after: str
    """Cursor of the next page; empty where this is the last."""
    counts: Mapping[str, int]
    """Samples by verdict, the filter by verdict left aside."""
    total: int
    """Samples of the filter."""
    searched: float
    """Share of the samples whose text was searched; 1 without a search."""


class Samples:
    """Questions about the samples of the catalog's runs."""

    def __init__(self, catalog: Catalog, database: Database, searches: Searches) -> None:
        self._catalog = catalog
        self._database = database
        self._searches = searches

    def scope(self, chosen: Filter) -> list[Run]:
        """The runs that a filter is about."""
        model = chosen.model.lower()
        return [
            run
            for run in self._catalog.runs()
            if run.samples
            and (not chosen.run or run.name in chosen.run)
            and (not chosen.benchmark or run.benchmark in chosen.benchmark)
            and model in run.model.lower()
        ]

    def page(self, chosen: Filter, *, after: str = "", before: str = "", size: int = PAGE) -> Page:
        """The page behind or before a cursor; a cursor that leads nowhere is the beginning."""
        return self._retried(chosen, lambda runs: self._page(chosen, runs, after, before, size))

    def _page(self, chosen: Filter, runs: list[Run], after: str, before: str, size: int) -> Page:
        by_number = {run.number: run for run in runs}
        with self._asking(chosen, runs) as ask:
            counts, total = ask.counts()
            backwards = bool(before)
            place = self._place(before or after, runs)
            rows = ask.rows(place, size + 1, backwards=backwards)
        more = len(rows) > size
        rows = rows[:size][::-1] if backwards else rows[:size]
        listed = [_listed(row, by_number[row["run"]]) for row in rows]
        if chosen.q:
            listed = self._with_snippets(listed, chosen.q)
        starts_later = place is not None and bool(rows) if not backwards else more
        return Page(
            rows=listed,
            before=listed[0].cursor if listed and starts_later else "",
            after=listed[-1].cursor if listed and (more or backwards) else "",
            counts=counts,
            total=total,
            searched=ask.searched,
        )

    def neighbours(self, chosen: Filter, run: Run, key: str) -> tuple[Listed | None, Listed | None, Listed | None]:
        """The sample itself as listed, and those before and behind it in the filter's order."""

        def ask_for(runs: list[Run]) -> tuple[Listed | None, Listed | None, Listed | None]:
            by_number = {each.number: each for each in (*runs, run)}
            with self._asking(chosen, runs) as ask:
                found = ask.by_key(run, key)
                if found is None:
                    return None, None, None
                place = (found["sorted"], found["run"], found["pos"])
                sides = [ask.rows(place, 1, backwards=back) for back in (True, False)]
            before, after = (_listed(side[0], by_number[side[0]["run"]]) if side else None for side in sides)
            return before, _listed(found, run), after

        return self._retried(chosen, ask_for)

    def siblings(self, run: Run, problem_id: str, index: int | None = None, limit: int = 400) -> list[Listed]:
        """All samples of one problem in one run, or the one with an index, by index."""
        chosen = Filter(run=(run.name,), problem=problem_id)
        with self._asking(chosen, [run]) as ask:
            rows = ask.rows(None, limit, backwards=False)
        listed = [_listed(row, run) for row in rows if index in (None, row["sample_index"])]
        return sorted(listed, key=lambda each: (each.sample_index, each.pos))

    def problems(self, run: Run, order: str) -> list[dict[str, Any]]:
        """The problems of a run: id, samples, those right, mean score (None: none was checked), mean tokens."""
        sorted_by = {"hardest": "mean ASC NULLS LAST, place", "easiest": "mean DESC NULLS LAST, place"}.get(
            order, "place"
        )
        with self._database.cursor() as cursor:
            result = cursor.execute(
                "SELECT problem_id, count(*) AS samples, count(*) FILTER (verdict = 'right') AS correct, "
                "avg(CASE WHEN verdict NOT IN " + OURS + " THEN coalesce(score, 0) END) AS mean, "
                "avg(num_tokens) AS tokens, min(pos) AS place "
                f"FROM {self._database.source([run])} GROUP BY problem_id ORDER BY {sorted_by}"
            )
            names = [column[0] for column in result.description or ()]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def tolerant(self, runs: Sequence[Run], ask: Callable[[], _Answer]) -> _Answer:
        """The answer to a question about these runs; damaged files are set aside, and it is asked again."""
        import duckdb

        while True:
            try:
                return ask()
            except (duckdb.Error, StoreError) as error:
                if not self._set_aside(runs):
                    raise StoreError(f"the samples cannot be read: {str(error).splitlines()[0]:.300}") from error

    def _retried(self, chosen: Filter, ask: Callable[[list[Run]], _Answer]) -> _Answer:
        return self.tolerant(self._catalog.runs(), lambda: ask(self.scope(chosen)))

    def _set_aside(self, runs: Sequence[Run]) -> bool:
        found = False
        for run in runs:
            if run.sealed is None:
                continue
            reason = self._database.damage(run.sealed)
            if reason:
                self._catalog.failed(run, f"its sealed samples cannot be read: {reason}")
                found = True
        return found

    def _asking(self, chosen: Filter, runs: list[Run]) -> _Asking:
        other = self._catalog.get(chosen.against) if chosen.flip else None
        hits, searched = self._searches.find(runs, chosen.q) if chosen.q else (None, 1.0)
        return _Asking(self._database, chosen, runs, other, hits, searched)

    def _place(self, cursor: str, runs: Sequence[Run]) -> tuple[int, int, int] | None:
        value, _, rest = cursor.partition("~")
        pos, _, name = rest.partition("~")
        number = next((run.number for run in runs if run.name == name), None)
        try:
            return None if number is None else (_int64(value), number, _int64(pos))
        except ValueError:
            return None

    def _with_snippets(self, rows: list[Listed], words: str) -> list[Listed]:
        texts: dict[tuple[int, int], str] = {}
        for number in {row.run.number for row in rows}:
            mine = [row for row in rows if row.run.number == number]
            run = mine[0].run
            if run.journalled:
                found = self._database.texts(run, [row.pos for row in mine], journalled=True)
                texts |= {(number, pos): text for pos, text in found.items()}
            left = [row.pos for row in mine if (number, row.pos) not in texts]
            if left and run.sealed:
                texts |= {(number, pos): text for pos, text in self._database.texts(run, left, False).items()}
        return [replace(row, found=_snippet(texts.get((row.run.number, row.pos), ""), words)) for row in rows]


class _Asking:
    """One filter over some runs, with a cursor of its own."""

    def __init__(
        self, database: Database, chosen: Filter, runs: list[Run], other: Run | None, hits: Any, searched: float
    ) -> None:
        self.searched = searched
        self._chosen = chosen
        self._database = database
        self._source = database.source(runs)
        self._other = None if other is None else database.source([other])
        self._hits = hits
        self._sorted = ORDERS[chosen.order][1]

    def __enter__(self) -> _Asking:
        self._context = self._database.cursor()
        self._cursor = self._context.__enter__()
        if self._hits is not None:
            self._cursor.register("hits", self._hits)
        return self

    def __exit__(self, *failure: Any) -> None:
        if self._hits is not None:
            self._cursor.unregister("hits")
        self._context.__exit__(*failure)

    def counts(self) -> tuple[dict[str, int], int]:
        """Samples by verdict, as if no verdict were chosen, and samples of the whole filter."""
        where, values = self._where(replace(self._chosen, verdict=()))
        rows = self._cursor.execute(
            f"SELECT verdict, count(*) FROM {self._source} AS sample WHERE {where} GROUP BY verdict", values
        ).fetchall()
        found = Counter({str(verdict): count for verdict, count in rows})
        counts = {verdict: found[verdict] for verdict in VERDICTS if found[verdict] or verdict in self._chosen.verdict}
        wanted = self._chosen.verdict or found
        return counts, sum(found[verdict] for verdict in wanted)

    def rows(self, place: tuple[int, int, int] | None, limit: int, *, backwards: bool) -> list[dict[str, Any]]:
        """Samples behind a place, or before it, nearest first."""
        where, values = self._where(self._chosen)
        if place is not None:
            sign = "<" if backwards else ">"
            where += f" AND (sorted, run, pos) {sign} (?, ?, ?)"
            values += place
        direction = "DESC" if backwards else "ASC"
        return self._dicts(
            f"SELECT {_LISTED}, sorted FROM (SELECT *, {self._sorted} AS sorted FROM {self._source}) AS sample "
            f"WHERE {where} ORDER BY sorted {direction}, run {direction}, pos {direction} LIMIT {limit}",
            values,
        )

    def by_key(self, run: Run, key: str) -> dict[str, Any] | None:
        """One sample, whether or not the filter lets it through."""
        found = self._dicts(
            f"SELECT {_LISTED}, {self._sorted} AS sorted FROM {self._database.source([run])} AS sample WHERE key = ?",
            [key],
        )
        return found[0] if found else None

    def _where(self, chosen: Filter) -> tuple[str, list[Any]]:
        where, values = conditions(chosen, self._other)
        if self._hits is not None:
            where += " AND EXISTS (SELECT 1 FROM hits WHERE hits.run = sample.run AND hits.pos = sample.pos)"
        return where, values

    def _dicts(self, sql: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        result = self._cursor.execute(sql, list(values))
        names = [column[0] for column in result.description or ()]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _listed(row: Mapping[str, Any], run: Run) -> Listed:
    return Listed(
        run=run,
        pos=row["pos"],
        key=row["key"],
        problem_id=row["problem_id"],
        sample_index=row["sample_index"],
        verdict=row["verdict"],
        score=row["score"],
        extracted=row["extracted"],
        reason=row["reason"] or "",
        num_tokens=row["num_tokens"],
        capped=row["finish_reason"] == "length",
        repetitive=bool(row["repetitive"]),
        cursor=f"{row['sorted']}~{row['pos']}~{run.name}",
    )


def _snippet(text: str, words: str) -> Markup | None:
    """The last place behind the reasoning, else the first one."""
    folded, wanted = text.lower(), words.lower()
    if len(folded) != len(text):
        folded, wanted = text, words  # a letter whose small form is longer: places would not fit
    place = folded.find(wanted, max(0, text.rfind(CLOSE)))
    place = folded.find(wanted) if place < 0 else place
    return None if place < 0 else snippet(text, place, len(wanted))


def _int64(text: str) -> int:
    value = int(text[:20])
    if not -(2**63) <= value < 2**63:
        raise ValueError(text)
    return value
