"""The verifier `multipl_e`: does a program in another language than Python pass MultiPL-E's tests?

The response's last code block is completed by the tests, and the whole runs in the sandbox by way of `code_tests`.
MultiPL-E writes tests for models that complete a function, so many begin by closing its brace; a chat model hands in a
whole function or class, so that brace is dropped here and the tests are put where they belong: behind the functions, or
into the class. A `main` of the response is taken out.

Assertions that a runtime leaves out by default (Java's, C#'s) are replaced by calls that end the program. At the end of
the tests the program prints a word made up for this check; one that ends early, whatever its status, has not.
What this does not stop: a program that reads its own source. A function that prints something itself counts as wrong.
"""

from __future__ import annotations

import re
import secrets
from typing import Any

import assay
from assay import BaseVerifier, Completion, Problem, Verdict, missing_answer, split_completion

_BLOCK = re.compile(r"^[ \t]*```[^\n]*\n(.*?)^[ \t]*```", re.DOTALL | re.MULTILINE)
_TOKEN = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|[{}]", re.DOTALL)
_JAVA = "".join(
    f"import java.{name}.*;\n" for name in ("util", "util.stream", "lang.reflect", "security", "math", "io")
)
_CSHARP = "".join(
    f"using System{name};\n"
    for name in ("", ".Diagnostics", ".Collections.Generic", ".Linq", ".Text", ".Security.Cryptography")
)
_CPP = "#include<assert.h>\n#include<bits/stdc++.h>\n"


class MultiplE(BaseVerifier):
    """Programs in seven languages against MultiPL-E's tests. Its options are those of `code_tests`."""

    name = "multipl_e"
    version = "1"
    preload = ("assay_plugins.code_tests.judge",)

    def __init__(self, **options: Any) -> None:
        self._judge = assay.get_verifier("code_tests", **options)

    def verify_fast(self, problem: Problem, completion: Completion) -> Verdict | None:  # noqa: ARG002
        """Decides where there is no program."""
        answer = split_completion(completion).answer
        if answer is None:
            return missing_answer(completion, "the response ends inside its reasoning")
        return None if _BLOCK.search(answer) else missing_answer(completion, "the response holds no code block")

    def verify(self, problem: Problem, completion: Completion) -> Verdict:
        """Put the tests to the program and run both."""
        decided = self.verify_fast(problem, completion)
        if decided is not None:
            return decided
        reference = problem.reference
        code = _BLOCK.findall(split_completion(completion).answer or "")[-1]
        word = secrets.token_hex(16)
        program = assemble(reference["language"], code, reference["tests"], word)
        judged = assay.Problem(
            id=problem.id,
            prompt=problem.prompt,
            reference={
                "kind": "stdin",
                "language": reference["language"],
                "tests": [{"input": "", "output": word}],
                "time_limit": reference["time_limit"],
            },
            verifier="code_tests",
        )
        verdict = self._judge.verify(judged, Completion(text=f"```{reference['language']}\n{program}\n```"))
        if verdict.extracted is None:
            return verdict
        return Verdict(
            outcome=verdict.outcome,
            score=verdict.score,
            extracted=code,
            reason=verdict.reason.replace(word, "…"),
            details={"status": verdict.details.get("status")},
        )

    def time_needed(self, problem: Problem) -> float:
        """Seconds for compiling and running, with one repetition."""
        return 2 * (float(problem.reference["time_limit"]) * 3 + 60)

    def check_reference(self, reference: Any) -> str | None:
        """Why a reference cannot be used."""
        good = isinstance(reference, dict) and all(isinstance(reference.get(key), str) for key in ("language", "tests"))
        return None if good else "it must hold a language and tests"


def assemble(language: str, code: str, tests: str, word: str) -> str:
    """The program with its tests, which prints `word` once they are passed."""
    opened = tests.lstrip()
    tests = opened[1:].lstrip("\n") if opened.startswith("}") else tests
    match language:
        case "cpp":
            body = _without(code, re.compile(r"\b(?:int|auto)\s+main\s*\("))
            ended = _before_brace(tests, 1, f'std::cout << "{word}" << std::endl;')
            return f"{_CPP}{body}\n#undef NDEBUG\n#include <assert.h>\n{ended}"
        case "java":
            checks = tests.replace("assert(", "AssayCheck.that(")
            ended = _before_brace(checks, 2, f'System.out.println("{word}");')
            own = re.sub(
                r"^\s*(?:package\s+[\w.]+|import\s+org\.javatuples\.[\w.*]+)\s*;", "", code, flags=re.MULTILINE
            )
            body = _into_class(_without(own, re.compile(r"public\s+static\s+void\s+main\s*\(")), ended)
            return (
                f"{_JAVA}{body}\nclass AssayCheck {{ static void that(boolean ok) {{ if (!ok) System.exit(1); }} }}\n"
            )
        case "csharp":
            checks = tests.replace("Debug.Assert(", "AssayCheck.That(")
            ended = _before_brace(checks, 2, f'Console.WriteLine("{word}");')
            own = re.sub(r"^\s*using\s+System\.Numerics\s*;", "", code, flags=re.MULTILINE)
            body = _into_class(_without(own, re.compile(r"(?:public\s+)?static\s+(?:void|int)\s+Main\s*\(")), ended)
            check = "static class AssayCheck { public static void That(bool ok) { if (!ok) Environment.Exit(1); } }"
            return f"{_CSHARP}{body}\n{check}\n"
        case "php":
            bare = code.strip().removeprefix("<?php").removesuffix("?>")
            return f'<?php\n{bare}\n{tests.strip().removesuffix("?>")}\necho "{word}\\n";\n'
        case "bash":
            return f"{code}\n{tests}\necho {word}\n"
        case _:
            return f'{code}\n{tests}\nconsole.log("{word}");\n'


def _without(code: str, head: re.Pattern[str]) -> str:
    """The code without the function that begins like this, its body included."""
    found = head.search(code)
    if found is None:
        return code
    end = _closing(code, found.end())
    return code if end is None else code[: found.start()] + code[end + 1 :]


def _into_class(code: str, tests: str) -> str:
    """The tests at the end of class Problem; `tests` holds the brace that closes it. A bare method gets the class."""
    found = re.search(r"\bclass\s+Problem\b", code)
    if found is None:
        return f"class Problem {{\n{code}\n{tests}"
    end = _closing(code, found.end())
    return f"{code}\n{tests}" if end is None else f"{code[:end]}\n{tests}\n{code[end + 1 :]}"


def _closing(code: str, start: int) -> int | None:
    """Where the first brace that opens after a place is closed; braces in texts and comments do not count."""
    depth = 0
    for token in _TOKEN.finditer(code, start):
        depth += (token[0] == "{") - (token[0] == "}")
        if token[0] == "}" and depth == 0:
            return token.start()
    return None


def _before_brace(text: str, count: int, statement: str) -> str:
    """The text with a statement before its last closing brace but `count - 1`."""
    place = len(text)
    for _ in range(count):
        place = text.rindex("}", 0, place)
    return f"{text[:place]}    {statement}\n{text[place:]}"
