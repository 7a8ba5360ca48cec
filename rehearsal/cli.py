"""The command line: up, run, down, and a look inside."""

import argparse
import json
import math
import os
import shlex
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import get_args

from rehearsal import daemon, role_uses, tools
from rehearsal.cdk_cli import CdkCli, StepFailed
from rehearsal.clock import Clock
from rehearsal.faults import Kind
from rehearsal.left_over import LeftOver, resources
from rehearsal.rehearse import rehearse
from rehearsal.world import PageError, World

DIRECTORY = Path("build/rehearsal")
GRANTS = "grants.json"  # what each role of a stack was granted, and has used
FAULTS = get_args(Kind)
PORTS, FASTEST = range(65536), 10_000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 1 after one sentence about what failed."""
    chosen = _parser().parse_args(arguments)
    directory = Path(chosen.directory).resolve()
    try:
        status: int = COMMANDS[chosen.command](directory, chosen)
        sys.stdout.flush()
    except BrokenPipeError:  # whoever reads, `head` for example, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 128 + signal.SIGPIPE
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except (daemon.DaemonError, StepFailed, PageError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")  # never to standard output, which a shell evaluates after `up`
        return 1
    return status


def _up(directory: Path, chosen: argparse.Namespace) -> int:
    world = daemon.up(directory, chosen.port, chosen.speed)
    for name in tools.FORGOTTEN:
        _say(f"unset {name}")
    for name, value in tools.environment(world).items():
        _say(f"export {name}={shlex.quote(value)}")
    return 0


def _down(directory: Path, _: argparse.Namespace) -> int:
    daemon.down(directory)
    return 0


def _serve(directory: Path, chosen: argparse.Namespace) -> int:
    daemon.serve(directory, chosen.port, chosen.speed)
    return 0


def _told(directory: Path, chosen: argparse.Namespace, work: Callable[[CdkCli, LeftOver], None]) -> int:
    """Do some work with the cdk CLI in a world of its own; tell how long each step took and what was left."""
    from rehearsal import server  # noqa: PLC0415 - seconds, which no other command needs

    daemon.claim(directory)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    world = World(directory, chosen.port, clock=Clock(chosen.speed))
    try:
        server.serve(world)
        daemon.note(directory, world.port, chosen.speed)
        cdk, left = CdkCli(world, Path(chosen.app).resolve(), _say), LeftOver(world, chosen.expect)
        try:
            work(cdk, left)
        finally:
            (directory / GRANTS).write_text(json.dumps(role_uses.of_stacks(world), indent=1))
            _say("\n".join([*cdk.times(), *left.lines()]))
    finally:
        daemon.forget(directory)
        world.close()
    return 0 if left.is_explained else 1


def _run(directory: Path, chosen: argparse.Namespace) -> int:
    return _told(directory, chosen, lambda cdk, left: rehearse(cdk, left, chosen.stacks or ("--all",)))


def _demo(directory: Path, chosen: argparse.Namespace) -> int:
    from rehearsal.demo import Demo  # noqa: PLC0415 - it knows this project's app, which no other command does

    story = Demo(*(Path(each).resolve() for each in (chosen.config, chosen.data, chosen.result)))
    return _told(directory, chosen, story.show)


def _say(line: str) -> None:
    """Print a line at once, whatever standard output is."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def _state(directory: Path, _: argparse.Namespace) -> int:
    _say(json.dumps(daemon.world_of(directory).page("state"), indent=1))
    return 0


def _grants(directory: Path, _: argparse.Namespace) -> int:
    _say(json.dumps(role_uses.of_stacks(daemon.world_of(directory)), indent=1))
    return 0


def _calls(directory: Path, _: argparse.Namespace) -> int:
    for call in daemon.world_of(directory).page("calls")["calls"]:
        _say(call)
    return 0


def _leftovers(directory: Path, _: argparse.Namespace) -> int:
    for name in resources(daemon.world_of(directory)):
        _say(name)
    return 0


def _fault(directory: Path, chosen: argparse.Namespace) -> int:
    fault = {"kind": chosen.kind, "target": chosen.target, "always": chosen.always}
    _say(json.dumps(daemon.world_of(directory).page("faults", fault)))
    return 0


def _faults(directory: Path, chosen: argparse.Namespace) -> int:
    page = daemon.world_of(directory).page("faults", method="DELETE" if chosen.clear else None)
    for fault in page["planted"]:
        _say(f"{fault['kind']} {fault['target']}{' always' if fault['always'] else ''}")
    return 0


COMMANDS = {
    "up": _up,
    "down": _down,
    "serve": _serve,
    "run": _run,
    "demo": _demo,
    "state": _state,
    "grants": _grants,
    "calls": _calls,
    "leftovers": _leftovers,
    "fault": _fault,
    "faults": _faults,
}


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) not in PORTS:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: give 0, for any free one, to {PORTS[-1]}")
    return int(text)


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = math.nan
    if not 1 <= speed <= FASTEST:
        raise argparse.ArgumentTypeError(f"{text!r} is no speed: give a number from 1 to {FASTEST}")
    return speed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rehearsal", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    texts = {
        "up": 'start a rehearsal in the background and print the environment: eval "$(python -m rehearsal up)"',
        "down": "end it, with everything that it started",
        "serve": "be the rehearsal, in the foreground",
        "run": "bootstrap, deploy, destroy and deploy an app again with the real cdk CLI, and list what is left over",
        "demo": "deploy the app, bring it loan files, run the pipeline, fetch what it leaves, and destroy it all",
        "state": "print what exists, as JSON",
        "grants": "print what roles were granted and have used or were denied, as JSON",
        "calls": "list what functions have called, a line each, as kill-before and kill-after take it",
        "leftovers": "list what exists, a line each",
        "fault": "make something fail",
        "faults": "list what is still to fail, or forget it with --clear",
    }
    made = {name: commands.add_parser(name, help=text, description=text) for name, text in texts.items()}
    for parser_of in made.values():
        parser_of.add_argument(
            "--directory", default=str(DIRECTORY), help=f"where its files lie (default: {DIRECTORY})"
        )
    for name in ("up", "serve", "run", "demo"):
        made[name].add_argument("--port", type=_port, default=0, help="loopback port, 0 for any free one (default: 0)")
        made[name].add_argument("--speed", type=_speed, default=60.0, help="AWS's seconds in one of ours (default: 60)")
    for name in ("run", "demo"):
        made[name].add_argument("--app", default=".", help="directory of the CDK app, with its cdk.json (default: .)")
        made[name].add_argument(
            "--expect", action="append", default=[], metavar="PATTERN", help="of `service kind id` that may stay; again"
        )
    made["run"].add_argument("--stacks", nargs="+", default=[], metavar="ID", help="to deploy (default: all)")
    made["demo"].add_argument("--config", default="blueprint.yaml", help="blueprint (default: blueprint.yaml)")
    made["demo"].add_argument("--data", default="build/demo/input", help="folder of csv files (default: %(default)s)")
    made["demo"].add_argument("--result", default="build/demo/result", help="folder to fetch to (default: %(default)s)")
    made["fault"].add_argument("kind", choices=FAULTS)
    made["fault"].add_argument(
        "target", help="logical id, service:Operation, FUNCTION@service:Operation, function or job name; * for any"
    )
    made["fault"].add_argument("--always", action="store_true", help="every time, not once")
    made["faults"].add_argument("--clear", action="store_true", help="let nothing fail any more")
    return parser


if __name__ == "__main__":
    sys.exit(main())
