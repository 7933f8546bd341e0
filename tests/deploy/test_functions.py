"""Two functions of one service: they are published, asked, moved and put back together."""

from __future__ import annotations

import json

import pytest
from background import eventually
from deployments import RAISES, Shop
from two_functions import Held, declare, handler

from fastlambda_cli.deploy import deploy, destruction, status
from fastlambda_cli.deploy.health import LiveHealthCheck
from fastlambda_cli.deploy.model import Remark
from fastlambda_cli.errors import HealthCheckError
from local_aws import every

FAILS_IN_THE_WORKER = 'if NAME.endswith("-worker"): raise RuntimeError("no room for the worker")'


class Shops(Shop):
    """A service with two functions."""

    def __init__(self, folder, aws, name):
        super().__init__(folder, aws, name)
        self.worker = f"{self.stack}-worker"
        self.declare()
        self.code("one")

    def declare(self, worker=', function="worker"'):
        declare(self.folder, worker)

    def code(self, text, body=""):
        self.write(handler(text, body))

    def send(self, **body):
        sqs = self.aws.client("sqs")
        url = sqs.get_queue_url(QueueName=f"{self.stack}-imports")["QueueUrl"]
        sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))

    def handled(self, function):
        """By which version of a function each message was handled, by the message's number."""
        pages = (
            self.aws.client("logs")
            .get_paginator("filter_log_events")
            .paginate(logGroupName=f"/aws/lambda/{function}", filterPattern="{ $.taken = * }")
        )
        found = [json.loads(event["message"]) for page in pages for event in page["events"]]
        return {json.loads(one["taken"])["number"]: one["by"].rpartition(":")[2] for one in found}

    def handled_by_any(self):
        """The numbers of the messages that were handled; what moves is polled for its old function a moment longer."""
        return {number for function in self.both for number in self.handled(function)}

    def mapped(self, function):
        """The queues whose messages the alias of a function gets."""
        found = self.aws.client("lambda").list_event_source_mappings(FunctionName=f"{function}:live")
        return [one["EventSourceArn"].rpartition("-")[2] for one in found["EventSourceMappings"]]

    def may_take(self, role):
        """The queues whose messages a role may receive."""
        name = role.rpartition("/")[2]
        policy = self.aws.client("iam").get_role_policy(RoleName=name, PolicyName="declared")["PolicyDocument"]
        (queues,) = [each["Resource"] for each in policy["Statement"] if each["Sid"] == "Queues"]
        return [arn.rpartition(":")[2] for arn in queues]

    def live_versions(self):
        """The versions of both aliases, by Lambda's own word."""
        aliases = [self.aws.client("lambda").get_alias(FunctionName=name, Name="live") for name in self.both]
        return tuple(alias["FunctionVersion"] for alias in aliases)

    @property
    def both(self):
        return self.stack, self.worker


class Looking(LiveHealthCheck):
    """Asks versions as ever, and looks which queues are mapped to what at that moment."""

    def __init__(self, shop):
        super().__init__(shop.aws)
        self._shop = shop
        self.mapped = []

    def version(self, function, version, path):
        self.mapped.append((sorted(self._shop.mapped(self._shop.stack)), self._shop.mapped(self._shop.worker)))
        super().version(function, version, path)


@pytest.fixture
def shop(tmp_path, local_aws, unique):
    return Shops(tmp_path / "shop", local_aws, unique("shop"))


def test_a_message_is_handled_by_the_function_that_it_is_declared_with_and_by_no_other(shop):
    outputs = shop.deploy().outputs
    assert (shop.mapped(shop.stack), shop.mapped(shop.worker)) == (["stock"], ["imports"])
    shop.send(number=1)
    assert eventually(lambda: shop.handled(shop.worker)) == {1: "1"}
    assert shop.handled(shop.stack) == {}
    assert shop.get() == f"200 one of {shop.stack}:1"
    assert shop.may_take(outputs["RoleArn"]) == [f"{shop.stack}-stock"]
    assert shop.may_take(outputs["WorkerRoleArn"]) == [f"{shop.stack}-imports"]


@pytest.mark.slow
def test_a_worker_with_all_hands_full_takes_nothing_from_the_api_nor_from_a_deployment(shop):
    shop.configure("functions.worker.concurrency.reserved = 1")
    shop.deploy()
    with Held() as held:
        for number in range(20):
            shop.send(number=number, hold=held.port)
        assert eventually(lambda: shop.worker in held.names)
        functions = shop.aws.client_for_one_try("lambda", read_timeout=20)
        with pytest.raises(functions.exceptions.TooManyRequestsException) as refused:
            functions.invoke(FunctionName=f"{shop.worker}:live", Payload=json.dumps({"Records": []}))
        assert refused.value.response["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
        assert shop.get() == f"200 one of {shop.stack}:1"

        shop.code("two")
        health = LiveHealthCheck(shop.aws, wait=lambda _: None)
        deploy(shop.target(), shop.aws, shop.told.append, confirm=lambda _: True, health=health)
        assert shop.live_versions() == ("2", "2")
        assert shop.get() == f"200 two of {shop.stack}:2"
        assert f"Version 2 of {shop.worker} is not asked whether it answers" in "".join(shop.remarks())


@pytest.mark.slow
def test_an_update_that_fails_in_the_worker_alone_leaves_both_on_their_old_version(shop):
    shop.deploy()
    shop.code("two", FAILS_IN_THE_WORKER)
    with pytest.raises(HealthCheckError, match=rf"Version 2 of {shop.worker} does not answer") as failure:
        shop.deploy()
    assert "no room for the worker" in failure.value.why
    assert f"version 1 of {shop.stack} and version 1 of {shop.worker} have all traffic" in failure.value.remedy
    assert shop.live_versions() == ("1", "1")
    assert shop.releases() == [(2, "failed"), (1, "live")]
    assert shop.get() == f"200 one of {shop.stack}:1"
    shop.send(number=1)
    assert eventually(lambda: shop.handled(shop.worker)) == {1: "1"}


@pytest.mark.slow
def test_a_new_version_and_a_rollback_move_both(shop):
    shop.deploy()
    shop.code("two")
    outcome = shop.deploy()
    assert outcome.release.function_versions == {shop.stack: "2", shop.worker: "2"}
    assert status(shop.aws, shop.stack).consumers == {shop.worker: "2"}
    shop.rollback()
    assert shop.live_versions() == ("3", "3")
    assert shop.get() == f"200 one of {shop.stack}:3"
    shop.send(number=1)
    assert eventually(lambda: shop.handled(shop.worker)) == {1: "3"}


def test_what_differs_of_the_worker_alone_publishes_a_version_of_it_alone(shop):
    shop.deploy()
    shop.configure("functions.worker = { memory = 256, timeout = 60 }")
    plan = shop.plan()
    assert plan.publishes
    assert "Function" not in {change.logical_id for change in plan.changes}
    shop.deploy()
    assert shop.live_versions() == ("1", "2")
    worker = shop.aws.client("lambda").get_function_configuration(FunctionName=shop.worker, Qualifier="live")
    assert (worker["MemorySize"], worker["Timeout"]) == (256, 60)


@pytest.mark.slow
def test_a_consumer_moves_into_a_function_of_its_own_and_back_and_the_end_takes_all_of_it(shop):
    shop.declare(worker="")
    shop.deploy()
    shop.declare()
    shop.code("one", FAILS_IN_THE_WORKER)
    health = Looking(shop)
    with pytest.raises(HealthCheckError, match="worker does not answer") as failure:
        deploy(shop.target(), shop.aws, shop.told.append, confirm=lambda _: True, health=health)
    assert health.mapped == [(["imports", "stock"], [])] * 2
    assert failure.value.remedy.endswith("The stack is as it was, and version 1 has all traffic.")
    assert sorted(shop.mapped(shop.stack)) == ["imports", "stock"]
    assert shop.worker not in [one["FunctionName"] for one in every(shop.aws, "lambda", "list_functions", "Functions")]

    shop.code("one")
    shop.deploy()
    assert (shop.mapped(shop.stack), shop.mapped(shop.worker)) == (["stock"], ["imports"])
    shop.declare(worker="")
    shop.deploy()
    assert sorted(shop.mapped(shop.stack)) == ["imports", "stock"]
    shop.send(number=1)
    assert eventually(shop.handled_by_any) == {1}
    assert not [one for one in shop.told if isinstance(one, Remark) and one.warning]

    group = f"/aws/lambda/{shop.worker}"
    shop.destroy(purge=False)
    assert group in destruction(shop.aws, shop.stack).stays
    shop.destroy(purge=True)
    assert not shop.aws.client("logs").describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{shop.stack}")["logGroups"]


@pytest.mark.slow
def test_a_worker_that_a_failing_update_took_away_is_made_anew(shop):
    shop.deploy()
    shop.declare(worker="")
    shop.write(RAISES + handler("two"))
    with pytest.raises(HealthCheckError) as failure:
        shop.deploy()
    assert failure.value.remedy.endswith(f"version 1 has all traffic. {shop.worker} was made anew.")
    assert (shop.mapped(shop.stack), shop.mapped(shop.worker)) == (["stock"], ["imports"])
    assert shop.releases() == [(2, "failed"), (1, "live")]
    shop.send(number=1)
    assert eventually(shop.handled_by_any) == {1}
