"""Condition operators, each against what IAM's reference says of it."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rehearsal.access.conditions import Values, expand, holds, wildcard
from rehearsal.access.unrehearsed import Unrehearsed


@dataclass
class Keys:
    known: dict[str, Values]

    def get(self, key: str) -> Values | None:
        return self.known.get(key)


REQUEST = Keys(
    {
        "s3:prefix": ("team/blue/",),
        "aws:TagKeys": ("team", "cost"),
        "aws:SourceIp": ("10.0.3.4",),
        "aws:PrincipalArn": ("arn:aws:iam::111122223333:role/app/Worker",),
        "aws:SecureTransport": ("true",),
        "aws:CurrentTime": ("2026-05-01T00:00:00+00:00",),
        "s3:max-keys": ("10",),
        "aws:PrincipalTag/team": ("blue",),
        "aws:PrincipalTag/star": ("*",),
    }
)

HOLDING = [
    ("StringEquals", "s3:prefix", "team/blue/"),
    ("StringEquals", "s3:prefix", "team/${aws:PrincipalTag/team}/"),
    ("StringLike", "s3:prefix", "team/*"),
    ("StringNotLike", "s3:prefix", "other/*"),
    ("StringEqualsIgnoreCase", "s3:prefix", "TEAM/Blue/"),
    ("StringNotEquals", "s3:delimiter", "/"),  # a negated operator holds where the key is absent
    ("StringEqualsIfExists", "s3:delimiter", "/"),
    ("ForAllValues:StringEquals", "aws:TagKeys", ["team", "cost", "more"]),
    ("ForAllValues:StringEquals", "s3:delimiter", "/"),  # vacuously
    ("ForAnyValue:StringEquals", "aws:TagKeys", "cost"),
    ("ForAnyValue:StringNotEquals", "aws:TagKeys", "cost"),
    ("IpAddress", "aws:SourceIp", "10.0.0.0/16"),
    ("NotIpAddress", "aws:SourceIp", "192.168.0.0/16"),
    ("ArnLike", "aws:PrincipalArn", "arn:aws:iam::*:role/app/*"),
    ("ArnNotEquals", "aws:PrincipalArn", "arn:aws:iam::*:role/other"),
    ("Bool", "aws:SecureTransport", "true"),
    ("DateLessThan", "aws:CurrentTime", "2026-06-01T00:00:00Z"),
    ("NumericLessThanEquals", "s3:max-keys", "10"),
    ("Null", "s3:delimiter", "true"),
    ("Null", "s3:prefix", "false"),
]
FAILING = [
    ("StringEquals", "s3:prefix", "team/*"),
    ("StringEquals", "s3:delimiter", "/"),
    ("StringLike", "s3:prefix", "team/${aws:PrincipalTag/star}"),  # a variable's star is no wildcard
    ("StringLike", "s3:prefix", "team/${aws:PrincipalTag/none}*"),
    ("StringNotEquals", "s3:prefix", ["a", "team/blue/"]),
    ("ForAllValues:StringEquals", "aws:TagKeys", "team"),
    ("ForAnyValue:StringEquals", "s3:delimiter", "/"),
    ("ArnLike", "aws:PrincipalArn", "arn:aws:*:role/app/Worker"),  # a wildcard stays within its part
    ("Bool", "aws:SecureTransport", "false"),
    ("IpAddress", "aws:SourceIp", "10.1.0.0/16"),
    ("NumericGreaterThan", "s3:max-keys", "10"),
    ("Null", "s3:prefix", "true"),
]


def check(operator: str, key: str, wanted: str | list[str]) -> bool:
    return holds({operator: {key: [wanted] if isinstance(wanted, str) else wanted}}, REQUEST)


@pytest.mark.parametrize(("operator", "key", "wanted"), HOLDING)
def test_a_condition_that_is_met_holds(operator: str, key: str, wanted: str | list[str]) -> None:
    assert check(operator, key, wanted)


@pytest.mark.parametrize(("operator", "key", "wanted"), FAILING)
def test_a_condition_that_is_not_met_fails(operator: str, key: str, wanted: str | list[str]) -> None:
    assert not check(operator, key, wanted)


@pytest.mark.parametrize("operator", ["StringMatches", "stringequals:", "ForSomeValues:StringEquals"])
def test_an_unknown_operator_is_named(operator: str) -> None:
    with pytest.raises(Unrehearsed, match=operator):
        check(operator, "s3:prefix", "x")


def test_all_conditions_of_a_statement_must_hold() -> None:
    met = {"StringLike": {"s3:prefix": ["team/*"]}, "Bool": {"aws:SecureTransport": ["true"]}}
    assert holds(met, REQUEST)
    assert not holds({**met, "Null": {"s3:prefix": ["true"]}}, REQUEST)


def test_a_variable_may_have_a_default() -> None:
    assert expand("a/${aws:PrincipalTag/none, 'nobody'}", REQUEST) == "a/nobody"
    assert expand("a/${aws:PrincipalTag/none}", REQUEST) is None


@given(st.text(st.characters(exclude_characters="*?[]$")), st.text(st.characters(exclude_characters="*?[]$")))
def test_a_pattern_without_wildcards_matches_only_itself(pattern: str, text: str) -> None:
    assert bool(wildcard(pattern).fullmatch(text)) == (pattern == text)


@given(st.text(), st.text(), st.text())
def test_a_star_matches_whatever_is_in_its_place(before: str, between: str, after: str) -> None:
    plain = "".join(character for character in before if character not in "*?[]")
    rest = "".join(character for character in after if character not in "*?[]")
    assert wildcard(f"{plain}*{rest}").fullmatch(plain + between + rest)
