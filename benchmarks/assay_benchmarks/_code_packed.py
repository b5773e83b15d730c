"""Private tests as LiveCodeBench ships them: JSON, or base64 of zlib of a pickled string that holds JSON.

Unpickling a file from elsewhere runs whatever it says, and the official loader does just that. Here nothing is ever
unpickled. The pickle is walked instruction by instruction (`pickletools.genops` decodes and executes nothing), and
only those that put one string on the stack are admitted; the first of any other kind (a global, a call, a list, a
number) refuses the file. The stream is unpacked up to a cap, so that a bomb costs at most the cap.
"""

from __future__ import annotations

import base64
import binascii
import json
import pickletools
import zlib
from typing import Any

from assay_benchmarks import _code_rows as rows

MAX_UNPACKED = 512 * 2**20
"""Bytes of one problem's private tests, unpacked. The official files have 1 to 12 MB a problem, packed, on average;
tests beyond this cap could hardly be sent to a worker."""

_STRINGS = {"UNICODE", "SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8"}
_HARMLESS = {"PROTO", "FRAME", "PUT", "BINPUT", "LONG_BINPUT", "MEMOIZE", "STOP"}


def unpack_tests(where: str, field: str, value: object, limit: int = MAX_UNPACKED) -> Any:
    """The JSON value of a field that holds it as it is, as JSON text, or packed.

    Args:
        where: The place, for errors.
        field: The field's name, for errors.
        value: What the row holds.
        limit: Cap on the unpacked size in bytes.

    Raises:
        DataError: Neither JSON nor packed JSON, too large, or a pickle that holds more than one string.
    """
    if not isinstance(value, str):
        return value
    try:
        return parse(value) if value.lstrip()[:1] in ("[", "{", "") else parse(_unpack(value, limit))
    except ValueError as error:
        raise rows.flaw(where, f"the field {field!r} cannot be read: {error}") from error


def parse(text: str) -> Any:
    """One JSON value, or None for an empty text. Raises `ValueError` for anything else, NaN included."""
    if not text.strip():
        return None
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("its JSON is nested too deeply") from None
    except json.JSONDecodeError as error:
        # Its message does not quote the text.
        raise ValueError(f"it is not JSON ({error})") from None


def read_pickled_string(data: bytes) -> str:
    """The string that a pickle holds, read without unpickling.

    Raises `ValueError` where the pickle is cut off or does anything but hold one string.
    """
    found: str | None = None
    try:
        for opcode, argument, _ in pickletools.genops(data):
            if opcode.name in _STRINGS and found is None:
                found = argument
            elif opcode.name not in _HARMLESS:
                raise ValueError(
                    f"its pickle does more than hold one string (instruction {opcode.name}). Nothing of it was run"
                )
    except (IndexError, OverflowError, UnicodeDecodeError) as error:
        raise ValueError(f"its pickle is damaged ({type(error).__name__})") from None
    if found is None:
        raise ValueError("its pickle holds no string")
    return found


def _unpack(packed: str, limit: int) -> str:
    try:
        compressed = base64.b64decode(packed.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise ValueError("it is neither JSON nor base64") from None
    unpacker = zlib.decompressobj()
    try:
        data = unpacker.decompress(compressed, limit + 1)
    except (zlib.error, MemoryError) as error:
        raise ValueError(f"it does not unpack ({error})") from None
    if len(data) > limit:
        raise ValueError(f"it unpacks to more than {limit} bytes, which is the cap")
    if not unpacker.eof:
        raise ValueError("its packed data is cut off")
    return read_pickled_string(data)


def _refuse(name: str) -> Any:
    raise ValueError(f"it is not JSON: {name}")
