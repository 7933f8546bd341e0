"""Wait conditions of CloudFormation, which get their signals at the URL of a handle."""

from __future__ import annotations

import json

import httpx
import pytest
from background import eventually

TEMPLATE = {
    "Resources": {
        "Shelf": {"Type": "AWS::CloudFormation::WaitConditionHandle"},
        "Filled": {
            "Type": "AWS::CloudFormation::WaitCondition",
            "DependsOn": "Shelf",
            "Properties": {"Handle": {"Ref": "Shelf"}, "Timeout": "30", "Count": 1},
        },
    },
    "Outputs": {"Told": {"Value": {"Fn::GetAtt": ["Filled", "Data"]}}},
}


def put(url, signal, **headers):
    """Send a signal as the user guide has it: PUT, no signature, an empty Content-Type."""
    return httpx.put(url, content=json.dumps(signal), headers={"Content-Type": "", **headers}).status_code


@pytest.fixture
def waiting(aws, unique):
    """A stack that waits for a signal: its name, and the handle's URL."""
    formation = aws.client("cloudformation")
    name = unique("shelf")
    formation.create_stack(StackName=name, TemplateBody=json.dumps(TEMPLATE))

    def handle():
        found = formation.describe_stack_resources(StackName=name)["StackResources"]
        return next((each.get("PhysicalResourceId") for each in found if each["LogicalResourceId"] == "Shelf"), None)

    return name, eventually(handle)


@pytest.fixture
def ended(aws):
    """`ended(name)` is a stack once nothing happens to it any more."""

    def over(name):
        found = aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]
        return None if found["StackStatus"].endswith("_IN_PROGRESS") else found

    return lambda name: eventually(lambda: over(name))


def test_a_signal_at_the_handles_url_ends_the_waiting(waiting, ended):
    name, url = waiting

    assert put(url, {"Status": "SUCCESS", "Reason": "all there", "UniqueId": "row-7", "Data": "42 books"}) == 200

    made = ended(name)
    assert made["StackStatus"] == "CREATE_COMPLETE"
    assert json.loads(made["Outputs"][0]["OutputValue"]) == {"row-7": "42 books"}


def test_a_signal_of_failure_rolls_the_stack_back_and_says_why(aws, waiting, ended):
    name, url = waiting

    put(url, {"Status": "FAILURE", "Reason": "there is no room", "UniqueId": "row-7", "Data": ""})

    assert ended(name)["StackStatus"] == "ROLLBACK_COMPLETE"
    events = aws.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    assert any("there is no room" in event.get("ResourceStatusReason", "") for event in events)


def test_no_web_page_sends_signals(waiting, ended):
    name, url = waiting
    signal = {"Status": "SUCCESS", "Reason": "all there", "UniqueId": "row-7", "Data": ""}

    assert put(url, signal, Origin="http://localhost:3000") == 403

    assert put(url, signal) == 200
    assert ended(name)["StackStatus"] == "CREATE_COMPLETE"
