"""Amazon EMR on EKS."""

from collections.abc import Iterator
from typing import Annotated

from config.errors import Problem
from config.section import RetentionDays, Section, Shape
from rapids_eks.spark_job import release

FORM = r"emr-\d{1,3}\.\d{1,3}\.\d{1,3}-spark-rapids-(?:latest|20\d{6})"


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
        yield from (Problem(("release",), text) for text in release.problems(self.release, None))
