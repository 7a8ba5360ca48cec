"""What releases of EMR on EKS can run such a job, and which Spark they carry."""

import re
from collections.abc import Iterator, Mapping

_LABEL = re.compile(r"emr-(\d{1,3})\.(\d{1,3})\.(\d{1,3})-spark-rapids-(?:latest|20\d{6})")
FIRST = (7, 4, 0)  # the first whose Spark is 3.5.1 or newer
# https://docs.aws.amazon.com/emr/latest/EMR-on-EKS-DevelopmentGuide/emr-eks-releases.html
SPARK: Mapping[str, str] = {"7.4.0": "3.5.2", "7.5.0": "3.5.2", "7.13.0": "3.5.6"}
# For which RAPIDS is known to have a shuffle manager; the archive of 25.04.0 has classes up to spark355.
MANAGED = ("3.5.2",)
_SHUFFLE_MANAGER = re.compile(r"com\.nvidia\.spark\.rapids\.spark(\d{3})[a-z0-9]*\.RapidsShuffleManager")


def problems(release: str, shuffle_manager: str | None) -> Iterator[str]:
    """Yield why a release, or RAPIDS' shuffle manager on it, would fail.

    XGBoost asks for a whole GPU for its own stage only from Spark 3.5.1 on where Kubernetes schedules:
    https://spark.apache.org/docs/3.5.6/running-on-kubernetes.html#stage-level-scheduling-overview
    """
    found = _LABEL.fullmatch(release)
    if found is None:
        yield f'release is "{release}", which is none with RAPIDS: use one like emr-7.13.0-spark-rapids-20260410'
        return
    if tuple(map(int, found.groups())) < FIRST:
        yield f"release is {release}, but XGBoost on GPUs needs Spark 3.5.1: use emr-7.4.0-spark-rapids-latest or newer"
    if shuffle_manager is not None:
        yield from _unfit(".".join(found.groups()), shuffle_manager)


def _unfit(version: str, shuffle_manager: str) -> Iterator[str]:
    """Yield why a class is not the shuffle manager of a release; there is one for each patch version of Spark."""
    found = _SHUFFLE_MANAGER.fullmatch(shuffle_manager)
    spark = SPARK.get(version)
    if found is None:
        form = "com.nvidia.spark.rapids.sparkNNN.RapidsShuffleManager"
        yield f'shuffle_manager is "{shuffle_manager}": use {form}, or leave it out for Spark\'s own'
    elif spark is None:
        yield (
            f"shuffle_manager is given, but which Spark emr-{version} carries is not known here (only those of "
            f"{', '.join(SPARK)} are), and a class for another one would end the job: leave it out"
        )
    elif spark not in MANAGED:
        yield (
            f"shuffle_manager is given, but for Spark {spark}, which emr-{version} carries, RAPIDS is not known to "
            "have one, and a class that is not there would end the job: leave it out"
        )
    elif found[1] != spark.replace(".", ""):
        yield (
            f"shuffle_manager is for Spark {'.'.join(found[1])}, but emr-{version} carries {spark} and would end the "
            f"job: use spark{spark.replace('.', '')} in its place, or leave it out"
        )
