"""Decides about requests to an HTTP API by their authorization header: yes, no, a policy, or nonsense."""

import uuid


def handler(event, _context):
    said = event["headers"]["authorization"]
    context = {"once": str(uuid.uuid4()), "route": event["routeArn"]}
    if said == "nonsense":
        return {"hello": "world"}
    if said.startswith("policy "):
        statement = {
            "Action": "execute-api:Invoke",
            "Effect": said.removeprefix("policy "),
            "Resource": event["routeArn"],
        }
        policy = {"Version": "2012-10-17", "Statement": [statement]}
        return {"principalId": "momo", "policyDocument": policy, "context": context}
    return {"isAuthorized": said.startswith("yes"), "context": context}
