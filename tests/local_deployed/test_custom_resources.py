"""Custom resources of CloudFormation, which a function makes that answers at the event's ResponseURL."""

from __future__ import annotations

import json

import pytest
from background import eventually

from fastlambda_cli.local.model import LogLine

MAKES_SHELVES = """
    import json
    import urllib.request

    def handler(event, context):
        asked = event["ResourceProperties"]
        answer = {
            "Status": asked["Status"] if event["RequestType"] == "Create" else "SUCCESS",
            "Reason": "there is no room",
            "PhysicalResourceId": "shelf-7",
            "StackId": event["StackId"],
            "RequestId": event["RequestId"],
            "LogicalResourceId": event["LogicalResourceId"],
            "Data": {"Request": f"{event['RequestType']} {asked['Title']}"},
        }
        body = json.dumps(answer).encode()
        request = urllib.request.Request(event["ResponseURL"], body, {"Content-Type": ""}, method="PUT")
        with urllib.request.urlopen(request):
            print("answered:", event["RequestType"], event.get("PhysicalResourceId"))
"""


@pytest.fixture(scope="module")
def makes_shelves(aws):
    return f"arn:aws:lambda:us-east-1:000000000000:function:{aws.create(MAKES_SHELVES)}"


@pytest.fixture
def stack(aws, makes_shelves, unique):
    """`stack(status)` makes a stack with a custom resource that ends so; returns it, once over."""
    formation = aws.client("cloudformation")

    def over(name):
        found = formation.describe_stacks(StackName=name)["Stacks"][0]
        return None if found["StackStatus"].endswith("_IN_PROGRESS") else found

    def make(status):
        name = unique("shelf")
        properties = {"ServiceToken": makes_shelves, "ServiceTimeout": "20", "Status": status, "Title": "Momo"}
        template = {
            "Resources": {"Shelf": {"Type": "Custom::Shelf", "Properties": properties}},
            "Outputs": {
                "Id": {"Value": {"Ref": "Shelf"}},
                "Request": {"Value": {"Fn::GetAtt": ["Shelf", "Request"]}},
            },
        }
        formation.create_stack(StackName=name, TemplateBody=json.dumps(template))
        return eventually(lambda: over(name))

    return make


def test_a_custom_resource_answers_at_its_response_url(aws, stack):
    made = stack("SUCCESS")

    assert made["StackStatus"] == "CREATE_COMPLETE"
    outputs = {output["OutputKey"]: output["OutputValue"] for output in made["Outputs"]}
    assert outputs == {"Id": "shelf-7", "Request": "Create Momo"}

    aws.client("cloudformation").delete_stack(StackName=made["StackName"])

    assert eventually(lambda: [line for line in aws.heard(LogLine) if line.text == "answered: Delete shelf-7"])


def test_a_custom_resource_that_fails_says_why(aws, stack):
    made = stack("FAILED")

    events = aws.client("cloudformation").describe_stack_events(StackName=made["StackName"])["StackEvents"]
    assert made["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("there is no room" in event.get("ResourceStatusReason", "") for event in events)
