"""AWS on this machine: the front door, Lambda's Invoke, and the emulator behind both.

SDK -> guard -> Invoke of our functions
             `-> everything else -> a private socket -> the emulator, a child process
"""

from __future__ import annotations

from fastlambda_cli.local.aws.async_invocations import RetryPolicy
from fastlambda_cli.local.aws.local_aws import LocalAws

__all__ = ["LocalAws", "RetryPolicy"]
