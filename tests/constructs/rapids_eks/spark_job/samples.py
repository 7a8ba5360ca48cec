"""A job as the blueprint's settings give it, where it runs, and how the rehearsal reads its request."""

from collections.abc import Mapping
from typing import Any

from rapids_eks.spark_job.job import SparkJob
from rapids_eks.spark_job.request import Place, request
from rehearsal.emr import job as emr_job

RELEASE = "emr-7.13.0-spark-rapids-20260410"
BUCKET = "s3://${Token[DataBucket.7]}/team-a/spark-rapids-emr"  # as CDK writes what only a deployment knows
REFERENCE_ROWS = 215_386_024  # of the twelve quarters that the reference was measured with
ROLE = "arn:aws:iam::111122223333:role/team-a"
PLACE = Place(
    virtual_cluster_id="0abc",
    execution_role_arn=ROLE,
    log_group="/emr-on-eks-logs/emr-spark-rapids/team-a",
    scripts=f"{BUCKET}/scripts/0a1b",
    input=f"{BUCKET}/input",
    output=f"{BUCKET}/output/1",
    logs=f"{BUCKET}/logs",
)


def job(**given: Any) -> SparkJob:  # noqa: ANN401 - the fields of SparkJob
    usual: dict[str, Any] = {
        "release": RELEASE,
        "image": "${Token[Image.9]}",
        "gpu_types": ["g5.2xlarge"],
        "driver_types": ["m5.xlarge", "m6i.xlarge"],
    }
    return SparkJob(**(usual | given))


def submitted(described: SparkJob) -> emr_job.Job:
    """Return the job as EMR's stand-in reads it."""
    return emr_job.read("0000000abcdefghi", request(described, PLACE), ("cluster", "team-a"), "111122223333")


def defaults(described: SparkJob) -> Mapping[str, str]:
    """Return what spark-submit has in the end."""
    return submitted(described).conf
