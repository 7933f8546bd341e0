"""Writes what reaches it into its log; fails on records whose body says so, and on whole events with `fail`."""

import json


def handler(event, context):
    seen = {"said": "seen", "seen": event, "id": context.aws_request_id}
    print(json.dumps(seen))  # noqa: T201
    if isinstance(event, dict) and event.get("fail"):
        raise ValueError(event["fail"])
    bodies = {record.get("messageId"): record.get("body", "") for record in event.get("Records", [])}
    if any(body == "poison" for body in bodies.values()):
        raise ValueError("poison")
    if "strange" in bodies.values():
        return {"batchItemFailures": [{"itemIdentifier": "nobody"}]}
    return {"batchItemFailures": [{"itemIdentifier": key} for key, body in bodies.items() if body == "bad"]}
