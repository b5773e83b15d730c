"""The verifier `my_plugin`, found by Assay through the entry point in pyproject.toml."""

import assay

from my_plugin.verifier import MyPlugin


@assay.hookimpl
def register_verifiers():
    """Name → factory; the factory takes the verifier's options as keywords."""
    return {"my_plugin": MyPlugin}
