"""The minimal example with stacks of their own for runs of a tiny job, as an app of the project would have them."""

import json
from pathlib import Path
from typing import Any

import aws_cdk as cdk
from aws_cdk import aws_ssm as ssm
from cdk_nag import AwsSolutionsChecks

import config
from app import build
from rapids_eks.spark_job.job import SparkJob
from rapids_eks.spark_job_run.construct import SparkJobRun
from stacks.teams import TeamsStack
from tests.stacks.assembly import ACCOUNT, REGION, Assembly

ROOT = Path(__file__).parents[4]
CONTEXT = json.loads((ROOT / "cdk.json").read_text())["context"] | {"aws:cdk:enable-path-metadata": True}
UNDER = ("Network", "Cluster", "Teams")
TEAM = "emr-ml-team-a"
NAME = "tiny"  # the job's
TAGS = {"project": "spark", "cost:centre": "7"}
ATTRIBUTES = (
    *("run_id", "run_name", "state", "seconds", "output", "request", "execution"),
    *("report", "metrics", "roc_auc", "rows"),
)
# What the pipeline leaves, as far as the resource reads it; the Spark that starts it is the real one.
TINY = '''"""Writes what a report would say."""
import json, pathlib, sys
from tiny_package.told import METRICS
given = dict(zip(sys.argv, sys.argv[1:]))
place = pathlib.Path(given["--output"]) / "report"
place.mkdir(parents=True, exist_ok=True)
(place / "metrics.json").write_text(json.dumps(METRICS))
(place / "report.html").write_text(" ".join(path.name for path in pathlib.Path(given["--input"]).iterdir()))
'''
TOLD = 'METRICS = {"roc_auc": 0.75, "rows": 7, "funnel": {"read": 1234}}\n'


def tiny_code(folder: Path) -> Path:
    """Write the package of a tiny job; return its folder."""
    code = folder / "jobs" / "tiny_package"
    (code / "__pycache__").mkdir(parents=True)
    for name, text in {"__init__": "", "__main__": TINY, "told": TOLD}.items():
        (code / f"{name}.py").write_text(text)
    (code / "__pycache__" / "told.pyc").write_text("not to be sent")
    (code.parent / "another.py").write_text("not to be sent either")
    return code


def described(**given: Any) -> SparkJob:  # noqa: ANN401 - the fields of SparkJob
    usual: dict[str, Any] = {
        "name": NAME,
        "release": "emr-7.13.0-spark-rapids-20260410",
        "image": f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/image@sha256:{64 * '1'}",
        "gpu_types": ["g6.2xlarge", "g5.2xlarge"],
        "driver_types": ["m6a.xlarge", "m5a.xlarge", "m5.xlarge"],
        "executors": 1,
    }
    return SparkJob(**(usual | given))


def synthesized(into: Path, code: Path, *, beside: bool = False, **given: Any) -> Assembly:  # noqa: ANN401 - SparkJobRun's
    """Return the stacks with the one of a run, `Job`; `beside` adds a parameter that is made when the run is."""
    read = config.load(ROOT / "examples/minimal-cost.yaml").model_copy(update={"account": ACCOUNT, "pipeline": None})
    app = build(read, cdk.App(outdir=str(into), context=CONTEXT))
    cdk.Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    teams = app.node.find_child("Teams")
    assert isinstance(teams, TeamsStack)
    stack = cdk.Stack(app, "Job", env=cdk.Environment(region=REGION, account=ACCOUNT))
    usual: dict[str, Any] = {"job": described(), "spot": True, "log_retention_days": 1, "tags": TAGS}
    run = SparkJobRun(stack, "Run", team=teams.teams[TEAM], code=code, **(usual | given))
    for name in ATTRIBUTES:
        cdk.CfnOutput(stack, name.title().replace("_", ""), value=getattr(run, name))
    if beside:
        parameter = ssm.StringParameter(stack, "Beside", string_value="x")
        parameter.node.add_dependency(
            *(run.node.find_child("Run").node.find_child(x) for x in ("MayStart", "MaySubmit"))
        )
    app.synth()
    return Assembly(into)
