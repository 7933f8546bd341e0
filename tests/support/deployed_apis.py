"""HTTP APIs and function URLs in front of functions that are deployed into a local AWS, and what sends requests."""

from __future__ import annotations

from typing import Any

import httpx
from deployed_functions import Aws

ACCOUNT = "000000000000"

SHOW_EVENT = """
    import json

    def handler(event, context):
        shown = {"event": event, "version": context.function_version, "arn": context.invoked_function_arn}
        return {"statusCode": 200, "headers": {"access-control-allow-origin": "the app"}, "body": json.dumps(shown)}
"""


class Sender:
    """Sends requests to the front door's address, with the name of an API as Host."""

    def __init__(self, aws: Aws, client: httpx.Client, url: str) -> None:
        self.aws = aws
        self.client = client
        self.url = url
        self.id = url.removeprefix("http://").partition(".")[0]

    def __call__(
        self,
        method: str,
        path: str = "/",
        *,
        host: str | None = None,
        headers: dict[str, str] | None = None,
        **request: Any,
    ) -> httpx.Response:
        named = {"Host": host or self.url.removeprefix("http://").rstrip("/"), **(headers or {})}
        return self.client.request(method, self.aws.aws.endpoint_url + path, headers=named, **request)

    def event(self, method: str, path: str = "/", **request: Any) -> dict[str, Any]:
        """Send a request to a function that shows its event; return that."""
        answer = self(method, path, **request)
        assert answer.status_code == 200, answer.text
        event: dict[str, Any] = answer.json()["event"]
        return event


def make_api(  # noqa: PLR0913 - an API has that many parts
    aws: Aws,
    client: httpx.Client,
    function_arn: str,
    *routes: str,
    stage: str = "$default",
    permitted: str | None = "*",
    uri: str | None = None,
    route: Any = (),
    integration: Any = (),
    stage_settings: Any = (),
    authorizer: Any = None,
    **settings: Any,
) -> Sender:
    """Make an HTTP API in front of a function, and what sends requests to it."""
    gateway = aws.client("apigatewayv2")
    made = gateway.create_api(Name="books", ProtocolType="HTTP", **settings)
    api_id = made["ApiId"]
    shape = {"IntegrationType": "AWS_PROXY", "PayloadFormatVersion": "2.0"} | dict(integration)
    uri = function_arn if uri is None else uri
    target = gateway.create_integration(ApiId=api_id, IntegrationUri=uri, **shape)["IntegrationId"]
    of_route = dict(route)
    if authorizer:
        authorizer_id = gateway.create_authorizer(ApiId=api_id, Name="users", **authorizer)["AuthorizerId"]
        of_route |= {"AuthorizerId": authorizer_id}
    for key in routes or ("$default",):
        gateway.create_route(ApiId=api_id, RouteKey=key, Target=f"integrations/{target}", **of_route)
    gateway.create_stage(ApiId=api_id, StageName=stage, AutoDeploy=True, **dict(stage_settings))
    if permitted:
        permit(aws, function_arn, f"{api_id}/{permitted}")
    return Sender(aws, client, made["ApiEndpoint"])


def permit(aws: Aws, function: str, source: str) -> None:
    """Let an HTTP API invoke a function."""
    aws.lambda_.add_permission(
        FunctionName=function,
        StatementId=source.translate(str.maketrans("/*${}+", "------")),
        Action="lambda:InvokeFunction",
        Principal="apigateway.amazonaws.com",
        SourceArn=f"arn:aws:execute-api:us-east-1:{ACCOUNT}:{source}",
    )
