"""Every failure a user can cause is one of these; `cli` alone turns them into lines and exit codes."""

from __future__ import annotations


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
