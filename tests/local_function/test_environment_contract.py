"""What a function finds around it: variables, paths, streams, and a Runtime API that refuses what Lambda refuses."""

from __future__ import annotations

import json
import logging
import sys

import pytest

from fastlambda_cli.local.model import InvocationReported, LogLine, MetricRecord, TraceSegment

# Lambda Developer Guide, "Defined runtime environment variables", with what a Python function really shows.
LAMBDA_VARIABLES = {
    "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_REGION", "AWS_DEFAULT_REGION",
    "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_FUNCTION_MEMORY_SIZE",
    "AWS_LAMBDA_INITIALIZATION_TYPE", "AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_LAMBDA_LOG_FORMAT", "AWS_LAMBDA_LOG_LEVEL", "AWS_LAMBDA_RUNTIME_API", "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_ADDRESS", "_AWS_XRAY_DAEMON_PORT", "_HANDLER", "_X_AMZN_TRACE_ID",
    "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR", "LANG", "LC_CTYPE", "TZ", "PWD", "SHLVL", "PYTHONPATH", "PATH",
}  # fmt: skip


def test_the_function_sees_lambdas_variables_its_own_and_the_endpoint_and_nothing_of_this_machine(
    laboratory, monkeypatch
):
    monkeypatch.setenv("AWS_PROFILE", "production")
    monkeypatch.setenv("MY_SHELL_SECRET", "x")
    monkeypatch.delenv("LD_LIBRARY_PATH", raising=False)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)

    async def scenario(lab):
        return json.loads((await lab.invoke()).payload)

    seen = laboratory.run(
        "import os\ndef handler(event, context): return dict(os.environ)",
        scenario,
        variables={"GREETING": "hello", "AWS_REGION": "mars-1", "_HIDDEN": "1"},
    )

    assert set(seen) == LAMBDA_VARIABLES | {"GREETING", "AWS_ENDPOINT_URL", "TMPDIR"}
    assert seen["AWS_REGION"] == "us-east-1", "the platform's variables win over the customer's"
    assert seen["_X_AMZN_TRACE_ID"].startswith("Root=1-")


def test_log_levels_go_by_lambdas_names_and_reach_the_functions_loggers(laboratory):
    source = """
        import logging, os
        def handler(event, context):
            logging.getLogger("demo").warning("too low")
            logging.getLogger("demo").critical("high enough")
            return os.environ["AWS_LAMBDA_LOG_LEVEL"]
    """
    result = laboratory.run(source, lambda lab: lab.invoke(), log_level="CRITICAL")
    assert result.payload == b'"FATAL"'
    assert [line.fields["message"] for line in laboratory.of(LogLine)] == ["high enough"]


@pytest.mark.skipif(sys.platform != "linux", reason="limits of another process are Linux's")
def test_a_function_may_open_as_many_files_as_on_lambda(laboratory):
    source = """
        import resource
        def handler(event, context): return resource.getrlimit(resource.RLIMIT_NOFILE)
    """
    assert json.loads(laboratory.run(source, lambda lab: lab.invoke()).payload) == [1024, 1024]


def test_only_the_service_its_packages_and_the_runtimes_are_importable(laboratory):
    async def scenario(lab):
        return json.loads((await lab.invoke()).payload)

    found = laboratory.run(
        """
        import importlib.util
        def handler(event, context):
            return {name: importlib.util.find_spec(name) is not None
                    for name in ("boto3", "awslambdaric", "json", "pytest", "fastlambda_cli", "pip")}
        """,
        scenario,
    )
    assert found == {
        "boto3": True, "awslambdaric": True, "json": True, "pytest": False, "fastlambda_cli": False, "pip": False,
    }  # fmt: skip


def test_prints_and_log_records_belong_to_the_event_that_wrote_them(laboratory):
    async def scenario(lab):
        return [(await lab.invoke(n)).request_id for n in (1, 2)]

    ids = laboratory.run(
        """
        import logging, sys
        print("while INIT")
        def handler(event, context):
            print(f"printed {event}\\rsame line")
            print(f"on stderr {event}", file=sys.stderr)
            logging.getLogger("demo").warning("logged %s", event)
        """,
        scenario,
    )

    lines = laboratory.of(LogLine)
    assert [(line.text, line.request_id) for line in lines if line.fields is None and "stderr" not in line.text] == [
        ("while INIT", None),
        ("printed 1\rsame line", ids[0]),
        ("printed 2\rsame line", ids[1]),
    ]
    assert [(line.text, line.request_id) for line in lines if "stderr" in line.text] == [
        ("on stderr 1", ids[0]),
        ("on stderr 2", ids[1]),
    ]
    logged = [line for line in lines if line.fields]
    assert [(line.fields["message"], line.fields["level"], line.request_id) for line in logged] == [
        ("logged 1", logging.getLevelName(logging.WARNING), ids[0]),
        ("logged 2", logging.getLevelName(logging.WARNING), ids[1]),
    ]


def test_emf_lines_are_metrics_and_other_json_is_not(laboratory):
    laboratory.run(
        """
        import json
        def handler(event, context):
            print(json.dumps({"_aws": {"Timestamp": 1, "CloudWatchMetrics": [
                {"Namespace": "Books", "Dimensions": [["service"]], "Metrics": [{"Name": "BooksCreated"}]}]},
                "service": "books", "BooksCreated": 1}))
            print(json.dumps({"_aws": "not EMF"}))
        """,
        lambda lab: lab.invoke(),
    )
    (metric,) = laboratory.of(MetricRecord)
    assert metric.document["BooksCreated"] == 1
    assert [line.fields for line in laboratory.of(LogLine)] == [{"_aws": "not EMF"}]


def test_trace_segments_arrive_with_the_callers_root(laboratory):
    root = "1-67891233-abcdef012345678912345678"

    async def scenario(lab):
        await lab.invoke(trace_header=f"Root={root}")

    laboratory.run(
        """
        import json, os, socket
        def handler(event, context):
            fields = dict(part.split("=") for part in os.environ["_X_AMZN_TRACE_ID"].split(";"))
            document = {"trace_id": fields["Root"], "parent_id": fields["Parent"], "name": "work"}
            host, port = os.environ["AWS_XRAY_DAEMON_ADDRESS"].split(":")
            header = json.dumps({"format": "json", "version": 1})
            daemon = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            daemon.sendto(f"{header}\\n{json.dumps(document)}".encode(), (host, int(port)))
            daemon.sendto(b"not a segment", (host, int(port)))
        """,
        scenario,
    )

    (segment,) = laboratory.of(TraceSegment)
    assert segment.document["trace_id"] == root
    assert laboratory.of(InvocationReported)[0].trace_id == root


def test_the_runtime_api_refuses_strangers_wrong_ids_and_wrong_states(laboratory):
    probing = """
        import json, os, urllib.error, urllib.request
        API = f"http://{os.environ['AWS_LAMBDA_RUNTIME_API']}/2018-06-01/runtime"
        def call(path, body=None, **headers):
            try:
                with urllib.request.urlopen(urllib.request.Request(API + path, body, headers)) as answer:
                    return answer.status
            except urllib.error.HTTPError as error:
                return [error.code, json.loads(error.read())["errorType"]]
        during_init = call("/invocation/some-id/response", b"{}")
        def handler(event, context):
            return {
                "response during INIT": during_init,
                "wrong id": call("/invocation/some-id/response", b"{}"),
                "init error after INIT": call("/init/error", b"{}"),
                "next before the answer": call("/invocation/next"),
                "from a web page": call("/invocation/next", Origin="https://evil.example"),
                "by another name": call("/invocation/next", Host="evil.example"),
                "unknown path": call("/nothing"),
            }
    """

    async def scenario(lab):
        return json.loads((await lab.invoke()).payload)

    assert laboratory.run(probing, scenario) == {
        "response during INIT": [403, "InvalidStateTransition"],
        "wrong id": [400, "InvalidRequestID"],
        "init error after INIT": [403, "InvalidStateTransition"],
        "next before the answer": [403, "InvalidStateTransition"],
        "from a web page": [403, "Forbidden"],
        "by another name": [403, "Forbidden"],
        "unknown path": [404, "NotFound"],
    }
