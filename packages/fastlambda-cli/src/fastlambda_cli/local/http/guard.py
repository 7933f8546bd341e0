"""Who may call a service on a developer's laptop.

Every page in a browser can send requests to 127.0.0.1. CORS decides only what such a page may read, so a
request that acts would have acted: a stranger's page is therefore refused before the function sees anything.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from fastlambda_cli.local.http.payload import host_name
from fastlambda_cli.local.http.request import HttpRequest

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]", "::1"})


def refusal(request: HttpRequest) -> str | None:
    """Say why a request is refused, in one line; None when it may pass.

    - The Host must be a loopback name: DNS rebinding makes a stranger's name point here.
    - An Origin, which browsers send with everything that may act, must be a loopback one, such as the
      development server of a front end.
    - Without an Origin, a browser that marks a request as another site's (an image, a script) is believed.
    """
    host = request.header("host")
    if not _is_loopback(host_name(host)):
        return f"the local API answers to localhost and 127.0.0.1, not to the host {host or 'without a name'}"
    for origin in request.values("origin"):
        if not _is_loopback_url(origin):
            return f"the local API refuses pages from other sites, here {origin}"
    if request.header("origin") or request.header("sec-fetch-site") != "cross-site":
        return None
    if request.header("sec-fetch-mode") == "navigate" or _is_loopback_url(request.header("referer")):
        return None
    return "the local API refuses requests that a page of another site embeds"


def _is_loopback(name: str) -> bool:
    name = name.lower().removesuffix(".")
    return name in _LOOPBACK or name.endswith(".localhost")


def _is_loopback_url(url: str) -> bool:
    try:
        name = urlsplit(url).hostname
    except ValueError:  # an unbalanced bracket: a browser never sends it
        return False
    return name is not None and _is_loopback(name)
