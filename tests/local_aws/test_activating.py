"""When functions and their versions become active."""

from __future__ import annotations

import asyncio
import subprocess

import pytest

from fastlambda_cli.local.aws.child import LAUNCHER
from fastlambda_cli.local.aws.toolchain import emulator_python

PUBLISHED_BEFORE_ITS_FUNCTION_IS_ACTIVE = """
import sys, time
sys.path.insert(0, sys.argv[1])
from activating import activate_at_once
from ministack.services import lambda_svc

activate_at_once()
latest = {"Version": "$LATEST", "State": "Pending", "LastUpdateStatus": "InProgress", "RevisionId": "1"}
function = {"config": latest, "versions": {}, "next_version": 1}
lambda_svc._functions["books"] = function
lambda_svc._publish_version("books", {})
version = function["versions"]["1"]["config"]
while version["State"] == "Pending":
    time.sleep(0.01)
print(version["State"], version["LastUpdateStatus"])
"""


def test_a_version_that_is_published_before_its_function_is_active_becomes_active_too():
    python = asyncio.run(emulator_python(pytest.fail))
    command = [python, "-I", "-c", PUBLISHED_BEFORE_ITS_FUNCTION_IS_ACTIVE, LAUNCHER]
    shown = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert (shown.stdout, shown.stderr) == ("Active Successful\n", "")
