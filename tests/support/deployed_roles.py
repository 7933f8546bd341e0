"""Roles of deployed functions, and a function that calls what it is told."""

from __future__ import annotations

import json

ACCOUNT = "000000000000"
CALL = """
    import boto3
    from botocore.exceptions import ClientError

    def handler(event, context):
        service, operation, parameters = event
        try:
            answer = getattr(boto3.client(service), operation)(**parameters)
        except ClientError as problem:
            error = problem.response["Error"]
            return [problem.response["ResponseMetadata"]["HTTPStatusCode"], error["Code"], error["Message"]]
        return answer.get("Arn") or sorted(answer)
"""
ORDERS = f"arn:aws:sqs:us-east-1:{ACCOUNT}:orders"
SEND = ("sqs", "send_message", {"QueueUrl": f"http://127.0.0.1/{ACCOUNT}/orders", "MessageBody": "Momo"})


def allowing(aws, role, *statements):
    """Give a role one policy: actions, a resource and what conditions ask."""
    document = {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": actions, "Resource": resource, "Condition": condition}
            for actions, resource, condition in statements
        ],
    }
    aws.client("iam").put_role_policy(RoleName=role, PolicyName="allowing", PolicyDocument=json.dumps(document))
