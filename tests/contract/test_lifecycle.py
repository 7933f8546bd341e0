"""What an execution environment keeps, and what it is given."""

from __future__ import annotations

import json
import os
import re
import time

import pytest
from contract_cloud import RUNTIME, eventually
from contract_facts import fact

LIFECYCLE = "Lambda Developer Guide, “Understanding the Lambda execution environment lifecycle”"
VARIABLES = "Lambda Developer Guide, “Working with Lambda environment variables”"
CONTEXT = "Lambda Developer Guide, “Using the Lambda context object to retrieve Python function information”"
SNAPSHOTS = "LocalStack's AWS-validated snapshots"
INTROSPECTION = f"{SNAPSHOTS}, `test_introspection_invoke`"


@fact("Lifecycle", "Globals live from one event to the next.", LIFECYCLE)
def test_globals_live_on(cloud):
    state = cloud.new_function("state")

    assert [cloud.invoke(state, number).payload["seen"] for number in (1, 2)] == [[1], [1, 2]]


@fact("Lifecycle", "Only the first event of an environment reports an `Init Duration`.", LIFECYCLE)
def test_only_the_first_event_pays_for_init(cloud):
    state = cloud.new_function("state")

    reports = [cloud.invoke(state, number).logged("REPORT") for number in (1, 2)]

    assert ["Init Duration" in report for report in reports] == [True, False]


@fact("Lifecycle", "After a crash /tmp is as it was, and globals are new.", LIFECYCLE)
def test_a_crash_keeps_tmp_and_loses_globals(cloud):
    state = cloud.new_function("state")
    before = cloud.invoke(state, 1).payload

    crashed = cloud.invoke(state, "exit")
    after = cloud.invoke(state, 2).payload

    assert crashed.error == "Unhandled"
    assert after["seen"] == [2]
    assert (after["file"], after["me"] != before["me"]) == (before["me"], True)


@fact(
    "Lifecycle",
    "The INIT after a crash runs inside the next event: its time is in `Duration`, and there is no `Init Duration`.",
    LIFECYCLE,
)
def test_a_suppressed_init_counts_into_the_duration(cloud):
    state = cloud.new_function("state")
    cloud.invoke(state, "exit")

    assert "Init Duration" not in cloud.invoke(state).logged("REPORT")


@fact("Lifecycle", "`Billed Duration` is `Duration` and `Init Duration`, rounded up to a millisecond.", LIFECYCLE)
def test_init_is_billed(cloud):
    report = cloud.invoke(cloud.new_function("state")).logged("REPORT")

    duration, billed, init = (
        float(re.search(rf"\t{name}: ([\d.]+) ms", report)[1])
        for name in ("Duration", "Billed Duration", "Init Duration")
    )
    assert 0 <= billed - duration - init < 1.02, "both are rounded to two places"


@fact(
    "Lifecycle",
    "The caller has the answer before the function's extensions are done.",
    "AWS Compute Blog, “Getting started with using your favorite operational tools on AWS Lambda: extensions are now "
    "generally available”",
)
def test_extensions_keep_no_caller_waiting(cloud):
    extended = cloud.new_function("extended")
    cloud.invoke(extended, LogType="None")

    answered_at = time.time()

    (line,) = cloud.lines(extended, '{ $.said = "done" }')
    assert answered_at < json.loads(line)["at"]


@fact(
    "Lifecycle",
    "With provisioned concurrency the environment knows itself as `provisioned-concurrency`, "
    "and no event reports an INIT.",
    f"{LIFECYCLE}; {VARIABLES}",
)
def test_provisioned_concurrency_is_initialised_ahead(cloud):
    state = cloud.new_function("state", Publish=True)
    lambda_ = cloud.client("lambda")
    lambda_.create_alias(FunctionName=state, Name="live", FunctionVersion="1")
    lambda_.put_provisioned_concurrency_config(FunctionName=state, Qualifier="live", ProvisionedConcurrentExecutions=1)
    provisioned = lambda_.get_provisioned_concurrency_config
    eventually(lambda: provisioned(FunctionName=state, Qualifier="live")["Status"] == "READY")

    answer = cloud.invoke(state, Qualifier="live")

    assert answer.payload["initialization"] == "provisioned-concurrency"
    assert "Init Duration" not in answer.logged("REPORT")


@pytest.fixture(scope="module")
def shown(cloud):
    variables = {"Variables": {"STAGE": "test"}}
    return cloud.invoke(cloud.function("echo", Environment=variables, MemorySize=256, Timeout=7)).payload


LAMBDA_VARIABLES = {
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION"),
    *("AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION"),
    *("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME"),
    *("AWS_LAMBDA_LOG_STREAM_NAME", "AWS_LAMBDA_RUNTIME_API", "AWS_XRAY_CONTEXT_MISSING", "AWS_XRAY_DAEMON_ADDRESS"),
    *("_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT", "_HANDLER", "_X_AMZN_TRACE_ID", "LAMBDA_TASK_ROOT"),
    *("LAMBDA_RUNTIME_DIR", "LANG", "TZ", "PWD", "SHLVL", "PYTHONPATH", "PATH"),
}


@fact("Environment", "The function has Lambda's own variables, 27 besides those of its loader.", INTROSPECTION)
def test_lambdas_variables_are_there(shown):
    assert set(shown["environment"]) >= LAMBDA_VARIABLES


@fact(
    "Environment",
    "Beside Lambda's variables there are the function's own and no others.",
    f"{INTROSPECTION}; {VARIABLES}",
    differs="`AWS_ENDPOINT_URL` besides, so that SDKs find the local AWS; `SSL_CERT_FILE` and `SSL_CERT_DIR` where "
    "this machine has them; and `TMPDIR` where functions share its files",
)
def test_the_endpoint_is_the_one_variable_more(shown):
    of_some_pythons = {"LC_CTYPE", "LD_LIBRARY_PATH", "AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL"}
    certificates = {"SSL_CERT_FILE", "SSL_CERT_DIR"} & set(os.environ)

    assert set(shown["environment"]) - LAMBDA_VARIABLES - of_some_pythons - {"TMPDIR"} == {
        *("STAGE", "AWS_ENDPOINT_URL"),
        *certificates,
    }


@fact("Environment", "The function's own variables are there.", VARIABLES)
def test_own_variables_are_there(shown):
    assert shown["environment"]["STAGE"] == "test"


@fact("Environment", "`AWS_EXECUTION_ENV` is `AWS_Lambda_` and the runtime.", VARIABLES)
def test_the_execution_environment_is_named(shown):
    assert shown["environment"]["AWS_EXECUTION_ENV"] == f"AWS_Lambda_{RUNTIME}"


@fact("Environment", "`TZ` is `:UTC`, `LANG` is `en_US.UTF-8`, `SHLVL` is 0.", INTROSPECTION)
def test_zone_and_language_are_lambdas(shown):
    assert [shown["environment"][name] for name in ("TZ", "LANG", "SHLVL")] == [":UTC", "en_US.UTF-8", "0"]


@fact("Environment", "X-Ray's SDK is told to log missing context: `AWS_XRAY_CONTEXT_MISSING=LOG_ERROR`.", VARIABLES)
def test_missing_context_is_logged(shown):
    assert shown["environment"]["AWS_XRAY_CONTEXT_MISSING"] == "LOG_ERROR"


@fact("Environment", "`_X_AMZN_TRACE_ID` is there without active tracing too.", INTROSPECTION)
def test_the_trace_id_is_there_without_tracing(shown):
    assert shown["environment"]["_X_AMZN_TRACE_ID"].startswith("Root=1-")


@fact("Environment", "The memory's size is in the environment and in the context.", f"{VARIABLES}; {CONTEXT}")
def test_the_memory_is_told(shown):
    assert shown["environment"]["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "256"
    assert int(shown["context"]["memory_limit_in_mb"]) == 256


@fact("Environment", "The remaining time begins at the timeout.", CONTEXT)
def test_the_remaining_time_begins_at_the_timeout(shown):
    assert 0 < shown["context"]["remaining_ms"] <= 7000


@fact("Environment", "The log stream's name has the day, the version in brackets, and 32 hexadecimal digits.", CONTEXT)
def test_the_log_stream_is_named_by_day_and_version(shown):
    assert re.fullmatch(r"\d{4}/\d\d/\d\d/\[\$LATEST\][0-9a-f]{32}", shown["context"]["log_stream_name"])


@fact("Environment", "The log group is `/aws/lambda/` and the function's name.", CONTEXT)
def test_the_log_group_is_the_functions(shown):
    assert shown["context"]["log_group_name"] == f"/aws/lambda/{shown['context']['function_name']}"


@fact("Environment", "The ARN has no qualifier when the caller gave none.", SNAPSHOTS)
def test_the_arn_is_unqualified(cloud, shown):
    assert shown["context"]["invoked_function_arn"] == cloud.arn(shown["context"]["function_name"])


@fact("Environment", "1,024 files may be open.", "Lambda Developer Guide, “Lambda quotas”")
def test_a_thousand_files_may_be_open(shown):
    assert shown["open_files"] == 1024
