"""Calls AWS as its event says."""

import boto3
from botocore.exceptions import ClientError


def handler(event, _):
    service, operation, parameters = event
    try:
        return getattr(boto3.client(service), operation)(**parameters).get("Arn")
    except ClientError as problem:
        return [problem.response["ResponseMetadata"]["HTTPStatusCode"], *map(problem.response["Error"].get, FIELDS)]


FIELDS = ("Code", "Message")
