"""The request that starts a job on EMR on EKS."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rapids_eks.job_pools import CORE_LABELS
from rapids_eks.spark_job.job import SparkJob
from rapids_eks.spark_job.settings import START_MINUTES, settings

# What lies below `Place.scripts`; the archive's one folder is the package of that name.
ENTRY_POINT, PACKAGE = "__main__.py", "xgboost_pipeline.zip"
DRIVER_TEMPLATE, EXECUTOR_TEMPLATE = "driver-pod.yaml", "executor-pod.yaml"


@dataclass(frozen=True)
class Place:
    """Where a job runs, what it reads and what it writes. All may be CDK tokens; URIs end without a slash.

    `scripts` has the code and the pod templates, `input` the loan files; `output` is the run's alone.
    """

    virtual_cluster_id: str
    execution_role_arn: str
    log_group: str
    scripts: str
    input: str
    output: str
    logs: str


def request(job: SparkJob, place: Place) -> dict[str, Any]:
    """Return the parameters of StartJobRun as boto3 takes them, without the clientToken, which is the caller's."""
    code = {
        "entryPoint": f"{place.scripts}/{ENTRY_POINT}",
        "entryPointArguments": _arguments(job, place),
        "sparkSubmitParameters": f"--py-files {place.scripts}/{PACKAGE}",
    }
    return {
        "name": job.name,
        "virtualClusterId": place.virtual_cluster_id,
        "executionRoleArn": place.execution_role_arn,
        "releaseLabel": job.release,
        "jobDriver": {"sparkSubmitJobDriver": code},
        "configurationOverrides": {
            "applicationConfiguration": _configuration(job, place),
            "monitoringConfiguration": _monitoring(job, place),
        },
        "retryPolicyConfiguration": {"maxAttempts": job.attempts},
    }


def _arguments(job: SparkJob, place: Place) -> list[str]:
    """Return the command line. A driver that is started again, or another run, replaces what a lost one has left."""
    places = ["--input", place.input, "--output", place.output]
    return ["run", "--device", "cuda", *places, "--overwrite", *job.arguments]


def _configuration(job: SparkJob, place: Place) -> list[dict[str, Any]]:
    scripts = place.scripts
    defaults = settings(
        job, driver_template=f"{scripts}/{DRIVER_TEMPLATE}", executor_template=f"{scripts}/{EXECUTOR_TEMPLATE}"
    )
    return [
        _classification("spark-defaults", defaults),
        # https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/emr-eks-job-submitter-container-defaults.html
        _classification(
            "emr-containers-defaults",
            {"job-start-timeout": str(60 * START_MINUTES), "logging.request.memory": "512Mi"},
        ),
        # https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/emr-eks-job-submitter.html
        _classification(
            "emr-job-submitter",
            {
                **{f"jobsubmitter.node.selector.{key}": value for key, value in CORE_LABELS.items()},
                "jobsubmitter.logging.request.cores": "100m",
                "jobsubmitter.logging.request.memory": "200Mi",
            },
        ),
    ]


def _classification(name: str, properties: Mapping[str, str]) -> dict[str, Any]:
    return {"classification": name, "properties": dict(properties)}


def _monitoring(job: SparkJob, place: Place) -> dict[str, Any]:
    return {
        "persistentAppUI": "ENABLED",
        "cloudWatchMonitoringConfiguration": {"logGroupName": place.log_group, "logStreamNamePrefix": job.name},
        "s3MonitoringConfiguration": {"logUri": place.logs},
    }
