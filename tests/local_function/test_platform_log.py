"""What Lambda itself writes into the log: text by default, records with levels where the function asks for JSON."""

from __future__ import annotations

import json

from fastlambda_cli.local.model import PlatformLine

SOMETIMES = """
    def handler(event, context):
        if event:
            raise type(event, (Exception,), {})("no")
        return "fine"
"""


def records(lab):
    return [json.loads(line.text) for line in lab.of(PlatformLine)]


async def one_good_one_bad(lab):
    return [await lab.invoke(None), await lab.invoke("Bad\tStatus: success")]


def test_text_is_start_end_and_report_with_todays_fields(laboratory):
    good, bad = laboratory.run(SOMETIMES, one_good_one_bad, log_format="Text", tracing=False)

    lines = [line.text for line in laboratory.of(PlatformLine)]
    assert [line.split(" ")[0] for line in lines] == ["INIT_START", *["START", "END", "REPORT"] * 2]
    assert lines[1:3] == [f"START RequestId: {good.request_id} Version: $LATEST", f"END RequestId: {good.request_id}"]
    fields = [part.split(":")[0] for part in lines[3].rstrip("\t").split("\t")]
    assert fields == [
        "REPORT RequestId", "Duration", "Billed Duration", "Memory Size", "Max Memory Used", "Init Duration",
    ]  # fmt: skip
    assert lines[6].startswith(f"REPORT RequestId: {bad.request_id}\t")
    assert lines[6].endswith("\tStatus: error\tError Type: Bad Status: success\t"), "an error makes up no field"


def test_a_traced_event_names_its_trace_below_the_report(laboratory):
    async def scenario(lab):
        return await lab.invoke(trace_header="Root=1-67891233-abcdef012345678912345678;Sampled=1")

    result = laboratory.run(SOMETIMES, scenario, log_format="Text")

    assert "\t\nXRAY TraceId: 1-67891233-abcdef012345678912345678\tSegmentId: " in result.log_tail.decode()


def test_json_records_have_the_telemetry_apis_shapes_and_failures_are_warnings(laboratory):
    _, bad = laboratory.run(SOMETIMES, one_good_one_bad, tracing=False)

    seen = records(laboratory)
    assert [each["type"] for each in seen] == [
        "platform.initStart", "platform.start", "platform.report",
        "platform.start", "platform.runtimeDone", "platform.report",
    ]  # fmt: skip
    assert set(seen[0]["record"]) == {
        "initializationType", "phase", "runtimeVersion", "functionName", "functionVersion",
    }  # fmt: skip
    assert set(seen[2]["record"]["metrics"]) == {
        "durationMs", "billedDurationMs", "memorySizeMB", "maxMemoryUsedMB", "initDurationMs",
    }  # fmt: skip
    report = seen[5]["record"]
    assert (report["requestId"], report["status"]) == (bad.request_id, "error")
    assert "initDurationMs" not in report["metrics"]


def test_the_system_log_level_decides_which_records_are_written(laboratory):
    laboratory.run(SOMETIMES, one_good_one_bad, tracing=False, system_log_level="DEBUG")
    everything = [each["type"].removeprefix("platform.") for each in records(laboratory)]
    laboratory.seen.clear()
    laboratory.run(SOMETIMES, one_good_one_bad, tracing=False, system_log_level="WARN")
    failures = [each["type"].removeprefix("platform.") for each in records(laboratory)]

    event = ["start", "runtimeDone", "report"]
    assert everything == ["initStart", "initRuntimeDone", "initReport", *event, *event]
    assert failures == ["runtimeDone", "report"]
