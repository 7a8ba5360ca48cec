"""Amazon EMR on EKS."""

from collections.abc import Iterator
from typing import Annotated

from config.errors import Problem
from config.section import RetentionDays, Section, Shape

FORM = r"emr-\d{1,3}\.\d{1,3}\.\d{1,3}-(?:spark-rapids-)?(?:latest|20\d{6})"
# XGBoost on GPUs schedules by stage, which Spark knows on Kubernetes from 3.5.1 on, and EMR from this release on:
# https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/emr-eks-7.4.0.html
FIRST = (7, 4)


class Emr(Section):
    """What Spark's jobs run on."""

    release: Annotated[str, Shape(FORM, "a release label like emr-7.13.0-spark-rapids-20260410")] = (
        "emr-7.13.0-spark-rapids-20260410"
    )
    """Release label, 7.4.0 or newer; one that ends in a date stays the same, `latest` moves."""
    log_retention_days: RetentionDays = 30
    """Days for which each team's log group in CloudWatch keeps its jobs' logs; the group goes with the stacks."""

    def problems(self) -> Iterator[Problem]:
        """Yield a release whose Spark is too old."""
        if tuple(map(int, self.release.removeprefix("emr-").split(".")[:2])) < FIRST:
            text = f"{self.release} is too old, XGBoost on GPUs needs Spark 3.5.1: use emr-7.4.0 or newer"
            yield Problem(("release",), text)
