"""What a function finds when it looks for files, and where it can put some."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from contract_cloud import ON_AWS
from contract_facts import fact

from fastlambda_cli.local.function.own_files import obstacle

IMAGES = "Lambda Developer Guide, “Create a Lambda function using a container image”"
ENVIRONMENT = "Lambda Developer Guide, “Understanding the Lambda execution environment lifecycle”"
STORAGE = "Lambda Developer Guide, “Configure ephemeral storage for Lambda functions”"
PARALLEL = "AWS Compute Blog, “Parallel Processing in Python with AWS Lambda”"

OBSTACLE = "" if ON_AWS else obstacle(Path(sys._base_executable))  # noqa: SLF001 - outside the tests' environment
pytestmark = pytest.mark.skipif(bool(OBSTACLE), reason=f"functions share this machine's files: {OBSTACLE}")


@pytest.fixture(scope="module")
def does(cloud):
    """`does(what, argument)` is what comes of it in a function."""
    function = cloud.new_function("files")
    return lambda *event: cloud.invoke(function, event).payload


@fact(
    "File system",
    "The code is in `/var/task`, which is the working folder.",
    "LocalStack's AWS-validated snapshots, `test_introspection_invoke`",
)
def test_the_task_root_is_where_lambda_has_it(cloud):
    seen = cloud.invoke(cloud.function("echo")).payload

    assert [seen["folder"], seen["environment"]["LAMBDA_TASK_ROOT"]] == ["/var/task"] * 2


@fact("File system", "Beside the code nothing can be written: `Read-only file system`.", IMAGES)
def test_the_task_root_is_read_only(does):
    assert does("write", "uploads.txt") == "EROFS"


@fact("File system", "There is no home that could be written, nor anything else but /tmp.", IMAGES)
def test_everything_else_is_read_only(does):
    assert [does("make", "~/.cache/models"), does("write", "/var/tmp/it"), does("write", "/it")] == ["EROFS"] * 3


@fact("File system", "/tmp is for everybody, and where Python looks for a temporary folder.", IMAGES)
def test_tmp_is_there(cloud, does):
    seen = cloud.invoke(cloud.function("files"), "look").payload

    assert (seen["mode"], seen["temporary"]) == (0o1777, "/tmp")
    assert does("write", "/tmp/it") is True


@fact("File system", "/tmp has 512 MB, or what EphemeralStorage says.", STORAGE)
def test_tmp_is_as_large_as_configured(cloud):
    small = cloud.invoke(cloud.function("files"), "look").payload["megabytes"]
    large = cloud.invoke(cloud.new_function("files", EphemeralStorage={"Size": 1024}), "look").payload["megabytes"]

    assert [small, large] == pytest.approx([512, 1024], rel=0.1)


@fact("File system", "What no longer fits into /tmp is `No space left on device`.", STORAGE)
def test_a_full_tmp_is_an_error(does):
    assert [does("fill", 1), does("fill", 600)] == [True, "ENOSPC"]


@fact("File system", "No other environment sees an environment's /tmp.", ENVIRONMENT)
def test_every_environment_has_its_own_tmp(cloud):
    """Two functions never share an environment."""
    one, other = cloud.new_function("files"), cloud.new_function("files")
    cloud.invoke(one, ["make", "/tmp/mine"])

    assert [cloud.invoke(each, ["make", "/tmp/mine"]).payload for each in (one, other)] == ["EEXIST", True]


@fact("File system", "There is no shared memory: multiprocessing has neither Queue nor Pool nor Lock.", PARALLEL)
def test_there_is_no_shared_memory(does):
    # Which of them depends on the C library: AWS's own answers the former, newer ones the latter.
    assert does("queue", None) in {"ENOSYS", "ENOENT"}


@fact("File system", "Processes and pipes of multiprocessing work.", PARALLEL)
def test_processes_and_pipes_work(does):
    assert does("talk", None) is True
