"""The project's whole story, for somebody to watch: deploy, bring data, run the pipeline, look at it, destroy."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import config
from rapids_eks.spark_job_run.content import vcpus
from rapids_eks.team_layout import pascal_case
from rehearsal.cdk_cli import STANDARD, CdkCli, StepFailed
from rehearsal.left_over import LeftOver
from rehearsal.world import World

URI = re.compile(r"s3://([^/\s]+)/(\S*)")


@dataclass
class Demo:
    """The app of this project with a blueprint, on loan files in `data`; what the run leaves is put into `result`.

    Neither folder is a part of the rehearsal: they are what a user would have on a laptop.
    """

    blueprint: Path
    data: Path
    result: Path

    def show(self, cdk: CdkCli, left: LeftOver) -> None:
        """Do it all, from nothing to nothing. Raises StepFailed and ConfigError."""
        settings = config.load(self.blueprint)
        team = settings.pipeline_team
        if settings.pipeline is None or team is None:
            raise StepFailed(f"{self.blueprint} has no pipeline to show: remove its line `pipeline: null`")
        cdk.prepare("--context", f"config={self.blueprint}")
        left.remember()
        gpus = vcpus(settings.job(team, "any/image:1"), spot=settings.capacity.gpu.spot)
        cdk.ask(dict.fromkeys(gpus["codes"], gpus["vcpus"]), f"GPU instances, {gpus['why']}")
        always, drivers = settings.cluster.core_nodes.most_vcpus, settings.capacity.driver.max_vcpus
        cdk.ask({STANDARD: always + drivers}, "the core nodes, and drivers of jobs")
        cdk.deploy("deploy the platform", *(name for name in cdk.stacks() if name != "Pipeline"))
        self._bring(cdk, _outputs(cdk.world, f"{settings.name}-teams")[f"{pascal_case(team.name)}Upload"])
        cdk.deploy("run the pipeline", "Pipeline")
        self._fetch(cdk, _outputs(cdk.world, f"{settings.name}-pipeline"))
        cdk.destroy("destroy")
        left.look("destroy")

    def _bring(self, cdk: CdkCli, command: str) -> None:
        """Upload the loan files to where a command of the stack's outputs would."""
        cdk.say(f"--- bring the data, in place of: {command}")
        bucket, prefix = _place(command)
        for path in sorted(self.data.glob("*.csv")):
            cdk.say(f"upload: {path.name} to s3://{bucket}/{prefix}{path.name}")
            cdk.world.client("s3").upload_file(str(path), bucket, f"{prefix}{path.name}")

    def _fetch(self, cdk: CdkCli, told: dict[str, str]) -> None:
        """Download what the run has left, and show what the stack says of it."""
        for key, value in told.items():
            cdk.say(f"{key} = {value}")
        bucket, prefix = _place(told["Output"])
        cdk.say(f"--- fetch what the run has left: s3://{bucket}/{prefix}")
        for key in _keys(cdk.world, bucket, prefix):
            path = self.result / key.removeprefix(prefix).lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            cdk.world.client("s3").download_file(bucket, key, str(path))


def _outputs(world: World, stack: str) -> dict[str, str]:
    (found,) = world.client("cloudformation").describe_stacks(StackName=stack)["Stacks"]
    return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}


def _keys(world: World, bucket: str, prefix: str) -> Iterator[str]:
    pages = world.client("s3").get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
    yield from (each["Key"] for page in pages for each in page.get("Contents", []) if not each["Key"].endswith("/"))


def _place(text: str) -> tuple[str, str]:
    """Return bucket and key of the S3 URI in a text."""
    found = URI.search(text)
    if found is None:
        raise StepFailed(f'there is no s3:// in the output "{text}"')
    return found[1], found[2]
