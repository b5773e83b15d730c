r"""Assay: one set of verifiers as RL rewards, benchmark scorers and data filters.

>>> import assay
>>> assay.verify("boxed_math", response=r"so it is \boxed{\frac{1}{2}}", reference="0.5").score
1.0

The names in `__all__` are the public interface; they load on first use, so that importing this costs nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from assay.lazy import lazy_names as _lazy_names

if TYPE_CHECKING:
    from assay import metrics
    from assay.audit import AuditCase, audit_verifier
    from assay.backend_check import check_backend
    from assay.backends.finish import finish_reason_of
    from assay.backends.prompting import Prompter
    from assay.backends.text import TextDecoder
    from assay.backends.torch_decode.loop import DecodeJob, DecodeLoop
    from assay.backends.torch_decode.stops import eos_ids
    from assay.backends.vllm_worker import repack_heads
    from assay.contracts import (
        Backend,
        BaseBenchmark,
        BaseVerifier,
        Benchmark,
        ScoringBackend,
        SwappingBackend,
        Verifier,
    )
    from assay.data import DataSource, find_data
    from assay.errors import (
        AssayError,
        BackendError,
        DataError,
        PluginError,
        SandboxError,
        StoreError,
        UsageError,
        VerifierError,
        did_you_mean,
    )
    from assay.evaluation import evaluate
    from assay.hedging import ends_in_or, how_joined
    from assay.hookspecs import hookimpl
    from assay.jsonl import read_jsonl
    from assay.plugins import (
        get_benchmark,
        get_verifier,
        list_benchmarks,
        list_verifiers,
        load_plugin,
        notify,
        open_backend,
    )
    from assay.prompts import get_template, render_prompt
    from assay.reasoning import ReasoningSplit, missing_answer, split_completion, split_reasoning
    from assay.results import RunResult, load_result
    from assay.rewards import Reward, RewardConfig, RewardResult, ShapingTerm, Term
    from assay.run_writer import RunWriter
    from assay.sandbox import (
        LiveRun,
        Program,
        ProgramRun,
        RunLimits,
        RunMode,
        RunStatus,
        Sandbox,
        SourceCode,
        open_sandbox,
    )
    from assay.types import (
        CheckedSample,
        Completion,
        Continuation,
        EvalProtocol,
        FinishReason,
        Generated,
        LogLikelihood,
        Message,
        Outcome,
        Problem,
        Request,
        Sampling,
        Verdict,
    )
    from assay.validate import validate_benchmark
    from assay.verification import Pool, same_answer, verify
    from assay.yaml_file import read_yaml

__version__ = "0.1.0"

_HOME = {
    "AssayError": "errors",
    "AuditCase": "audit",
    "Backend": "contracts",
    "BackendError": "errors",
    "BaseBenchmark": "contracts",
    "BaseVerifier": "contracts",
    "Benchmark": "contracts",
    "CheckedSample": "types",
    "Completion": "types",
    "Continuation": "types",
    "DataError": "errors",
    "DataSource": "data",
    "DecodeJob": "backends.torch_decode.loop",
    "DecodeLoop": "backends.torch_decode.loop",
    "EvalProtocol": "types",
    "FinishReason": "types",
    "Generated": "types",
    "LiveRun": "sandbox",
    "LogLikelihood": "types",
    "Message": "types",
    "Outcome": "types",
    "PluginError": "errors",
    "Pool": "verification",
    "Problem": "types",
    "Program": "sandbox",
    "ProgramRun": "sandbox",
    "Prompter": "backends.prompting",
    "ReasoningSplit": "reasoning",
    "Request": "types",
    "Reward": "rewards",
    "RewardConfig": "rewards",
    "RewardResult": "rewards",
    "RunLimits": "sandbox",
    "RunMode": "sandbox",
    "RunResult": "results",
    "RunStatus": "sandbox",
    "RunWriter": "run_writer",
    "Sampling": "types",
    "Sandbox": "sandbox",
    "SandboxError": "errors",
    "ScoringBackend": "contracts",
    "ShapingTerm": "rewards",
    "SourceCode": "sandbox",
    "StoreError": "errors",
    "SwappingBackend": "contracts",
    "Term": "rewards",
    "TextDecoder": "backends.text",
    "UsageError": "errors",
    "Verdict": "types",
    "Verifier": "contracts",
    "VerifierError": "errors",
    "audit_verifier": "audit",
    "check_backend": "backend_check",
    "did_you_mean": "errors",
    "ends_in_or": "hedging",
    "eos_ids": "backends.torch_decode.stops",
    "evaluate": "evaluation",
    "find_data": "data",
    "finish_reason_of": "backends.finish",
    "get_benchmark": "plugins",
    "get_template": "prompts",
    "get_verifier": "plugins",
    "hookimpl": "hookspecs",
    "how_joined": "hedging",
    "list_benchmarks": "plugins",
    "list_verifiers": "plugins",
    "load_plugin": "plugins",
    "load_result": "results",
    "metrics": "metrics",
    "missing_answer": "reasoning",
    "notify": "plugins",
    "open_backend": "plugins",
    "open_sandbox": "sandbox",
    "read_jsonl": "jsonl",
    "read_yaml": "yaml_file",
    "render_prompt": "prompts",
    "repack_heads": "backends.vllm_worker",
    "same_answer": "verification",
    "split_completion": "reasoning",
    "split_reasoning": "reasoning",
    "validate_benchmark": "validate",
    "verify": "verification",
}
"""Where each public name lives, so that it can be imported when it is first asked for.

No module may have the name of a public function: importing it would put the module in the function's place.
"""

__all__ = [
    "AssayError",
    "AuditCase",
    "Backend",
    "BackendError",
    "BaseBenchmark",
    "BaseVerifier",
    "Benchmark",
    "CheckedSample",
    "Completion",
    "Continuation",
    "DataError",
    "DataSource",
    "DecodeJob",
    "DecodeLoop",
    "EvalProtocol",
    "FinishReason",
    "Generated",
    "LiveRun",
    "LogLikelihood",
    "Message",
    "Outcome",
    "PluginError",
    "Pool",
    "Problem",
    "Program",
    "ProgramRun",
    "Prompter",
    "ReasoningSplit",
    "Request",
    "Reward",
    "RewardConfig",
    "RewardResult",
    "RunLimits",
    "RunMode",
    "RunResult",
    "RunStatus",
    "RunWriter",
    "Sampling",
    "Sandbox",
    "SandboxError",
    "ScoringBackend",
    "ShapingTerm",
    "SourceCode",
    "StoreError",
    "SwappingBackend",
    "Term",
    "TextDecoder",
    "UsageError",
    "Verdict",
    "Verifier",
    "VerifierError",
    "audit_verifier",
    "check_backend",
    "did_you_mean",
    "ends_in_or",
    "eos_ids",
    "evaluate",
    "find_data",
    "finish_reason_of",
    "get_benchmark",
    "get_template",
    "get_verifier",
    "hookimpl",
    "how_joined",
    "list_benchmarks",
    "list_verifiers",
    "load_plugin",
    "load_result",
    "metrics",
    "missing_answer",
    "notify",
    "open_backend",
    "open_sandbox",
    "read_jsonl",
    "read_yaml",
    "render_prompt",
    "repack_heads",
    "same_answer",
    "split_completion",
    "split_reasoning",
    "validate_benchmark",
    "verify",
]


__getattr__ = _lazy_names(__name__, _HOME)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
