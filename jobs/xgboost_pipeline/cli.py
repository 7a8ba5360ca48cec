"""The command line: one verb a module, the same arguments under `python -m`, spark-submit and EMR."""

import argparse
import logging
import signal
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module
from typing import Any

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.interruption import SIGNALS
from xgboost_pipeline.settings import add_options, from_arguments

VERBS = {
    "generate": "make synthetic loan files in the Fannie Mae layout, and each row's true default probability",
    "features": "read loan files, clean them, and write the feature table with label and splits",
    "train": "train, evaluate and save a model",
    "tune": "search for better settings; `train --tuned` uses the best",
    "score": "score new loan files with a saved model, and measure drift",
    "report": "write a self-contained HTML report and metrics.json",
    "run": "features, training, evaluation and report in one Spark application",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; return 0, or 1 after one sentence on standard error, or 130 or 143 when stopped by a signal."""
    given = sys.argv[1:] if arguments is None else list(arguments)
    chosen = argparse.Namespace(verb=next(iter(given), "the job"), traceback=False)
    stop = _Stop()
    try:
        _parser(given).parse_args(given, chosen)
        module = _module(chosen.verb)
        module.run(from_arguments(module.Settings, chosen))
    except (Exception, KeyboardInterrupt) as error:
        return _failed(chosen, stop, error)
    return 0


class _Stop:
    """What Ctrl-C and SIGTERM do: interrupt once, and nothing after that, since what is half-made is being removed.

    `signal` is the one that came; the interrupted library may turn the interruption into an error of its own.
    """

    def __init__(self) -> None:
        self.signal = 0
        for each in SIGNALS:
            signal.signal(each, self)

    def __call__(self, number: int, _frame: object) -> None:
        for each in SIGNALS:
            signal.signal(each, signal.SIG_IGN)
        self.signal = number
        logging.disable()  # py4j logs the interrupted call at length
        raise KeyboardInterrupt


def _failed(chosen: argparse.Namespace, stop: _Stop, error: BaseException) -> int:
    """Say what went wrong in one sentence; return the exit status, for a signal 128 and its number."""
    if stop.signal or isinstance(error, KeyboardInterrupt):
        print(f"error: {chosen.verb} was interrupted; nothing half-made is left", file=sys.stderr)
        return 128 + (stop.signal or signal.SIGINT)
    if isinstance(error, PipelineError):
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"error: {chosen.verb} failed: {_first_line(error)}; add --traceback to see where", file=sys.stderr)
    if chosen.traceback:
        traceback.print_exception(error)
    return 1


def _parser(given: Sequence[str]) -> argparse.ArgumentParser:
    """Return the parser; only the verb that is given is imported, since each brings libraries that take seconds."""
    parser = argparse.ArgumentParser(
        prog="python -m xgboost_pipeline", description=import_module("xgboost_pipeline").__doc__
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for verb, text in VERBS.items():
        options = verbs.add_parser(verb, help=text, description=text[0].upper() + text[1:] + ".")
        if verb == next(iter(given), None):
            add_options(options, _module(verb).Settings)
        options.add_argument("--traceback", action="store_true", help="show where an unexpected error comes from")
    return parser


def _module(verb: str) -> Any:  # noqa: ANN401 - a module
    return import_module(f"xgboost_pipeline.{verb}")


def _first_line(error: BaseException) -> str:
    """Return the first line of what went wrong, inside the JVM if it was there."""
    java = getattr(error, "java_exception", None)
    while java is not None and java.getCause() is not None:
        java = java.getCause()
    text = str(java.toString()) if java is not None else f"{type(error).__name__}: {str(error).strip() or 'no message'}"
    return text.splitlines()[0]
