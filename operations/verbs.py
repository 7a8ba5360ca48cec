"""What each verb of the command line does."""

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import config
from operations.account import clients
from operations.destruction import in_the_way
from operations.errors import OperationError
from operations.findings import as_json, as_text, failed
from operations.preflight.question import Question, usual_executors
from operations.preflight.run import findings
from operations.runs.cancel import cancel as one_run
from operations.runs.cancel import cancel_all
from operations.runs.logs import RunLog
from operations.runs.records import ENDED, Runs, runs_of, seconds, teams_of
from operations.runs.report import download
from operations.runs.start import refuse_bad_input, request, template
from operations.runs.watch import watch as watched

Verb = Callable[[argparse.Namespace], int]


def say(line: str) -> None:
    """Print a line at once, whatever standard output is."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def preflight(chosen: argparse.Namespace) -> int:
    """List findings; return 1 for a problem."""
    blueprint = config.load(chosen.config)
    client = clients(blueprint.region, chosen.profile)
    executors = chosen.executors or usual_executors(blueprint)
    question = Question(blueprint, client, datetime.now(UTC).date(), executors, chosen.hours)
    found = in_the_way(question) if chosen.destroy else findings(question)
    say(as_json(found) if chosen.json else as_text(found))
    return 1 if failed(found) else 0


def start(chosen: argparse.Namespace) -> int:
    """Start a run once more."""
    blueprint, runs = _runs(chosen)
    options = {f"--{name}": value for name in ("input", "output") if (value := getattr(chosen, name))}
    repeated = template(runs, chosen.again, f"{blueprint.name}-pipeline")
    asked = request(repeated, options, blueprint.tags, datetime.now(UTC))
    if chosen.dry_run:
        say(json.dumps(asked, indent=1))
        return 0
    refuse_bad_input(runs, asked)
    started = str(runs.client("emr-containers").start_job_run(**asked)["id"])
    say(started)
    return _watched(chosen, runs, started) if chosen.watch else 0


def watch(chosen: argparse.Namespace) -> int:
    """Watch a run to its end."""
    _, runs = _runs(chosen)
    return _watched(chosen, runs, str(runs.chosen(chosen.run)["id"]))


def cancel(chosen: argparse.Namespace) -> int:
    """End a run, or all of them, of one team or of every one."""
    if not chosen.all:
        one_run(_runs(chosen)[1], chosen.run, say)
        return 0
    blueprint = config.load(chosen.config)
    teams = teams_of(clients(blueprint.region, chosen.profile), blueprint.name)
    cancel_all([runs for runs in teams if chosen.team in (None, runs.team)], say, chosen.every)
    return 0


def logs(chosen: argparse.Namespace) -> int:
    """Print what a run's containers have printed."""
    _, runs = _runs(chosen)
    run = runs.chosen(chosen.run)
    outputs = (chosen.only,) if chosen.only else ("stdout", "stderr")
    log = RunLog(runs.client, run, chosen.part, outputs)
    if chosen.follow:
        log.follow(say, lambda: runs.run(str(run["id"]))["state"] in ENDED, chosen.every)
    else:
        _all(log.new(), f"nothing is printed yet by the {chosen.part} of {run['id']}, which is {run['state']}")
    return 0


def listed(chosen: argparse.Namespace) -> int:
    """List runs."""
    _, runs = _runs(chosen)
    lines = (_line(run) for run in islice(runs.newest(), chosen.limit))
    _all(lines, f"{runs.team} has no runs yet")
    return 0


def report(chosen: argparse.Namespace) -> int:
    """Download a report."""
    _, runs = _runs(chosen)
    page = download(runs, chosen.run, chosen.into)
    say(f"open {page} in a browser")
    return 0


VERBS: Mapping[str, Verb] = {
    "preflight": preflight,
    "start": start,
    "watch": watch,
    "cancel": cancel,
    "logs": logs,
    "list": listed,
    "report": report,
}


def _runs(chosen: argparse.Namespace) -> tuple[config.Blueprint, Runs]:
    blueprint = config.load(chosen.config)
    return blueprint, runs_of(clients(blueprint.region, chosen.profile), blueprint, chosen.team)


def _watched(chosen: argparse.Namespace, runs: Runs, run_id: str) -> int:
    return 0 if watched(runs, run_id, say, chosen.every) else 1


def _all(lines: Iterable[str], otherwise: str) -> None:
    """Say all lines; raise OperationError where there are none."""
    count = 0
    for line in lines:
        say(line)
        count += 1
    if not count:
        raise OperationError(otherwise)


def _line(run: Mapping[str, Any]) -> str:
    name = run.get("name", "")
    return f"{run['id']}  {run['state']:<14}  {run['createdAt']:%Y-%m-%d %H:%M:%S}  {seconds(run):8.0f} s  {name}"
