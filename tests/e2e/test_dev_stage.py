"""`fastlambda dev --stage`: another stage's configuration under its own names, on its own port and in its stack."""

from __future__ import annotations

import json

import boto3
import pytest
from access_keys import of_boto3
from background import eventually
from dev_command import running
from token_issuer import AUDIENCE, running_issuer

HANDLER = """
import os
def handler(event, context):
    reader = event["requestContext"]["authorizer"]["jwt"]["claims"]["sub"]
    return {"statusCode": 200, "body": f"{os.environ['GREETING']}, {reader}, from {context.function_name}"}
"""
PROJECT = """
[project]
name = "shop"
version = "1"

[tool.fastlambda.environment]
GREETING = "hello"

[tool.fastlambda.stages.prod]
environment.GREETING = "welcome"
http.authorizer = {{ issuer = "{issuer}", audience = ["{audience}"] }}
"""


@pytest.mark.slow
def test_the_stage_decides_on_configuration_names_and_who_may_pass(tmp_path):
    with running_issuer() as issuer:
        (tmp_path / "pyproject.toml").write_text(PROJECT.format(issuer=issuer.url, audience=AUDIENCE))
        (tmp_path / "lambda_handler.py").write_text(HANDLER)
        with running(tmp_path, "--stage", "prod") as dev:
            reader = {"Authorization": f"Bearer {issuer.token(sub='momo')}"}
            assert dev.client.get("/", headers=reader).text == "welcome, momo, from shop-prod"
            assert dev.client.get("/").status_code == 401
            dev.wait_for("Stack shop-prod: made")
            (api,) = aws(dev, "apigatewayv2").get_apis()["Items"]
            at_its_host = {"Host": api["ApiEndpoint"].removeprefix("http://")}
            answer = dev.client.get(dev.endpoint_url, headers=reader | at_its_host)
            assert answer.text == "welcome, momo, from shop-prod"
            assert dev.client.get(dev.endpoint_url, headers=at_its_host).status_code == 401
            logged = eventually(lambda: access_log(dev, 2))
            assert [(line["status"], line["authorizerError"]) for line in logged] == [
                ("200", "-"),
                ("401", "missing: token not provided"),
            ]


def access_log(dev, count):
    found = aws(dev, "logs").filter_log_events(logGroupName="/aws/vendedlogs/http-apis/shop-prod")["events"]
    return [json.loads(event["message"]) for event in found] if len(found) == count else None


def aws(dev, service):
    return boto3.client(service, endpoint_url=dev.endpoint_url, region_name="us-east-1", **of_boto3(dev.keys))
