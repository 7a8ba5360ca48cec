"""The command line: run, once, check, cost, install, uninstall."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path

from dcgm_cloudwatch import cost
from dcgm_cloudwatch.install import InstallError, Place, install, uninstall
from dcgm_cloudwatch.setting_table import TABLE
from dcgm_cloudwatch.settings import Settings, SettingsError, load

VERBS = {
    "run": "deliver every closed minute, until a signal comes",
    "once": "deliver what is due, and end",
    "check": "look at every link between the GPUs and CloudWatch; 1 if one is broken",
    "cost": "print what the chosen metrics cost a month",
    "install": "install or upgrade the systemd service on a head node (preset parallelcluster)",
    "uninstall": "remove that service",
}


def main(arguments: Sequence[str] | None = None, environment: Mapping[str, str] = os.environ) -> int:
    """Run one verb; return 0, 1 after one sentence on what failed, 2 for settings that cannot be used."""
    chosen = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    try:
        if chosen.verb in ("install", "uninstall"):
            return _service(chosen)
        # what is paid does not depend on the name
        given = {"CLUSTER_NAME": "any", **environment} if chosen.verb == "cost" else environment
        return _exporter(chosen, load(given, _file(chosen.settings)))
    except SettingsError as error:
        sys.stderr.write(f"error: these settings cannot be used:\n{error}\n")
        return 2
    except (InstallError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1


def _file(given: str | None) -> Path | None:
    """Return the settings file that was named, else the installed service's, else none."""
    installed = Place().settings
    return Path(given) if given else installed if os.access(installed, os.R_OK) else None


def _exporter(chosen: argparse.Namespace, settings: Settings) -> int:
    if chosen.verb == "cost":
        fleet = cost.Fleet(chosen.gpus, chosen.nodes or -(-chosen.gpus // 8), chosen.teams)
        sys.stdout.write(cost.text(cost.monthly(settings, fleet), fleet) + "\n")
        return 0
    from dcgm_cloudwatch import check, run  # noqa: PLC0415 - only these need the AWS SDK

    if chosen.verb == "check":
        findings = list(check.check(run.exporter_of(settings, threading.Event().wait)))
        sys.stdout.write(check.text(findings) + "\n")
        return int(any(each.fix for each in findings))
    return run.run(settings) if chosen.verb == "run" else run.once(settings)


def _service(chosen: argparse.Namespace) -> int:
    place = Place(Path(chosen.root))
    if chosen.verb == "uninstall":
        uninstall(place, purge=chosen.purge, stop=not chosen.no_start)
        return 0
    given = {"PRESET": "parallelcluster", **dict(chosen.set)}
    changed = install(place, given, chosen.python, start=not chosen.no_start)
    sys.stdout.write("installed\n" if changed else "nothing to change\n")
    return 0


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not sign or name not in {each.name for each in TABLE}:
        raise argparse.ArgumentTypeError(f"{text!r}: give NAME=value with a setting's name")
    return name, value


def _count(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is no number: give 0 or more")
    return int(text)


def _parser() -> argparse.ArgumentParser:
    settings = "\n".join(f"  {each.name:<20}{each.text} [{each.default}]" for each in TABLE)
    parser = argparse.ArgumentParser(
        prog="dcgm-cloudwatch",
        description="Carries GPU metrics from Prometheus to CloudWatch.",
        epilog=f"settings, by environment or file:\n{settings}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--settings", metavar="FILE", help="file of NAME=value lines (default: the installed one)")
    made = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs = {name: made.add_parser(name, help=text, description=text) for name, text in VERBS.items()}
    verbs["cost"].add_argument("--gpus", type=_count, required=True, help="GPUs on an average hour")
    verbs["cost"].add_argument("--nodes", type=_count, default=0, help="nodes (default: one for 8 GPUs)")
    verbs["cost"].add_argument("--teams", type=_count, default=1, help="teams (default: 1)")
    for name in ("install", "uninstall"):
        verbs[name].add_argument("--root", default="/", metavar="DIR", help="of the file system (default: /)")
        verbs[name].add_argument("--no-start", action="store_true", help="leave systemd alone")
    verbs["install"].add_argument("--python", default="", metavar="FILE", help="Python with boto3 (default: found)")
    verbs["install"].add_argument(
        "--set", action="append", type=_pair, default=[], metavar="NAME=value", help="a setting, e.g. CLUSTER_NAME=hpc"
    )
    verbs["uninstall"].add_argument("--purge", action="store_true", help="remove settings and watermark, too")
    return parser
