"""What a run is made of: its request with places for what only the deployment knows, its files, what it needs."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import aws_cdk as cdk

from rapids_eks import vcpu_quotas
from rapids_eks.emr_team import EmrTeam
from rapids_eks.instance_sizes import instance_size
from rapids_eks.spark_job.job import SparkJob
from rapids_eks.spark_job.request import ENTRY_POINT, Place, request
from rapids_eks.spark_job.templates import pod_templates
from rapids_eks.team_layout import INPUT

RUN = "{run}"  # the function puts the run's name in its place
OWN_TAGS = "spark-job-run:*"  # the keys of the tags by which the function finds its runs again


def place(team: EmrTeam) -> Place:
    """Return where a team's run has its parts."""
    folder = f"s3://{team.bucket.bucket_name}/{team.prefix}"
    return Place(
        virtual_cluster_id=team.virtual_cluster.ref,
        execution_role_arn=team.job_role.role_arn,
        log_group=team.log_group_name,
        scripts=f"{folder}scripts/{RUN}",
        input=f"{folder}{INPUT.rstrip('/')}",
        output=f"{folder}output/{RUN}",
        logs=f"{folder}logs",
    )


def files(code: Path) -> dict[str, str]:
    """Return the texts that lie beside the package: the program that Spark starts, and the pod templates."""
    templates = {name: json.dumps(template, sort_keys=True) for name, template in pod_templates().items()}
    return {ENTRY_POINT: (code / ENTRY_POINT).read_text(), **templates}


def physical_id(job: SparkJob, package: str, beside: Mapping[str, str], run_id: str) -> str:
    """Return the id of a content: the package's hash, the texts beside it, the request, and `run_id`.

    An image that only the deployment knows is a part of the id, so that another one is another content.
    """
    unknown = cdk.Token.is_unresolved(job.image)
    nowhere = Place(*["nowhere"] * len(Place.__dataclass_fields__))
    known = request(replace(job, image="") if unknown else job, nowhere)
    content = json.dumps([known, package, dict(beside), run_id], sort_keys=True)
    digest = hashlib.sha256(content.encode()).hexdigest()[:16]
    return "/".join(["spark-job-run", job.name, digest, *([job.image] if unknown else [])])


def vcpus(job: SparkJob, *, spot: bool) -> dict[str, Any]:
    """Return how many vCPUs the executors need at least, and which quotas together may provide them.

    Without codes nothing is known of the quota of one of the types.
    """
    each = {name: instance_size(name).vcpus // instance_size(name).gpus for name in job.gpu_types}
    smallest = min(each, key=lambda name: each[name])
    families = {next((key for key in vcpu_quotas.CODES if name.startswith(key)), "") for name in job.gpu_types}
    codes = vcpu_quotas.CODES.get(families.pop(), ()) if len(families) == 1 else ()
    why = f"{job.executor_count} executors with {each[smallest]} vCPUs each, as {smallest} has them for a GPU"
    return {"vcpus": job.executor_count * each[smallest], "codes": list(codes if spot else codes[:1]), "why": why}


def excluded(code: Path) -> Sequence[str]:
    """Return what of the folder above the package is not in its archive, as gitignore's patterns."""
    return ["/*", f"!/{code.name}/", "__pycache__", "*.pyc"]
