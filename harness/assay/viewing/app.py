"""The routes of the viewer.

| route          | shows                                                            |
|----------------|------------------------------------------------------------------|
| `/`            | the runs                                                         |
| `/run`         | one run: its numbers, how it was made, its problems               |
| `/samples`     | samples by any filter                                            |
| `/sample`      | one sample                                                       |
| `/text`        | its whole text, as plain text                                    |
| `/compare`     | two runs on the same problems                                    |
| `/pulse`       | what changes when anything does; the page's script asks for it    |
| `/static`, `/look` | our own files                                                |

Handlers are plain functions: starlette runs them on its threads, so that a slow page holds up no other.
"""

from __future__ import annotations

import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import jinja2
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from assay.errors import AssayError
from assay.rendering import ASSETS
from assay.viewing.catalog import Catalog
from assay.viewing.comparing import Comparisons
from assay.viewing.database import Database
from assay.viewing.guard import Guard
from assay.viewing.overview import Overview
from assay.viewing.pages import Pages
from assay.viewing.questions import Questions
from assay.viewing.samples import Samples
from assay.viewing.search import Searches

_HERE = Path(__file__).parent
_log = logging.getLogger("assay.view")


class Viewer:
    """Everything that the pages of one results folder stand on."""

    def __init__(self, root: Path) -> None:
        self.database = Database()
        self.catalog = Catalog(root, self.database)
        self.searches = Searches(self.database)
        self.questions = Questions()
        self.pages = Pages(
            catalog=self.catalog,
            samples=Samples(self.catalog, self.database, self.searches),
            overview=Overview(self.database),
            comparisons=Comparisons(self.database),
            questions=self.questions,
            database=self.database,
        )

    def close(self) -> None:
        """Stop background work and remove the temporary files."""
        self.searches.close()
        self.questions.close()
        self.database.close()


def make_app(root: Path, *, port: int | None) -> Starlette:
    """The ASGI application for a results folder.

    Args:
        root: The folder, or one run.
        port: The port it listens on, which the Host header must name; None takes any, for tests.

    Raises:
        UsageError: A package is missing.
    """
    viewer = Viewer(root)
    pages = viewer.pages
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.globals.update(pages.helpers())

    def page(template: str, make: Callable[[Request], dict[str, Any]]) -> Callable[[Request], Response]:
        def handle(request: Request) -> Response:
            return _html(templates, template, version=viewer.catalog.version(), **make(request))

        return handle

    def pulse(_: Request) -> Response:
        return JSONResponse({"version": viewer.catalog.version()})

    def text(request: Request) -> Response:
        body = pages.plain_text(request)
        headers = {"content-security-policy": "default-src 'none'; sandbox"}
        return PlainTextResponse(body, headers=headers)

    def refused(_: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 503
        detail = error.detail if isinstance(error, HTTPException) else str(error)
        return _html(templates, "error.html", status, version="", title=f"{status}", detail=detail)

    def failed(request: Request, error: Exception) -> Response:
        _log.error("%s failed", request.url.path, exc_info=error)
        detail = f"This page failed, which is a mistake in Assay: {type(error).__name__}. The terminal shows more."
        return _html(templates, "error.html", 500, version="", title="500", detail=detail)

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        try:
            yield
        finally:
            viewer.close()

    routes = [
        Route("/", page("runs.html", pages.runs), methods=["GET"]),
        Route("/run", page("run.html", pages.run), methods=["GET"]),
        Route("/samples", page("samples.html", pages.samples), methods=["GET"]),
        Route("/sample", page("sample.html", pages.sample), methods=["GET"]),
        Route("/compare", page("compare.html", pages.compare), methods=["GET"]),
        Route("/text", text, methods=["GET"]),
        Route("/pulse", pulse, methods=["GET"]),
        Mount("/static", StaticFiles(directory=_HERE / "static")),
        Mount("/look", StaticFiles(directory=ASSETS)),
    ]
    app = Starlette(
        routes=routes,
        lifespan=lifespan,
        middleware=[Middleware(Guard, port=port)],
        exception_handlers={HTTPException: refused, AssayError: refused, Exception: failed},
    )
    app.state.viewer = viewer
    return app


def _html(templates: jinja2.Environment, name: str, status: int = 200, **values: Any) -> Response:
    # Half a surrogate pair, from a file's name, must not cost the page.
    body = templates.get_template(name).render(values).encode("utf-8", "replace")
    return HTMLResponse(body, status)
