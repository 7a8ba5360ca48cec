"""The stack of one run of the loan pipeline."""

from collections.abc import Mapping
from pathlib import Path

import aws_cdk as cdk
from constructs import Construct

import config
from rapids_eks.emr_team import EmrTeam
from rapids_eks.spark_job.job import SparkJob
from rapids_eks.spark_job_run.construct import SparkJobRun


class PipelineStack(cdk.Stack):
    """A run of the loan pipeline: by itself, so that one that fails takes nothing else back. Exposes `run`."""

    def __init__(
        self,
        scope: Construct,
        id: str,  # noqa: A002 - CDK's own name for it
        *,
        name: str,
        team: EmrTeam,
        job: SparkJob,
        code: Path,
        pipeline: config.Pipeline,
        spot: bool,
        log_retention_days: int,
        tags: Mapping[str, str],
        env: cdk.Environment | None = None,
    ) -> None:
        super().__init__(scope, id, stack_name=f"{name}-pipeline", env=env, description=f"A run of {name}'s pipeline")
        self.run = SparkJobRun(
            self,
            "Run",
            team=team,
            job=job,
            code=code,
            run_id=pipeline.run_id,
            wait=pipeline.wait,
            timeout=cdk.Duration.hours(pipeline.timeout_hours),
            on_failure=pipeline.on_failure,
            spot=spot,
            log_retention_days=log_retention_days,
            tags=tags,
        )
        told = {
            "Team": team.name,
            "RunId": self.run.run_id,
            "State": self.run.state,
            "Seconds": self.run.seconds,
            "Rows": self.run.rows,
            "RocAuc": self.run.roc_auc,
            "Output": self.run.output,
            "Request": f"aws s3 cp --region {self.region} {self.run.request} -",
            "Report": f"aws s3 cp --region {self.region} {self.run.report} report.html",
            "Metrics": f"aws s3 cp --region {self.region} {self.run.metrics} -",
            **self.run.commands,
        }
        for key, value in told.items():
            cdk.CfnOutput(self, key, value=value)
