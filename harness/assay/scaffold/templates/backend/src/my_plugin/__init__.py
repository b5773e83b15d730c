"""The backend `my-plugin:`, found by Assay through the entry point in pyproject.toml."""

import assay

SCHEME = "my-plugin"


@assay.hookimpl
def open_backend(url, options):
    """A backend for urls of our scheme, None for others. Import what is heavy here, not at the top."""
    scheme, _, model = url.partition(":")
    if scheme != SCHEME:
        return None
    from my_plugin.backend import MyPlugin

    return MyPlugin(model, dict(options))
