"""What the emulator would only pretend to run is refused by name, in the service's own protocol."""

from __future__ import annotations

import httpx
import pytest
from access_keys import Signed
from botocore.exceptions import ClientError
from no_tls import NO_TLS

ROLE = "arn:aws:iam::000000000000:role/books"

AGENT = {"agentId": "ABCDEFGHIJ", "agentAliasId": "ABCDEFGHIJ", "sessionId": "one", "inputText": "Which book?"}


@pytest.mark.parametrize(
    ("service", "operation", "parameters", "named"),
    [
        (
            "rds",
            "create_db_instance",
            {"DBInstanceIdentifier": "books", "DBInstanceClass": "db.t4g.micro", "Engine": "postgres"},
            "databases",
        ),
        ("ecs", "run_task", {"taskDefinition": "books"}, "containers"),
        ("eks", "create_cluster", {"name": "books", "roleArn": ROLE, "resourcesVpcConfig": {}}, "Kubernetes"),
        ("bedrock-runtime", "invoke_model", {"modelId": "some.model-v1:0", "body": b"{}"}, "models"),
        ("secretsmanager", "rotate_secret", {"SecretId": "books"}, "rotation"),
        ("athena", "start_query_execution", {"QueryString": "SELECT 1 + 1"}, "queries of Athena"),
        ("bedrock-agent-runtime", "retrieve_and_generate", {"input": {"text": "Which book?"}}, "models"),
        ("bedrock-agent-runtime", "invoke_agent", AGENT, "models"),
        ("codebuild", "start_build", {"projectName": "books"}, "builds"),
        ("dsql", "create_cluster", {}, "databases"),
        ("ec2", "run_instances", {"ImageId": "ami-12345678", "MinCount": 1, "MaxCount": 1}, "virtual machines"),
        ("transfer", "create_server", {}, "file transfer"),
    ],
)
def test_nothing_is_started_that_would_not_be_there(aws, service, operation, parameters, named):
    with pytest.raises(ClientError) as refused:
        getattr(aws.client(service), operation)(**parameters)

    error = refused.value.response["Error"]
    assert error["Code"] == "UnsupportedOperation"
    assert error["Message"].startswith("The local AWS runs no ")
    assert named in error["Message"]


def test_what_needs_nothing_to_run_is_answered(aws):
    assert aws.client("rds").describe_db_instances()["DBInstances"] == []
    aws.client("ecs").register_task_definition(family="books", containerDefinitions=[{"name": "app", "image": "books"}])
    assert aws.client("eks").list_clusters()["clusters"] == []


def test_an_sdk_that_speaks_cbor_is_refused_in_cbor(aws):
    url = f"{aws.aws.endpoint_url}/service/CodeBuild_20161006/operation/StartBuild"
    headers = {"smithy-protocol": "rpc-v2-cbor", "content-type": "application/cbor"}
    with httpx.Client(auth=Signed(aws.aws.keys, "codebuild"), verify=NO_TLS, trust_env=False) as client:
        answer = client.post(url, content=b"\xa0", headers=headers)

    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/cbor")
    assert b"UnsupportedOperation" in answer.content
    assert b"The local AWS runs no builds" in answer.content
