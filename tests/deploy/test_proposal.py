"""Change sets in CloudFormation's own shape, as a person reads them."""

from __future__ import annotations

import pytest

from fastlambda_cli.deploy.model import Action
from fastlambda_cli.deploy.proposal import changes_of_creation, publishes_version, resource_changes


def change(action, logical_id="Queue", kind="AWS::SQS::Queue", **rest):
    return {"Action": action, "LogicalResourceId": logical_id, "ResourceType": kind, **rest}


def detail(name, attribute="Properties"):
    return {"Target": {"Attribute": attribute, **({"Name": name} if name else {})}}


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        (change("Add"), Action.ADD),
        (change("Import", PhysicalResourceId="/aws/lambda/shop"), Action.IMPORT),
        (change("Modify", Replacement="False"), Action.CHANGE),
        (change("Modify", Replacement="Conditional"), Action.MAY_REPLACE),
        (change("Modify", Replacement="True", PolicyAction="ReplaceAndDelete"), Action.REPLACE),
        (change("Modify", Replacement="True", PolicyAction="ReplaceAndRetain"), Action.REPLACE),
        (change("Remove", PolicyAction="Delete"), Action.REMOVE),
        (change("Remove", PolicyAction="Retain"), Action.KEEP),
        (change("Dynamic"), Action.CHANGE),
    ],
)
def test_every_kind_of_change_has_its_word(told, expected):
    (line,) = resource_changes([told], ["Queue"])
    assert line.action is expected


def test_changed_properties_are_named_once_and_sorted():
    details = [detail("Timeout"), detail("MemorySize"), detail("Timeout"), detail(None, "Tags")]
    (line,) = resource_changes([change("Modify", Replacement="False", Details=details)], ["Queue"])
    assert line.properties == ("MemorySize", "Tags", "Timeout")


def test_changes_stand_in_the_templates_order_and_what_leaves_comes_last():
    told = [change("Remove", "Aged"), change("Add", "Second"), change("Add", "First")]
    assert [line.logical_id for line in resource_changes(told, ["First", "Second"])] == ["First", "Second", "Aged"]


def refers(to, name="Target"):
    """A detail of what changes only because something that it refers to may."""
    return {**detail(name), "ChangeSource": "ResourceReference", "Evaluation": "Dynamic", "CausingEntity": to}


def test_what_only_refers_to_something_that_stays_what_it_is_is_not_listed():
    told = [
        change("Modify", "Alias", "AWS::Lambda::Alias", Replacement="Conditional", Details=[detail("FunctionVersion")]),
        change("Modify", "Integration", Replacement="Conditional", Details=[refers("Alias")]),
        change("Modify", "Route", Replacement="Conditional", Details=[refers("Integration")]),
    ]
    (line,) = resource_changes(told, [])
    assert (line.logical_id, line.action) == ("Alias", Action.CHANGE)


def test_what_refers_to_something_that_is_made_anew_is_listed():
    told = [
        change("Modify", "Api", Replacement="True", Details=[detail("ProtocolType")]),
        change("Modify", "Integration", Replacement="Conditional", Details=[refers("Api")]),
        change("Modify", "Route", Replacement="Conditional", Details=[refers("Integration")]),
    ]
    found = {line.logical_id: line.action for line in resource_changes(told, [])}
    assert found == {"Api": Action.REPLACE, "Integration": Action.MAY_REPLACE, "Route": Action.MAY_REPLACE}


def test_what_changes_by_itself_too_is_listed():
    told = [change("Modify", "Route", Replacement="False", Details=[refers("Api"), detail("RouteKey")])]
    (line,) = resource_changes(told, [])
    assert line.action is Action.CHANGE


def test_a_version_that_is_replaced_is_a_new_one_beside_the_old_one():
    arn = "arn:aws:lambda:eu-west-1:123456789012:function:shop:3"
    told = change(
        "Modify",
        "Version1",
        "AWS::Lambda::Version",
        Replacement="True",
        PolicyAction="ReplaceAndRetain",
        PhysicalResourceId=arn,
    )
    lines = resource_changes([told], ["Version1"])
    assert [(line.action, line.physical_id) for line in lines] == [(Action.ADD, None), (Action.KEEP, arn)]
    assert publishes_version(lines)


def test_a_version_that_only_leaves_publishes_nothing():
    told = change("Remove", "Version1", "AWS::Lambda::Version", PolicyAction="Retain")
    assert not publishes_version(resource_changes([told], []))


def test_a_creation_that_cannot_be_asked_about_adds_the_whole_template():
    document = {"Resources": {"Api": {"Type": "AWS::ApiGatewayV2::Api"}, "Role": {"Type": "AWS::IAM::Role"}}}
    found = [(line.action, line.logical_id, line.kind) for line in changes_of_creation(document)]
    assert found == [(Action.ADD, "Api", "AWS::ApiGatewayV2::Api"), (Action.ADD, "Role", "AWS::IAM::Role")]
