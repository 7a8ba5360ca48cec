"""Availability zones as a template names them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import aws_cdk as cdk

_ID = re.compile(r"[a-z0-9]+-az\d+")  # usw2-az1: one place for every account, while us-west-2a is another in each

# No cluster can have subnets there: https://docs.aws.amazon.com/eks/latest/userguide/network-reqs.html
_WITHOUT_EKS = {"cac1-az3", "use1-az3", "usw1-az2"}


@dataclass(frozen=True)
class Zone:
    """One zone, by its name or by its id."""

    name: str | None = None
    id: str | None = None


def zones(wanted: int | Sequence[str]) -> list[Zone]:
    """Return zones by their names or ids, or so many of the region's first ones.

    Those are looked up when the stack is deployed, so that a template can be made without asking AWS.
    Raises ValueError where one is given twice, or EKS does not serve it.
    """
    if isinstance(wanted, int):
        return [Zone(name=cdk.Fn.select(index, cdk.Fn.get_azs())) for index in range(wanted)]
    twice = sorted({zone for zone in wanted if wanted.count(zone) > 1})
    if twice:
        raise ValueError(f"The zones {', '.join(twice)} are given more than once: give each once")
    if refused := sorted(_WITHOUT_EKS.intersection(wanted)):
        raise ValueError(f"The zone {', '.join(refused)} has no EKS: give another zone of the region")
    return [Zone(id=zone) if _ID.fullmatch(zone) else Zone(name=zone) for zone in wanted]
