"""The command line: what people do before and after a deployment, without a question asked."""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

import config
from operations import verbs
from operations.errors import OperationError

BLUEPRINT = Path(__file__).parents[1] / "blueprint.yaml"
TEXTS = {
    "preflight": "list what would stop a deployment, a run or a destruction, and what is paid for; change nothing",
    "start": "start the pipeline's run once more, or another one, with an output of its own",
    "watch": "show a run's states and its driver's progress until it ends; exit with 1 unless it completed",
    "cancel": "end a run that is still going on, or all, as before `make destroy`",
    "logs": "print what a run's containers have printed",
    "list": "list a team's runs, the newest first",
    "report": "download a run's report",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one verb; return 0, or 1 for a problem or after one sentence about what failed, or 130 after Ctrl-C."""
    chosen = parser().parse_args(arguments)
    try:
        status: int = verbs.VERBS[chosen.verb](chosen)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads, `head` for example, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (OperationError, config.ConfigError, OSError) as error:
        return _failed(str(error))
    except ClientError as error:
        told = error.response["Error"]
        return _failed(f"AWS refuses {error.operation_name}: {told['Code']}: {told['Message']}")
    except BotoCoreError as error:
        return _failed(f"{error}: `python -m operations preflight` says more")
    return status


def _failed(text: str) -> int:
    sys.stderr.write(f"error: {text}\n")
    return 1


def parser() -> argparse.ArgumentParser:
    """Return what reads the command line."""
    whole = argparse.ArgumentParser(prog="python -m operations", description=__doc__)
    made = whole.add_subparsers(dest="verb", required=True, metavar="VERB")
    parsers = {name: made.add_parser(name, help=text, description=text) for name, text in TEXTS.items()}
    for each in parsers.values():
        each.add_argument("--config", default=str(BLUEPRINT), metavar="FILE", help=f"blueprint (default: {BLUEPRINT})")
        each.add_argument("--profile", metavar="NAME", help="profile of the AWS CLI (default: the usual credentials)")
    for name in TEXTS.keys() - {"preflight"}:
        parsers[name].add_argument("--team", metavar="NAME", help="team (default: the pipeline's, or the only one)")
    _add_preflight(parsers["preflight"])
    _add_start(parsers["start"])
    _add_reading(parsers)
    return whole


def _add_preflight(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="print a list of level, subject, text and fix")
    parser.add_argument(
        "--executors", type=_count, metavar="N", help="of a run, one GPU each (default: 8, or max_gpus if lower)"
    )
    parser.add_argument(
        "--hours", type=_length, default=1.0, metavar="H", help="that a run is thought to take (default: 1)"
    )

    parser.add_argument("--destroy", action="store_true", help="list what would stop `make destroy` instead")


def _add_start(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--again",
        metavar="RUN",
        help="id of the run to repeat (default: the pipeline stack's, or the newest ended)",
    )
    parser.add_argument("--input", metavar="URI", help="other loan files (default: those of that run)")
    parser.add_argument("--output", metavar="URI", help="where to write to (default: a new place beside that run's)")
    parser.add_argument("--dry-run", action="store_true", help="print the request, and start nothing")
    parser.add_argument("--watch", action="store_true", help="watch it to its end")


def _add_reading(parsers: dict[str, argparse.ArgumentParser]) -> None:
    for name, default in (("watch", "the newest"), ("logs", "the newest"), ("report", "the newest COMPLETED one")):
        parsers[name].add_argument("run", nargs="?", metavar="RUN", help=f"id of the run (default: {default})")
    which = parsers["cancel"].add_mutually_exclusive_group(required=True)
    which.add_argument("run", nargs="?", metavar="RUN", help="id of the run, which is never guessed")
    which.add_argument("--all", action="store_true", help="every run, of all teams or of --team; wait for their ends")
    for name in ("start", "watch", "logs", "cancel"):
        parsers[name].add_argument(
            "--every", type=_length, default=10.0, metavar="S", help="seconds between two looks (default: 10)"
        )
    logs = parsers["logs"]
    logs.add_argument("--part", choices=("driver", "executors", "submitter"), default="driver", help="default: driver")
    logs.add_argument("--only", choices=("stdout", "stderr"), help="one of the two (default: both)")
    logs.add_argument("--follow", action="store_true", help="go on until the run has ended")
    parsers["list"].add_argument(
        "--limit", type=_count, default=20, metavar="N", help="how many runs at most (default: 20)"
    )
    parsers["report"].add_argument(
        "--into", type=Path, metavar="FOLDER", help="where to put it (default: report-RUN here)"
    )


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no number: give 1 or more")
    return int(text)


def _length(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is no length of time: give a number above 0")
    return number
