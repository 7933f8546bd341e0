"""The account and Region: who asks, whether the clocks agree, what is there already, and what is allowed."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import partial

from fastlambda_cli.aws.session import Aws, translated
from fastlambda_cli.aws.stacks import Stacks
from fastlambda_cli.cli.checkup.check import Check, Status, attempted, failed, skipped
from fastlambda_cli.cli.views.words import person, size
from fastlambda_cli.deploy.bootstrap import STACK_NAME, find_bootstrap
from fastlambda_cli.errors import AwsUnreachableError, FastLambdaError
from fastlambda_cli.service.model import Service

_REGION = "profile and Region"
_NETWORK = "network"
_CLOCK = "clock"
_CREDENTIALS = "credentials"
_IN_THE_ACCOUNT = ("bootstrap", "concurrency", "code storage")
_ALL = (_REGION, _NETWORK, _CLOCK, _CREDENTIALS, *_IN_THE_ACCOUNT)

_ANSWER_S = 5.0
_SKEW_S = 300.0
"""Seconds a clock may be off, or requests are refused (IAM User Guide, "AWS Signature Version 4 for API requests")."""
_WORTH_SAYING_S = 60.0
_UNRESERVED_MINIMUM = 100
"""Environments that no function may reserve (Lambda developer guide, "Configuring reserved concurrency")."""
_SMALL_CONCURRENCY = 100
_NEARLY_FULL = 0.8

Now = Callable[[], datetime]


def account_checks(
    service: Service | None, connected: Callable[[], Aws], *, now: Now = lambda: datetime.now(UTC)
) -> Iterator[Check]:
    """Look at AWS, from the network to the quotas; what cannot be known after a failure is skipped.

    Args:
        service: Whose reserved concurrency must fit; None when there is no usable one.
        connected: Connects, or says why not.
        now: This machine's clock.

    """
    try:
        aws = connected()
    except FastLambdaError as error:
        yield failed(_REGION, error)
        yield from skipped(_ALL[1:], "nobody knows whom to ask")
        return
    with aws:
        yield Check(_REGION, Status.OK, aws.region)
        yield from _asked(aws, service, now)


def _asked(aws: Aws, service: Service | None, now: Now) -> Iterator[Check]:
    try:
        theirs = server_time(aws)
    except FastLambdaError as error:
        yield failed(_NETWORK, error)
        yield from skipped(_ALL[_ALL.index(_NETWORK) + 1 :], "AWS is not reached")
        return
    yield Check(_NETWORK, Status.OK, "AWS answers")
    yield clock_check(theirs, now())
    credentials = attempted(_CREDENTIALS, lambda: Check(_CREDENTIALS, Status.OK, _who(aws)))
    yield credentials
    if credentials.status is not Status.OK:
        yield from skipped(_IN_THE_ACCOUNT, "nobody may look without credentials")
        return
    yield attempted("bootstrap", partial(_bootstrap, aws))
    yield from _quotas(aws, service)


def server_time(aws: Aws) -> datetime | None:
    """The time by AWS's clock, asked without credentials; None when the answer does not say.

    Raises:
        AwsUnreachableError: Nobody answers in time.

    """
    import httpx  # noqa: PLC0415 - only when there is somebody to ask

    url = aws.client("sts").meta.endpoint_url
    try:
        # The AWS SDKs trust this bundle where a proxy opens TLS, and httpx does not know it.
        bundle = os.environ.get("AWS_CA_BUNDLE")
        verify = ssl.create_default_context(cafile=bundle) if bundle else True
        answer = httpx.head(url, timeout=_ANSWER_S, trust_env=not aws.is_local, verify=verify)
    except (httpx.HTTPError, OSError) as problem:
        raise AwsUnreachableError(
            f"{url} does not answer",
            why=str(problem) or type(problem).__name__,
            remedy="Check the network, the Region's name, HTTPS_PROXY and AWS_CA_BUNDLE.",
        ) from problem
    date = answer.headers.get("date")
    return parsedate_to_datetime(date) if date else None


def clock_check(theirs: datetime | None, ours: datetime) -> Check:
    """Compare the clocks: AWS refuses what is signed at another time than now."""
    if theirs is None:
        return Check(_CLOCK, Status.SKIP, "the answer says no time")
    off = (ours - theirs).total_seconds()
    found = f"{abs(off):.0f} s {'ahead of' if off > 0 else 'behind'} AWS's"
    if abs(off) < _WORTH_SAYING_S:
        return Check(_CLOCK, Status.OK, found)
    status = Status.FAIL if abs(off) >= _SKEW_S else Status.WARN
    return Check(_CLOCK, status, found, "Set this machine's clock: AWS takes no request five minutes off.")


def _who(aws: Aws) -> str:
    return f"{person(aws.caller)} in account {aws.account}"


def _bootstrap(aws: Aws) -> Check:
    found = find_bootstrap(Stacks(aws))
    if found is None:
        return Check("bootstrap", Status.OK, f"the next deployment makes or updates the stack {STACK_NAME}")
    return Check("bootstrap", Status.OK, f"{found.bucket}, version {found.version}")


def _quotas(aws: Aws, service: Service | None) -> Iterator[Check]:
    try:
        with translated("read the quotas of Lambda"):
            settings = aws.client("lambda").get_account_settings()
    except FastLambdaError as error:
        yield failed("concurrency", error)
        yield from skipped(("code storage",), "the quotas cannot be read")
        return
    limit, usage = settings["AccountLimit"], settings["AccountUsage"]
    reserved = service.configuration.concurrency.reserved if service is not None else None
    yield concurrency_check(limit["ConcurrentExecutions"], limit["UnreservedConcurrentExecutions"], reserved)
    yield storage_check(usage["TotalCodeSize"], limit["TotalCodeSize"])


def concurrency_check(limit: int, unreserved: int, reserved: int | None) -> Check:
    """Whether the account has the environments that a busy service takes, and those that it reserves."""
    name, found = "concurrency", f"{unreserved:,} of {limit:,} environments are unreserved"
    if reserved and unreserved - reserved < _UNRESERVED_MINIMUM:
        return Check(
            name,
            Status.WARN,
            f"{found}; the service reserves {reserved:,}, and {_UNRESERVED_MINIMUM} have to stay",
            "Unless they are reserved already, reserve fewer in concurrency.reserved, or have the quota raised.",
        )
    if limit < _SMALL_CONCURRENCY:
        return Check(name, Status.WARN, found, "Have the quota L-B99A9384 raised in Service Quotas before others come.")
    return Check(name, Status.OK, found)


def storage_check(used: int, limit: int) -> Check:
    """Whether there is room for versions: every one of every function counts."""
    found = f"{size(used)} of {size(limit)} are used"
    if used < _NEARLY_FULL * limit:
        return Check("code storage", Status.OK, found)
    return Check("code storage", Status.WARN, found, "Delete old versions, or have the quota L-2ACBD22F raised.")
