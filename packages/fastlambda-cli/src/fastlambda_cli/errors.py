"""Every failure a user can cause is one of these; `cli` alone turns them into lines and exit codes."""

from __future__ import annotations


class OutputClosedError(Exception):
    """Nobody reads what is printed any more, as after `| head`; no OSError, which would pass for one of a file."""


class FastLambdaError(Exception):
    """A user's mistake or a missing piece, told in one breath: what happened, why, and what to do.

    Args:
        what: What happened, without a full stop.
        why: The cause, when it is known, without a full stop.
        remedy: What the user can do about it, as a full sentence.

    """

    exit_code = 1

    def __init__(self, what: str, *, why: str = "", remedy: str = "") -> None:
        self.what = what
        self.why = why
        self.remedy = remedy
        super().__init__(f"{what}: {why}" if why else what)

    def in_one_line(self) -> str:
        """What happened, why, and what to do, for a log."""
        return f"{self}. {self.remedy}".rstrip()


class ConfigurationError(FastLambdaError):
    """The service's pyproject.toml cannot be used as it stands."""

    exit_code = 2


class PortTakenError(FastLambdaError):
    """Another process listens where the local cloud should."""

    exit_code = 3


class ToolchainError(FastLambdaError):
    """uv, an interpreter or the network is missing, or a package could not be installed."""

    exit_code = 4


class EmulatorError(FastLambdaError):
    """The emulator behind the front door did not start or does not answer."""

    exit_code = 5


class AwsError(FastLambdaError):
    """AWS refused a call, or could not be asked.

    Args:
        code: AWS's own code, such as NoSuchBucket; empty when the call did not get that far.
        request_id: AWS's id of the request, for its support.

    """

    exit_code = 6

    def __init__(self, what: str, *, why: str = "", remedy: str = "", code: str = "", request_id: str = "") -> None:
        super().__init__(what, why=why, remedy=remedy)
        self.code = code
        self.request_id = request_id


class CredentialsError(AwsError):
    """There are no credentials, they have expired, or AWS does not know them; or no Region says where to go."""


class AccessDeniedError(AwsError):
    """The credentials are good, and may not do this."""


class AwsUnreachableError(AwsError):
    """The network between here and AWS: no name, no route, no trust in the certificate, or no answer in time."""


class ThrottledByAwsError(AwsError):
    """AWS refused for too many calls, and went on refusing while they were repeated ever more slowly."""


class StackError(FastLambdaError):
    """A stack cannot be made what was asked, by CloudFormation's word or by a check before it is asked."""

    exit_code = 7


class PackageTypeError(StackError):
    """A function that is a zip is to become a container image, or the other way round, which Lambda does not do."""


class SharedTrafficError(StackError):
    """Somebody has given another version a share of a stack's traffic by hand."""


class OvertakenError(StackError):
    """Somebody else has changed the stack, or is changing it, since it was looked at."""


class HealthCheckError(FastLambdaError):
    """The new version was deployed and does not answer as a healthy one does."""

    exit_code = 8


class ArtifactError(FastLambdaError):
    """The zip that Lambda would run cannot be made as the service stands."""

    exit_code = 9


class SecretError(AwsError):
    """A secret of the service's name is there, and is not one that can be completed."""


class QueueError(AwsError):
    """A queue is not there, or has not what was asked of it."""


class ReleaseError(AwsError):
    """The record of a release is not there, or cannot be read."""


class NoSuchReleaseError(ReleaseError):
    """A release was asked for that there is not, or that is none to return to."""

    exit_code = 2


class BootstrapError(AwsError):
    """The account's stack for artifacts cannot be used as it stands."""


class TemplateError(StackError):
    """A template would not do what it says, which CloudFormation finds out late, or the local AWS never."""


class RegistryError(FastLambdaError):
    """A registry of container images refused something, or what it gave is not what was asked for."""

    exit_code = 10


class RegistryLoginError(RegistryError):
    """The registry does not know who asks, or does not let them."""


class ImageNotFoundError(RegistryError):
    """There is no such repository or image in the registry."""


class RegistryUnreachableError(RegistryError):
    """The network between here and the registry: no name, no route, no trust in the certificate, or it broke off."""
