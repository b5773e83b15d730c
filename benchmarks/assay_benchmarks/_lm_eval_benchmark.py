"""The benchmark class behind `lm-eval:<task>`; `lm_eval_task` says what the name may hold."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from assay import (
    BaseBenchmark,
    CheckedSample,
    Continuation,
    EvalProtocol,
    Message,
    Problem,
    Sampling,
    UsageError,
    did_you_mean,
)
from assay_benchmarks import _lm_eval_find as find
from assay_benchmarks import _lm_eval_tasks as tasks
from assay_benchmarks._lm_eval_figures import figures

FEWSHOT_SEED = 1234
"""lm-eval's own default."""
_KNOWN = ("include_path", "data", "num_fewshot", "metric", "filter", "chat", "multiturn", "stop")
_WORDS = {"chat": ("true", "false"), "multiturn": ("true", "false"), "stop": ("sampling", "answer")}


class LmEvalBenchmark(BaseBenchmark):
    """A task or a group of tasks."""

    no_gold = "lm-eval's tasks hold targets, and only a task knows what response gives one"

    def __init__(self, rest: str) -> None:
        """Parse what follows "lm-eval:". Nothing is loaded yet. Raises `UsageError` for a malformed option."""
        find.require()
        self.name = f"lm-eval:{rest}"
        self.task, self.options = _parse(rest)
        self.folders = find.folders(self.options.get("include_path", ""))
        self._problems: tuple[Problem, ...] | None = None
        self._continuations: dict[str, tuple[Continuation, ...]] = {}

    @cached_property
    def _loaded(self) -> tuple[dict[str, Any], dict[str, Any]]:
        found, groups = tasks.load(find.manager(self.task, self.folders), self.task, self.options.get("data", ""))
        for task in found.values():
            shots = self.options.get("num_fewshot")
            if task.config.num_fewshot is None or (shots is not None and task.config.num_fewshot != 0):
                task.set_config("num_fewshot", int(shots or 0))
            task.set_fewshot_seed(FEWSHOT_SEED)
        return found, groups

    @property
    def generates(self) -> bool:
        """Whether answers are generated; else they are log-likelihoods. Raises `UsageError` for a mixture."""
        kinds = {task.OUTPUT_TYPE == "generate_until" for task in self._loaded[0].values()}
        if len(kinds) > 1:
            raise UsageError(f"{self.name} mixes tasks that generate with log-likelihood tasks: name them one by one")
        return bool(kinds.pop())

    @cached_property
    def protocol(self) -> EvalProtocol:  # type: ignore[override]  # read when a run is planned, not when plugins are listed
        """The task's own settings; what it leaves open is as in the reports."""
        found = list(self._loaded[0].values())
        settings = [task.config.generation_kwargs or {} for task in found]
        if any(other != settings[0] for other in settings[1:]):
            raise UsageError(f"{self.name} mixes tasks with different generation settings: name them one by one")
        sampling = _sampling(settings[0])
        if self.options.get("stop") == "answer":
            sampling = dataclasses.replace(sampling, stop=())
        self.problems()
        return EvalProtocol(
            samples=max(task.config.repeats for task in found),
            sampling=sampling,
            template="plain" if self._chat else "raw",
            prefill=self._prefill or "auto",
        )

    @property
    def metrics(self) -> Sequence[str]:  # type: ignore[override]
        """A vote needs an answer that was written."""
        return ("pass@1", "cons@n") if self.generates else ("pass@1",)

    @property
    def verifier_options(self) -> Mapping[str, Mapping[str, Any]]:  # type: ignore[override]
        """What a worker needs to build the same tasks, and which of their results is the score."""
        options: dict[str, Any] = {"task": self.task, "include_path": [str(folder) for folder in self.folders]}
        return {"lm_eval": options | {key: self.options[key] for key in ("metric", "filter") if key in self.options}}

    def problems(self) -> Sequence[Problem]:
        """All rows of all tasks in order, as lm-eval would ask them."""
        if self._problems is None:
            self._prefill = ""
            self._problems = tuple(
                self._problem(name, task, number, doc)
                for name, task in self._loaded[0].items()
                for number, doc in task.doc_iterator(rank=0, limit=None, world_size=1)
            )
        return self._problems

    def continuations(self, problem: Problem) -> Sequence[Continuation]:
        """The continuations of a log-likelihood task."""
        self.problems()
        return self._continuations.get(problem.id, ())

    def aggregate(self, samples: Iterable[CheckedSample]) -> Mapping[str, float | None]:
        """Every metric of every filter, averaged as the task and its groups do."""
        names = {problem.id: problem.reference["task"] for problem in self.problems()}
        return figures(*self._loaded, ((names[sample.problem_id], sample) for sample in samples))

    @property
    def _chat(self) -> bool:
        return self.generates and self.options.get("chat", "true") == "true"

    def _problem(self, name: str, task: Any, number: int, doc: Any) -> Problem:
        """One row: its prompt, its row for scoring, and its continuations where it has some."""
        problem_id = f"{name}/{number}"
        template = _keep if self._chat else None
        asked = {
            "apply_chat_template": self._chat,
            "fewshot_as_multiturn": self._chat and self.options.get("multiturn", "true") == "true",
            "chat_template": template,
        }
        shots = task.config.num_fewshot
        context = task.fewshot_context(doc, num_fewshot=shots, gen_prefix=task.doc_to_prefix(doc), **asked)
        built = task.construct_requests(
            doc=doc, ctx=context, metadata=(name, number, 1), apply_chat_template=self._chat, chat_template=template
        )
        instances = built if isinstance(built, list) else [built]
        if not self.generates:
            pairs = (instance.args for instance in instances)
            self._continuations[problem_id] = tuple(Continuation(context=pair[0], text=pair[1]) for pair in pairs)
        reference = {
            "task": name,
            "doc": tasks.plain(doc),
            "multiple_target": getattr(task, "multiple_target", 0),
            "multiple_input": getattr(task, "multiple_input", 0),
            "until": list(_sampling(task.config.generation_kwargs or {}).stop),
        }
        return Problem(
            id=problem_id,
            prompt=self._messages(instances[0].args[0]),
            reference=reference,
            verifier="lm_eval",
            metadata={"task": name},
        )

    def _messages(self, context: Any) -> tuple[Message, ...]:
        if not isinstance(context, _Kept):
            return (Message(role="user", content=str(context)),)
        turns = list(context.turns)
        if turns[-1]["role"] == "assistant":
            prefill = turns.pop()["content"]
            if self._prefill and self._prefill != prefill:
                raise UsageError(
                    f"{self.name} begins the answers to its questions differently: add chat=false to the name"
                )
            self._prefill = prefill
        return tuple(Message(role=turn["role"], content=turn["content"]) for turn in turns)


class _Kept(str):
    """A conversation that passes through lm-eval as if it were rendered, so that our backend can render it."""

    __slots__ = ("turns",)
    turns: list[dict[str, Any]]


def _keep(history: list[dict[str, Any]], add_generation_prompt: bool = True) -> _Kept:  # noqa: ARG001  lm-eval passes it
    kept = _Kept("\n\n".join(str(turn["content"]) for turn in history))
    kept.turns = history
    return kept


def _sampling(settings: Mapping[str, Any]) -> Sampling:
    """What lm-eval's generation settings mean here."""
    until = settings.get("until") or []
    until = [until] if isinstance(until, str) else until
    # With do_sample false, the temperature does not matter to the model; without it, a temperature says what is meant.
    greedy = not settings.get("do_sample", float(settings.get("temperature", 0.0) or 0.0) > 0)
    return Sampling(
        temperature=0.0 if greedy else float(settings.get("temperature", 1.0)),
        top_p=1.0 if greedy else float(settings.get("top_p", 1.0)),
        max_tokens=int(settings.get("max_gen_toks", Sampling().max_tokens)),
        stop=tuple(text for text in until if text),
    )


def _parse(rest: str) -> tuple[str, dict[str, str]]:
    task, *parts = (part.strip() for part in rest.split(","))
    if not task or "=" in task:
        raise UsageError(f"lm-eval:{rest} names no task: write lm-eval:gsm8k, or lm-eval:TASK,include_path=FOLDER")
    options: dict[str, str] = {}
    for part in parts:
        key, equals, value = (piece.strip() for piece in part.partition("="))
        if not equals or not value:
            raise UsageError(f"lm-eval:{rest}: the option {part!r} is not KEY=VALUE")
        if key not in _KNOWN:
            raise UsageError(f"lm-eval:{rest}: there is no option {key!r}. {did_you_mean(key, list(_KNOWN))}")
        if value not in _WORDS.get(key, (value,)):
            raise UsageError(f"lm-eval:{rest}: {key} is {' or '.join(_WORDS[key])}, got {value!r}")
        if key in options:
            raise UsageError(f"lm-eval:{rest}: the option {key!r} is given twice")
        options[key] = value
    if not options.get("num_fewshot", "0").isdecimal():
        raise UsageError(f"lm-eval:{rest}: num_fewshot must be a whole number, got {options['num_fewshot']!r}")
    return task, options
