"""What functions print goes to CloudWatch Logs, a little later, and with the function's own permissions."""

import queue
import time
from collections.abc import Mapping, Sequence

from botocore.exceptions import BotoCoreError, ClientError

from rehearsal.world import World

Entry = tuple[Mapping[str, str], Sequence[str]]  # an environment's variables, and lines


class LogWriter:
    """Writes in the background: a function that may not write, or whose group is gone, does not fail for it.

    Lambda makes the group if the role may; a group that was deleted meanwhile comes back with the next late write.
    """

    def __init__(self, world: World) -> None:
        """Start the thread that writes."""
        self._world = world
        self._entries: queue.Queue[Entry] = queue.Queue()
        self._made: set[str] = set()  # log streams
        world.in_background("lambda-logs", self._run)

    def write(self, variables: Mapping[str, str], lines: Sequence[str]) -> None:
        """Have lines written to the log stream that an environment's variables name."""
        self._entries.put((variables, lines))

    def _run(self) -> None:
        while not self._world.stopped.is_set():
            variables, lines = self._entries.get()
            try:
                self._put(variables, lines)
            except (ClientError, BotoCoreError):
                continue  # as in Lambda: what may not be written is lost, and nobody is told

    def _put(self, variables: Mapping[str, str], lines: Sequence[str]) -> None:
        keys = [variables[f"AWS_{name}"] for name in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN")]
        logs = self._world.client("logs", *keys)
        names = {
            "logGroupName": variables["AWS_LAMBDA_LOG_GROUP_NAME"],
            "logStreamName": variables["AWS_LAMBDA_LOG_STREAM_NAME"],
        }
        now = int(time.time() * 1000)  # the wall's time: CloudWatch refuses what is hours ahead of it
        events = [{"timestamp": now, "message": line or " "} for line in lines]
        if names["logStreamName"] not in self._made:
            self._made.add(names["logStreamName"])
            _create(logs, names)
        try:
            logs.put_log_events(**names, logEvents=events)
        except logs.exceptions.ResourceNotFoundException:
            _create(logs, names)
            logs.put_log_events(**names, logEvents=events)


def _create(logs: object, names: Mapping[str, str]) -> None:
    group = {"logGroupName": names["logGroupName"]}
    for operation, arguments in ((logs.create_log_group, group), (logs.create_log_stream, names)):  # type: ignore[attr-defined]
        try:
            operation(**arguments)
        except logs.exceptions.ResourceAlreadyExistsException:  # type: ignore[attr-defined]
            continue
        except ClientError as error:
            if operation == logs.create_log_group and error.response["Error"]["Code"] == "AccessDeniedException":  # type: ignore[attr-defined]
                continue  # the group may be there without the permission to make it
            raise
