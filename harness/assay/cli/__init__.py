"""The command line: one file a command, and only the one that is asked for is imported.

Exit codes: 0 all went well, 1 something failed, 2 the command was used wrongly, 130 interrupted. Errors
that Assay raises on purpose are printed without a traceback; anything else is a bug and shows one.
"""

from __future__ import annotations

import errno
import importlib
import io
import keyword
import os
import signal
import sys
from collections.abc import Sequence
from types import FrameType

import typer

from assay.errors import AssayError

COMMANDS = {
    "run": "Evaluate a model on benchmarks.",
    "sweep": "Evaluate many checkpoints on benchmarks, with one engine whose weights are exchanged.",
    "compare": "Compare runs problem by problem: difference, interval, p-value, problems won and lost.",
    "power": "Say how many samples and problems are needed to see a given difference between two runs.",
    "score": "Check the responses of a file: counts per outcome, mean score, agreement with labels.",
    "rescore": "Run today's verifier over stored completions; nothing is generated.",
    "audit": "Try to fool a verifier: properties and attacks, a score card, and exit code 1 if there is a hole.",
    "codeforces": "Rate a model by Codeforces contests, and reproduce rating changes.",
    "train": "Train a model, on rewards (grpo) or on rows (sft); the same command resumes a run that was stopped.",
    "sample": "Draw samples from a model, verify them, and keep the right and well-made ones as training rows.",
    "pipeline": "Run a recipe stage by stage, evaluating after each; stages whose outputs are current are skipped.",
    "serve": "Serve verdicts and rewards over HTTP, for trainers on other machines or in other languages.",
    "view": "Look at runs and their samples in the browser: a local web page, on this machine only.",
    "import": "Take the results of official runners into a run: SWE-bench, Aider.",
    "lm-eval-path": "Write task files of our benchmarks for lm-eval, and print their folder.",
    "report": "Show the results of runs: a table in the terminal, JSON, CSV, Markdown, or an HTML page with figures.",
    "export": "Write results for other programs: samples, tables, a model card, TensorBoard, W&B, Inspect logs.",
    "new": "Write an installable package with tests, entry point and CI, to start a plugin from.",
    "plugins": "List plugins with their verifiers, benchmarks and hooks.",
    "data": "Find, download and check benchmark data.",
    "sandbox": "Run programs safely: what is possible here, self-checks, the Docker image.",
    "doctor": "Check plugins, verification, backends, data, sandbox and hardware.",
    "demo": "Evaluate SmolLM2-135M-Instruct on three reasoning_gym tasks, four samples a problem.",
}
"""Every command with its first line of help; `python_name` says which module holds it."""


def python_name(command: str) -> str:
    """The name of a command's module, and of the function in it: hyphens and keywords are no names in Python."""
    name = command.replace("-", "_")
    return f"{name}_" if keyword.iskeyword(name) else name


def build(asked: str | None) -> typer.Typer:
    """The application. Only the command `asked` for is real; the others stand there by name and help.

    Building a command's options costs more than everything else that `assay --help` does.
    """
    app = typer.Typer(
        name="assay",
        help="Evaluate reasoning models, and verify answers for training, with one set of verifiers.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        add_completion=False,
        rich_markup_mode=None,  # boxes around the help would double what it costs to show it
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    for name, summary in COMMANDS.items():
        if name != asked:
            app.command(name, help=summary, short_help=summary)(_not_asked)
            continue
        module = importlib.import_module(f"assay.cli.{python_name(name)}")
        if hasattr(module, "app"):
            app.add_typer(module.app, name=name)
        else:
            app.command(name)(getattr(module, python_name(name)))
    return app


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    _open_streams()
    signal.signal(signal.SIGTERM, _interrupt)
    asked = next((argument for argument in arguments if not argument.startswith("-")), None)
    try:
        if arguments == ["plugins"]:
            # Nothing to parse: building the parser's validators would cost as much as loading the plugins.
            importlib.import_module("assay.cli.plugins").plugins()
        else:
            build(asked)(args=arguments, prog_name="assay")
    except AssayError as error:
        print(f"assay: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("assay: interrupted", file=sys.stderr)
        sys.exit(130)
    except OSError as error:
        if error.errno == errno.EPIPE:  # the reader of a pipe, such as `head`, has had enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        if error.errno != errno.ENOSPC:
            raise
        # Run folders report a full disk themselves; this is where the output goes.
        print(f"assay: cannot write the output: {error.strerror}", file=sys.stderr)
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)


def _open_streams() -> None:
    """Make both output streams usable: closed ones go nowhere, ASCII ones show `?` for what they lack."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115  it lives as long as the process
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _version(value: bool) -> None:
    if value:
        from assay import __version__

        print(f"assay {__version__}")
        raise typer.Exit


def _root(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),
) -> None:
    pass


def _not_asked() -> None:
    raise AssertionError("a command that was not asked for cannot be called")


def _interrupt(_signum: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt
