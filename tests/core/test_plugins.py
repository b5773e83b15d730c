"""Loading plugins: real distributions installed into a folder on the path, and what is said when one is broken."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from assay import PluginError, UsageError, hookimpl
from assay.plugins import Registry


class Plain:
    name = "plain"
    version = "1"

    def verify(self, problem, completion):
        raise AssertionError("not called")


def verifiers(mapping):
    class Plugin:
        @hookimpl
        def register_verifiers(self):
            return mapping

    return Plugin()


def test_a_plugin_registers_and_is_found_by_name() -> None:
    registry = Registry()
    registry.add(verifiers({"plain": Plain}), name="mine")
    assert registry.verifier_names() == ["plain"]
    assert registry.make_verifier("plain", {}).name == "plain"
    assert registry.infos[0].hooks == ("register_verifiers",)


def test_a_clash_names_both_plugins() -> None:
    registry = Registry()
    registry.add(verifiers({"plain": Plain}), name="first", distribution="a 1.0")
    with pytest.raises(
        PluginError, match=r"'plain': plugin 'first' of a 1\.0 and plugin 'second' of b 2\.0.*ASSAY_PLUGINS"
    ):
        registry.add(verifiers({"plain": Plain}), name="second", distribution="b 2.0")


@pytest.mark.parametrize(
    ("returned", "message"),
    [
        (["plain"], "must return a mapping from name to factory, got list"),
        (None, "must return a mapping from name to factory, got NoneType"),
        ({"plain": 3}, "must map names to callables, got 'plain': int"),
        ({3: Plain}, "must map names to callables, got 3"),
    ],
)
def test_wrong_return_values_are_named(returned: object, message: str) -> None:
    with pytest.raises(PluginError, match=f"plugin 'mine' of dist 1.0: register_verifiers {message}"):
        Registry().add(verifiers(returned), name="mine", distribution="dist 1.0")


def test_a_hook_that_raises_stops_the_start() -> None:
    class Plugin:
        @hookimpl
        def register_benchmarks(self):
            raise RuntimeError("boom")

    with pytest.raises(PluginError, match=r"plugin 'mine' of .*register_benchmarks raised RuntimeError: boom"):
        Registry().add(Plugin(), name="mine")


def test_a_misspelt_hook_is_an_error_that_lists_the_hooks() -> None:
    class Plugin:
        @hookimpl
        def register_verifier(self):
            return {}

    with pytest.raises(PluginError, match=r"'mine'.*register_verifier.*The hooks are.*register_verifiers"):
        Registry().add(Plugin(), name="mine")


def test_a_plugin_without_hooks_is_an_error() -> None:
    with pytest.raises(PluginError, match=r"'mine'.*implements no hook.*@assay.hookimpl"):
        Registry().add(object(), name="mine")


def test_a_broken_factory_and_a_lying_verifier_are_named() -> None:
    class Liar(Plain):
        name = "other"

    class Empty:
        pass

    def broken():
        raise OSError("no disk")

    registry = Registry()
    registry.add(verifiers({"liar": Liar, "empty": Empty, "broken": broken}), name="mine")
    with pytest.raises(PluginError, match="registered as 'liar' calls itself 'other'"):
        registry.make_verifier("liar", {})
    with pytest.raises(PluginError, match=r"'empty' .*lacks name, version or verify"):
        registry.make_verifier("empty", {})
    with pytest.raises(PluginError, match="building the verifier 'broken' failed: OSError: no disk"):
        registry.make_verifier("broken", {})
    with pytest.raises(UsageError, match=r"does not take the options \{'x': 1\}"):
        registry.make_verifier("liar", {"x": 1})


def test_unknown_names_get_a_suggestion() -> None:
    registry = Registry()
    registry.add(verifiers({"boxed_math": Plain}), name="mine")
    with pytest.raises(UsageError, match=r"no verifier is called 'boxed_maths'. Did you mean boxed_math\?"):
        registry.make_verifier("boxed_maths", {})
    with pytest.raises(UsageError, match="no benchmark is called 'aime'"):
        registry.make_benchmark("aime")
    with pytest.raises(UsageError, match=r"no backend opens the model 'llama'.*hf:PATH_OR_ID"):
        registry.open_backend("llama", {})


def test_a_listener_that_raises_does_not_stop_the_others(caplog: pytest.LogCaptureFixture) -> None:
    heard = []

    class Bad:
        @hookimpl
        def training_step(self, step):
            raise RuntimeError("listener bug")

    class Good:
        @hookimpl
        def training_step(self, step, metrics):
            heard.append((step, metrics))

    registry = Registry()
    registry.add(Bad(), name="bad")
    registry.add(Good(), name="good")
    registry.notify("training_step", step=3, metrics={"loss": 1.0})
    assert heard == [(3, {"loss": 1.0})]
    assert "'bad': its listener training_step raised" in caplog.text


def test_a_plugin_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text(
        "import assay\n"
        "class V:\n    name = 'v'\n    version = '1'\n    def verify(self, problem, completion): ...\n"
        "@assay.hookimpl\ndef register_verifiers():\n    return {'v': V}\n"
    )
    registry = Registry()
    registry.load_file(str(file))
    registry.load_file(str(file))
    assert registry.verifier_names() == ["v"]
    with pytest.raises(UsageError, match=r"plugin file .*gone\.py does not exist"):
        registry.load_file(str(tmp_path / "gone.py"))
    broken = tmp_path / "broken.py"
    broken.write_text("import nothing_of_that_name")
    with pytest.raises(PluginError, match=r"broken\.py cannot be imported: ModuleNotFoundError"):
        registry.load_file(str(broken))


def install(site: Path, dist: str, entry_points: dict[str, str], modules: dict[str, str]) -> None:
    """Lay out an installed distribution as pip does: modules beside a .dist-info folder."""
    info = site / f"{dist}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {dist}\nVersion: 1.0\n")
    lines = "\n".join(f"{name} = {value}" for name, value in entry_points.items())
    (info / "entry_points.txt").write_text(f"[assay]\n{lines}\n")
    for name, source in modules.items():
        (site / f"{name}.py").write_text(source)


def assay_command(*arguments: str, site: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    path = os.pathsep.join(filter(None, [str(site) if site else "", os.environ.get("PYTHONPATH", "")]))
    return subprocess.run(
        [sys.executable, "-m", "assay", *arguments],
        capture_output=True, text=True, timeout=120, env={**os.environ, "PYTHONPATH": path, **environment},
    )  # fmt: skip


GOOD = """
import assay
class V:
    name = "third_party"
    version = "1"
    def verify(self, problem, completion): ...
@assay.hookimpl
def register_verifiers():
    return {"third_party": V}
"""


def test_an_installed_third_party_plugin_shows_up(tmp_path: Path) -> None:
    install(tmp_path, "their-dist", {"theirs": "their_plugin"}, {"their_plugin": GOOD})
    done = assay_command("plugins", site=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "their-dist 1.0" in done.stdout
    assert "third_party" in done.stdout
    assert "boxed_math" in done.stdout


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("import nothing_of_that_name", "cannot be imported"),
        (GOOD.replace("register_verifiers", "register_verifyers"), "register_verifyers"),
        (GOOD.replace('return {"third_party": V}', 'return "third_party"'), "must return a mapping"),
        (GOOD.replace("third_party", "boxed_math"), "two plugins register the verifier 'boxed_math'"),
    ],
)
def test_a_broken_installed_plugin_stops_the_start(tmp_path: Path, source: str, message: str) -> None:
    install(tmp_path, "their-dist", {"theirs": "their_plugin"}, {"their_plugin": source})
    done = assay_command("plugins", site=tmp_path)
    assert done.returncode == 1
    assert message in done.stderr
    assert "'theirs' of their-dist 1.0" in done.stderr
    assert "Traceback" not in done.stderr
    saved = assay_command("plugins", site=tmp_path, ASSAY_PLUGINS="boxed_math")
    assert saved.returncode == 0, saved.stderr
    assert "their-dist" not in saved.stdout


def test_a_restriction_to_an_unknown_plugin_is_a_usage_error() -> None:
    done = assay_command("plugins", ASSAY_PLUGINS="boxed_math,nope")
    assert done.returncode == 2
    assert "ASSAY_PLUGINS names the plugin 'nope'" in done.stderr


def test_tracing_prints_every_hook_call() -> None:
    done = assay_command("run", "nosuch:model", "nothing", ASSAY_PLUGINS="backends", ASSAY_TRACE_HOOKS="1")
    assert done.returncode == 2
    assert "assay hook open_backend(url='nosuch:model'" in done.stderr
    assert "assay hook open_backend returned None" in done.stderr


class Named:
    protocol = metrics = problems = variant = None

    def __init__(self, text: str = "") -> None:
        self.name = text


def benchmarks(mapping):
    class Plugin:
        @hookimpl
        def register_benchmarks(self):
            return mapping

    return Plugin()


def test_arguments_in_brackets_go_to_the_factory() -> None:
    registry = Registry()
    factories = {"windowed": Named, "fixed": lambda: Named(), "fixed[one]": lambda: Named("its own"), "family:": Named}
    registry.add(benchmarks(factories), name="mine")
    assert registry.make_benchmark("windowed").name == ""
    assert registry.make_benchmark("windowed[a,b:c]").name == "a,b:c"
    assert registry.make_benchmark("windowed[]").name == ""
    assert registry.make_benchmark("fixed[one]").name == "its own", "a registered name comes first"
    assert registry.make_benchmark("family:x[y]").name == "x[y]"
    with pytest.raises(UsageError, match=r"'fixed' takes no arguments in brackets: write fixed"):
        registry.make_benchmark("fixed[two]")
    with pytest.raises(UsageError, match=r"no benchmark is called 'windowde\[a\]'"):
        registry.make_benchmark("windowde[a]")
    with pytest.raises(UsageError, match=r"no benchmark is called 'windowed\[a'"):
        registry.make_benchmark("windowed[a")
