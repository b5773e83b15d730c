"""Building lm-eval's task objects: with all their data, to ask; with one row, to score in a worker process.

Both go through lm-eval's own factory, so that groups, inherited files and overrides mean what they mean there. What is
changed is where the rows come from: a folder of JSONL files, or the one row that a sample is about. lm-eval has no
public place to say that, so its factory is subclassed (`_load_full_config`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from assay import DataError, UsageError, read_jsonl

_UNSAFE = (
    "lm-eval would run the model's programs of {name} in this process, without a sandbox: use the benchmarks "
    "humaneval, mbpp or livecodebench, which judge programs in one"
)
_FETCHES = "Fetch the data with a network, or give rows of your own: lm-eval:TASK,data=FOLDER"


def load(manager: Any, name: str, data: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The tasks and groups behind a name, each by name, with their rows.

    Raises:
        DataError: The rows cannot be had.
        UsageError: A task is of a kind that cannot be run here.
    """
    from lm_eval.tasks._factory import TaskFactory

    class Local(TaskFactory):  # type: ignore[misc]  # lm-eval ships no types
        def _load_full_config(self, entry: Any, overrides: Any = None) -> Any:
            config = super()._load_full_config(entry, overrides)
            is_task = isinstance(config.get("task"), str) and "class" not in config  # a group's is a list
            return _with_rows_of(config, Path(data)) if data and is_task else config

    import datasets

    if (manager.task_index[name].cfg or {}).get("unsafe_code"):
        raise UsageError(_UNSAFE.format(name=name))  # before its module loads what would run the programs
    manager._factory = Local(meta=manager.metadata)
    shown = datasets.are_progress_bars_disabled()
    datasets.disable_progress_bars()
    try:
        found = manager.load([name])
    except (UsageError, DataError):
        raise
    except Exception as error:
        line = " ".join(str(error).split())[:300]
        raise DataError(f"lm-eval cannot load {name}: {type(error).__name__}: {line}. {_FETCHES}") from error
    finally:
        if not shown:
            datasets.enable_progress_bars()
    for task in found["tasks"].values():
        _refuse(task)
    return found["tasks"], found.get("groups", {})


def configs(manager: Any, name: str) -> dict[str, dict[str, Any]]:
    """The configurations of the tasks behind a name, functions resolved, without loading any rows."""
    from lm_eval.api.task import Task
    from lm_eval.tasks._factory import TaskFactory

    collected: dict[str, dict[str, Any]] = {}

    class Named(Task):  # type: ignore[misc]  # stands for a task in a group; only its name is asked for
        def __init__(self, name: str) -> None:
            self._name = name

        task_name = property(lambda self: self._name)
        has_training_docs = has_validation_docs = has_test_docs = lambda _: False
        doc_to_text = doc_to_target = construct_requests = process_results = lambda *_, **__: None
        aggregation = higher_is_better = dict

    class Collecting(TaskFactory):  # type: ignore[misc]
        def _build_task(self, entry: Any, overrides: Any) -> Any:
            config = self._load_full_config(entry, overrides)
            collected[config["task"]] = config
            return Named(config["task"])

    manager._factory = Collecting(meta=manager.metadata)
    manager.load([name])
    return collected


class Rows(list[dict[str, Any]]):
    """Rows with as much of the interface of `datasets.Dataset` as a task needs that is only to score."""

    @property
    def features(self) -> dict[str, None]:
        """The columns."""
        return dict.fromkeys(self[0]) if self else {}


def scorer(config: Mapping[str, Any], doc: dict[str, Any]) -> Any:
    """A task object that can score, made from a configuration and one row; its few-shot part is left out."""
    from lm_eval.api.task import ConfigurableTask

    if "class" in config:
        raise UsageError(f"{config.get('task')} is a Python class and not a file: it loads all its data to score a row")
    inside: Callable[..., Any] = lambda **_: {"test": Rows([doc])}  # noqa: E731
    return ConfigurableTask(
        config={key: value for key, value in config.items() if key not in ("tag", "group", "task_list")}
        | {
            "custom_dataset": inside,
            "test_split": "test",
            "training_split": None,
            "validation_split": None,
            "fewshot_split": None,
            "fewshot_config": {"sampler": "default", "samples": [doc]},
            "num_fewshot": 0,
            "process_docs": None,  # the row has been through it
        }
    )


def _with_rows_of(config: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The configuration with its data set replaced by the JSONL files of a folder."""
    place = folder / str(config["dataset_name"]) if config.get("dataset_name") else folder
    place = place if place.is_dir() else folder
    files = sorted(place.glob("*.jsonl"))
    if not files:
        raise DataError(f"{place} holds no <split>.jsonl for {config.get('task')}")

    def rows(**_: Any) -> dict[str, Any]:
        import datasets

        return {file.stem: datasets.Dataset.from_list(list(read_jsonl(file))) for file in files}

    return {**config, "custom_dataset": rows}


def _refuse(task: Any) -> None:
    name = task.task_name
    if getattr(task, "UNSAFE_CODE", False):
        raise UsageError(_UNSAFE.format(name=name))
    if getattr(task, "MULTIMODAL", False):
        raise UsageError(f"{name} needs images or sound, which no backend here takes")
    if task.OUTPUT_TYPE == "loglikelihood_rolling":
        raise UsageError(f"{name} measures a rolling perplexity, which is no score in [0, 1] of an answer")


def plain(value: Any) -> Any:
    """A row as JSON values: what a worker gets, and what a run's revision is the hash of."""
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str | bytes):
        return [plain(item) for item in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        return plain(value.tolist())
    return str(value)
