"""Parameters are checked as the template asks, and rules hold."""

from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as st

from rehearsal.cloudformation.intrinsics import Scope
from rehearsal.cloudformation.parameters import check_rules, given, resolve
from rehearsal.wire.call import Refused


class Store:
    def get_parameters(self, *, Names: list[str]) -> dict[str, Any]:  # noqa: N803 - botocore's names
        assert len(Names) <= 10
        return {"Parameters": [{"Name": name, "Value": f"a,{name}"} for name in Names if name.startswith("/")]}


def resolved(raw: dict[str, Any], text: str) -> object:
    return resolve({"Parameters": {"P": raw}}, {"P": text}, Store())["P"]


@pytest.mark.parametrize(
    ("raw", "text", "value"),
    [
        ({"Type": "String"}, "a", "a"),
        ({"Type": "Number", "MinValue": 1, "MaxValue": 3}, "2", "2"),
        ({"Type": "CommaDelimitedList", "AllowedValues": ["a", "b"]}, "a, b", ["a", "b"]),
        ({"Type": "List<Number>"}, "1,2.5", ["1", "2.5"]),
        ({"Type": "List<AWS::EC2::Subnet::Id>"}, "subnet-1,subnet-2", ["subnet-1", "subnet-2"]),
        ({"Type": "AWS::SSM::Parameter::Value<String>"}, "/x", "a,/x"),
        ({"Type": "AWS::SSM::Parameter::Value<List<String>>"}, "/x", ["a", "/x"]),
    ],
)
def test_ref_gives_a_parameter_in_its_type(raw: dict[str, Any], text: str, value: object) -> None:
    assert resolved(raw, text) == value


@pytest.mark.parametrize(
    ("raw", "text", "words"),
    [
        ({"Type": "Number"}, "two", "must be a number"),
        ({"Type": "List<Number>"}, "1,x", "must be a number"),
        ({"Type": "String", "AllowedValues": ["a"]}, "b", "must be one of AllowedValues"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, "a1", r"must match pattern \[a-z\]\+"),
        ({"Type": "String", "MinLength": 2}, "a", "must contain at least 2 characters"),
        ({"Type": "String", "MaxLength": 2}, "abc", "must contain at most 2 characters"),
        ({"Type": "Number", "MinValue": 2}, "1", "must be a number not less than 2"),
        ({"Type": "Number", "MaxValue": 2}, "3", "must be a number not greater than 2"),
        (
            {"Type": "String", "MaxLength": 1, "ConstraintDescription": "one letter"},
            "ab",
            "failed to satisfy constraint: one letter",
        ),
        (
            {"Type": "AWS::SSM::Parameter::Value<String>"},
            "gone",
            r"Unable to fetch parameters \[gone\] from parameter store",
        ),
    ],
)
def test_values_that_a_template_does_not_allow_are_refused(raw: dict[str, Any], text: str, words: str) -> None:
    with pytest.raises(Refused, match=words):
        resolved(raw, text)


def test_many_ssm_parameters_are_fetched_ten_at_a_time() -> None:
    names = [f"P{n}" for n in range(25)]
    template = {"Parameters": {name: {"Type": "AWS::SSM::Parameter::Value<String>"} for name in names}}
    assert resolve(template, {name: f"/{name}" for name in names}, Store())["P24"] == "a,/P24"


@for_all(
    st.dictionaries(st.sampled_from("ABC"), st.text(max_size=3)),
    st.dictionaries(st.sampled_from("ABC"), st.text(max_size=3)),
)
def test_what_is_asked_for_wins_over_defaults(asked: dict[str, str], defaults: dict[str, str]) -> None:
    template = {"Parameters": {name: {"Type": "String", "Default": defaults.get(name, "")} for name in "ABC"}}
    found = given(template, [{"ParameterKey": k, "ParameterValue": v} for k, v in asked.items()], {})
    assert found == {name: asked.get(name, defaults.get(name, "")) for name in "ABC"}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ([], r"Parameters: \[P\] must have values"),
        (
            [{"ParameterKey": "P", "ParameterValue": "1"}, {"ParameterKey": "Q", "ParameterValue": "1"}],
            r"Parameters: \[Q\] do not exist",
        ),
        ([{"ParameterKey": "P", "UsePreviousValue": True}], "not in the previous template"),
    ],
)
def test_missing_and_strange_parameters_are_refused(asked: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(Refused, match=words):
        given({"Parameters": {"P": {"Type": "String"}}}, asked, {})


CDK_RULE = {
    "CheckBootstrapVersion": {
        "Assertions": [
            {
                "Assert": {"Fn::Not": [{"Fn::Contains": [["1", "2", "3", "4", "5"], {"Ref": "BootstrapVersion"}]}]},
                "AssertDescription": "CDK bootstrap stack version 6 required.",
            }
        ]
    }
}


@pytest.mark.parametrize(("version", "allowed"), [("5", False), ("6", True), ("30", True)])
def test_the_rule_that_cdk_writes_refuses_an_old_bootstrap(version: str, allowed: bool) -> None:
    scope = Scope({"BootstrapVersion": version}, {}, {}, lambda *_: None, str, lambda _: [])
    if allowed:
        check_rules(CDK_RULE, scope)
    else:
        with pytest.raises(Refused, match="CDK bootstrap stack version 6 required"):
            check_rules(CDK_RULE, scope)


def test_a_rule_whose_condition_does_not_hold_asks_for_nothing() -> None:
    rule = {"R": {"RuleCondition": {"Fn::Equals": ["a", "b"]}, "Assertions": [{"Assert": {"Fn::Equals": ["a", "b"]}}]}}
    check_rules(rule, Scope({}, {}, {}, lambda *_: None, str, lambda _: []))
