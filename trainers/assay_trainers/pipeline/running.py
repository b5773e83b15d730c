"""The loop of a pipeline: skip what is current, run what is not, evaluate, write the stage table down.

    OUTPUT/stages/NAME-KEY/    a stage's own folder: what `assay train` or `assay sample` writes, and record.json
    OUTPUT/evaluation/         the runs of the harness
    OUTPUT/stages.json, .md    the stage table

`kill -9` at any moment costs what the stage that ran loses by it: the steps since its last checkpoint, or nothing
where samples are drawn. The same command goes on from there.
"""

from __future__ import annotations

import json
import os
import shlex
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from assay import UsageError
from assay_trainers.pipeline.currency import content_hash, stage_key
from assay_trainers.pipeline.recipe import EvaluateConfig, Recipe, StageConfig
from assay_trainers.pipeline.references import names_in, substitute
from assay_trainers.pipeline.scoring import evaluation_of, score
from assay_trainers.pipeline.stages import TRAINS, amount_of, plan_stage, result_of, run_stage
from assay_trainers.pipeline.table import write_table

CONFIGS = Path(__file__).parent.parent / "configs"


@dataclass(kw_only=True, slots=True)
class Step:
    """A stage with everything resolved."""

    name: str
    stage: StageConfig
    key: str
    folder: Path
    config: dict[str, Any]
    """Every reference replaced."""
    evaluation: EvaluateConfig | None
    measure: str
    """The key of its evaluation; empty where there is none."""
    record: dict[str, Any] = field(default_factory=dict)
    """What record.json holds."""

    @property
    def current(self) -> bool:
        """Whether its outputs are there."""
        return bool(self.record.get("finished")) and result_of(self.stage.kind, self.folder).exists()


def steps_of(recipe: Recipe, folder: Path) -> list[Step]:
    """The stages with their references resolved and their keys. Raises `UsageError` or `DataError`.

    Args:
        recipe: Of `read_recipe`.
        folder: Of the recipe's file.
    """
    output = Path(recipe.output).expanduser()
    names = {"recipe": str(folder.resolve())}
    keys = {"recipe": "recipe"}
    if recipe.model is not None:
        names["base"] = recipe.model
        keys["base"] = recipe.model
        base = Path(recipe.model).expanduser()
        if base.exists():
            keys["base"] = f"content {content_hash(base)}"
    for name, value in recipe.files.items():
        path = Path(substitute(str(value), names)).expanduser()
        if not path.exists():
            raise UsageError(f"files.{name}: there is no {path}")
        names[name], keys[name] = str(path), f"content {content_hash(path)}"
    if recipe.judge is not None:
        names["judge"] = _judge_url(recipe.judge, output)
        keys["judge"] = recipe.judge
    steps = []
    for name, stage in recipe.stages.items():
        for asked in names_in(stage.config) & set(recipe.stages) - set(names):
            raise UsageError(f"stage {name!r} needs {{{asked}}}, which comes after it")
        key = stage_key(stage.kind, stage.config, keys)
        own = output / "stages" / f"{name}-{key[:8]}"
        config = substitute(stage.config, names)
        plan_stage(stage.kind, config, own)
        evaluation = evaluation_of(recipe.evaluate, stage) if stage.kind in TRAINS else None
        steps.append(
            Step(
                name=name,
                stage=stage,
                key=key,
                folder=own,
                config=config,
                evaluation=_resolved(evaluation, names),
                measure="" if evaluation is None else stage_key("evaluate", asdict(evaluation), {**keys, name: key}),
                record=_read_record(own),
            )
        )
        names[name], keys[name] = str(result_of(stage.kind, own)), f"stage {key}"
    return steps


def run_pipeline(recipe: Recipe, folder: Path, name: str, show: Callable[[str], None]) -> bool:
    """Run a recipe; False where it was asked to stop.

    Args:
        recipe: Of `read_recipe`.
        folder: Of the recipe's file.
        name: For the table.
        show: Takes a line for the person who watches.
    """
    from assay_trainers.common.checkpoints import locked

    output = Path(recipe.output).expanduser()
    steps = steps_of(recipe, folder)
    rows: list[dict[str, Any]] = []
    with locked(output), _judge(recipe, output):
        evaluation = evaluation_of(recipe.evaluate, None)
        if recipe.model is not None and evaluation is not None:
            show(f"base: evaluating {recipe.model}")
            started = time.perf_counter()
            scores = score(recipe.model, evaluation, output / "evaluation")
            rows.append(_row("base", "", "", scores, time.perf_counter() - started, 1))
        for step in steps:
            if not _advance(step, recipe, output, show):
                return False
            record = step.record
            rows.append(
                _row(step.name, step.stage.kind, record["did"], record["scores"], record["seconds"], record["sessions"])
            )
            write_table(output, name, rows)
    show(f"done: {output / 'stages.md'}")
    return True


def _advance(step: Step, recipe: Recipe, output: Path, show: Callable[[str], None]) -> bool:
    """Run and evaluate one stage, as far as that is not done. False where it was asked to stop."""
    record = step.record
    if step.current:
        show(f"{step.name}: current, skipped")
    else:
        step.folder.mkdir(parents=True, exist_ok=True)
        record.update(stage=step.name, kind=step.stage.kind, key=step.key, config=step.config, finished=False)
        record["sessions"] = record.get("sessions", 0) + 1
        _write_record(step)
        show(f"{step.name}: {step.stage.kind} in {step.folder}")
        started = time.perf_counter()
        done = run_stage(
            step.stage.kind,
            step.config,
            step.folder,
            launch=_launcher(step.stage.launch or recipe.launch),
            show=show,
        )
        record["seconds"] = record.get("seconds", 0.0) + time.perf_counter() - started
        if done:
            record.update(finished=True, did=amount_of(step.stage.kind, step.folder), scores=[], measure=None)
        _write_record(step)
        if not done:
            return False
    if record.get("measure") != step.measure:
        record["scores"] = []
        if step.evaluation is not None:
            show(f"{step.name}: evaluating")
            record["scores"] = score(result_of(step.stage.kind, step.folder), step.evaluation, output / "evaluation")
        record["measure"] = step.measure
        _write_record(step)
    for each in record["scores"]:
        if each["value"] is not None:
            show(f"{step.name}: {each['benchmark']} {each['metric']} {each['value']:.3f}")
    return True


def _row(
    stage: str, kind: str, did: str, scores: list[dict[str, Any]], seconds: float, sessions: int
) -> dict[str, Any]:
    return {
        "stage": stage, "kind": kind, "did": did, "scores": scores, "seconds": round(seconds, 1), "sessions": sessions,
    }  # fmt: skip


def _resolved(evaluation: EvaluateConfig | None, names: Mapping[str, str]) -> EvaluateConfig | None:
    return None if evaluation is None else EvaluateConfig(**substitute(asdict(evaluation), names))


def _read_record(folder: Path) -> dict[str, Any]:
    try:
        record = json.loads((folder / "record.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}


def _write_record(step: Step) -> None:
    path = step.folder / "record.json"
    part = path.with_name("record.json.part")
    part.write_text(json.dumps(step.record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    os.replace(part, path)


def _launcher(command: str | None) -> str | None:
    """The command with `{configs}` replaced by the folder of accelerate configurations that come with the trainers."""
    return None if command is None else command.replace("{configs}", shlex.quote(str(CONFIGS)))


def _judge_url(judge: str, output: Path) -> str:
    from assay_trainers.pipeline.rule_judge import port_for

    return f"openai:http://127.0.0.1:{port_for(output)}/v1#rule" if judge == "rule" else judge


@contextmanager
def _judge(recipe: Recipe, output: Path) -> Iterator[None]:
    """Serve the rule-based judge while the pipeline runs, where the recipe asks for it."""
    if recipe.judge != "rule":
        yield
        return
    from assay_trainers.pipeline.rule_judge import port_for, serve

    with serve(port_for(output)):
        yield
