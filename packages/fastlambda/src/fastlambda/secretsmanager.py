"""GetSecretValue in one signed HTTPS request, for the start of an execution environment.

A boto3 client reads service models and endpoint rules before its first call: several times what the call itself
costs, paid in INIT. `SecretsManagerProvider` is a Powertools Parameters provider that makes this one request with
the standard library instead. Whatever needs more of the SDK than that (a proxy, FIPS or dual-stack endpoints,
credentials that are not in the environment) gets Powertools' own `SecretsProvider`: see `provider_for`.
"""

from __future__ import annotations

import base64
import http.client
import json
import os
import random
import ssl
import time
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from fastlambda.frozen import Frozen
from fastlambda.powertools_parameters import BaseProvider
from fastlambda.sigv4 import Credentials, sign

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SERVICE = "secretsmanager"

DNS_SUFFIXES: Mapping[str, str] = {
    "aws": "amazonaws.com",
    "aws-cn": "amazonaws.com.cn",
    "aws-us-gov": "amazonaws.com",
    "aws-eusc": "amazonaws.eu",
    "aws-iso": "c2s.ic.gov",
    "aws-iso-b": "sc2s.sgov.gov",
    "aws-iso-e": "cloud.adc-e.uk",
    "aws-iso-f": "csp.hci.ic.gov",
}
"""The domain of each AWS partition's endpoints, as in the SDK's partition data."""

# As the SDKs' standard retry mode classifies them (AWS SDKs and Tools Reference Guide, "Retry behavior").
_TRANSIENT_CODES = frozenset(
    {
        "InternalFailure",
        "InternalServiceError",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "RequestTimeout",
        "RequestTimeoutException",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
    }
)
_HTTP_OK = 200
_HTTP_TOO_MANY_REQUESTS = 429
_HTTP_SERVER_ERROR = 500


class SecretsManagerError(Exception):
    """Secrets Manager refused, or could not be reached after every retry.

    Attributes:
        code: The API's error code, such as "ResourceNotFoundException"; "Unreachable" when no answer came.
        transient: True when the same request may succeed later.

    """

    def __init__(self, code: str, message: str, *, transient: bool) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.transient = transient


class Retry(Frozen):
    """How long to insist: what suits Lambda, where INIT has ten seconds in all.

    Attributes:
        attempts: Requests in all, the first one included.
        timeout: Seconds for connecting, and again for each read.
        backoff: Seconds; before retry n a random part of `backoff * 2**n` is waited ("full jitter").

    """

    attempts: int = 3
    timeout: float = 2.0
    backoff: float = 0.2

    def pause(self, retries: int) -> float:
        """Seconds to wait before the retry that follows `retries` others."""
        return random.uniform(0, self.backoff * 2**retries)  # noqa: S311  # spreads load, hides nothing


class SecretsManagerProvider(BaseProvider):
    """Powertools Parameters over one request to Secrets Manager; blocks, so call it off the event loop.

    Credentials, region and endpoint come from the environment at each request, by the SDKs' standard names:
    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, AWS_REGION, AWS_ENDPOINT_URL_SECRETS_MANAGER,
    AWS_ENDPOINT_URL and AWS_CA_BUNDLE. A secret named by its ARN is read in the ARN's own region.
    """

    def __init__(self, retry: Retry | None = None) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._retry = retry or Retry()

    def _get(self, name: str, **sdk_options: Any) -> str | bytes:
        """Return SecretString, or SecretBinary decoded; raise SecretsManagerError."""
        body = json.dumps({**sdk_options, "SecretId": name}).encode()
        endpoint = endpoint_url(name)
        region = region_of(name)
        for retries in range(self._retry.attempts):
            if retries:
                time.sleep(self._retry.pause(retries - 1))
            try:
                with _subsegment(region):
                    return _secret(_post(endpoint, region, body, self._retry.timeout))
            except SecretsManagerError as error:
                if not error.transient or retries + 1 == self._retry.attempts:
                    raise
        raise AssertionError("a Retry makes at least one attempt")

    def _get_multiple(self, path: str, **sdk_options: Any) -> dict[str, str]:
        raise NotImplementedError("one secret at a time: use Powertools' SecretsProvider for several")


def provider_for(secret_id: str, environ: Mapping[str, str]) -> BaseProvider:
    """Choose the provider that can do what this environment asks of the SDK.

    The one-request provider wherever Lambda keeps its promise of credentials in environment variables. Powertools'
    SecretsProvider for the rest, at the cost of a boto3 client: credentials from a container endpoint (as under
    SnapStart) or a profile, a proxy, a FIPS or dual-stack endpoint.
    """
    proxied = any(environ.get(name) for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"))
    special = any(
        environ.get(name, "").lower() == "true" for name in ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")
    )
    if proxied or special or not environ.get("AWS_ACCESS_KEY_ID"):
        return _sdk_provider(region_of(secret_id))
    return SecretsManagerProvider()


def _sdk_provider(region: str) -> BaseProvider:
    # Both imports cost more than a whole INIT may; here the caller has asked for what they bring.
    from aws_lambda_powertools.utilities.parameters.secrets import SecretsProvider  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    return SecretsProvider(boto_config=Config(region_name=region))


def region_of(secret_id: str) -> str:
    """Return the region that an ARN names; for a plain name, the one that the environment names."""
    if secret_id.startswith("arn:"):
        return secret_id.split(":")[3]
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not region:
        raise SecretsManagerError(
            "NoRegion",
            "AWS_REGION is not set and the secret is not named by its ARN",
            transient=False,
        )
    return region


def endpoint_url(secret_id: str) -> str:
    """Return the endpoint the environment names, else the regional endpoint of the secret's partition."""
    if os.environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        configured = os.environ.get("AWS_ENDPOINT_URL_SECRETS_MANAGER") or os.environ.get("AWS_ENDPOINT_URL")
        if configured:
            return configured
    region = region_of(secret_id)
    partition = secret_id.split(":")[1] if secret_id.startswith("arn:") else _partition_of(region)
    suffix = DNS_SUFFIXES.get(partition)
    if suffix is None:
        raise SecretsManagerError(
            "UnknownPartition",
            f"{partition!r} is no known AWS partition; set AWS_ENDPOINT_URL_SECRETS_MANAGER",
            transient=False,
        )
    return f"https://{SERVICE}.{region}.{suffix}"


def _partition_of(region: str) -> str:
    # The longest prefix wins: us-isob-east-1 also starts with "us-iso".
    prefixes = {
        "cn-": "aws-cn",
        "us-gov-": "aws-us-gov",
        "us-isob-": "aws-iso-b",
        "us-isof-": "aws-iso-f",
        "us-iso-": "aws-iso",
        "eu-isoe-": "aws-iso-e",
        "eusc-": "aws-eusc",
    }
    return next((partition for prefix, partition in prefixes.items() if region.startswith(prefix)), "aws")


def _post(endpoint: str, region: str, body: bytes, timeout: float) -> dict[str, Any]:
    """Send one signed request; return the answer's fields."""
    url = urlsplit(endpoint)
    headers = sign(
        _credentials(),
        service=SERVICE,
        region=region,
        host=url.netloc,
        path=url.path or "/",
        headers={"content-type": "application/x-amz-json-1.1", "x-amz-target": "secretsmanager.GetSecretValue"},
        body=body,
    )
    connection = _connect(url.scheme, url.hostname or "", url.port, timeout)
    try:
        connection.request("POST", url.path or "/", body, headers)
        answer = connection.getresponse()
        status, payload = answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        raise SecretsManagerError("Unreachable", f"{endpoint}: {error!r}", transient=True) from error
    finally:
        connection.close()
    if status != _HTTP_OK:
        raise _refusal(status, payload)
    return _fields(payload)


def _credentials() -> Credentials:
    try:
        return Credentials.from_environment()
    except KeyError as missing:
        raise SecretsManagerError("NoCredentials", f"{missing} is not set", transient=False) from None


def _subsegment(region: str) -> AbstractContextManager[object]:
    """Trace a call as the X-Ray SDK traces one of botocore's: which operation and where, never what came back."""
    if "Sampled=1" not in os.environ.get("_X_AMZN_TRACE_ID", ""):
        return nullcontext()  # not sampled, or in INIT, where the SDK would only warn
    return _traced(region)


@contextmanager
def _traced(region: str) -> Iterator[None]:
    # Here, because INIT traces nothing.
    from aws_xray_sdk.core import xray_recorder  # noqa: PLC0415

    with xray_recorder.in_subsegment(SERVICE, namespace="aws") as subsegment:
        if subsegment is not None:
            subsegment.set_aws({"operation": "GetSecretValue", "region": region})
        yield


def _connect(scheme: str, host: str, port: int | None, timeout: float) -> http.client.HTTPConnection:
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=timeout)
    bundle = os.environ.get("AWS_CA_BUNDLE")
    try:
        context = ssl.create_default_context(cafile=bundle)
    except OSError as error:
        raise SecretsManagerError(
            "CertificateBundle", f"AWS_CA_BUNDLE names {bundle}, which cannot be used: {error}", transient=False
        ) from error
    return http.client.HTTPSConnection(host, port, timeout=timeout, context=context)


def _fields(payload: bytes) -> dict[str, Any]:
    try:
        fields = json.loads(payload)
    except ValueError:
        fields = None
    # Raised outside the except block: a JSONDecodeError carries the whole document, and so the secret.
    if not isinstance(fields, dict):
        raise SecretsManagerError("MalformedAnswer", "the answer is not a JSON object", transient=True)
    return fields


def _refusal(status: int, payload: bytes) -> SecretsManagerError:
    try:
        fields = json.loads(payload)
    except ValueError:
        fields = None
    if not isinstance(fields, dict):  # the answer of something that stands in between
        fields = {}
    code = str(fields.get("__type", f"HTTP{status}")).rpartition("#")[2]
    message = str(fields.get("message") or fields.get("Message") or "no message")
    transient = status >= _HTTP_SERVER_ERROR or status == _HTTP_TOO_MANY_REQUESTS or code in _TRANSIENT_CODES
    return SecretsManagerError(code, message, transient=transient)


def _secret(answer: dict[str, Any]) -> str | bytes:
    if "SecretString" in answer:
        return str(answer["SecretString"])
    return base64.b64decode(answer["SecretBinary"])
