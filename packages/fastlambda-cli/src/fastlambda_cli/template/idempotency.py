"""The table that remembers what was done already, for consumers and routes that do a thing once."""

from __future__ import annotations

from typing import Any

from fastlambda_cli.service.variables import idempotency_table
from fastlambda_cli.template.intrinsics import Resources, get_att, resource, statement
from fastlambda_cli.template.stack import FunctionOfStack, Stack

TABLE = "IdempotencyTable"

_KEY = "id"
_EXPIRY = "expiration"
"""Attributes as Powertools names them (Powertools for AWS Lambda (Python), "Idempotency")."""

_ACTIONS = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"]
"""What Powertools calls (Powertools for AWS Lambda (Python), "Idempotency", "IAM permissions")."""


def idempotency_resources(stack: Stack) -> Resources:
    """The table; nothing where nothing is idempotent."""
    if not stack.service.idempotent:
        return {}
    return {
        TABLE: resource(
            "AWS::DynamoDB::Table",
            {
                "TableName": idempotency_table(stack.name),
                "AttributeDefinitions": [{"AttributeName": _KEY, "AttributeType": "S"}],
                "KeySchema": [{"AttributeName": _KEY, "KeyType": "HASH"}],
                "BillingMode": "PAY_PER_REQUEST",
                "TimeToLiveSpecification": {"AttributeName": _EXPIRY, "Enabled": True},
                "Tags": stack.tags,
            },
            # Its records are of the stack's own messages and clients, and of no use a day later: no backups either.
            DeletionPolicy="Delete",
            UpdateReplacePolicy="Delete",
        )
    }


def idempotency_statements(function: FunctionOfStack) -> list[dict[str, Any]]:
    """Statements for a function's execution role."""
    # Only the function that answers HTTP has routes that anybody calls.
    routes = function.of.name is None and function.stack.service.idempotent_routes
    return [statement("Idempotency", _ACTIONS, get_att(TABLE, "Arn"))] if routes or function.of.idempotent else []
