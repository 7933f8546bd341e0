"""The URLs of deployed functions, each a host of its own: `ID.lambda-url.localhost`."""

from __future__ import annotations

import json
import re

from fastlambda_cli.errors import FastLambdaError
from fastlambda_cli.local.aws.deployed.iam_authorizer import IamAuthorizer, Need
from fastlambda_cli.local.aws.deployed.invoking import invoking
from fastlambda_cli.local.aws.deployed.permissions import missing_for_anybody
from fastlambda_cli.local.aws.deployed.state import DeployedState, UrlRecord
from fastlambda_cli.local.aws.function_names import FunctionReference
from fastlambda_cli.local.aws.functions import Functions
from fastlambda_cli.local.aws.permissions import Permissions
from fastlambda_cli.local.aws.signatures.faults import MISSING, NOT_SUPPORTED, RefusedRequest
from fastlambda_cli.local.aws.signatures.keyring import Keyring
from fastlambda_cli.local.http.authorizing import Authorize, Refused
from fastlambda_cli.local.http.cors import Cors
from fastlambda_cli.local.http.function_url import PAYLOADS, STREAMED
from fastlambda_cli.local.http.kinds import FUNCTION_URL, url_message
from fastlambda_cli.local.http.payload import Gateway
from fastlambda_cli.local.http.request import HttpRequest
from fastlambda_cli.local.http.response import JSON, Answer
from fastlambda_cli.local.http.routing import Route
from fastlambda_cli.local.model import LATEST, Notice, Sink

HOST = re.compile(r"(?P<id>[a-z0-9]+)\.lambda-url(\.[a-z0-9-]+)?\.localhost(:\d{1,5})?", re.IGNORECASE)

_ERROR_TYPE = ("x-amzn-errortype", "AccessDeniedException")
_FORBIDDEN = (
    "Forbidden. For troubleshooting Function URL authorization issues, see: "
    "https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html"
)


class FunctionUrls:
    """Finds the function of a URL among those that the emulator knows: a `Router`.

    Args:
        state: What the emulator knows.
        functions: What can be invoked.
        keyring: Whose keys requests are signed with.
        permissions: Who may do what.
        sink: Is told what is refused, once each.

    """

    def __init__(
        self, state: DeployedState, functions: Functions, keyring: Keyring, permissions: Permissions, sink: Sink
    ) -> None:
        self._state = state
        self._functions = functions
        self._iam = IamAuthorizer(keyring, permissions, "lambda", FUNCTION_URL, _not_signed, _denied)
        self._sink = sink
        self._told: set[str] = set()

    async def __call__(self, request: HttpRequest) -> Route | Answer:
        """Find the function, or say why there is none."""
        try:
            return await self._route(request)
        except FastLambdaError as problem:
            return url_message(503, "Service Unavailable", error=problem.in_one_line())

    async def _route(self, request: HttpRequest) -> Route | Answer:
        host = HOST.fullmatch(request.header("host"))
        url_id = host["id"].lower() if host else ""
        record = await self._state.function_url(url_id)
        if record is None:
            return url_message(403, None, error=f"there is no function URL {url_id}").with_header(*_ERROR_TYPE)
        configuration = record.configuration
        cors = Cors.of_url(configuration["Cors"]) if configuration.get("Cors") else None
        if cors and (preflight := cors.preflight(request)):
            return preflight
        reference = FunctionReference(record.function, qualifier=record.qualifier)
        streams = configuration.get("InvokeMode") == "RESPONSE_STREAM"
        return Route(
            invoking(self._functions, reference),
            Gateway(url_id, url_of=f"{record.function}:{record.qualifier or LATEST}"),
            timeout_s=None,
            cors=cors,
            authorize=await self._authorize(record, reference),
            payloads=STREAMED if streams else PAYLOADS,
            streams=streams,
        )

    async def _authorize(self, record: UrlRecord, reference: FunctionReference) -> Authorize | None:
        """Who may pass; None for anybody, where the function's policy says so."""
        if record.configuration.get("AuthType") != "NONE":
            return self._iam.asking(lambda _: _needs(reference))
        missing = missing_for_anybody(await self._state.policy(record.function, record.qualifier))
        if missing is None:
            return None
        error = f"The URL of {reference.arn} is open to nobody: its policy does not allow {missing} to everybody"
        self._tell(error)

        async def nobody(_: HttpRequest, __: str) -> Refused:
            return Refused(_forbidden(_FORBIDDEN, error), error)

        return nobody

    def _tell(self, text: str) -> None:
        if text not in self._told:
            self._told.add(text)
            self._sink(Notice(f"{text}.", warning=True))


def _needs(reference: FunctionReference) -> list[Need]:
    """Both are needed (Lambda developer guide, "Control access to Lambda function URLs")."""
    return [
        Need("lambda:InvokeFunctionUrl", reference.arn, {"lambda:FunctionUrlAuthType": "AWS_IAM"}),
        Need("lambda:InvokeFunction", reference.arn, {"lambda:InvokedViaFunctionUrl": "true"}),
    ]


def _denied(why: str) -> Answer:
    return _forbidden(_FORBIDDEN, why)


def _forbidden(text: str, why: str) -> Answer:
    return url_message(403, text, error=why).with_header(*_ERROR_TYPE)


def _not_signed(refused: RefusedRequest) -> Answer:
    """Without a signature it is forbidden; one that is wrong is refused as Lambda's API does, with a small `message`.

    Seen at a function URL in "POST request to presigned AWS Lambda Function URL with unsigned payload" (AWS re:Post)
    and in RJPearson94/terraform-aws-open-next#48.
    """
    fault = refused.fault
    if fault in (MISSING, NOT_SUPPORTED):
        return _forbidden("Forbidden", refused.message)
    body = json.dumps({"message": refused.message}, separators=(",", ":")).encode()
    headers = (("content-type", JSON), ("x-amzn-errortype", fault.json))
    return Answer(fault.status or 403, headers, body, refused.message)
