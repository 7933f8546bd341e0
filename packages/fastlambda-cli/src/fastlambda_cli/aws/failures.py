"""botocore's failures told as ours: one table, so that every call fails in the same words."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from fastlambda_cli.errors import (
    AccessDeniedError,
    AwsError,
    AwsUnreachableError,
    CredentialsError,
    FastLambdaError,
    StackError,
    ThrottledByAwsError,
)

if TYPE_CHECKING:
    from botocore.exceptions import BotoCoreError, ClientError

_EXPIRED = frozenset({"ExpiredToken", "ExpiredTokenException", "TokenRefreshRequired"})
_UNKNOWN_KEYS = frozenset(
    {
        "AuthFailure",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
_CLOCK = frozenset({"RequestExpired", "RequestInTheFuture", "RequestTimeTooSkewed"})
_SIGNATURE_OF_ANOTHER_TIME = re.compile(r"Signature (expired|not yet current)")
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "UnauthorizedException"})
# What botocore repeats for as too many calls (botocore.retries.standard.ThrottledRetryableChecker), without
# LimitExceededException: to CloudFormation that is a quota, which no waiting raises.
_THROTTLED = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "PriorRequestNotComplete",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
# AWS names the action in prose: "User: ARN is not authorized to perform: s3:PutObject on resource: ARN because ...".
_ACTION = re.compile(r"not authorized to perform: (?P<action>[a-z0-9-]+:[A-Za-z0-9]+)")

# CloudFormation's own words on what was asked of it, as opposed to who asked (AWS CloudFormation API Reference).
_ABOUT_THE_STACK = frozenset(
    {
        "AlreadyExistsException",
        "ChangeSetNotFound",
        "InsufficientCapabilitiesException",
        "InvalidChangeSetStatus",
        "InvalidOperationException",
        "LimitExceededException",
        "ValidationError",
    }
)
OUTDATED = frozenset({"ChangeSetNotFound", "InvalidChangeSetStatus"})
"""A change set that is over: executed, or made before the stack changed."""

_SIGN_IN = (
    "Sign in anew (`aws sso login`, or `aws login`), or take other credentials with --profile or AWS_PROFILE; "
    "`aws sts get-caller-identity` shows whether they work."
)
_CLOCK_REMEDY = "Set this machine's clock: AWS takes no request that is more than five minutes off."


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raise botocore's failures of the block as ours.

    Args:
        doing: What the block does, to stand behind "Could not", such as "upload the artifact".

    Raises:
        CredentialsError: No credentials, expired or unknown ones, an SSO session that is over, no Region.
        AccessDeniedError: They may not do this; the action is named when AWS names it.
        AwsUnreachableError: AWS was not reached, or did not answer in time.
        ThrottledByAwsError: AWS kept refusing for too many calls.
        AwsError: Everything else that AWS or botocore says, with AWS's code and request id.

    """
    try:
        yield
    except Exception as problem:
        failure = failure_of(problem, doing)
        if failure is None:
            raise
        raise failure from problem


@contextlib.contextmanager
def told_of_stack(doing: str) -> Iterator[None]:
    """Raise what CloudFormation says of a stack as StackError, and everything else as `translated` does.

    Args:
        doing: What the block does, to stand behind "Could not".

    Raises:
        StackError: The stack, its template or its parameters do not allow it.
        AwsError: AWS says something of the caller or of itself, or is not reached.

    """
    try:
        with translated(doing):
            yield
    except AwsError as error:
        if error.code not in _ABOUT_THE_STACK:
            raise
        remedy = "The stack has changed since the plan was made: plan again." if error.code in OUTDATED else ""
        raise StackError(error.what, why=error.why, remedy=remedy) from error.__cause__


def failure_of(problem: Exception, doing: str) -> AwsError | None:
    """Our error for one of botocore's or boto3's; None for any other exception."""
    if isinstance(problem, FastLambdaError):
        return None
    from boto3.exceptions import Boto3Error  # noqa: PLC0415  AWS's SDK is slow to import, and rarely fails
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    what = f"Could not {doing}"
    if isinstance(problem, ClientError):
        return _of_answer(problem, what)
    if isinstance(problem, BotoCoreError):
        return _of_botocore(problem, what)
    if isinstance(problem, Boto3Error):
        return AwsError(what, why=str(problem))
    return None


def code_of(problem: ClientError) -> str:
    """AWS's code, such as NoSuchBucket; of a HEAD request only the HTTP status, such as 404."""
    return problem.response.get("Error", {}).get("Code", "")


def _of_answer(problem: ClientError, what: str) -> AwsError:
    code = code_of(problem)
    message = problem.response.get("Error", {}).get("Message", "").rstrip(".")
    request_id = problem.response.get("ResponseMetadata", {}).get("RequestId", "")
    why = f"{message} ({code})" if message else code

    def error(kind: type[AwsError], remedy: str, why: str = why) -> AwsError:
        return kind(what, why=why, remedy=remedy, code=code, request_id=request_id)

    if code in _EXPIRED:
        return error(CredentialsError, _SIGN_IN, f"the credentials have expired ({code})")
    if code in _CLOCK or _SIGNATURE_OF_ANOTHER_TIME.search(message):
        return error(CredentialsError, _CLOCK_REMEDY)
    if code in _UNKNOWN_KEYS:
        return error(CredentialsError, f"{_SIGN_IN} A Region that the account has not enabled refuses good ones too.")
    if code in _DENIED or code == "403":
        return error(AccessDeniedError, _permission_remedy(message, problem.operation_name))
    if code in _THROTTLED:
        return error(ThrottledByAwsError, "Wait a minute and try again; nothing is lost.")
    details = f"{why}, request id {request_id}" if request_id else why
    return error(AwsError, "", details)


def _permission_remedy(message: str, operation: str) -> str:
    named = _ACTION.search(message)
    action = named["action"] if named else f"the action of {operation}"
    return f"Have {action} allowed for who you are (`aws sts get-caller-identity`), or take another --profile."


def _of_botocore(problem: BotoCoreError, what: str) -> AwsError:
    from botocore import exceptions  # noqa: PLC0415

    why = str(problem).rstrip(".")
    if isinstance(problem, exceptions.ProfileNotFound):
        return CredentialsError(what, why=why, remedy="`aws configure list-profiles` lists those that there are.")
    if isinstance(problem, exceptions.NoRegionError):
        return no_region(what)
    if isinstance(
        problem,
        exceptions.NoCredentialsError
        | exceptions.PartialCredentialsError
        | exceptions.CredentialRetrievalError
        | exceptions.NoAuthTokenError
        | exceptions.TokenRetrievalError
        | exceptions.UnknownCredentialError
        | exceptions.SSOError
        | exceptions.LoginError,
    ):
        return CredentialsError(what, why=why, remedy=_SIGN_IN)
    if isinstance(problem, exceptions.SSLError):
        remedy = "Where a proxy opens TLS, name its certificates in AWS_CA_BUNDLE; and see that the clock is right."
        return AwsUnreachableError(what, why=why, remedy=remedy)
    if isinstance(problem, exceptions.ConnectionError | exceptions.HTTPClientError):
        remedy = "Check the network, the Region's name and HTTPS_PROXY, then try again."
        return AwsUnreachableError(what, why=why, remedy=remedy)
    return AwsError(what, why=why)


def no_region(what: str) -> CredentialsError:
    """The error for a Region that nobody named."""
    return CredentialsError(
        what,
        why="no Region is set",
        remedy="Pass --region, set AWS_REGION, or give the profile one: `aws configure set region eu-west-1`. "
        "The AWS on this machine is --local.",
    )
