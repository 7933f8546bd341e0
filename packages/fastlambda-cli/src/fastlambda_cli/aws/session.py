"""Who deploys, where: boto3's session with its clients, for AWS itself or for the AWS on this machine."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Callable
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any, Literal, Self, overload
from urllib.parse import urlsplit

from fastlambda_cli.aws.failures import no_region, translated
from fastlambda_cli.aws.keys import Keys
from fastlambda_cli.aws.timestamps import read_times_faster
from fastlambda_cli.errors import AwsError

if TYPE_CHECKING:
    from boto3.session import Session
    from types_boto3_cloudformation import CloudFormationClient
    from types_boto3_ecr import ECRClient
    from types_boto3_lambda import LambdaClient
    from types_boto3_logs import CloudWatchLogsClient
    from types_boto3_s3 import S3Client
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sts import STSClient

__all__ = ["LOCAL_REGION", "Aws", "connect", "translated"]

LOCAL_REGION = "us-east-1"
"""Where everything of the local AWS lives."""

_LOCAL_ACCOUNT = "000000000000"
_ENDPOINT = "AWS_ENDPOINT_URL"
_ATTEMPTS = 8
_LOCAL_ATTEMPTS = 3
_CONNECT_TIMEOUT_S = 10
_READ_TIMEOUT_S = 60


class Aws:
    """One account in one Region, as one caller; made by `connect`.

    Its clients retry throttling, failures of AWS and lost connections by themselves (AWS SDKs and Tools Reference
    Guide, "Retry behavior", standard mode), eight attempts in all.

    Args:
        session: Has the credentials.
        region: Such as eu-west-1.
        endpoint_url: The local AWS; None for AWS itself.
        ready: Called before every request: waits until the local AWS answers.
        keys: The local AWS's; None for AWS itself.

    Attributes:
        region: As given.
        endpoint_url: As given.
        keys: As given.

    """

    def __init__(
        self,
        session: Session,
        region: str,
        endpoint_url: str | None,
        ready: Callable[[], None] | None = None,
        keys: Keys | None = None,
    ) -> None:
        self.region = region
        self.endpoint_url = endpoint_url
        self.keys = keys
        self._session = session
        read_times_faster(session)
        self._ready = ready
        self._clients: dict[str, Any] = {}

    @property
    def is_local(self) -> bool:
        """Whether this is the AWS on this machine."""
        return self.endpoint_url is not None

    @property
    def url_suffix(self) -> str:
        """What the names of AWS's hosts end with in this Region's partition, such as amazonaws.com."""
        core: Any = self._session._session  # noqa: SLF001  boto3 does not show the table of partitions
        wanted = core.get_partition_for_region(self.region)
        suffixes = {one["id"]: one["outputs"]["dnsSuffix"] for one in core.get_data("partitions")["partitions"]}
        suffix: str = suffixes[wanted]
        return suffix

    @cached_property
    def _identity(self) -> tuple[str, str]:
        if self.is_local:  # one account, one caller: no need for a client that asks
            return _LOCAL_ACCOUNT, f"arn:aws:iam::{_LOCAL_ACCOUNT}:root"
        with translated("find out who you are in AWS"):
            answer = self.client("sts").get_caller_identity()
        return answer["Account"], answer["Arn"]

    @property
    def account(self) -> str:
        """The account's twelve digits; AWS is asked at the first use.

        Raises:
            AwsError: There are no credentials that work, or AWS is not reached.

        """
        return self._identity[0]

    @property
    def caller(self) -> str:
        """The ARN of whoever the credentials belong to; AWS is asked at the first use.

        Raises:
            AwsError: There are no credentials that work, or AWS is not reached.

        """
        return self._identity[1]

    @overload
    def client(self, name: Literal["cloudformation"]) -> CloudFormationClient: ...
    @overload
    def client(self, name: Literal["ecr"]) -> ECRClient: ...
    @overload
    def client(self, name: Literal["lambda"]) -> LambdaClient: ...
    @overload
    def client(self, name: Literal["logs"]) -> CloudWatchLogsClient: ...
    @overload
    def client(self, name: Literal["s3"]) -> S3Client: ...
    @overload
    def client(self, name: Literal["secretsmanager"]) -> SecretsManagerClient: ...
    @overload
    def client(self, name: Literal["sts"]) -> STSClient: ...
    @overload
    def client(self, name: str) -> Any: ...
    def client(self, name: str) -> Any:
        """boto3's client of a service, made once.

        Args:
            name: As boto3 names it, such as "cloudformation".

        Raises:
            AwsError: The configuration of the AWS SDKs on this machine makes no client.

        """
        if name not in self._clients:
            with translated(f"prepare for {name}"):
                self._clients[name] = self._made(name)
        return self._clients[name]

    def client_for_one_try(self, name: str, *, read_timeout: float) -> Any:
        """boto3's client of a service for a call that may take long and is not to be repeated; the caller closes it.

        Args:
            name: As boto3 names it.
            read_timeout: Seconds to wait for an answer.

        Raises:
            AwsError: The configuration of the AWS SDKs on this machine makes no client.

        """
        with translated(f"prepare for {name}"):
            return self._made(name, attempts=1, read_timeout=read_timeout)

    def _made(self, name: str, attempts: int | None = None, read_timeout: float = _READ_TIMEOUT_S) -> Any:
        from botocore.config import Config  # noqa: PLC0415

        attempts = attempts or (_LOCAL_ATTEMPTS if self.is_local else _ATTEMPTS)
        config = Config(
            retries={"mode": "standard", "total_max_attempts": attempts},
            connect_timeout=_CONNECT_TIMEOUT_S,
            read_timeout=read_timeout,
            # A connection that is silent for minutes is otherwise dropped by what lies between.
            tcp_keepalive=True,
        )
        if self.is_local:
            # What the user has set for AWS itself must not lead away from this machine.
            here = Config(
                proxies={}, use_fips_endpoint=False, use_dualstack_endpoint=False, s3={"addressing_style": "path"}
            )
            config = config.merge(here)
        # A name that no type checker knows: the overloads above say what comes back for those that are used.
        session: Any = self._session
        client = session.client(name, region_name=self.region, endpoint_url=self.endpoint_url, config=config)
        if self._ready is not None:
            client.meta.events.register("before-call", self._wait)
        return client

    def _wait(self, **_: object) -> None:
        if self._ready is not None:
            self._ready()

    def close(self) -> None:
        """Close every client's connections."""
        for client in self._clients.values():
            client.close()
        self._clients.clear()

    def __enter__(self) -> Self:
        """Return itself; leaving the block closes it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def connect(
    profile: str | None = None,
    region: str | None = None,
    endpoint_url: str | None = None,
    *,
    keys: Keys | None = None,
    ready: Callable[[], None] | None = None,
) -> Aws:
    """Take credentials and Region as the AWS CLI does, or go to the AWS on this machine.

    Nothing is asked of AWS yet: credentials that do not work are found out by the first call.

    Args:
        profile: A profile of the AWS configuration files; by default AWS_PROFILE, or the credentials in the
            environment, the files, the container or the instance, in boto3's order.
        region: By default AWS_REGION, AWS_DEFAULT_REGION or the profile's.
        endpoint_url: The local AWS. Credentials, profile and proxies of the user are then neither read nor sent.
        keys: The local AWS's, which requests to it are signed with; needed with `endpoint_url`.
        ready: Called before every request to the local AWS: waits until it answers, or raises why it never will.

    Raises:
        TypeError: Of `endpoint_url` and `keys` there is one without the other.
        CredentialsError: There is no such profile, or no Region is set anywhere.
        AwsError: A configured endpoint, such as AWS_ENDPOINT_URL, leads to this machine, and nobody asked for the
            local AWS.

    """
    if endpoint_url is not None and keys is not None:
        return Aws(_local_session(keys), region or LOCAL_REGION, endpoint_url, ready, keys)
    if endpoint_url is not None or keys is not None:
        raise TypeError("endpoint_url and keys go together")
    doing = "connect to AWS"
    with translated(doing):
        from boto3.session import Session  # noqa: PLC0415  a third of a second that `--help` need not take

        session = Session(profile_name=profile)
        # AWS_REGION is what the AWS CLI and the other SDKs read first (AWS SDKs and Tools Reference Guide, "AWS
        # Region"); boto3 knows AWS_DEFAULT_REGION only.
        found = region or os.environ.get("AWS_REGION") or session.region_name
        _refuse_local_endpoint(doing, session)
    if not found:
        raise no_region(f"Could not {doing}")
    return Aws(session, found, None)


def _local_session(keys: Keys) -> Session:
    from boto3.session import Session  # noqa: PLC0415
    from botocore.session import Session as Core  # noqa: PLC0415

    # Neither the user's files, which may be broken or name a profile that is gone, nor their credentials.
    nothing = (None, None, os.devnull, None)
    core = Core(session_vars={"profile": (None, None, None, None), "config_file": nothing, "credentials_file": nothing})
    core.register_component("data_loader", _loader(core.get_config_variable("data_path")))
    return Session(
        aws_access_key_id=keys.access_key_id, aws_secret_access_key=keys.secret_access_key, botocore_session=core
    )


@cache
def _loader(data_path: str | None) -> Any:
    """What reads botocore's service models: once in a process, in which `dev` may deploy many times."""
    from botocore.loaders import create_loader  # noqa: PLC0415

    return create_loader(data_path)


def _refuse_local_endpoint(doing: str, session: Session) -> None:
    """Refuse endpoints on this machine (AWS SDKs and Tools Reference Guide, "Service-specific endpoints")."""
    settings = {name: value for name, value in os.environ.items() if name.startswith(_ENDPOINT)}
    core: Any = session._session  # noqa: SLF001  boto3 shows the profile's name and not its settings
    settings["endpoint_url"] = core.get_scoped_config().get("endpoint_url", "")
    for name, url in settings.items():
        if _is_loopback(urlsplit(url).hostname or ""):
            raise AwsError(
                f"Could not {doing}",
                why=f"{name} leads to this machine: {url}",
                remedy=f"Add --local to deploy there, or unset {name}.",
            )


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # a name
        return False
