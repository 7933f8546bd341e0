"""The estimate, checked by hand."""

from __future__ import annotations

import pytest

from fastlambda_cli.deploy.cost import estimate


def document(memory=1024, architecture="arm64", **resources):
    function = {"MemorySize": memory, "Architectures": [architecture], "TracingConfig": {"Mode": "PassThrough"}}
    function |= resources.pop("function", {})
    made = {"Function": {"Type": "AWS::Lambda::Function", "Properties": function}}
    return {"Resources": made | resources}


def lines(*args, **kwargs):
    return {line.what: line.usd for line in estimate(*args, **kwargs).lines}


def test_a_million_requests_on_a_gigabyte_of_arm():
    assert lines(document(), secrets=0) == {
        "Lambda, requests": pytest.approx(0.20),
        "Lambda, duration on arm64": pytest.approx(50_000 * 0.0000133334),
        "HTTP API": pytest.approx(1.00),
        "Logs, ingested": pytest.approx(0.75),
    }


def test_the_load_the_date_and_the_source_are_told():
    cost = estimate(document(), 0, requests_per_month=20_000)
    assert cost.load == "20,000 requests a month of 50 ms, 1.5 KB of logs each"
    assert "us-east-1" in cost.prices
    assert "2026-" in cost.prices
    assert cost.usd == pytest.approx(sum(line.usd for line in cost.lines))


def test_twice_the_memory_is_twice_the_duration():
    one, two = (lines(document(memory), 0)["Lambda, duration on arm64"] for memory in (512, 1024))
    assert two == pytest.approx(2 * one)


@pytest.mark.parametrize(
    ("architecture", "waiting", "working"),
    [("x86_64", 0.0000041667, 0.0000097222), ("arm64", 0.0000033334, 0.0000077778)],
)
def test_environments_that_wait_are_paid_all_month_and_less_while_they_work(architecture, waiting, working):
    alias = {"ProvisionedConcurrencyConfig": {"ProvisionedConcurrentExecutions": 2}}
    found = lines(document(architecture=architecture, Alias={"Type": "AWS::Lambda::Alias", "Properties": alias}), 0)
    assert found["Lambda, 2 provisioned"] == pytest.approx(2 * 730 * 3600 * waiting)
    assert found[f"Lambda, duration on {architecture}"] == pytest.approx(50_000 * working)


def test_storage_costs_beyond_what_every_function_has():
    usual, more = (lines(document(function={"EphemeralStorage": {"Size": size}}), 0) for size in (512, 2560))
    assert "Lambda, ephemeral storage" not in usual
    assert more["Lambda, ephemeral storage"] == pytest.approx(50_000 * 2 * 0.0000000309)


def test_what_has_no_price_here_is_said_and_not_counted_as_nothing():
    cost = estimate(document(function={"VpcConfig": {"SubnetIds": ["subnet-1"]}}), 0)
    assert "the VPC's NAT gateways and endpoints" in cost.unpriced
    assert not any("VPC" in line.what for line in cost.lines)


def test_traces_are_sampled_as_lambda_samples():
    traced = document(function={"TracingConfig": {"Mode": "Active"}})
    assert lines(traced, 0)["X-Ray"] == pytest.approx(5.00)
    month = 730 * 3600
    many = lines(traced, 0, requests_per_month=10_000_000)["X-Ray"]
    assert many == pytest.approx((month + 0.05 * (10_000_000 - month)) / 1e6 * 5.00, rel=1e-6)


def test_alarms_dashboards_secrets_and_snapshots_cost_by_the_month():
    found = lines(
        document(
            function={"SnapStart": {"ApplyOn": "PublishedVersions"}},
            A={"Type": "AWS::CloudWatch::Alarm"},
            B={"Type": "AWS::CloudWatch::Alarm"},
            Dashboard={"Type": "AWS::CloudWatch::Dashboard"},
        ),
        secrets=1,
    )
    assert found["CloudWatch alarms"] == pytest.approx(0.20)
    assert found["CloudWatch dashboard"] == pytest.approx(3.00)
    assert found["Secrets Manager"] == pytest.approx(0.40)
    assert found["SnapStart, one cached version"] == pytest.approx(730 * 3600 * 0.0000015046)


def test_every_function_has_a_snapshot_of_its_own():
    snapped = {"SnapStart": {"ApplyOn": "PublishedVersions"}, "MemorySize": 3072}
    worker = {"Type": "AWS::Lambda::Function", "Properties": snapped}
    found = lines(document(function={"SnapStart": snapped["SnapStart"]}, WorkerFunction=worker), secrets=0)
    assert found["SnapStart, 2 cached versions"] == pytest.approx(4 * 730 * 3600 * 0.0000015046)


def test_lambda_asks_a_queue_for_messages_all_month_and_of_one_that_is_switched_off_does_not():
    asked, off = ({"Type": "AWS::Lambda::EventSourceMapping", "Properties": {"Enabled": on}} for on in (True, False))
    found = lines(document(One=asked, Other=asked, Off=off), 0)
    assert found["SQS, asking 2 empty queues"] == pytest.approx(2 * 5 * 730 * 3600 / 20 * 0.40 / 1e6)


def test_what_messages_cost_depends_on_their_number_and_is_told_as_not_in_the_sum():
    rule = {"Type": "AWS::Events::Rule", "Properties": {}}
    assert any("messages, notifications and events" in text for text in estimate(document(Rule=rule), 0).unpriced)
    assert not any("messages, notifications" in text for text in estimate(document(), 0).unpriced)


def test_idempotency_records_cost_as_well():
    table = {"Type": "AWS::DynamoDB::Table"}
    assert any("idempotency records" in text for text in estimate(document(Table=table), 0).unpriced)
    assert not any("idempotency records" in text for text in estimate(document(), 0).unpriced)


def test_stored_images_are_named_and_not_counted():
    function = {"Type": "AWS::Lambda::Function", "Properties": {"PackageType": "Image"}}
    told = estimate({"Resources": {"Function": function}}, 0).unpriced
    assert "images in Amazon ECR, 0.10 USD a GB each month" in told
    assert not any("Amazon ECR" in text for text in estimate(document(), 0).unpriced)
