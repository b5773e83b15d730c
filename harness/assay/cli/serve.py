"""`assay serve`: verdicts and rewards over HTTP."""

from __future__ import annotations

import os
import socket
import tempfile
from typing import Annotated, Any

import typer

from assay.cli.common import PluginOption, WorkersOption, parse_dotted_pairs, prepare, stderr
from assay.errors import UsageError

_GRACE_SECONDS = 30


def serve(
    host: Annotated[
        str, typer.Option(help="Address to listen on; any but loopback needs ASSAY_SERVE_TOKEN.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0: any free port, printed at the start.")] = 8000,
    reward: Annotated[
        str | None,
        typer.Option(help="Reward of /v1/reward and /openrlhf: a preset (r1-zero), a verifier, or a YAML file."),
    ] = None,
    verifier: Annotated[
        list[str] | None, typer.Option(help="A verifier to offer; may be given several times. Default: all.")
    ] = None,
    option: Annotated[
        list[str] | None,
        typer.Option("-o", "--option", metavar="VERIFIER.NAME=VALUE", help="An option of an offered verifier."),
    ] = None,
    processes: Annotated[int, typer.Option(min=1, help="Server processes; each has its own verification workers.")] = 1,
    timeout: Annotated[float, typer.Option(help="Seconds that a request may take.")] = 60.0,
    max_pending: Annotated[int, typer.Option(min=1, help="Responses being checked or waiting; beyond: 429.")] = 8192,
    max_body_mb: Annotated[int, typer.Option(min=1, help="Largest body in MiB.")] = 16,
    plugin: PluginOption = None,
    workers: WorkersOption = None,
) -> None:
    """Serve verdicts and rewards over HTTP, for trainers on other machines or in other languages."""
    try:
        import uvicorn

        from assay.serving.app import SETTINGS_VARIABLE, make_app
    except ImportError as error:
        raise UsageError(f"the server needs more packages ({error.name}): pip install 'assay[serve]'") from error
    from assay.serving.metrics import MULTIPROCESS_FOLDER
    from assay.serving.protocol import TimelyProtocol
    from assay.serving.settings import ServerSettings

    prepare(plugin=plugin)
    if processes > 1 and plugin:
        raise UsageError("plugin files cannot be given to several server processes: install the plugin as a package")
    settings = ServerSettings(
        host=host,
        port=port,
        token=os.environ.get("ASSAY_SERVE_TOKEN") or None,
        reward=os.path.abspath(reward) if reward is not None and os.path.exists(reward) else reward,
        verifiers=tuple(verifier or ()),
        options=parse_dotted_pairs(option, "--option"),
        workers=workers,
        timeout=timeout,
        max_pending=max_pending,
        max_body_bytes=max_body_mb * 2**20,
    )
    port = _free_port(host, port)
    common: dict[str, Any] = {
        "host": host,
        "port": port,
        "http": TimelyProtocol,
        "access_log": False,
        "server_header": False,
        "timeout_graceful_shutdown": _GRACE_SECONDS,
        "log_config": _LOGGING,
    }
    with tempfile.TemporaryDirectory(prefix="assay-metrics-") as folder:
        if processes > 1:
            os.environ[SETTINGS_VARIABLE] = settings.to_json()
            os.environ[MULTIPROCESS_FOLDER] = folder
        app = make_app(settings)  # whatever is wrong with the settings is said here, once
        shown = f"[{host}]" if ":" in host else host
        stderr().print(f"Serving on http://{shown}:{port} · Ctrl-C stops", highlight=False)
        if processes == 1:
            uvicorn.run(app, **common)
        else:
            uvicorn.run("assay.serving.app:app_from_environment", factory=True, workers=processes, **common)


def _free_port(host: str, port: int) -> int:
    """The port, or for 0 a free one. Raises `UsageError` where nobody can listen there: uvicorn would only log it."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as uvicorn does
            probe.bind(address)
            return int(probe.getsockname()[1])
    except OSError as error:
        raise UsageError(
            f"cannot listen on {host}, port {port}: {error.strerror}. Choose another --port (0: any free one) or --host"
        ) from error


_LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(name)s %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {name: {"handlers": ["stderr"], "level": "INFO"} for name in ("uvicorn", "assay.serve")},
}
