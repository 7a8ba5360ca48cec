"""What EC2 has none of just now, because a fault `shortage` says so: Spot instances, or an instance type."""

from collections.abc import Callable

from rehearsal.wire.call import Call, Refused
from rehearsal.world import World

SPOT = "spot"  # the fault's target for the whole market


def refusals(world: World) -> dict[str, Callable[[Call], None]]:
    """Return the check that comes before an instance is started."""

    def run_instances(call: Call) -> None:
        given = call.parameters
        market = given.get("InstanceMarketOptions", {}).get("MarketType", "on-demand")
        kind = given.get("InstanceType", "")
        for target in [SPOT] * (market == SPOT) + [kind]:
            if world.faults.strikes("shortage", target):
                message = f"We currently do not have sufficient {kind} capacity in the Availability Zone you requested"
                raise Refused("InsufficientInstanceCapacity", message, 500)

    return {"ec2:RunInstances": run_instances}
