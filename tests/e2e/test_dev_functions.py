"""`fastlambda dev` runs a function of consumers as its own: with its own environments, limits and variables."""

from __future__ import annotations

import itertools
import json

import boto3
import pytest
from access_keys import of_boto3
from background import eventually
from botocore.config import Config
from dev_command import running
from two_functions import Held, declare, handler

API, WORKER = "plain-dev", "plain-dev-worker"


def client(dev, service):
    config = Config(proxies={}, retries={"total_max_attempts": 1})
    options = {"endpoint_url": dev.endpoint_url, "region_name": "us-east-1", "config": config}
    return boto3.client(service, **options, **of_boto3(dev.keys))


def send(dev, **body):
    sqs = client(dev, "sqs")
    url = sqs.get_queue_url(QueueName=f"{API}-imports")["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody=json.dumps(body))


@pytest.mark.slow
def test_a_consumer_gets_a_function_when_that_is_saved_and_its_flood_leaves_the_api_alone(plain):
    (plain / "lambda_handler.py").write_text(handler("hello"), encoding="utf-8")
    declare(plain, worker="")
    with running(plain) as dev:
        dev.wait_for(r"Stack plain-dev: made")
        seen = len(dev.output)
        project = plain / "pyproject.toml"
        settings = "functions.worker = { memory = 256, concurrency = { reserved = 1 } }\n"
        declare(plain)
        project.write_text(project.read_text(encoding="utf-8") + settings, encoding="utf-8")
        dev.wait_for(r"Stack plain-dev: .*ImportsQueueMapping", after=seen)
        described = client(dev, "lambda").get_function_configuration(FunctionName=f"{WORKER}:live")
        assert described["MemorySize"] == 256

        numbers = itertools.count()

        def floods():
            # A mapping that moves is polled a moment longer for the function that it had, which may take the first.
            send(dev, number=next(numbers), hold=held.port)
            return WORKER in held.names

        with Held() as held:
            assert eventually(floods, pause_s=0.05)
            functions = client(dev, "lambda")
            with pytest.raises(functions.exceptions.TooManyRequestsException):
                functions.invoke(FunctionName=f"{WORKER}:live", Payload=json.dumps({"Records": []}))
            answers = [dev.client.get("/") for _ in range(5)]
            assert {(answer.status_code, answer.text) for answer in answers} == {(200, f"hello of {API}:$LATEST")}
        dev.wait_for(rf"{WORKER}:\$LATEST", after=seen)
        dev.wait_for(r"INIT +environment \d+ of worker is up", after=seen)
        dev.wait_for(rf"SQS +{API}-imports \d+ records? .*  worker$", after=seen)
