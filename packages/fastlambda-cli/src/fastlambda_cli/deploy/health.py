"""Whether a version answers: asked by itself before it gets any traffic, and through the API's URL once it has it."""

from __future__ import annotations

import contextlib
import json
import ssl
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit

from fastlambda_cli.aws.session import Aws, translated
from fastlambda_cli.deploy.log_tail import last_failure
from fastlambda_cli.errors import AwsError, HealthCheckError, ThrottledByAwsError

if TYPE_CHECKING:
    import httpx

_HEALTHY_BELOW = 500
_TIMEOUT_S = 30.0
_PAUSES_S = (0.5, 1.0, 2.0, 3.0, 4.0)
"""Between the tries at a URL: a new API is not everywhere at once."""

_PAUSE_S = 2.0
_LOCAL_PAUSE_S = 0.05
"""Between two looks at a version that is being made ready."""

_READY_S = 900.0
_START_S = 150.0
"""How much longer than a function's timeout an invocation may take: Lambda starts an environment in up to 130 seconds
where that is not part of the timeout (AWS Lambda Developer Guide, "Understanding the Lambda execution environment
lifecycle")."""

_BUSY_PAUSES_S = (1.0, 2.0, 4.0, 8.0, 16.0)
"""Between the tries at a version that Lambda has no room for, or has not got ready."""

_NOT_YET = frozenset(
    {
        "CodeArtifactUserPendingException",
        "EC2ThrottledException",
        "EC2UnexpectedException",
        "ENINotReadyException",
        "ResourceConflictException",
        "ResourceNotReadyException",
        "ServiceException",
        "SnapStartNotReadyException",
    }
)
"""What Lambda says of a version that may answer a little later (AWS Lambda API Reference, "Invoke")."""

_DETAIL = 300
_USER_AGENT = "fastlambda-health-check"


class HealthCheck(Protocol):
    """Asks whether what was deployed answers; silence is a failure."""

    def version(self, function: str, version: str, path: str) -> None:
        """Invoke one version of a function with a GET of a path, past alias and API.

        Raises:
            HealthCheckError: It fails, or answers with a status of 500 or more.
            ThrottledByAwsError: Lambda has no concurrency left to run it, which says nothing of the version.
            AwsError: Lambda cannot be asked.

        """

    def url(self, url: str, path: str) -> None:
        """GET a path of the API.

        Raises:
            HealthCheckError: It does not answer, or with a status of 500 or more.

        """


class LiveHealthCheck:
    """Asks Lambda, and the API over HTTP.

    Args:
        aws: Where the function is.
        wait: Waits so many seconds between two tries.
        start: Seconds that an invocation may take beyond the function's timeout.
        ready: Seconds of waiting until a version can be invoked.

    """

    def __init__(
        self,
        aws: Aws,
        wait: Callable[[float], None] = time.sleep,
        start: float = _START_S,
        ready: float = _READY_S,
    ) -> None:
        self._aws = aws
        self._wait = wait
        self._start = start
        self._ready = ready

    def version(self, function: str, version: str, path: str) -> None:
        """Invoke one version; see `HealthCheck`.

        It is asked once, however long it takes, since Lambda ends an invocation at the function's timeout itself. Only
        where Lambda did not run it at all it is asked again, for half a minute.
        """
        timeout = self._active(function, version)
        with contextlib.closing(self._aws.client_for_one_try("lambda", read_timeout=timeout + self._start)) as client:
            answer = self._invoked(client, function, version, path)
        problem = _problem(*answer)
        if problem is not None:
            raise HealthCheckError(
                f"Version {version} of {function} does not answer GET {path}",
                why=problem,
                remedy=self._where_more_is(function),
            )

    def url(self, url: str, path: str) -> None:
        """GET a path of the API; see `HealthCheck`."""
        problem = self._get(url, path)
        for pause in _PAUSES_S:
            if problem is None:
                return
            self._wait(pause)
            problem = self._get(url, path)
        if problem is not None:
            raise HealthCheckError(
                f"GET {url.rstrip('/')}{path} does not answer",
                why=problem,
                remedy="The logs of the function and of the API say more.",
            )

    def _active(self, function: str, version: str) -> float:
        """Wait until a version can be invoked; return its timeout in seconds.

        With SnapStart, Lambda starts it once and takes its snapshot before; in a VPC it makes network interfaces.
        """
        client = self._aws.client("lambda")
        pause, waited = _LOCAL_PAUSE_S if self._aws.is_local else _PAUSE_S, 0.0
        while True:
            with translated(f"look at version {version} of {function}"):
                found = client.get_function_configuration(FunctionName=function, Qualifier=version)
            state = found.get("State", "Active")
            if state == "Failed":
                raise HealthCheckError(
                    f"Version {version} of {function} cannot be started",
                    why=found.get("StateReason", "Lambda gives no reason").rstrip("."),
                    remedy=self._where_more_is(function),
                )
            if state != "Pending":
                return found["Timeout"]
            if waited >= self._ready:
                raise HealthCheckError(
                    f"Version {version} of {function} does not become active",
                    why=f"it is still {state} after {waited:.0f} s",
                    remedy="Try again; where it stays so, AWS Support can say why.",
                )
            self._wait(pause)
            waited += pause

    def _where_more_is(self, function: str) -> str:
        # The AWS CLI would look in the account, and not at this machine.
        return "" if self._aws.is_local else f"Its log says more: `aws logs tail /aws/lambda/{function}`."

    def _invoked(self, client: Any, function: str, version: str, path: str) -> tuple[str | None, bytes, str | None]:
        """What a version answers: Lambda's word for a failure of the function, the payload, and the end of its log."""
        pauses = list(_BUSY_PAUSES_S)
        while True:
            try:
                with translated(f"invoke version {version} of {function}"):
                    payload = json.dumps(request_event(path))
                    answer = client.invoke(FunctionName=function, Qualifier=version, Payload=payload, LogType="Tail")
                    return answer.get("FunctionError"), answer["Payload"].read(), answer.get("LogResult")
            except ThrottledByAwsError as error:
                if not pauses:
                    raise _no_room(function, version, error) from error
            except AwsError as error:
                if error.code not in _NOT_YET or not pauses:
                    raise
            self._wait(pauses.pop(0))

    def _get(self, url: str, path: str) -> str | None:
        import httpx  # noqa: PLC0415  no command but deploy and rollback asks anybody

        address, headers = _address(url)
        # A proxy for the internet does not lead to this machine, where no certificate is checked either.
        away = address == url.rstrip("/")
        verify = True if away else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        try:
            with httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=away, verify=verify) as client:
                response = client.get(f"{address}{path}", headers=headers)
        except httpx.HTTPError as error:
            return str(error) or type(error).__name__
        return _unhealthy(response)


def request_event(path: str) -> dict[str, Any]:
    """Make the event of a GET in payload format 2.0.

    Its shape is that of Amazon API Gateway Developer Guide, "Create AWS Lambda proxy integrations for HTTP APIs".
    """
    now = datetime.now(UTC)
    domain = "health-check.invalid"
    return {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            "host": domain,
            "user-agent": _USER_AGENT,
            "x-forwarded-for": "127.0.0.1",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "health-check",
            "domainName": domain,
            "domainPrefix": "health-check",
            "http": {
                "method": "GET",
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": _USER_AGENT,
            },
            "requestId": "health-check",
            "routeKey": "$default",
            "stage": "$default",
            "time": now.strftime("%d/%b/%Y:%H:%M:%S +0000"),
            "timeEpoch": int(now.timestamp() * 1000),
        },
        "isBase64Encoded": False,
    }


def _no_room(function: str, version: str, error: AwsError) -> ThrottledByAwsError:
    return ThrottledByAwsError(
        f"Version {version} of {function} could not be asked whether it answers",
        why=f"Lambda had no room to run it for half a minute: {error.why}",
        remedy="This says nothing of the version. Raise `concurrency.reserved` or the account's quota, or deploy when "
        "less is going on.",
        code=error.code,
        request_id=error.request_id,
    )


def _problem(function_error: str | None, payload: bytes, log_result: str | None) -> str | None:
    """What is wrong with a version's answer; None when it is healthy."""
    text = payload.decode("utf-8", "replace")
    try:
        answer = json.loads(text) if text else None
    except ValueError:
        return f"its answer is not JSON: {text[:_DETAIL]}"
    if function_error is not None:
        said = answer if isinstance(answer, Mapping) else {}
        kind, message = said.get("errorType", function_error), said.get("errorMessage", text)
        return f"{kind}: {message}"[:_DETAIL]
    status = answer.get("statusCode", 200) if isinstance(answer, Mapping) else 200
    if not isinstance(status, int):
        return f"its status is {status!r}"
    if status < _HEALTHY_BELOW:
        return None
    logged = last_failure(log_result)
    return f"its status is {status}: {logged}"[:_DETAIL] if logged else f"its status is {status}"


def _unhealthy(response: httpx.Response) -> str | None:
    if response.status_code < _HEALTHY_BELOW:
        return None
    return f"its status is {response.status_code}: {response.text[:_DETAIL]}".rstrip(": ")


def _address(url: str) -> tuple[str, dict[str, str]]:
    """Where to connect for a URL, and with which headers.

    Names under localhost are this machine (RFC 6761, section 6.3), which not every resolver knows.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not host.endswith(".localhost"):
        return url.rstrip("/"), {"user-agent": _USER_AGENT}
    port = f":{parts.port}" if parts.port else ""
    return f"{parts.scheme}://127.0.0.1{port}{parts.path.rstrip('/')}", {
        "host": parts.netloc,
        "user-agent": _USER_AGENT,
    }
