"""The options of the pipeline's `run`, known here so that a mistake is found before there is a cluster.

The job itself brings Spark, which what is deployed must not need; a test holds the two together.
"""

import argparse
from collections.abc import Iterator, Mapping, Sequence
from typing import NoReturn

# By the type of what follows the option; flags take nothing.
TYPES: Mapping[type, tuple[str, ...]] = {
    str: ("--input", "--output"),
    int: (
        *("--workers", "--threads", "--rounds", "--early-stopping-rounds", "--max-bin", "--seed", "--max-depth"),
        *("--test-months", "--resamples"),
    ),
    float: (
        *("--learning-rate", "--min-child-weight", "--gamma", "--reg-lambda", "--reg-alpha", "--subsample"),
        *("--colsample-bytree", "--max-malformed"),
    ),
}
CHOICES: Mapping[str, tuple[str, ...]] = {"--device": ("cpu", "cuda")}
FLAGS = ("--without-ladder", "--overwrite", "--traceback")
SHOWN = {int: "N", float: "X"}  # not the texts, which are set for every run


class _Parser(argparse.ArgumentParser):
    """A parser whose mistakes are exceptions."""

    def error(self, message: str) -> NoReturn:
        raise ValueError(message)


def problems(arguments: Sequence[str]) -> Iterator[str]:
    """Yield why the job would refuse these arguments, with all that it takes."""
    try:
        _parser().parse_args(list(arguments))
    except ValueError as error:
        yield f"arguments are {' '.join(arguments)}: {error}; allowed are {', '.join(_allowed())}"


def _parser() -> _Parser:
    parser = _Parser(add_help=False)
    for kind, names in TYPES.items():
        for name in names:
            parser.add_argument(name, type=kind)
    for name, allowed in CHOICES.items():
        parser.add_argument(name, choices=allowed)
    for name in FLAGS:
        parser.add_argument(name, action="store_true")
    return parser


def _allowed() -> Iterator[str]:
    for kind, shown in SHOWN.items():
        yield from (f"{name} {shown}" for name in TYPES[kind])
    yield from FLAGS
