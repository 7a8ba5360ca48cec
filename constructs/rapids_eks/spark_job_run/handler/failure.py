"""Why a run failed, in a stack event: EMR's words, the driver's last ones, and where the rest is to be read."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from .runs import Run

ERRORS = re.compile(r"(?i)error|exception|fail|killed")
NOISE = re.compile(r"^\s+at |^\s*\.\.\. \d+ more|^Caused by: *$|\b(INFO|WARN) ")
STREAMS = ("stderr", "stdout")  # a program's own errors are on the first
LINES = 200  # of each of the driver's streams that are looked at, from its end
LARGEST = 1000  # bytes of a reason
LONGEST_LINE = 260  # bytes of the driver's last error
LEAST_ROOM = 320  # bytes for what EMR says, which is 256 characters, where there is a link
SHORTEST = 24  # bytes of a text that says anything


@dataclass(frozen=True)
class LogPlace:
    """The log group of a run, the beginning of its streams' names, and the region."""

    group: str
    streams: str
    region: str

    @property
    def link(self) -> str:
        """Address of the run's streams in the console."""
        domain = "console.amazonaws-us-gov.com" if self.region.startswith("us-gov-") else "console.aws.amazon.com"
        group, streams = (quote(quote(text, safe=""), safe="").replace("%", "$") for text in (self.group, self.streams))
        page = f"log-groups/log-group/{group}$3FlogStreamNameFilter$3D{streams}"
        return f"https://{self.region}.{domain}/cloudwatch/home?region={self.region}#logsV2:{page}"

    @property
    def command(self) -> str:
        """What shows them in a terminal."""
        return f"aws logs tail {self.group} --region {self.region} --log-stream-name-prefix {self.streams} --since 1d"


def reason(run: Run, line: str, log: LogPlace) -> str:
    """Return why a run ended as it did, in less than 1 KB."""
    code = f" ({run.reason})" if run.reason else ""
    after = f" after {run.seconds // 60} minutes" if run.seconds is not None else ""
    head = f"Job run {run.id} is {run.state}{code}{after}."
    tail = f" Logs: {log.command} or {log.link}"
    if len(f"{head}{tail}".encode()) + LEAST_ROOM > LARGEST:  # a link is whole or of no use
        tail = f" Logs: {log.command}"
    room = LARGEST - len(f"{head}{tail}".encode())
    told = _labelled(" EMR: ", run.details, room)
    driver = "" if line in run.details else line
    # EMR's words first: the driver's are in the log anyway
    said = _labelled(" The driver: ", driver, min(room - len(told.encode()), LONGEST_LINE))
    return f"{head}{told}{said}{tail}"


def unstarted(run: Run, execution: str) -> str:
    """Return why a state machine has started no run, in less than 1 KB."""
    head = f"The execution for {run.name} is {run.state}, and EMR has no run"
    tail = f" See: aws stepfunctions describe-execution --execution-arn {execution}"
    said = " ".join(f": {run.reason} {run.details}".split()) if run.reason or run.details else ""
    room = LARGEST - len(f"{head}.{tail}".encode())
    return f"{head}{_cut(said, room)}.{tail}"


def last_error(logs: Any, log: LogPlace) -> str:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return the last line of the driver that looks like an error, or nothing: a failure must not hide behind this."""
    try:
        return next(_errors(logs, log), "")
    except ClientError as error:
        print(f"the driver's log cannot be read: {error}")  # noqa: T201 - the function's log
        return ""


def _errors(logs: Any, log: LogPlace) -> Iterator[str]:  # noqa: ANN401 - the same
    """Yield the last errors of the streams of drivers, the last attempt's first."""
    pages = logs.get_paginator("describe_log_streams").paginate(logGroupName=log.group, logStreamNamePrefix=log.streams)
    names = [each["logStreamName"] for page in pages for each in page["logStreams"]]
    containers = {name.rpartition("/")[0] for name in names if "-driver" in name}
    for container in sorted(containers, reverse=True):
        for name in (f"{container}/{stream}" for stream in STREAMS if f"{container}/{stream}" in names):
            events = logs.get_log_events(logGroupName=log.group, logStreamName=name, limit=LINES)["events"]
            lines = [event["message"].strip() for event in events if not NOISE.search(event["message"])]
            yield from (line for line in reversed(lines) if ERRORS.search(line))


def _labelled(label: str, text: str, room: int) -> str:
    """Return as much of a text as there is room for, behind its label; nothing where there is room for no words."""
    words = " ".join(text.split())
    return f"{label}{_cut(words, room - len(label))}" if words and room >= len(label) + SHORTEST else ""


def _cut(text: str, most: int) -> str:
    """Return as much of a text as has so many bytes."""
    whole = text.encode()
    return text if len(whole) <= most else f"{whole[: max(most - 3, 0)].decode(errors='ignore')}..."
