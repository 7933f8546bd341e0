from __future__ import annotations

import pytest

from fastlambda_cli.deploy.desired import digest, parsed
from fastlambda_cli.service.load import load_service
from fastlambda_cli.template import render

BY_HAND = """
AWSTemplateFormatVersion: 2010-09-09
Conditions:
  Both: !And [!Condition One, !Equals [!Ref Stage, prod]]
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: !Join ["-", [!Ref AWS::StackName, !GetAtt Role.Arn, !Sub "${Stage}-x"]]
      Tags: !If [Both, [{Key: a, Value: !ImportValue b}], !Ref AWS::NoValue]
"""


def test_a_template_by_hand_is_read_as_cloudformation_reads_it():
    document = parsed(BY_HAND)
    assert document["AWSTemplateFormatVersion"] == "2010-09-09"
    assert document["Conditions"]["Both"] == {
        "Fn::And": [{"Condition": "One"}, {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}]
    }
    assert document["Resources"]["Queue"]["Properties"] == {
        "QueueName": {
            "Fn::Join": ["-", [{"Ref": "AWS::StackName"}, {"Fn::GetAtt": ["Role", "Arn"]}, {"Fn::Sub": "${Stage}-x"}]]
        },
        "Tags": {"Fn::If": ["Both", [{"Key": "a", "Value": {"Fn::ImportValue": "b"}}], {"Ref": "AWS::NoValue"}]},
    }
    assert digest(document)


@pytest.mark.parametrize("notation", ["to_json", "to_yaml"])
def test_a_template_of_ours_is_the_same_in_both_notations(shop, notation):
    template = render(load_service(shop.folder, stage="dev"), stage="dev", runtime="python3.12")
    assert parsed(getattr(template, notation)()) == template.document
