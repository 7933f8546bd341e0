"""The HTTP API: what Amazon API Gateway does between a browser and the function.

`guard` keeps strangers out, `payload` turns a request into an event of format 2.0, `response` turns what the
function returned into an answer, `api` joins the three round an `Invoke` and keeps the gateway's limits.
"""

from fastlambda_cli.local.http.api import LABEL, HttpApi, serve_http_api

__all__ = ["LABEL", "HttpApi", "serve_http_api"]
