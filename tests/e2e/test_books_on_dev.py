"""The main job: HTTP -> payload 2.0 -> Runtime API -> awslambdaric -> FastAPI, and back, with the log beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import boto3
import pytest
from access_keys import of_boto3

from fastlambda_cli.local.standing import local_aws


@pytest.fixture
def token(dev):
    """A token from the books service's own command, which reads the secret that `dev` created."""
    command = [sys.executable, "-m", "demo.token"]
    env = {**os.environ, **dev.variables}
    return subprocess.run(command, cwd=dev.service, env=env, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.slow
def test_a_book_is_created_listed_found_changed_and_deleted(dev, token):
    bearer = {"Authorization": f"Bearer {token}"}
    book = {"title": "Die Verwandlung", "author": "Franz Kafka", "year": 1915}

    created = dev.client.post("/api/v1/books", json=book, headers=bearer)
    assert created.status_code == 201, created.text
    path = created.headers["location"]
    assert dev.client.get(path).json()["title"] == "Die Verwandlung"
    assert dev.client.get("/api/v1/books/search", params={"q": "kafka"}).json()["total"] >= 1
    assert dev.client.patch(path, json={"year": 1916}, headers=bearer).json()["year"] == 1916
    assert dev.client.delete(path, headers=bearer).status_code == 204
    assert dev.client.get(path).status_code == 404


def test_a_write_without_a_token_is_refused_as_rfc_6750_says(dev):
    refused = dev.client.post("/api/v1/books", json={})
    assert (refused.status_code, refused.headers["www-authenticate"].split()[0]) == (401, "Bearer")


def test_the_log_shows_a_request_by_its_route_with_its_lines_metrics_trace_and_report(dev):
    start = len(dev.output)
    book_id = "3f2b8c1e-0000-4000-8000-000000000000"

    traced = {"X-Amzn-Trace-Id": "Root=1-67891233-abcdef012345678912345678;Sampled=1"}
    answer = dev.client.get(f"/api/v1/books/{book_id}", headers=traced)

    assert answer.status_code == 404
    dev.wait_for(r"GET +/api/v1/books/\{book_id\} +404 +[\d.]+ ms  (cold|warm)  [0-9a-f-]{36}", after=start)
    dev.wait_for(rf"INFO +Fetching book  book_id={book_id}", after=start)
    dev.wait_for(r"metrics .*Requests=1.*Errors=1", after=start)
    dev.wait_for(r"trace .*## .*ms", after=start)
    dev.wait_for(r"report .*billed \d+ ms · memory \d+/\d+ MB", after=start)


def test_the_docs_page_and_its_schema_are_served(dev):
    assert "/openapi.json" in dev.client.get("/docs").text
    assert "/api/v1/books" in dev.client.get("/openapi.json").json()["paths"]


def test_an_sdk_can_invoke_the_function_and_read_its_secret(dev):
    options = {"endpoint_url": dev.endpoint_url, "region_name": "us-east-1"}
    keys = of_boto3(dev.keys)
    start = len(dev.output)
    event = {
        "version": "2.0",
        "routeKey": "$default",
        "rawPath": "/health",
        "rawQueryString": "",
        "headers": {"host": "example.org"},
        "requestContext": {
            "http": {
                "method": "GET",
                "path": "/health",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "",
            },
            "requestId": "made-by-hand",
            "stage": "$default",
            "domainName": "example.org",
            "accountId": "000000000000",
            "apiId": "api",
            "routeKey": "$default",
            "time": "12/Mar/2020:19:03:58 +0000",
            "timeEpoch": 1583348638390,
        },
        "isBase64Encoded": False,
    }

    answer = boto3.client("lambda", **options, **keys).invoke(
        FunctionName="fastapi-books-dev", Payload=json.dumps(event), LogType="Tail"
    )
    secret = boto3.client("secretsmanager", **options, **keys).get_secret_value(SecretId="fastapi-books-dev/app")

    assert json.load(answer["Payload"])["statusCode"] == 200
    assert set(json.loads(secret["SecretString"])) == {"jwt_secret", "db_password"}
    dev.wait_for(r"INVOKE .* ok ", after=start)


@pytest.mark.parametrize("qualifier", ["live", "$LATEST"])
def test_the_folder_takes_the_place_of_the_stacks_function(dev, qualifier):
    options = {"endpoint_url": dev.endpoint_url, "region_name": "us-east-1"}
    client = boto3.client("lambda", **options, **of_boto3(dev.keys))

    answer = client.invoke(FunctionName="fastapi-books-dev", Qualifier=qualifier, Payload=b"{}")

    assert answer["ExecutedVersion"] == "$LATEST"


def test_other_commands_find_the_local_aws_that_dev_runs(dev):
    with local_aws(dev.service, print) as endpoint:
        assert (endpoint.endpoint_url, endpoint.owned) == (dev.endpoint_url, False)
        assert endpoint.dev.stage == "dev"


def test_no_secret_value_is_ever_shown(dev, token):
    options = {"endpoint_url": dev.endpoint_url, "region_name": "us-east-1"}
    client = boto3.client("secretsmanager", **options, **of_boto3(dev.keys))
    values = json.loads(client.get_secret_value(SecretId="fastapi-books-dev/app")["SecretString"]).values()
    dev.client.get("/api/v1/books")
    shown = "\n".join(dev.output)
    assert not [value for value in (*values, token, dev.keys.secret_access_key) if value in shown]
