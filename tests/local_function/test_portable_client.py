"""Where awslambdaric comes without its native client (macOS), a Python one stands in: same events, same answers."""

from __future__ import annotations

import json
import shutil

import pytest

from fastlambda_cli.local.packages import PORTABLE_CLIENT


@pytest.fixture
def portable(laboratory, tmp_path_factory):
    """A laboratory whose awslambdaric has no native module."""
    folder = tmp_path_factory.mktemp("runtime")
    ignored = shutil.ignore_patterns("runtime_client*", "boto*", "s3transfer*")
    shutil.copytree(laboratory.runtime_dir, folder, ignore=ignored, dirs_exist_ok=True)
    shutil.copy(PORTABLE_CLIENT, folder)
    laboratory.runtime_dir = folder
    return laboratory


def test_answers_errors_and_oversize_answers_are_the_native_clients(portable):
    async def scenario(lab):
        return [
            await lab.invoke(event, client_context='{"custom": {"a": 1}}')
            for event in ("fine", "raise", "huge", "after")
        ]

    fine, raised, huge, after = portable.run(
        """
        import runtime_client
        assert runtime_client.__file__.endswith(".py")
        def handler(event, context):
            if event == "raise":
                raise LookupError("no such book: é")
            if event == "huge":
                return "x" * 7_000_000
            return [event, context.aws_request_id, context.client_context.custom]
        """,
        scenario,
    )

    assert json.loads(fine.payload) == ["fine", fine.request_id, {"a": 1}]
    assert json.loads(raised.payload)["errorMessage"] == "no such book: é"
    assert json.loads(huge.payload)["errorType"] == "Function.ResponseSizeTooLarge"
    assert (json.loads(after.payload)[0], after.cold) == ("after", True)


def test_the_native_client_is_used_where_it_exists(laboratory):
    result = laboratory.run(
        "import runtime_client\ndef handler(event, context): return runtime_client.__file__", lambda lab: lab.invoke()
    )
    assert json.loads(result.payload).endswith(".so")
