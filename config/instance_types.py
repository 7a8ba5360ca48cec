"""EC2 instance types by their names: architecture, vCPUs, GPUs."""

import re
from difflib import get_close_matches
from typing import Annotated

from pydantic import AfterValidator

_SINGLE = ("xlarge", "2xlarge", "4xlarge", "8xlarge", "16xlarge")
# GPUs that RAPIDS' CUDA 12 serves, whole ones only: https://aws.amazon.com/ec2/instance-types/accelerated-computing/
GPUS = {
    **{f"{family}.{size}": 1 for family in ("g4dn", "g5", "g6", "g6e") for size in _SINGLE},
    **{f"gr6.{size}": 1 for size in ("4xlarge", "8xlarge")},
    **{f"{family}.12xlarge": 4 for family in ("g4dn", "g5", "g6", "g6e")},
    **{f"{family}.24xlarge": 4 for family in ("g5", "g6", "g6e")},
    **{f"{family}.48xlarge": 8 for family in ("g5", "g6", "g6e", "p5", "p5e", "p5en")},
    **{f"{family}.24xlarge": 8 for family in ("p4d", "p4de")},
    "p5.4xlarge": 1,
}
FAMILIES = ", ".join(sorted({name.split(".")[0] for name in GPUS}))
_GENERAL = re.compile(r"(?:[cmr][5-9][a-z0-9-]*|t3a?)\.(?:large|[1-9][0-9]?xlarge|xlarge)")
_GRAVITON = re.compile(r"a1\.|[a-z]+\d+[a-z]*g[a-z]*\.|[a-z]+\d+[a-z]*-gb")


def vcpus(instance_type: str) -> int:
    """Return the vCPUs of one of the types that are allowed: `large` has 2, `xlarge` 4, `2xlarge` 8."""
    size = instance_type.split(".")[1]
    return 2 if size == "large" else 4 * int(size.removesuffix("xlarge") or 1)


def addresses(instance_type: str) -> int:
    """Return how many of a VPC's addresses a node takes: those of the interface in use and of one kept warm.

    https://docs.aws.amazon.com/eks/latest/best-practices/vpc-cni.html; what an interface has is rounded up.
    """
    small, large = (15, 50) if instance_type in GPUS else (40, 64)
    return 2 * (small if vcpus(instance_type) <= 8 else large)  # noqa: PLR2004 - where EC2 begins to give more


def is_arm(instance_type: str) -> bool:
    """Say whether a type runs on AWS's ARM processors."""
    return _GRAVITON.match(instance_type) is not None


def _general(instance_type: str) -> str:
    if is_arm(instance_type):
        raise ValueError(f"{instance_type} is an ARM type; the images are built for x86_64: choose one like m5.xlarge")
    if not _GENERAL.fullmatch(instance_type):
        allowed = "of the families c, m and r from the fifth generation on, or t3, and of size large or above"
        raise ValueError(f'"{instance_type}" is not a type {allowed}: choose one like m5.xlarge')
    return instance_type


def _with_gpu(instance_type: str) -> str:
    if instance_type not in GPUS:
        near = get_close_matches(instance_type, GPUS, n=1)
        hint = f"did you mean {near[0]}? Or " if near else ""
        raise ValueError(f'"{instance_type}" is no supported GPU type; {hint}use sizes of {FAMILIES}')
    return instance_type


GeneralType = Annotated[str, AfterValidator(_general)]
GpuType = Annotated[str, AfterValidator(_with_gpu)]
