"""The partition keys that a request to DynamoDB names, which policies ask for as `dynamodb:LeadingKeys`.

Amazon DynamoDB Developer Guide, "Using IAM policy conditions for fine-grained access control". Of a query of an index
it is the index's own key. A Scan names none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ministack import app as ministack  # type: ignore[import-not-found,unused-ignore]

_EQUALS = re.compile(r"(?P<name>#?[\w.-]+)\s*=\s*(?P<value>:\w+)")
_OF_TRANSACTION = {
    "dynamodb:ConditionCheckItem": "ConditionCheck",
    "dynamodb:PutItem": "Put",
    "dynamodb:UpdateItem": "Update",
    "dynamodb:DeleteItem": "Delete",
    "dynamodb:GetItem": "Get",
}


def leading_keys(action: str, resource: str, body: Mapping[str, Any]) -> Mapping[str, Any]:
    """The condition key of a request, for what it does to one table or index; empty where it names no partition key."""
    table, _, index = resource.partition(":table/")[2].partition("/index/")
    name = _partition_key(table, index)
    if name is None:
        return {}
    found = sorted({_text(each) for each in _named(action, table, name, body)})
    # Operators without ForAllValues compare one value with one.
    return {"dynamodb:LeadingKeys": found[0] if len(found) == 1 else found} if found else {}


def _partition_key(table: str, index: str) -> str | None:
    known = ministack._get_module("dynamodb")._tables.get(table) or {}  # noqa: SLF001
    indexes = known.get("GlobalSecondaryIndexes") or ()
    schema = next((each["KeySchema"] for each in indexes if each["IndexName"] == index), known.get("KeySchema"))
    return next((str(each["AttributeName"]) for each in schema or () if each.get("KeyType") == "HASH"), None)


def _named(action: str, table: str, name: str, body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The attribute values that are given for the partition key."""
    if action == "dynamodb:Query":
        yield from _of_query(name, body)
        return
    for item in _items(action, table, body):
        if isinstance(item, dict) and isinstance(item.get(name), dict):
            yield item[name]


def _of_query(name: str, body: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    names, values = _object(body.get("ExpressionAttributeNames")), _object(body.get("ExpressionAttributeValues"))
    for match in _EQUALS.finditer(str(body.get("KeyConditionExpression") or "")):
        if names.get(match["name"], match["name"]) == name and isinstance(values.get(match["value"]), dict):
            yield values[match["value"]]
    yield from _objects(_object(_object(body.get("KeyConditions")).get(name)).get("AttributeValueList"))


def _items(action: str, table: str, body: Mapping[str, Any]) -> Iterator[Any]:
    """Every key or item that a request names for a table."""
    yield from (body.get("Key"), body.get("Item"))
    for named, asked in _object(body.get("RequestItems")).items():
        if not _is(named, table):
            continue
        yield from _objects(_object(asked).get("Keys"))
        for each in _objects(asked):
            yield _object(each.get("PutRequest")).get("Item")
            yield _object(each.get("DeleteRequest")).get("Key")
    for each in _objects(body.get("TransactItems")):
        part = _object(each.get(_OF_TRANSACTION.get(action, "")))
        if _is(part.get("TableName"), table):
            yield from (part.get("Key"), part.get("Item"))


def _is(named: object, table: str) -> bool:
    return str(named).rpartition(":table/")[2] == table


def _object(value: Any) -> Mapping[str, Any]:
    """What should be a JSON object; an empty one where it is none, which the operation itself refuses."""
    return value if isinstance(value, dict) else {}


def _objects(value: Any) -> Iterator[Mapping[str, Any]]:
    """The objects of what should be a list of them."""
    yield from (each for each in (value if isinstance(value, list) else ()) if isinstance(each, dict))


def _text(value: Mapping[str, Any]) -> str:
    return str(next(iter(value.values()), ""))
