"""Under `dev`, the folder's function may do what its role on AWS will allow."""

from __future__ import annotations

import shutil

import pytest
from background import eventually
from dev_command import running

HANDLER = """
import os
from botocore.session import get_session

def call(service, operation, **parameters):
    return getattr(get_session().create_client(service), operation)(**parameters)

def handler(event, context):
    if event["rawPath"] == "/who":
        answer = call("sts", "get_caller_identity")["Arn"]
    elif event["rawPath"] == "/secret":
        answer = call("secretsmanager", "get_secret_value", SecretId=os.environ["APP_SECRET_ARN"])["Name"]
    else:
        answer = call("sqs", "create_queue", QueueName="orders")["QueueUrl"]
    return {"statusCode": 200, "body": answer}
"""
GRANT = """
[[tool.fastlambda.permissions]]
actions = ["sqs:CreateQueue"]
resources = ["arn:${AWS::Partition}:sqs:${AWS::Region}:${AWS::AccountId}:orders"]
"""


@pytest.mark.slow
def test_the_function_may_do_what_its_configuration_grants(books):
    shutil.rmtree(books / "demo")
    (books / "lambda_handler.py").write_text(HANDLER, encoding="utf-8")
    project = books / "pyproject.toml"
    with running(books) as dev:
        role = "arn:aws:sts::000000000000:assumed-role/fastapi-books-dev-Role-"

        eventually(lambda: dev.client.get("/who").text.startswith(role))

        assert dev.client.get("/secret").text == "fastapi-books-dev/app"
        denied = (
            r"fastapi-books-dev may not sqs:CreateQueue on arn:aws:sqs:us-east-1:000000000000:orders, here as on AWS.*"
            r'add to pyproject\.toml \[\[tool\.fastlambda\.permissions\]\] with actions = \["sqs:CreateQueue"\]'
        )
        configuration = project.read_text(encoding="utf-8")
        for grant in (GRANT.replace(":orders", ":other"), GRANT):
            printed = len(dev.output)
            assert dev.client.get("/queue").status_code == 500
            dev.wait_for(denied, after=printed)

            printed = len(dev.output)
            project.write_text(configuration + grant, encoding="utf-8")
            dev.wait_for(r"Stack fastapi-books-dev: .*change Role", after=printed)
            eventually(lambda: dev.client.get("/who").text.startswith(role))

        assert dev.client.get("/queue").status_code == 200
