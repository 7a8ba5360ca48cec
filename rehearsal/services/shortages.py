"""What EC2 does not start: what it has none of, because a fault `shortage` says so, and vCPUs beyond the quotas."""

import re
from collections.abc import Callable, Iterator

from moto.ec2.models import ec2_backends
from moto.ec2.models.instance_types import INSTANCE_TYPES
from moto.ec2.models.instances import Instance

from rehearsal.services.service_quotas import ServiceQuotas
from rehearsal.wire.call import Call, Refused
from rehearsal.world import World

SPOT = "spot"  # the fault's target for the whole market
# by what the names of types begin with: the codes of the quotas on demand and Spot, which count vCPUs; all P share one
COUNTED = {"(g|vt)[0-9]": ("L-DB2E81BA", "L-3819A6DF"), "p5": ("L-417A185B", "L-C4BD4855")}
COUNTED |= {"p[2-4]": ("L-417A185B", "L-7212CCBC"), "([acdhimrtz]|im|is)[0-9]": ("L-1216C47A", "L-34B43A08")}


def refusals(world: World, quotas: ServiceQuotas) -> dict[str, Callable[[Call], None]]:
    """Return the check that comes before an instance is started."""

    def run_instances(call: Call) -> None:
        given = call.parameters
        market = given.get("InstanceMarketOptions", {}).get("MarketType", "on-demand")
        kind = given.get("InstanceType", "")
        for target in [SPOT] * (market == SPOT) + [kind]:
            if world.faults.strikes("shortage", target):
                message = f"We currently do not have sufficient {kind} capacity in the Availability Zone you requested"
                raise Refused("InsufficientInstanceCapacity", message, 500)
        if not given.get("DryRun"):
            _within(quotas, call, kind, spot=market == SPOT)

    return {"ec2:RunInstances": run_instances}


def _within(quotas: ServiceQuotas, call: Call, kind: str, *, spot: bool) -> None:
    """Refuse instances that would go beyond the vCPUs of their quota.

    https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/ec2-on-demand-instances.html#ec2-on-demand-instances-limits
    """
    code = _code(kind, spot=spot)
    if code is None:
        return
    limit = quotas.value(call.region, "ec2", code)
    running = sum(_vcpus(each.instance_type) for each in _running(call, code))
    if running + _vcpus(kind) * call.parameters["MaxCount"] <= limit:
        return
    if spot:
        raise Refused("MaxSpotInstanceCountExceeded", "Max spot instance count exceeded")
    raise Refused(
        "VcpuLimitExceeded",
        f"You have requested more vCPU capacity than your current vCPU limit of {limit:.0f} allows for the instance "
        "bucket that the specified instance type belongs to. Please visit "
        "http://aws.amazon.com/contact-us/ec2-request to request an adjustment to this limit.",
    )


def _code(kind: str, *, spot: bool) -> str | None:
    """Return the quota to which a type counts in a market; None for rarer types, of which none is looked at."""
    return next((codes[spot] for begins, codes in COUNTED.items() if re.match(begins, kind)), None)


def _running(call: Call, code: str) -> Iterator[Instance]:
    for reservation in list(ec2_backends[call.account][call.region].reservations.values()):
        for each in reservation.instances:
            alive = each.state in ("pending", "running")
            if alive and _code(each.instance_type, spot=each.lifecycle == SPOT) == code:
                yield each


def _vcpus(kind: str) -> int:
    vcpus: int = INSTANCE_TYPES[kind]["VCpuInfo"]["DefaultVCpus"]
    return vcpus
