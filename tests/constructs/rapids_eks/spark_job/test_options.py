"""The options of the pipeline's `run`, as the infrastructure knows them."""

import argparse

import pytest

from rapids_eks.spark_job import options
from rapids_eks.spark_job.options import CHOICES, FLAGS, TYPES, problems
from tests.constructs.rapids_eks.spark_job.samples import job
from xgboost_pipeline import cli


def of_the_job() -> list[argparse.Action]:
    """Return the options of `run` as the job's own command line has them."""
    parser = cli._parser(["run"])  # noqa: SLF001 - argparse tells its options nowhere else
    verbs: dict[str, argparse.ArgumentParser] = next(x.choices for x in parser._actions if isinstance(x.choices, dict))  # noqa: SLF001 - the same
    return [each for each in verbs["run"]._actions if each.option_strings[0] != "-h"]  # noqa: SLF001 - the same


def test_they_are_those_of_the_job_with_their_types() -> None:
    own = of_the_job()
    flags = {each.option_strings[0] for each in own if each.nargs == 0}
    chosen = {each.option_strings[0]: tuple(each.choices) for each in own if each.choices}
    typed = {each.option_strings[0]: each.type for each in own if each.type}
    assert flags == set(FLAGS)
    assert chosen == CHOICES
    assert typed == {name: kind for kind, names in TYPES.items() for name in names}
    assert len(own) == len(flags) + len(chosen) + len(typed)


@pytest.mark.parametrize(
    "given",
    [(), ("--rounds", "500"), ("--rounds=500", "--learning-rate", "0.05", "--without-ladder"), ("--round", "5")],
)
def test_what_the_job_takes_is_taken(given: tuple[str, ...]) -> None:
    assert list(problems(given)) == []
    assert job(arguments=given).arguments == given


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (("--round-limit", "500"), "unrecognized arguments: --round-limit 500"),
        (("--rounds", "many"), "argument --rounds: invalid int value: 'many'"),
        (("--rounds", "1.5"), "invalid int value"),
        (("--rounds",), "expected one argument"),
        (("--max-bin=256", "600"), "unrecognized arguments: 600"),
        (("--re", "1"), "ambiguous option"),
        (("--without-ladder=yes",), "ignored explicit argument"),
    ],
)
def test_what_the_job_would_refuse_is_refused_with_all_that_it_takes(given: tuple[str, ...], says: str) -> None:
    with pytest.raises(ValueError, match=r"allowed are --workers N, .*--traceback") as refused:
        job(arguments=given)
    assert says in str(refused.value)
    assert options.FLAGS[0] in str(refused.value)
