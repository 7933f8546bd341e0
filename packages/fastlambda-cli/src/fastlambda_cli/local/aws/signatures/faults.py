"""What is wrong with a request's signature, in the words of AWS's services.

The codes of the query protocol are those of "Common errors" in each API reference; JSON services have names of their
own for the same (`InvalidSignatureException`), and S3 has others still (Amazon S3 API Reference, "Error responses").
"""

from __future__ import annotations

from dataclasses import dataclass

_KEYS = " The local AWS takes the keys that `fastlambda env` prints."
_INVALID_TOKEN = "The security token included in the request is invalid."  # noqa: S105 - words


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that can be wrong.

    Attributes:
        query: The code in the query protocol and in REST with XML.
        json: The code in the JSON protocols and in CBOR.
        s3: Amazon S3's code.
        ec2: Amazon EC2's.
        message: Said where a request has nothing more to be said of it.
        s3_message: Amazon S3's own words; None where they are the others.
        status: The HTTP status of the query protocol and of REST; None for 403.
        s3_status: Amazon S3's; None for 403.

    """

    query: str
    json: str
    s3: str
    ec2: str
    message: str
    s3_message: str | None = None
    status: int | None = None
    s3_status: int | None = None


MISSING = Fault(
    "MissingAuthenticationToken",
    "MissingAuthenticationTokenException",
    "AccessDenied",
    "MissingParameter",
    f"Request is missing Authentication Token.{_KEYS}",
    s3_message=f"Access Denied.{_KEYS}",
)
UNKNOWN_KEY = Fault(
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidAccessKeyId",
    "AuthFailure",
    f"{_INVALID_TOKEN}{_KEYS}",
    s3_message=f"The AWS Access Key Id you provided does not exist in our records.{_KEYS}",
)
WRONG_TOKEN = Fault(
    "InvalidClientTokenId",
    "UnrecognizedClientException",
    "InvalidToken",
    "AuthFailure",
    f"{_INVALID_TOKEN} It is the session token that does not go with the access key.",
    s3_message="The provided token is malformed or otherwise invalid.",
    s3_status=400,
)
EXPIRED_TOKEN = Fault(
    "ExpiredToken",
    "ExpiredTokenException",
    "ExpiredToken",
    "RequestExpired",
    "The security token included in the request is expired",
    s3_message="The provided token has expired.",
    s3_status=400,
)
MISMATCH = Fault(
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "SignatureDoesNotMatch",
    "AuthFailure",
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    f"and signing method. Consult the service documentation for details.{_KEYS}",
    s3_message="The request signature we calculated does not match the signature you provided. Check your key and "
    f"signing method.{_KEYS}",
)
OUT_OF_TIME = Fault(
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "RequestTimeTooSkewed",
    "RequestExpired",
    "Signature expired",
    s3_message="The difference between the request time and the current time is too large.",
)
URL_EXPIRED = Fault(
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "AccessDenied",
    "RequestExpired",
    "Signature expired",
    s3_message="Request has expired",
)
FOR_TOO_LONG = Fault(
    "IncompleteSignature",
    "IncompleteSignatureException",
    "AuthorizationQueryParametersError",
    "AuthFailure",
    "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than 604800 "
    "seconds",
    status=400,
    s3_status=400,
)
INCOMPLETE = Fault(
    "IncompleteSignature",
    "IncompleteSignatureException",
    "AuthorizationHeaderMalformed",
    "AuthFailure",
    "The request signature does not conform to AWS standards.",
    status=400,
    s3_status=400,
)
NOT_SUPPORTED = Fault(
    "IncompleteSignature",
    "IncompleteSignatureException",
    "InvalidRequest",
    "AuthFailure",
    "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    status=400,
    s3_status=400,
)
UNSIGNED_HEADERS = Fault(
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "AccessDenied",
    "AuthFailure",
    "There were headers present in the request which were not signed",
)
OTHER_BODY = Fault(
    "SignatureDoesNotMatch",
    "InvalidSignatureException",
    "XAmzContentSHA256Mismatch",
    "AuthFailure",
    "The provided 'x-amz-content-sha256' header does not match what was computed.",
    s3_status=400,
)
TOO_LARGE = Fault(
    "RequestEntityTooLarge",
    "RequestEntityTooLargeException",
    "EntityTooLarge",
    "RequestEntityTooLarge",
    "The local AWS takes no more than 128 MB in a body that has no signed hash.",
    status=413,
    s3_status=400,
)


class RefusedRequest(Exception):  # noqa: N818 - it is no error of ours
    """A request is not to be answered.

    Args:
        fault: What is wrong with it.
        message: More about it than the fault's own message says; S3 says its own words all the same.

    """

    def __init__(self, fault: Fault, message: str | None = None) -> None:
        self.fault = fault
        self.message = message or fault.message
        super().__init__(self.message)
