"""DuckDB over sealed Parquet files and read journals: one table of samples.

`Database.source` gives that table as SQL, for any runs: columns `run` (number), `pos` (row number in the sealed file or
byte offset in the journal), those of a sample without its text, and `verdict`. Where a sample stands in both, the
journal's wins, as in the sample store.

DuckDB takes `*` and `?` in a path for a pattern, so it is given links with plain names in a folder of our own. It may
read nothing else than that, loads no extension, and is bounded in memory. Every value in SQL is a parameter.
"""

from __future__ import annotations

import os
import tempfile
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from assay.errors import StoreError, UsageError
from assay.viewing.run import Run, Sealed

if TYPE_CHECKING:
    import duckdb

_COLUMNS = {
    "key": "VARCHAR", "problem_id": "VARCHAR", "sample_index": "INTEGER", "outcome": "VARCHAR", "score": "DOUBLE",
    "extracted": "VARCHAR", "reason": "VARCHAR", "num_tokens": "BIGINT", "finish_reason": "VARCHAR",
    "repetitive": "BOOLEAN", "recorded_at": "DOUBLE", "verifier": "VARCHAR", "verifier_version": "VARCHAR",
}  # fmt: skip
"""Columns that lists and counts need."""
_WHOLE = {
    **_COLUMNS, "seed": "BIGINT", "prompt_sha256": "VARCHAR", "text": "VARCHAR", "prefill": "VARCHAR",
    "backend_error": "VARCHAR", "details": "VARCHAR", "verify_seconds": "DOUBLE",
}  # fmt: skip
_VERDICT = (
    "CASE WHEN outcome = 'graded' THEN CASE WHEN score >= 1 THEN 'right' WHEN score > 0 THEN 'partial' "
    "ELSE 'wrong' END ELSE outcome END"
)
VERDICTS = ("right", "partial", "wrong", "no_answer", "truncated", "refused", "verifier_timeout", "error")
"""An outcome, and for a graded one whether its score is 1, between, or 0."""
OURS = "('verifier_timeout', 'error')"
"""Verdicts that are our own failure, as SQL."""
MEMORY_LIMIT = "2GB"


class Database:
    """The samples of all runs. Any thread may ask; each asks through a cursor of its own."""

    def __init__(self) -> None:
        try:
            import duckdb
        except ImportError as error:
            raise UsageError("the viewer needs more packages (duckdb): pip install 'assay[view]'") from error
        self._folder = tempfile.TemporaryDirectory(prefix="assay-view-")
        folder = Path(self._folder.name)
        (folder / "links").mkdir()
        (folder / "spill").mkdir()
        self._links = folder / "links"
        self._count = 0
        self._writing = threading.Lock()
        self._connection = duckdb.connect(
            str(folder / "journals.duckdb"),
            config={
                "memory_limit": MEMORY_LIMIT,
                "temp_directory": str(folder / "spill"),
                "autoinstall_known_extensions": "false",
                "autoload_known_extensions": "false",
                "preserve_insertion_order": "false",
            },
        )
        columns = ", ".join(f"{name} {kind}" for name, kind in _WHOLE.items())
        self._connection.execute(f"CREATE TABLE journal (run INTEGER, pos BIGINT, {columns})")

    def close(self) -> None:
        """Close and remove the temporary files."""
        self._connection.close()
        self._folder.cleanup()

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection for the caller alone."""
        cursor = self._connection.cursor()
        try:
            yield cursor
        finally:
            cursor.close()

    def add_sealed(self, run: int, path: Path) -> Sealed:
        """Take a sealed file in. Raises `StoreError` where it is damaged or holds something else."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            with open(path, "rb") as opened, pq.ParquetFile(opened) as file:
                rows, groups = file.metadata.num_rows, file.metadata.num_row_groups
                found = {field.name: str(field.type) for field in file.schema_arrow}
        except (OSError, pa.ArrowException, ValueError) as error:
            raise StoreError(f"the sealed samples {path} cannot be read: {_first_line(error)}") from error
        missing = sorted(_WHOLE.keys() - found.keys())
        if missing:
            raise StoreError(f"{path} is no file of samples: it lacks {', '.join(missing)}")
        wrong = [name for name, kind in _WHOLE.items() if not _fits(found[name], kind)]
        if wrong:
            raise StoreError(f"{path} is no file of samples: {', '.join(f'{w} is {found[w]:.40}' for w in wrong)}")
        with self._writing:
            self._count += 1
            link = self._links / f"{run}-{self._count}.parquet"
        os.symlink(path.resolve(), link)
        return Sealed(link=link, rows=rows, groups=groups)

    def forget_sealed(self, sealed: Sealed) -> None:
        """A file is gone or was replaced."""
        sealed.link.unlink(missing_ok=True)

    def damage(self, sealed: Sealed) -> str:
        """What is wrong with a sealed file; empty where every value of it can be read. Reads all of it."""
        import duckdb

        try:
            with self.cursor() as cursor:
                cursor.execute(f"SELECT sum(hash(COLUMNS(*))) FROM read_parquet({_quoted(sealed.link)})").fetchall()
        except duckdb.Error as error:
            return _first_line(error)
        return ""

    def add_journal(self, run: int, rows: Sequence[dict[str, Any]]) -> tuple[int, int]:
        """Take records of a journal in, each in place of an earlier one with its key.

        Returns:
            How many samples came to those that were there, and how many records were no samples.
        """
        import pyarrow as pa

        latest = {str(row["key"]): row for row in rows}
        schema = _arrow_schema()
        try:
            table = _table(latest.values(), run, schema)
            refused = 0
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            good = [row for row in latest.values() if _storable(row, run, schema)]
            refused = len(latest) - len(good)
            if not good:
                return 0, refused
            table = _table(good, run, schema)
        names = ", ".join(schema.names)
        with self._writing, self.cursor() as cursor:
            cursor.register("fresh", table)
            cursor.execute("BEGIN")
            replaced = cursor.execute(
                "DELETE FROM journal WHERE run = ? AND key IN (SELECT key FROM fresh)", [run]
            ).fetchone()
            cursor.execute(f"INSERT INTO journal ({names}) SELECT {names} FROM fresh")
            cursor.execute("COMMIT")
            cursor.unregister("fresh")
        return table.num_rows - (replaced[0] if replaced else 0), refused

    def forget_journal(self, run: int) -> None:
        """A journal was emptied or replaced."""
        with self._writing, self.cursor() as cursor:
            cursor.execute("DELETE FROM journal WHERE run = ?", [run])

    def source(self, runs: Iterable[Run]) -> str:
        """The samples of these runs as a subquery, without their texts.

        Args:
            runs: Of the catalog.
        """
        chosen = list(runs)
        names = ", ".join(_COLUMNS)
        parts = []
        sealed = [(run.number, run.sealed.link, run.journalled) for run in chosen if run.sealed]
        alone = [(number, link) for number, link, journalled in sealed if not journalled]
        beneath = [(number, link) for number, link, journalled in sealed if journalled]
        journalled = [run.number for run in chosen if run.journalled]
        if len(alone) == 1:
            ((number, link),) = alone
            parts.append(
                f"SELECT {number} AS run, file_row_number AS pos, {names} "
                f"FROM read_parquet({_quoted(link)}, file_row_number = true)"
            )
        elif alone:
            links = ", ".join(_quoted(link) for _, link in alone)
            parts.append(
                "SELECT CAST(split_part(parse_filename(filename), '-', 1) AS INTEGER) AS run, file_row_number AS pos, "
                f"{names} FROM read_parquet([{links}], filename = true, file_row_number = true)"
            )
        parts += [
            f"SELECT {number} AS run, file_row_number AS pos, {names} "
            f"FROM read_parquet({_quoted(link)}, file_row_number = true) AS below "
            f"WHERE NOT EXISTS (FROM journal WHERE journal.run = {number} AND journal.key = below.key)"
            for number, link in beneath
        ]
        if journalled:
            numbers = ", ".join(map(str, journalled))
            parts.append(f"SELECT run, pos, {names} FROM journal WHERE run IN ({numbers})")
        if not parts:
            typed = ", ".join(f"CAST(NULL AS {kind}) AS {name}" for name, kind in _COLUMNS.items())
            parts.append(f"SELECT CAST(NULL AS INTEGER) AS run, CAST(NULL AS BIGINT) AS pos, {typed} WHERE false")
        return f"(SELECT *, {_VERDICT} AS verdict FROM ({' UNION ALL '.join(parts)}))"

    def whole(self, run: Run, key: str) -> dict[str, Any] | None:
        """All columns of one sample; None where there is none with this key."""
        with self.cursor() as cursor:
            if run.journalled:
                found = _row(cursor.execute("SELECT * FROM journal WHERE run = ? AND key = ?", [run.number, key]))
                if found is not None:
                    return found
            if run.sealed is None:
                return None
            place = cursor.execute(
                f"SELECT file_row_number FROM read_parquet({_quoted(run.sealed.link)}, file_row_number = true) "
                "WHERE key = ?",
                [key],
            ).fetchone()
        return None if place is None else read_rows(run.sealed, [place[0]], list(_WHOLE))[place[0]] | {"pos": place[0]}

    def texts(self, run: Run, places: Sequence[int], journalled: bool) -> dict[int, str]:
        """The texts of samples of one run, by position."""
        if not journalled and run.sealed is not None:
            return {place: row["text"] or "" for place, row in read_rows(run.sealed, places, ["text"]).items()}
        with self.cursor() as cursor:
            rows = cursor.execute(
                "SELECT pos, text FROM journal WHERE run = ? AND pos IN (SELECT unnest(?))", [run.number, list(places)]
            ).fetchall()
        return dict(rows)


def read_rows(sealed: Sealed, places: Sequence[int], columns: Sequence[str]) -> dict[int, dict[str, Any]]:
    """Rows of a sealed file by number; only their row groups are read. Raises `StoreError`."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    wanted = sorted(places)
    found: dict[int, dict[str, Any]] = {}
    try:
        with pq.ParquetFile(sealed.link) as file:
            first = 0
            for group in range(file.num_row_groups):
                after = first + file.metadata.row_group(group).num_rows
                inside = [place for place in wanted if first <= place < after]
                if inside:
                    rows = file.read_row_group(group, columns=list(columns)).take([place - first for place in inside])
                    found |= dict(zip(inside, rows.to_pylist(), strict=True))
                first = after
    except (OSError, pa.ArrowException) as error:
        raise StoreError(f"the sealed samples cannot be read: {_first_line(error)}") from error
    return found


def _fits(found: str, wanted: str) -> bool:
    kinds = {
        "VARCHAR": ("string", "large_string", "dictionary<values=string, indices=int32, ordered=0>"),
        "INTEGER": ("int32", "int16", "int64"),
        "BIGINT": ("int64", "int32"),
        "DOUBLE": ("double", "float"),
        "BOOLEAN": ("bool",),
    }
    return found in kinds[wanted]


def _arrow_schema() -> Any:
    import pyarrow as pa

    kinds = {
        "VARCHAR": pa.string(), "INTEGER": pa.int32(), "BIGINT": pa.int64(), "DOUBLE": pa.float64(),
        "BOOLEAN": pa.bool_(),
    }  # fmt: skip
    return pa.schema({"run": pa.int32(), "pos": pa.int64(), **{name: kinds[kind] for name, kind in _WHOLE.items()}})


def _table(rows: Iterable[dict[str, Any]], run: int, schema: Any) -> Any:
    import pyarrow as pa

    chosen = list(rows)
    columns = {name: [row[name] for row in chosen] for name in schema.names if name != "run"}
    return pa.table({"run": [run] * len(chosen), **columns}, schema=schema)


def _storable(row: dict[str, Any], run: int, schema: Any) -> bool:
    import pyarrow as pa

    try:
        _table([row], run, schema)
    except (pa.ArrowException, OverflowError, TypeError, ValueError):
        return False
    return True


def _row(result: duckdb.DuckDBPyConnection) -> dict[str, Any] | None:
    names = [column[0] for column in result.description or ()]
    values = result.fetchone()
    return None if values is None else dict(zip(names, values, strict=True))


def _quoted(path: Path) -> str:
    return "'" + str(path).replace("'", "''") + "'"


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
