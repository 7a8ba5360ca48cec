import json
from pathlib import Path

from event_log import csv_bytes_read


def stage(number: int, *scopes: str) -> dict[str, object]:
    rdds: list[dict[str, str]] = [{"Name": "MapPartitionsRDD"}]
    rdds += [{"Scope": json.dumps({"id": "1", "name": scope})} for scope in scopes]
    return {"Event": "SparkListenerStageCompleted", "Stage Info": {"Stage ID": number, "RDD Info": rdds}}


def task(stage_number: int, read: int) -> dict[str, object]:
    metrics = {"Input Metrics": {"Bytes Read": read, "Records Read": 1}}
    return {"Event": "SparkListenerTaskEnd", "Stage ID": stage_number, "Task Metrics": metrics}


def write(log: Path, *events: dict[str, object]) -> None:
    log.write_text("".join(json.dumps(event, separators=(",", ":")) + "\n" for event in events))


def test_bytes_of_stages_that_scan_csv_are_added_over_tasks_and_applications(tmp_path: Path) -> None:
    write(tmp_path / "local-1", task(0, 10), task(0, 5), stage(0, "WholeStageCodegen (1)", "Scan csv "))
    write(tmp_path / "local-2", task(0, 100), stage(0, "Scan csv "))
    assert csv_bytes_read(tmp_path) == 115


def test_bytes_of_other_stages_are_left_out(tmp_path: Path) -> None:
    write(tmp_path / "local-1", task(3, 10), stage(3, "Scan parquet "), task(4, 0), stage(4, "Exchange"))
    assert csv_bytes_read(tmp_path) == 0


def test_failed_tasks_without_metrics_count_as_nothing(tmp_path: Path) -> None:
    write(tmp_path / "local-1", {"Event": "SparkListenerTaskEnd", "Stage ID": 0}, stage(0, "Scan csv "))
    assert csv_bytes_read(tmp_path) == 0
