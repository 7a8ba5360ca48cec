"""What Spark asks of Kubernetes for a driver or an executor.

https://spark.apache.org/docs/3.5.6/running-on-kubernetes.html#spark-properties
"""

import re
from collections.abc import Mapping
from typing import Literal, TypeVar

Role = Literal["driver", "executor"]
ROLES: tuple[Role, ...] = ("driver", "executor")
Number = TypeVar("Number", int, float)
Conf = Mapping[str, str]
UNITS = {"": 1, "m": 1, "mb": 1, "g": 1024, "gb": 1024, "t": 1024**2, "tb": 1024**2}
SMALLEST_OVERHEAD = 384  # MiB
PYTHON_OVERHEAD = 0.4  # share of the heap that Spark adds to it where the job is no JVM program, else 0.1


class BadSetting(ValueError):  # noqa: N818 - Spark's message, which ends the submitter
    """A setting that spark-submit itself refuses; the text is Spark's."""


def check(conf: Conf) -> None:
    """Raise BadSetting for a size that spark-submit takes for none.

    https://github.com/apache/spark/blob/v3.5.6/core/src/main/scala/org/apache/spark/deploy/SparkSubmitArguments.scala
    """
    asked = {f"{role.capitalize()} cores": conf.get(f"spark.{role}.cores", "1") for role in ROLES}
    if not _is_true(conf, "spark.dynamicAllocation.enabled"):
        asked["Number of executors"] = conf.get("spark.executor.instances", "1")
    for role in ROLES:
        if mebibytes(conf.get(f"spark.{role}.memory", "1g")) <= 0:
            asked[f"{role.capitalize()} memory"] = "0"
    for what, value in asked.items():
        if not re.fullmatch(r"0*[1-9]\d*", value):
            raise BadSetting(f"{what} must be a positive number; it is {value}")


def _number(conf: Conf, key: str, default: float, kind: type[Number]) -> Number:
    try:
        return kind(conf.get(key, default))
    except ValueError as error:
        name = {int: "int", float: "double"}[kind]
        raise BadSetting(f"{key} should be {name}, but was {conf[key]}") from error


def _is_true(conf: Conf, key: str) -> bool:
    value = conf.get(key, "false").strip().lower()
    if value not in ("true", "false"):
        raise BadSetting(f"{key} should be boolean, but was {value}")
    return value == "true"


def mebibytes(text: str) -> int:
    """Return a size such as `4g` in MiB, which a plain number is in; raise BadSetting for what Spark cannot read."""
    found = re.fullmatch(r"(\d+)([kmgt]?b?)", text.strip().lower())
    if found and found[2] in ("k", "kb"):
        return int(found[1]) // 1024
    if not found or found[2] not in UNITS:
        raise BadSetting(f"Failed to parse byte string: {text}; sizes are numbers with a unit, such as 512m or 4g")
    return int(found[1]) * UNITS[found[2]]


def memory(conf: Conf, role: Role, *, python: bool) -> int:
    """Return the MiB that the main container requests: heap, overhead, and what lies beside the heap."""
    heap = mebibytes(conf.get(f"spark.{role}.memory", "1g"))
    beside = 0
    if role == "executor":
        beside += mebibytes(conf.get("spark.executor.pyspark.memory", "0")) if python else 0
        off_heap = _is_true(conf, "spark.memory.offHeap.enabled")
        beside += mebibytes(re.sub(r"^(\d+)$", r"\1b", conf.get("spark.memory.offHeap.size", "0m"))) if off_heap else 0
    return heap + _overhead(conf, role, heap, python=python) + beside


def _overhead(conf: Conf, role: Role, heap: int, *, python: bool) -> int:
    given = conf.get(f"spark.{role}.memoryOverhead")
    if given:
        return mebibytes(given)
    default = _number(conf, "spark.kubernetes.memoryOverheadFactor", PYTHON_OVERHEAD if python else 0.1, float)
    factor = _number(conf, f"spark.{role}.memoryOverheadFactor", default, float)
    return max(int(heap * factor), SMALLEST_OVERHEAD)


def resources(conf: Conf, role: Role, *, python: bool) -> dict[str, dict[str, str]]:
    """Return requests and limits of the main container, GPUs among them."""
    size = f"{memory(conf, role, python=python)}Mi"
    cores = conf.get(f"spark.kubernetes.{role}.request.cores", conf.get(f"spark.{role}.cores", "1"))
    limits = {"memory": size, **gpus(conf, role)}
    if limit := conf.get(f"spark.kubernetes.{role}.limit.cores"):
        limits["cpu"] = limit
    return {"requests": {"cpu": cores, "memory": size}, "limits": limits}


def gpus(conf: Conf, role: Role) -> dict[str, str]:
    """Return the devices that `spark.ROLE.resource.NAME.amount` asks for, by Kubernetes' name of the resource."""
    asked = {}
    for key in conf:
        if found := re.fullmatch(rf"spark\.{role}\.resource\.([^.]+)\.amount", key):
            vendor = conf.get(f"spark.{role}.resource.{found[1]}.vendor")
            if not vendor:
                raise BadSetting(f"Resource: {found[1]} was requested, but vendor was not specified.")
            asked[f"{vendor}/{found[1]}"] = str(_number(conf, key, 0, int))
    return asked


def executors(conf: Conf) -> int:
    """Return how many executors the driver asks for at its start."""
    if not _is_true(conf, "spark.dynamicAllocation.enabled"):
        return _number(conf, "spark.executor.instances", 2, int)
    least = ("spark.dynamicAllocation.initialExecutors", "spark.dynamicAllocation.minExecutors")
    return max(_number(conf, key, 0, int) for key in (*least, "spark.executor.instances"))
