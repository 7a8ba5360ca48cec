"""How many bytes of csv a Spark application read, from its event log."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

SCAN = "Scan csv"


def csv_bytes_read(folder: Path) -> int:
    """Return the bytes that tasks read in stages that scan csv files, over all applications logged in a folder.

    A stage that scans csv files reads nothing else with a byte count here: joins meet after a shuffle or broadcast.
    """
    return sum(_bytes_of(list(_events(log))) for log in sorted(folder.iterdir()) if log.is_file())


def _events(log: Path) -> Iterator[dict[str, Any]]:
    with log.open() as lines:
        for line in lines:
            if line.startswith(('{"Event":"SparkListenerStageCompleted"', '{"Event":"SparkListenerTaskEnd"')):
                yield json.loads(line)


def _bytes_of(events: list[dict[str, Any]]) -> int:
    stages = [event["Stage Info"] for event in events if event["Event"] == "SparkListenerStageCompleted"]
    scanning = {stage["Stage ID"] for stage in stages if _scans_csv(stage)}
    tasks = [event for event in events if event["Event"] == "SparkListenerTaskEnd"]
    return sum(_bytes_read(task) for task in tasks if task["Stage ID"] in scanning)


def _scans_csv(stage: dict[str, Any]) -> bool:
    return any(json.loads(rdd.get("Scope", "{}")).get("name", "").startswith(SCAN) for rdd in stage["RDD Info"])


def _bytes_read(task: dict[str, Any]) -> int:
    return int(task.get("Task Metrics", {}).get("Input Metrics", {}).get("Bytes Read", 0))
