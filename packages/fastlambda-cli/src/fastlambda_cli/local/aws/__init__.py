"""AWS on this machine: the front door, Lambda's Invoke, and the emulator behind both.

SDK -> guard -> signature -> Invoke -> a function that runs from a folder, or a version that is deployed
                          `-> everything else -> a private socket -> the emulator, a child process
"""

from __future__ import annotations

from fastlambda_cli.local.aws.local_aws import LocalAws
from fastlambda_cli.local.aws.model import RetryPolicy, Running

__all__ = ["LocalAws", "RetryPolicy", "Running"]
