"""What a benchmark says about its data: names to look for, the pinned hub revision, the licence."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

_NAME = re.compile(r"[a-z0-9][a-z0-9_]*")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, kw_only=True, slots=True)
class DataSource:
    """One data set and the places that hold it.

    Raises `ValueError` for a name that could not be a folder's, and for a hub revision that is not a full
    commit hash: a branch or a tag can move, and then the same name would mean other problems.
    """

    name: str
    """Lower-case letters, digits and underscores: also the folder of the cache."""
    files: tuple[str, ...]
    """File names to look for in a data folder, best first: `.jsonl`, `.csv`, or a `.zip` that holds a CSV."""
    licence: str
    """The terms that the data comes under, as its authors or distributors state them."""
    hub_repo: str | None = None
    """Dataset repository on the hub, or the path of a local folder that `datasets` can load."""
    hub_revision: str | None = None
    """The 40 hex digits of the pinned commit; None refuses the hub, because there is nothing to hold it to."""
    hub_config: str | tuple[str, ...] | None = None
    """The configuration of the repository. Several of them are read one after the other, for a set that the hub keeps
    in parts; each row then says in the field `config` where it came from."""
    hub_split: str = "test"
    hub_fields: Mapping[str, str] = field(default_factory=dict)
    """Our field name to the hub's column. Empty: the columns keep their names."""
    hub_derive: Callable[[int, Mapping[str, Any]], Mapping[str, Any]] | None = None
    """Further fields from a hub row and its position (from 0), so that ids agree with the local files'."""
    hub_file: str | None = None
    """One file of the repository, which is taken as it is: for large JSONL files, and for repositories that `datasets`
    cannot load. The fields keep their names."""
    hub_sha256: str | None = None
    """SHA-256 of `hub_file` at the pinned commit, in hex; what arrives is held to it."""
    hub_note: str = ""
    """Why there is no hub route, where there is none."""
    archive_member: str | None = None
    """End of the name of the CSV inside the `.zip`."""
    benchmark: str = ""
    """The benchmark to name in `assay data fetch`, where it is not the source's own name."""
    password_env: str | None = None
    """Environment variable with the archive's password. Setting it marks the data as confidential:
    its plaintext is kept in memory and never cached."""
    password_help: str = ""
    """Where a person finds the password."""

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"a data source's name must match {_NAME.pattern}, got {self.name!r}")
        if self.hub_revision is not None and not _COMMIT.fullmatch(self.hub_revision):
            raise ValueError(
                f"data source {self.name}: hub_revision must be a full commit, 40 hex digits, got {self.hub_revision!r}"
            )

    @property
    def confidential(self) -> bool:
        """True where the plaintext must not be written anywhere."""
        return self.password_env is not None
