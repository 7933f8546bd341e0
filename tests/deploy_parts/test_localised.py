from __future__ import annotations

import json
from pathlib import Path

import pytest
from yaml_documents import read_yaml

from fastlambda_cli.aws.stacks import ChangeRequest, Stacks
from fastlambda_cli.deploy.localised import NOT_LOCAL, NOTHING_TO_STAND_ON, localised
from fastlambda_cli.errors import StackError, TemplateError

GOLDEN = {path.stem: path for path in (Path(__file__).parents[1] / "template" / "golden").glob("*.yaml")}
QUEUE = {"Type": "AWS::SQS::Queue"}
QUERY = {"Type": "AWS::Logs::QueryDefinition", "Properties": {"Name": "faults", "QueryString": "fields @message"}}
APPLICATION = {"Type": "AWS::CodeDeploy::Application"}


def golden(name):
    return read_yaml(GOLDEN[name].read_text(encoding="utf-8"))


def proposed(stacks, name, resources):
    return stacks.create_change_set(ChangeRequest(name, json.dumps({"Resources": resources})))


@pytest.mark.parametrize("kind", sorted(NOT_LOCAL))
def test_what_is_left_out_is_what_the_emulator_refuses(kind, local_aws, unique):
    with pytest.raises(StackError, match=f"Unrecognized resource types.*{kind}"):
        proposed(Stacks(local_aws), unique("shop"), {"Resource": {"Type": kind}})


def test_a_record_is_left_out_because_its_hosted_zone_is_elsewhere(local_aws, unique):
    record = golden("everything")["Resources"]["DomainRecord"]
    record["Properties"]["AliasTarget"] = {"DNSName": "elsewhere.example.com", "HostedZoneId": "Z1"}
    stacks = Stacks(local_aws)
    change_set = proposed(stacks, unique("shop"), {"DomainRecord": record})
    stacks.execute(change_set)
    events = []
    stacks.follow(change_set.stack_id, None, events.append)
    assert any("No hosted zone" in event.reason for event in events)
    assert record["Type"] in NOTHING_TO_STAND_ON


def test_every_other_type_of_a_services_template_is_one_that_the_emulator_has(local_aws, unique):
    kinds = {item["Type"] for name in GOLDEN for item in golden(name)["Resources"].values()} - NOT_LOCAL
    assert len(kinds) > 10
    stacks = Stacks(local_aws)
    change_set = proposed(stacks, unique("shop"), {f"R{n}": {"Type": kind} for n, kind in enumerate(sorted(kinds))})
    stacks.discard(change_set)


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_nothing_else_is_left_out_of_a_services_template(name):
    document = golden(name)
    local, left_out = localised(document)
    kept = local["Resources"].keys()
    assert kept | left_out.keys() == document["Resources"].keys()
    assert kept.isdisjoint(left_out)
    assert set(left_out.values()) <= NOT_LOCAL | NOTHING_TO_STAND_ON
    assert {key: value for key, value in local.items() if key != "Resources"} == {
        key: value for key, value in document.items() if key != "Resources"
    }
    assert document == golden(name)  # the template for AWS is as it was


@pytest.mark.parametrize("name", sorted(GOLDEN))
def test_the_local_aws_makes_a_stack_of_a_localised_template(name, local_aws, unique, values_for, image_uri):
    document, _ = localised(golden(name))
    stacks = Stacks(local_aws)
    values = values_for(document, ImageUri=image_uri)
    change_set = stacks.create_change_set(ChangeRequest(unique(name), json.dumps(document), parameters=values))
    stacks.execute(change_set)
    events = []
    made = stacks.follow(change_set.stack_id, None, events.append)
    assert [(event.logical_id, event.reason) for event in events if event.reason] == []
    assert made.status == "CREATE_COMPLETE"
    stacks.delete(change_set.stack_id)


def test_locally_the_alias_moves_at_once():
    assert "UpdatePolicy" in golden("staged")["Resources"]["Alias"]
    assert "UpdatePolicy" not in localised(golden("staged"))[0]["Resources"]["Alias"]


def test_other_update_policies_stay():
    policy = {"CodeDeployLambdaAliasUpdate": {"ApplicationName": {"Ref": "App"}}, "UseOnlineResharding": True}
    local, _ = localised({"Resources": {"App": APPLICATION, "Queue": {**QUEUE, "UpdatePolicy": policy}}})
    assert local["Resources"]["Queue"]["UpdatePolicy"] == {"UseOnlineResharding": True}


def test_an_order_that_lost_its_reason_is_given_up():
    resources = {
        "Query": QUERY,
        "Other": QUEUE,
        "Alone": {**QUEUE, "DependsOn": "Query"},
        "Both": {**QUEUE, "DependsOn": ["Query", "Other"]},
    }
    local, left_out = localised({"Resources": resources})
    assert left_out == {"Query": "AWS::Logs::QueryDefinition"}
    assert local["Resources"] == {"Other": QUEUE, "Alone": QUEUE, "Both": {**QUEUE, "DependsOn": ["Other"]}}


@pytest.mark.parametrize(
    ("part", "place"),
    [
        ({"Resources": {"Queue": {**QUEUE, "Properties": {"QueueName": {"Ref": "App"}}}}}, "Resources.Queue"),
        ({"Outputs": {"Name": {"Value": {"Fn::Sub": "${App.Name}"}}}}, "Outputs.Name"),
    ],
)
def test_what_cannot_do_without_it_is_refused_by_name(part, place):
    document = {**part, "Resources": {"App": APPLICATION, **part.get("Resources", {})}}
    with pytest.raises(TemplateError, match=rf"{place}.* refers to App, a AWS::CodeDeploy::Application"):
        localised(document)
