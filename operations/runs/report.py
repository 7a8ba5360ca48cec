"""The report of a run, brought here."""

from pathlib import Path
from typing import Any

from operations.errors import OperationError
from operations.runs.records import COMPLETED, Runs, argument

FOLDER, PAGE = "report/", "report.html"  # below a run's output


def download(runs: Runs, run_id: str | None, into: Path | None) -> Path:
    """Bring the report of a run, or of the newest that has completed, into a folder; return the file to open.

    The folder is `report-RUN` unless one is given. Raises OperationError.
    """
    run = runs.chosen(run_id, (COMPLETED,))
    output = argument(run, "--output")
    if run["state"] != COMPLETED or not output:
        raise OperationError(f"the run {run['id']} is {run['state']} and has written no report: `list` shows others")
    folder = into or Path(f"report-{run['id']}")
    bucket, _, prefix = f"{output.rstrip('/')}/{FOLDER}".removeprefix("s3://").partition("/")
    s3 = runs.client("s3")
    keys = _keys(s3, bucket, prefix)
    if prefix + PAGE not in keys:
        raise OperationError(f"s3://{bucket}/{prefix} has no {PAGE}: it was deleted, or the run wrote none")
    for key in keys:
        place = folder / key.removeprefix(prefix)
        place.parent.mkdir(parents=True, exist_ok=True)
        s3.download_file(bucket, key, str(place))
    return folder / PAGE


def _keys(s3: Any, bucket: str, prefix: str) -> list[str]:  # noqa: ANN401 - boto3 makes its classes at run time
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    found = [each["Key"] for page in pages for each in page.get("Contents", [])]
    return [key for key in found if not key.endswith("/") and ".." not in key.split("/")]
