"""`assay view [DIR]`: a results folder in the browser."""

from __future__ import annotations

import os
import socket
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from assay.cli.common import DataOption, PluginOption, prepare, stderr
from assay.errors import UsageError

HOST = "127.0.0.1"


def view(
    folder: Annotated[
        Path, typer.Argument(metavar="[DIR]", help="A folder that holds runs at any depth, or one run.")
    ] = Path("results/runs"),
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port, printed at the start.")] = 0,
    open_browser: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    data: DataOption = None,
    plugin: PluginOption = None,
) -> None:
    """Look at runs and their samples in the browser: a local web page, on this machine only."""
    try:
        import uvicorn

        from assay.viewing.app import make_app
    except ImportError as error:
        raise UsageError(f"the viewer needs more packages ({error.name}): pip install 'assay[view]'") from error

    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder: give one that holds runs, such as results/runs")
    os.environ["HF_HUB_OFFLINE"] = "1"  # questions come from data on this machine; a page never asks the network
    prepare(data, plugin)
    listening = _listen(port)
    port = listening.getsockname()[1]
    address = f"http://{HOST}:{port}/"
    app = make_app(folder.resolve(), port=port)
    stderr().print(f"Showing {folder} on {address} · Ctrl-C stops", highlight=False, markup=False)
    if open_browser:
        webbrowser.open(address)
    config = uvicorn.Config(
        app, log_level="warning", access_log=False, server_header=False, date_header=False, timeout_graceful_shutdown=1
    )
    uvicorn.Server(config).run(sockets=[listening])


def _listen(port: int) -> socket.socket:
    """A listening socket. Raises `UsageError` where the port is taken or not ours to take."""
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
        listening.listen(128)  # now, so that whoever reads the address can connect at once
    except OSError as error:
        listening.close()
        raise UsageError(
            f"cannot listen on {HOST}, port {port}: {error.strerror}. Choose another --port (0: any free one)"
        ) from error
    return listening
