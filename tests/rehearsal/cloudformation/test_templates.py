"""Templates in JSON and YAML are one; conditions leave out what is false."""

import json
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from rehearsal.cloudformation import templates
from rehearsal.cloudformation.intrinsics import Scope
from rehearsal.wire.call import Refused

NAMES = st.text("abc", min_size=1)
YAML = """
AWSTemplateFormatVersion: 2010-09-09
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Condition: Wanted
    Properties:
      QueueName: !Sub "${AWS::StackName}-q"
      DelaySeconds: !If [Wanted, 5, !Ref AWS::NoValue]
      KmsMasterKeyId: !GetAtt Key.Arn
      Tags: [{Key: a, Value: !Join [",", [!Select [0, !Split ["-", a-b]], x]]}]
Conditions:
  Wanted: !And [!Condition Other, !Not [!Equals [a, b]]]
"""


def test_yaml_short_forms_are_the_long_ones() -> None:
    template = templates.parse(YAML)
    assert template["AWSTemplateFormatVersion"] == "2010-09-09"
    assert template["Resources"]["Queue"]["Properties"] == {
        "QueueName": {"Fn::Sub": "${AWS::StackName}-q"},
        "DelaySeconds": {"Fn::If": ["Wanted", 5, {"Ref": "AWS::NoValue"}]},
        "KmsMasterKeyId": {"Fn::GetAtt": "Key.Arn"},
        "Tags": [{"Key": "a", "Value": {"Fn::Join": [",", [{"Fn::Select": [0, {"Fn::Split": ["-", "a-b"]}]}, "x"]]}}],
    }
    assert template["Conditions"]["Wanted"] == {
        "Fn::And": [{"Condition": "Other"}, {"Fn::Not": [{"Fn::Equals": ["a", "b"]}]}]
    }


JSON = st.recursive(
    st.booleans() | st.integers() | st.text("abc-", max_size=5),
    lambda i: st.lists(i) | st.dictionaries(NAMES, i),
    max_leaves=8,
)


@settings(max_examples=25)  # PyYAML is slow
@given(st.dictionaries(NAMES, JSON))
def test_json_and_yaml_of_the_same_template_are_read_alike(template: dict[str, Any]) -> None:
    assert templates.parse(json.dumps(template)) == templates.parse("---\n" + yaml.safe_dump(template))


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("{", r"JSON not well-formed. \(line 1, column 2\)"),
        ("a: [", "YAML not well-formed"),
        ("just text", "unsupported structure"),
        (" " * 1_000_001, "may not exceed 1000000 bytes"),
    ],
)
def test_what_is_no_template_is_refused(body: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        templates.parse(body)


def scope(**parameters: str) -> Scope:
    return Scope(parameters, {}, {}, lambda *_: None, str, lambda _: [])


def test_resources_and_outputs_of_false_conditions_are_left_out_with_their_references() -> None:
    template = {
        "Conditions": {"Wanted": {"Fn::Equals": [{"Ref": "P"}, "yes"]}},
        "Resources": {
            "A": {"Type": "AWS::SQS::Queue", "Condition": "Wanted"},
            "B": {
                "Type": "AWS::SNS::Topic",
                "DependsOn": ["A"],
                "Properties": {"DisplayName": {"Fn::If": ["Wanted", {"Ref": "A"}, "none"]}},
            },
        },
        "Outputs": {"O": {"Condition": "Wanted", "Value": {"Ref": "A"}}},
    }
    whole, part = templates.design(template, scope(P="yes")), templates.design(template, scope(P="no"))
    assert (set(whole.resources), set(whole.outputs), set(whole.resources["B"].needs)) == ({"A", "B"}, {"O"}, {"A"})
    assert (set(part.resources), set(part.outputs), set(part.resources["B"].needs)) == ({"B"}, set(), set())


def test_a_reference_to_a_resource_that_its_condition_leaves_out_is_refused() -> None:
    template = {
        "Conditions": {"Wanted": {"Fn::Equals": ["a", "b"]}},
        "Resources": {
            "A": {"Type": "AWS::SQS::Queue", "Condition": "Wanted"},
            "B": {"Type": "AWS::SNS::Topic", "Properties": {"DisplayName": {"Ref": "A"}}},
        },
    }
    with pytest.raises(Refused, match=r"Unresolved resource dependencies \[A\] in the Resources block"):
        templates.design(template, scope())


@pytest.mark.parametrize("wanted", [{"Ref": "A"}, [{"Ref": "A"}], 7])
def test_a_dependency_that_is_no_name_is_refused(wanted: object) -> None:
    resources = {"A": {"Type": "AWS::SQS::Queue"}, "B": {"Type": "AWS::SQS::Queue", "DependsOn": wanted}}
    with pytest.raises(Refused, match="Every DependsOn value must be a string"):
        templates.design({"Resources": resources}, scope())
