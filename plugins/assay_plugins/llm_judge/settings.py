"""The options of the verifier, checked: what contradicts itself is refused before anything is asked."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from assay import UsageError
from assay_plugins.llm_judge.models import SERVER
from assay_plugins.llm_judge.modes import MODES, Mode

_SERVER_RETRIES = 5
"""Further attempts of the backend: about 15 seconds of backing off. A judge has a deadline, a run has not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Settings:
    """What a verifier was built with."""

    mode: Mode
    judges: tuple[tuple[str, Mapping[str, Any]], ...]
    """URL and backend options of each judge."""
    votes: int
    """Samples per judge."""
    temperature: float
    top_p: float
    max_tokens: int
    """Tokens that a judge may generate for one answer, its reasoning included."""
    attempts: int
    """How often a question is asked until its answer has a readable verdict."""
    cache: str | None
    max_calls: int | None
    max_tokens_total: int | None
    max_chars: int
    timeout: float
    """Seconds for one check, all questions and attempts together."""


def read_settings(
    *,
    judge: Any,
    judges: Any,
    judge_options: Any,
    mode: Any,
    votes: Any,
    temperature: Any,
    top_p: Any,
    max_tokens: Any,
    attempts: Any,
    cache: Any,
    max_calls: Any,
    max_tokens_total: Any,
    max_chars: Any,
    timeout: Any,
) -> Settings:
    """Check the options. Raises `UsageError` that names the option, what was found and what would be right."""
    if not isinstance(mode, str) or mode not in MODES:
        raise UsageError(f"llm_judge: mode must be one of {', '.join(MODES)}, got {mode!r}")
    if cache is not None and (not isinstance(cache, str) or not cache):
        raise UsageError(f"llm_judge: cache must be the path of a file, got {cache!r}")
    if not isinstance(judge_options, Mapping):
        raise UsageError(f"llm_judge: judge_options must be a mapping, got {judge_options!r}")
    seconds = _number("timeout", timeout, 0.001, math.inf)
    settings = Settings(
        mode=MODES[mode],
        judges=_judges(judge, judges, judge_options, seconds),
        votes=_whole("votes", votes, 1),
        temperature=_number("temperature", temperature, 0.0, 10.0),
        top_p=_number("top_p", top_p, 1e-6, 1.0),
        max_tokens=_whole("max_tokens", max_tokens, 8),
        attempts=_whole("attempts", attempts, 1),
        cache=cache,
        max_calls=None if max_calls is None else _whole("max_calls", max_calls, 0),
        max_tokens_total=None if max_tokens_total is None else _whole("max_tokens_total", max_tokens_total, 0),
        max_chars=MODES[mode].max_chars if max_chars is None else _whole("max_chars", max_chars, 100),
        timeout=seconds,
    )
    _check_votes(settings)
    return settings


def _judges(
    judge: Any, judges: Any, options: Mapping[str, Any], timeout: float
) -> tuple[tuple[str, Mapping[str, Any]], ...]:
    if (judge is None) == (not judges):
        raise UsageError(
            "llm_judge: name the judge with judge='openai:http://HOST/v1#MODEL' (or vllm:MODEL, or any other backend), "
            "or several with judges=[...]"
        )
    entries = [judge] if judge is not None else judges
    if isinstance(entries, str) or not isinstance(entries, Sequence):
        raise UsageError(f"llm_judge: judges must be a list, got {entries!r}")
    read = tuple(_judge(entry, options, timeout) for entry in entries)
    for number, (url, own) in enumerate(read):
        if (url, own) in read[:number]:
            raise UsageError(
                f"llm_judge: the judge {url!r} is named twice: name it once, and set votes and temperature"
            )
    return read


def _judge(entry: Any, options: Mapping[str, Any], timeout: float) -> tuple[str, Mapping[str, Any]]:
    own: Mapping[str, Any] = {}
    if isinstance(entry, Mapping):
        own = {name: value for name, value in entry.items() if name != "url"}
        entry = entry.get("url")
    if not isinstance(entry, str) or ":" not in entry:
        raise UsageError(
            f"llm_judge: a judge is the URL of a backend, such as 'openai:http://HOST/v1#MODEL', or a mapping with "
            f"'url' and options of that backend; got {entry!r}"
        )
    # A backend's own defaults are made for answers of 32,768 tokens and for runs that may wait for hours.
    patience = {"timeout": timeout, "max_retries": _SERVER_RETRIES} if entry.startswith(SERVER) else {}
    return entry, {**patience, **options, **own}


def _check_votes(settings: Settings) -> None:
    total = settings.votes * len(settings.judges)
    if settings.mode.two_valued and total % 2 == 0:
        raise UsageError(
            f"llm_judge: {total} votes can be split in halves: mode {settings.mode.name!r} needs an odd number "
            "(votes x judges)"
        )
    if settings.votes > 1 and settings.temperature == 0:
        raise UsageError(
            f"llm_judge: at temperature 0 the same judge gives the same answer {settings.votes} times: set temperature "
            "(0.6, say) with votes, or name several judges"
        )


def _whole(name: str, value: Any, least: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise UsageError(f"llm_judge: {name} must be a whole number of at least {least}, got {value!r}")
    return value


def _number(name: str, value: Any, least: float, most: float) -> float:
    good = isinstance(value, int | float) and not isinstance(value, bool)
    if not good or not (least <= value <= most and value < math.inf):
        top = "" if most == math.inf else f" to {most:g}"
        raise UsageError(f"llm_judge: {name} must be a number from {least:g}{top}, got {value!r}")
    return float(value)
