"""Which of several apps answers, by the name that a request is sent to."""

from __future__ import annotations

import re
from collections.abc import Mapping

from fastlambda_cli.local.serve import AsgiApp, Receive, Scope, Send


def by_host(apps: Mapping[re.Pattern[str], AsgiApp], otherwise: AsgiApp) -> AsgiApp:
    """Hand requests to hosts that a pattern matches to its app, and all others to another."""

    async def handing_on(scope: Scope, receive: Receive, send: Send) -> None:
        hosts = [value.decode("latin-1") for name, value in scope["headers"] if name == b"host"]
        found = (app for pattern, app in apps.items() if len(hosts) == 1 and pattern.fullmatch(hosts[0]))
        await next(found, otherwise)(scope, receive, send)

    return handing_on
