"""Messages: what is wrong, the value, what is allowed, what to do."""

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import config
from config.section import Section
from config.wording import _sections, section_at
from tests.config.conftest import Blueprints

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text() | st.sampled_from(["us-west-2a", "10.0.0.0/16", "g5.xlarge"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


def settings(section: type[Section], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Yield the path of every setting, without positions in lists."""
    for name, field in section.model_fields.items():
        yield (*path, name)
        for inner in _sections(field.annotation):
            yield from settings(inner, (*path, name))


SETTINGS = [path for path in settings(config.Blueprint) if path[0] != "tags"]


def test_every_setting_is_described() -> None:
    for path in SETTINGS:
        described = section_at(config.Blueprint, path[:-1]).model_fields[path[-1]].description
        assert described, path
        assert described.endswith("."), path


@pytest.mark.parametrize("path", SETTINGS, ids=".".join)
def test_a_misspelt_key_is_refused_with_the_nearest_name_and_the_allowed_ones(
    path: tuple[str, ...], blueprints: Blueprints
) -> None:
    name = path[-1]
    value: Any = {(name[:-2] + name[-1] if len(name) > 3 else name) + "x": None}
    for key in reversed(path[:-1]):
        value = {key: [value] if key == "teams" or key.endswith("_subnets") else value}
    said = next(line for line in blueprints.refusals(**value) if "is not a setting" in line)
    assert f"did you mean `{name}`?" in said
    assert name in said.split("Allowed here: ")[1].split(", ")


@given(path=st.sampled_from(SETTINGS), value=values)
def test_any_value_of_any_setting_is_read_or_refused_at_its_place(
    path: tuple[str, ...], value: object, blueprints: Blueprints
) -> None:
    for key in reversed(path[1:]):
        value = {key: [value] if key.endswith("_subnets") else value}
    said = blueprints.refusals(**{path[0]: [value] if path[0] == "teams" and len(path) > 1 else value})
    checked = (path[0], "network", "cluster")  # limits of capacity are checked by the network, its mode by the cluster
    assert all(line.startswith(checked) for line in said)


def test_a_key_like_no_other_is_refused_with_the_allowed_ones(blueprints: Blueprints) -> None:
    assert (
        blueprints.refusal(data={"qqq": 1})
        == "data.qqq: is not a setting; Allowed here: bucket, keep, log_days, old_version_days"
    )


@pytest.mark.parametrize(
    ("sections", "said"),
    [
        ({"data": {"keep": "yes"}}, 'data.keep: must be true or false, not "yes"'),
        ({"capacity": {"gpu": {"max_gpus": "8"}}}, 'capacity.gpu.max_gpus: must be a whole number, not "8"'),
        ({"capacity": {"gpu": {"max_gpus": True}}}, "capacity.gpu.max_gpus: must be a whole number, not true"),
        ({"name": 5}, "name: must be text, not 5: put it in quotes"),
        ({"teams": "team-a"}, 'teams: must be a list (lines that begin with `- `), not "team-a"'),
        ({"tags": ["a"]}, 'tags: must be a mapping (lines like `key: value`), not ["a"]'),
        ({"data": ["a"]}, 'data: must be a mapping (lines like `key: value`), not ["a"]'),
        ({"network": None}, "network: is empty: give a value, or remove the line to have the default"),
        ({"network": {"nat": "two"}}, "network.nat: \"two\" is not allowed; use one of: 'one' or 'per-zone'"),
        ({"capacity": {"gpu": {"max_gpus": 0}}}, "capacity.gpu.max_gpus: 0 is too small: at least 1"),
        ({"cluster": {"key_deletion_days": 31}}, "cluster.key_deletion_days: 31 is too large: at most 30"),
        ({"teams": []}, "teams: has 0 entries: at least 1 needed"),
    ],
)
def test_a_value_of_the_wrong_kind_is_refused_with_what_is_allowed(
    sections: dict[str, Any], said: str, blueprints: Blueprints
) -> None:
    assert blueprints.refusal(**sections) == said


def test_a_missing_setting_is_explained(blueprints: Blueprints) -> None:
    assert (
        blueprints.refusal(teams=[{}]) == "teams[0].name: is missing: Name of the team, its namespace and its prefix."
    )


def test_a_list_of_refused_entries_is_not_called_too_short_as_well(blueprints: Blueprints) -> None:
    said = blueprints.refusals(teams=[{"name": "A"}])
    assert [line.split(":")[0] for line in said] == ["teams[0].name"]


def test_a_reason_is_one_line_whatever_the_value(blueprints: Blueprints) -> None:
    assert blueprints.refusal(name="a\nb\x1b[1m").startswith('name: "a\\nb\\x1b[1m" is not allowed')


def test_a_long_value_is_cut(blueprints: Blueprints) -> None:
    assert len(blueprints.refusal(data=["x" * 5000])) < 300
