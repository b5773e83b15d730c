"""The verifier `weekday`, the benchmark `weekdays` and the backend `almanac:`.

Assay imports this module whenever it starts, through the entry point in pyproject.toml, so it imports only what names
need; what is heavy comes when it is asked for.
"""

import assay

SCHEME = "almanac"


def _verifier(**options):
    from assay_weekdays.verifier import Weekday

    return Weekday(**options)


def _benchmark():
    from assay_weekdays.benchmark import Weekdays

    return Weekdays()


@assay.hookimpl
def register_verifiers():
    """Name → factory; the factory takes the verifier's options as keywords."""
    return {"weekday": _verifier}


@assay.hookimpl
def register_benchmarks():
    """Name → factory."""
    return {"weekdays": _benchmark}


@assay.hookimpl
def open_backend(url, options):
    """A backend for urls of our scheme, None for all others."""
    scheme, _, slips = url.partition(":")
    if scheme != SCHEME:
        return None
    from assay_weekdays.backend import Almanac

    return Almanac(slips, dict(options))
