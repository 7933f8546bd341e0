"""The HTTP API: what Amazon API Gateway does between a browser and the function.

`guard` keeps strangers out, `routing` finds the function, `payload` turns a request into an event of format 2.0,
`response` turns what the function returned into an answer, `cors` answers browsers, and `api` joins them round an
`Invoke` and keeps the gateway's limits.
"""

from fastlambda_cli.local.http.api import LABEL, HttpApi, serve_http_api
from fastlambda_cli.local.http.routing import one_route

__all__ = ["LABEL", "HttpApi", "one_route", "serve_http_api"]
