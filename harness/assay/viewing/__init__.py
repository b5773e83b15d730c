"""`assay view`: a results folder in the browser, for one person on one machine.

| file         | holds                                                                        |
|--------------|------------------------------------------------------------------------------|
| `run`        | one run folder, as of the last look                                            |
| `catalog`    | which runs a folder holds, whole or broken, and what each of them is          |
| `tail`       | the journal of a run that goes on, read as it grows                           |
| `database`   | DuckDB over sealed Parquet files and read journals: one table of samples      |
| `filters`    | which samples a page shows: parsed from its address, and written as SQL       |
| `samples`    | a page of samples, what follows, counts of verdicts, one whole sample          |
| `search`     | texts that hold some words, found in the background within a budget of time   |
| `overview`   | the numbers of a run: its summary, or what its samples say so far              |
| `comparing`  | two runs on the same problems                                                 |
| `questions`  | the question and the reference of a sample, from the benchmark's data          |
| `explain`    | what a verdict's details say: parts, tests that failed, outputs compared       |
| `guard`      | loopback only: which requests are answered, and what every answer forbids      |
| `app`        | the routes; templates and the page's own script lie beside it                  |

Pages are made on the server; the script adds keys, formulas and live updates, and everything works without it. Every
state is in the address. Nothing in the results folder is ever written, locked or opened for writing.

The sealed file is queried where it lies: columns that a filter needs are read, texts only for the samples on the page.
So a run of a million samples opens as fast as one of a hundred, and memory holds no texts. Pages are found by key
(run, position), not by counting rows. Journals cannot be queried in place; they are read once into a temporary
database that is removed at the end.
"""

from __future__ import annotations
