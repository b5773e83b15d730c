"""The exceptions that Assay raises on purpose.

    AssayError                 exit 1
    ├── UsageError             exit 2: what was asked for does not exist or contradicts itself
    ├── PluginError            a plugin does not load, clashes, or breaks its contract
    ├── DataError              benchmark data is missing, changed or malformed
    ├── BackendError           completions cannot be had: model missing, server down, out of memory
    ├── StoreError             a run folder is locked, full, unwritable or damaged
    ├── SandboxError           untrusted code cannot be run safely here, or the sandbox itself failed
    └── VerifierError          a verifier cannot be run at all (a failed check is a Verdict, not this)

Each message says what was found, where, and what to do. The command line prints it without a traceback.
"""

from __future__ import annotations


class AssayError(Exception):
    """Base of every error that Assay raises on purpose."""

    exit_code = 1


class UsageError(AssayError):
    """The caller asked for something that does not exist or contradicts itself."""

    exit_code = 2


class PluginError(AssayError):
    """A plugin does not load, clashes with another, or breaks its contract."""


class DataError(AssayError):
    """Benchmark data is missing, changed or malformed."""


class BackendError(AssayError):
    """Completions cannot be had."""


class StoreError(AssayError):
    """A run folder is locked, full, unwritable or damaged."""


class SandboxError(AssayError):
    """Untrusted code cannot be run safely here, or the sandbox itself failed (never the program in it)."""


class VerifierError(AssayError):
    """A verifier cannot be run at all."""


def did_you_mean(name: str, known: list[str]) -> str:
    """A sentence with the closest known names, or with all of them; for the end of an error message."""
    import difflib

    close = difflib.get_close_matches(name, known, n=3, cutoff=0.6)
    if close:
        return f"Did you mean {' or '.join(close)}?"
    return f"Known: {', '.join(sorted(known)) or 'none'}."
