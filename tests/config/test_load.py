"""Reading a file: every problem at once, each with its line; nothing that YAML does silently."""

import contextlib
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import config
from config import document
from tests.config.conftest import Blueprints

ROOT = Path(__file__).parents[2]
GOOD = "name: rapids\nregion: us-west-2\nteams: [{name: team-a}]\n"
scalars = st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text()
values = st.recursive(scalars, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8)


def test_a_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_bytes(b"\xef\xbb\xbf" + GOOD.encode())
    assert config.load(tmp_path / "mine.yaml").name == "rapids"


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (lambda _: None, "there is no such file"),
        (lambda path: path.mkdir(), "cannot be read: Is a directory"),
        (lambda path: path.write_bytes(b"name: \xff"), "is not UTF-8 text (byte 6): save it as UTF-8"),
    ],
)
def test_a_file_that_cannot_be_read_is_named_with_the_reason(made: object, said: str, tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    made(path)  # type: ignore[operator] # a lambda of the table above
    with pytest.raises(config.ConfigError) as refused:
        config.load(path)
    assert str(refused.value).startswith(f"{path}: 1 problem\n  {said}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty: copy examples/default.yaml and edit it"),
        ("# only a comment\n", "is empty"),
        ("- name: rapids\n", "is not a mapping of settings (lines like `key: value`)"),
        ("rapids", "is not a mapping of settings"),
        ("name:\trapids\n", "line 1, column 6: found character '\\t'"),
        (GOOD + "network:\n\tzones: 2\n", "indent with spaces, not tabs"),
        (GOOD + "tags: [", "expected the node content, but found"),
        (GOOD + "---\n" + GOOD, "line 4, column 1: expected a single document in the stream, but found another"),
        ("name: \x00", "is not YAML: "),
        (GOOD + "tags: &t {}\ndata: *t\n", "line 5, column 7: aliases (*name) are not supported"),
        (GOOD + "emr: !!python/name:os.system\n", "line 4, emr: has the type tag:yaml.org,2002:python/name:os.system"),
        (GOOD + "capacity: !!int x\n", "line 4, capacity: has the type tag:yaml.org,2002:int"),
        (GOOD + "? [a, b]\n: c\n", "the key in line 4 is not text"),
    ],
)
def test_what_is_not_a_mapping_of_settings_is_refused_with_its_place(
    text: str, said: str, blueprints: Blueprints
) -> None:
    assert any(said in line for line in blueprints.lines(text))


def test_what_is_nested_without_end_is_refused(blueprints: Blueprints) -> None:
    assert blueprints.lines("[" * 5000) == ["is nested too deeply: settings have at most five levels"]


@given(st.text() | st.text("namergiot: -[]{}\n\t'\"&*!|>0.", max_size=60))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    with contextlib.suppress(config.ConfigError):
        config.parse(GOOD + text)


def test_reading_needs_no_cdk() -> None:
    # A blueprint is checked in a tenth of the time that importing the CDK takes.
    loaded = "import sys, config; sys.exit('aws_cdk' in sys.modules)"
    subprocess.run(
        [sys.executable, "-c", loaded], cwd=ROOT, env={"PYTHONPATH": f"{ROOT}:{ROOT}/constructs"}, check=True
    )


def test_a_key_that_is_given_twice_is_refused_with_both_lines(blueprints: Blueprints) -> None:
    assert blueprints.lines(GOOD + "data:\n  keep: true\n  keep: false\n") == [
        "line 5, data.keep: is given in line 5 and in line 6: keep one of them"
    ]


def test_all_problems_are_told_at_once_in_the_order_of_the_lines(blueprints: Blueprints) -> None:
    text = "name: R\nregion: us-wset-2\nnetwork:\n  nta: one\n  zones: 1\nteams:\n  - nam: a\n  - name: kube-a\n"
    assert [line.split(": ")[0] for line in blueprints.lines(text)] == [
        "line 1, name",
        "line 2, region",
        "line 4, network.nta",
        "line 5, network.zones",
        "line 7, teams[0].nam",
        "line 7, teams[0].name",
        "line 8, teams[1].name",
    ]


def test_the_problems_are_counted_after_the_name_of_the_file() -> None:
    with pytest.raises(
        config.ConfigError, match=r"^my\.yaml: 2 problems\n  line 1, name: .*\n  line 1, region: is missi"
    ):
        config.parse("name: R\nteams: [{name: a}]", "my.yaml")


@given(values)
def test_values_are_those_that_were_written(value: object) -> None:
    assert document.parse(yaml.safe_dump({"key": value})).values == {"key": value}


@pytest.mark.parametrize("text", ["1.40", "012345670123", "yes", "on", "2026-11-22", "1_000", "0x10", "12:30", ".inf"])
def test_what_other_yaml_readers_turn_into_something_else_stays_text(text: str) -> None:
    assert document.parse(f"key: {text}").values == {"key": text}


def test_an_account_may_stand_without_quotes(blueprints: Blueprints) -> None:
    assert config.parse(GOOD + "account: 012345670123").account == "012345670123"
    assert config.parse(GOOD + "account: 111122223333").account == "111122223333"
    assert "use 12 digits" in blueprints.refusal(account="\u0661" * 12)
    assert blueprints.refusal(account="1111") == 'account: "1111" is not allowed; use 12 digits'
