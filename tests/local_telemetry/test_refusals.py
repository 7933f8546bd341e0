"""What the emulator would only pretend to run is refused by name, in the service's own protocol."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

ROLE = "arn:aws:iam::000000000000:role/books"


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
