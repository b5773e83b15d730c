"""The public interface: sorted, complete, lazy, and nothing leaks."""

import subprocess
import sys
import types
from pathlib import Path

import assay


def test_all_is_sorted_and_importable() -> None:
    assert assay.__all__ == sorted(assay.__all__)
    for name in assay.__all__:
        assert getattr(assay, name) is not None


def test_the_lazy_table_is_all() -> None:
    assert sorted(assay._HOME) == assay.__all__


def test_no_module_hides_a_public_function() -> None:
    folder = Path(assay.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} | {path.name for path in folder.iterdir() if path.is_dir()}
    assert {name for name in assay.__all__ if name in modules} == {"metrics"}


def test_nothing_leaks() -> None:
    script = (
        "import assay, types; "
        "print([n for n in vars(assay) if not n.startswith('_') and n not in assay.__all__ "
        "and not isinstance(vars(assay)[n], types.ModuleType)])"
    )
    leaked = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout.strip()
    # `annotations` (a __future__ feature) and TYPE_CHECKING are what the module itself needs.
    assert set(eval_list(leaked)) <= {"annotations", "TYPE_CHECKING"}


def eval_list(text: str) -> list[str]:
    import ast

    return list(ast.literal_eval(text))


def test_public_classes_and_functions_are_documented() -> None:
    for name in assay.__all__:
        value = getattr(assay, name)
        if isinstance(value, types.ModuleType | type | types.FunctionType):  # an alias of types has no docstring
            assert value.__doc__, name


def test_importing_is_light() -> None:
    script = "import assay, sys; print(','.join(sys.modules))"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    heavy = {"torch", "transformers", "sympy", "datasets", "pyarrow", "numpy", "pydantic", "rich", "typer", "httpx"}
    assert not heavy & set(loaded.strip().split(","))
