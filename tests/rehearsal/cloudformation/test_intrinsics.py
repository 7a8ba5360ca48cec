"""Intrinsic functions and conditions, without a stack around them."""

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.cloudformation.conditions import decide
from rehearsal.cloudformation.intrinsics import UNKNOWN, Scope, chosen, evaluate, unknown
from rehearsal.cloudformation.references import references
from rehearsal.wire.call import Refused

PARAMETERS = {"Env": "dev", "Zones": ["a", "b"], "AWS::Region": "us-west-2"}


def resource(name: str, attribute: str | None) -> object:
    return UNKNOWN if name == "Later" else f"{name}.{attribute or 'ref'}"


SCOPE = Scope(
    PARAMETERS,
    {"Sizes": {"dev": {"cpu": 2, "zones": ["x"]}}},
    {"IsDev": True, "IsProd": False},
    resource,
    lambda name: f"export of {name}",
    lambda region: [f"{region or 'us-west-2'}{letter}" for letter in "abc"],
)
TEXTS = st.text(st.characters(exclude_characters="|"), max_size=8)


@pytest.mark.parametrize(
    ("value", "result"),
    [
        ({"Ref": "Env"}, "dev"),
        ({"Fn::GetAtt": "Queue.Arn"}, "Queue.Arn"),
        ({"Fn::GetAtt": ["Stack", "Outputs.Url"]}, "Stack.Outputs.Url"),
        ({"Fn::Sub": "${Env}-${Queue.Arn}-${!Literal}-${AWS::Region}"}, "dev-Queue.Arn-${Literal}-us-west-2"),
        ({"Fn::Sub": ["${a}${Env}", {"a": {"Ref": "Queue"}}]}, "Queue.refdev"),
        ({"Fn::Join": ["/", ["a", {"Ref": "Env"}, 3, True]]}, "a/dev/3/true"),
        ({"Fn::Join": [",", {"Ref": "Zones"}]}, "a,b"),
        ({"Fn::Select": ["1", {"Fn::Split": ["-", "a-b-c"]}]}, "b"),
        ({"Fn::If": ["IsDev", 1, {"Ref": "Missing"}]}, 1),
        ({"Fn::FindInMap": ["Sizes", {"Ref": "Env"}, "cpu"]}, 2),
        ({"Fn::ImportValue": {"Fn::Sub": "${Env}-x"}}, "export of dev-x"),
        ({"Fn::Base64": "text"}, base64.b64encode(b"text").decode()),
        ({"Fn::GetAZs": ""}, ["us-west-2a", "us-west-2b", "us-west-2c"]),
        ({"Fn::Cidr": ["10.0.0.0/16", 2, "8"]}, ["10.0.0.0/24", "10.0.1.0/24"]),
        ({"keep": 1, "drop": {"Ref": "AWS::NoValue"}}, {"keep": 1}),
        ([1, {"Ref": "AWS::NoValue"}, {"Fn::If": ["IsProd", 2, {"Ref": "AWS::NoValue"}]}], [1]),
        ({"Condition": {"StringEquals": {"a": "b"}}}, {"Condition": {"StringEquals": {"a": "b"}}}),
    ],
)
def test_functions_give_what_the_documentation_says(value: object, result: object) -> None:
    assert evaluate(value, SCOPE) == result


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"Fn::Select": [3, ["a"]]}, "Fn::Select cannot select nonexistent value at index 3"),
        ({"Fn::Join": ["", "text"]}, "every Fn::Join object requires two parameters"),
        ({"Fn::Join": ["", [{"a": 1}, "b"]]}, "every value of Fn::Join must be a string"),
        ({"Fn::Split": ["", "text"]}, "every Fn::Split object requires two parameters"),
        ({"Fn::FindInMap": ["Sizes", "prod", "cpu"]}, "Unable to get mapping for Sizes::prod::cpu"),
        ({"Fn::FindInMap": ["Nope", "a", "b"]}, "Mapping named 'Nope' is not present"),
        ({"Fn::GetAtt": "Queue"}, "every Fn::GetAtt object requires two non-empty parameters"),
        ({"Fn::Sub": ["a"] * 3}, "One or more Fn::Sub intrinsic functions"),
        ({"Fn::Cidr": ["10.0.0.0/24", 3, 7]}, "Fn::Cidr cannot take 3 blocks"),
        ({"Fn::Transform": {"Name": "AWS::Include"}}, "Fn::Transform is not rehearsed"),
        ({"Fn::Length": [1]}, "Fn::Length is not a function that the rehearsal knows"),
    ],
)
def test_wrong_uses_are_refused_in_words(value: object, words: str) -> None:
    with pytest.raises(Refused, match=words.replace("(", r"\(")):
        evaluate(value, SCOPE)


@pytest.mark.parametrize(
    "value",
    [
        {"Fn::Sub": "a-${Later}"},
        {"Fn::Join": ["", ["a", {"Ref": "Later"}]]},
        {"Fn::Select": [0, {"Fn::GetAtt": "Later.List"}]},
    ],
)
def test_what_hangs_on_a_resource_to_come_is_unknown_as_a_whole(value: object) -> None:
    assert evaluate(value, SCOPE) is UNKNOWN
    assert unknown(evaluate({"deep": [value]}, SCOPE))


@given(st.lists(TEXTS, min_size=1))
def test_split_undoes_join(items: list[str]) -> None:
    assert evaluate({"Fn::Split": ["|", {"Fn::Join": ["|", items]}]}, SCOPE) == items


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | TEXTS,
        lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from("abc"), inner),
        max_leaves=8,
    )
)
def test_values_without_functions_stay_as_they_are(value: object) -> None:
    assert evaluate(value, SCOPE) == value
    assert chosen(value, {}) == value
    assert list(references(value)) == []


def test_references_see_through_every_form() -> None:
    value = {
        "a": [{"Ref": "R"}, {"Fn::GetAtt": ["G", "Arn"]}],
        "b": {"Fn::Sub": ["${S} ${T.Arn} ${v} ${!L}", {"v": {"Ref": "V"}}]},
    }
    assert set(references(value)) == {("R", None), ("G", "Arn"), ("S", None), ("T", "Arn"), ("V", None)}


CONDITIONS = {
    "Dev": {"Fn::Equals": [{"Ref": "Env"}, "dev"]},
    "Not": {"Fn::Not": [{"Condition": "Dev"}]},
    "And": {"Fn::And": [{"Condition": "Dev"}, {"Condition": "Or"}]},
    "Or": {"Fn::Or": [{"Condition": "Not"}, {"Fn::Equals": [1, "1"]}]},
}


def test_conditions_use_one_another_in_any_order() -> None:
    assert decide(CONDITIONS, SCOPE) == {"Dev": True, "Not": False, "And": True, "Or": True}


@pytest.mark.parametrize(
    ("conditions", "words"),
    [
        ({"A": {"Condition": "B"}, "B": {"Condition": "A"}}, "Circular dependency between conditions"),
        ({"A": {"Condition": "B"}}, "Unresolved dependencies"),
        ({"A": {"Fn::And": [{"Fn::Equals": [1, 1]}]}}, "requires a list of 2 to 10 boolean parameters"),
        ({"A": {"Ref": "Env"}}, "Ref is not a condition function"),
        ({"A": True}, "a condition must be one of the condition functions"),
    ],
)
def test_wrong_conditions_are_refused(conditions: dict[str, Any], words: str) -> None:
    with pytest.raises(Refused, match=words):
        decide(conditions, SCOPE)
