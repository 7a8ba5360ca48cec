"""What a run has found out, as the attributes of its resource."""

import json
from collections.abc import Mapping
from typing import Any

from .inputs import place
from .runs import Run

UNKNOWN = "-"  # CloudFormation has no attribute that is absent


def metrics(s3: Any, output: str) -> dict[str, Any] | None:  # noqa: ANN401 - boto3 makes its classes at run time
    """Return the report's metrics, or None where there is no report.

    It is looked for in a list: whoever may not list a whole bucket is refused what is missing, and what is there
    before a new permission counts, alike.
    """
    bucket, prefix = place(output)
    key = f"{prefix}/report/metrics.json"
    if not s3.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents"):
        return None
    return dict(json.load(s3.get_object(Bucket=bucket, Key=key)["Body"]))


def attributes(run: Run, place: Mapping[str, str], found: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the attributes of a resource; `place` has the output, the request's parameters and the execution."""
    told, output = found or {}, place["Output"]
    return {
        "RunId": run.id or UNKNOWN,
        "RunName": run.name,
        "State": run.state,
        "Seconds": _text(run.seconds),
        "Output": output,
        "Request": place["Request"],
        "Execution": place["Execution"] or UNKNOWN,
        "Report": f"{output}/report/report.html",
        "Metrics": f"{output}/report/metrics.json",
        "RocAuc": _text(told.get("roc_auc")),
        "Rows": _text(told.get("funnel", {}).get("read")),
    }


def _text(value: object) -> str:
    return UNKNOWN if value is None else str(value)
