"""The benchmark `my_plugin`, found by Assay through the entry point in pyproject.toml."""

import assay

from my_plugin.benchmark import MyPlugin


@assay.hookimpl
def register_benchmarks():
    """Name → factory."""
    return {"my_plugin": MyPlugin}
