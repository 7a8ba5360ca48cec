"""What a preflight is asked."""

from dataclasses import dataclass
from datetime import date

import config
from config.instance_types import GPUS
from operations.account import Clients
from rapids_eks.spark_job.job import SparkJob

USUAL_EXECUTORS = 8  # of a run, where the blueprint has none


@dataclass(frozen=True)
class Question:
    """Whether a blueprint can be deployed by whoever asks, and then run a job of so many executors and hours."""

    blueprint: config.Blueprint
    client: Clients
    today: date
    executors: int
    hours: float

    @property
    def region(self) -> str:
        """The region of the deployment."""
        return self.blueprint.region


def usual_executors(blueprint: config.Blueprint) -> int:
    """Return how many executors, each with one GPU, a run of the blueprint has."""
    job = pipeline(blueprint)
    return job.executor_count if job else min(USUAL_EXECUTORS, blueprint.capacity.gpu.max_gpus)


def pipeline(blueprint: config.Blueprint) -> SparkJob | None:
    """Return the job of the blueprint's pipeline, if it has one."""
    team = blueprint.pipeline_team
    return blueprint.job(team, "image") if blueprint.pipeline and team else None


def nodes(blueprint: config.Blueprint, instance_type: str) -> int:
    """Return how many nodes of a GPU type the blueprint lets start."""
    return blueprint.capacity.gpu.max_gpus // GPUS[instance_type]
