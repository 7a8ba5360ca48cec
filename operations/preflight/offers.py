"""Whether EC2 offers the instance types where the nodes are to be."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import product

from operations.findings import Finding, Level, ok, problem
from operations.preflight.question import Question

FIX = "choose other zones (`network.zones`) or other types; `aws ec2 describe-instance-type-offerings` lists what is"


def offers(question: Question) -> Iterator[Finding]:
    """Yield the zones that the account does not have, and where each kind of node finds none of its types."""
    known, wanted = _known(question), _wanted(question)
    zones = {name: known[name] for name in wanted or _first(question, known) if name in known}
    for name in wanted:
        if name not in known:
            fix = f"name some of these in `network`: {', '.join(sorted(known))}"
            yield problem("zone", f"{name} is none of {question.region} in this account", fix)
    kinds = _kinds(question)
    offered = _offered(question, sorted({name for names in kinds.values() for name in names}))
    for kind, names in kinds.items():
        yield from _of_kind(question, kind, names, {zone: offered.get(at, set()) for zone, at in zones.items()})


def _of_kind(question: Question, kind: str, names: Sequence[str], offered: Mapping[str, set[str]]) -> Iterator[Finding]:
    """Yield what lacks for one kind of node; Karpenter starts nodes where there are some, EKS wants them everywhere."""
    managed = kind == "core" or question.blueprint.capacity.mode == "cluster-autoscaler"
    without = [zone for zone in offered if not offered[zone] & set(names)]
    some = [f"{name} in {zone}" for zone, name in product(offered, names) if name not in offered[zone]]
    subject, types = f"{kind} instance types", " or ".join(names)
    if without:
        level: Level = "problem" if managed or len(without) == len(offered) else "warning"
        yield Finding(level, subject, f"{types} is not offered in {', '.join(without)}", FIX)
    elif some:
        yield Finding("warning", subject, f"not offered: {', '.join(some)}", FIX)
    else:
        yield ok(subject, f"{types} in {', '.join(offered)}")


def _kinds(question: Question) -> Mapping[str, Sequence[str]]:
    capacity = question.blueprint.capacity
    return {
        "core": question.blueprint.cluster.core_nodes.instance_types,
        "driver": capacity.driver.instance_types,
        "GPU": capacity.gpu.instance_types,
    }


def _wanted(question: Question) -> list[str]:
    """Return the zones that the blueprint names; none where it gives their number."""
    network = question.blueprint.network
    if network.existing:
        return sorted({subnet.zone for subnet in network.existing.nodes_in})
    return [] if isinstance(network.zones, int) else list(network.zones)


def _first(question: Question, known: Mapping[str, str]) -> list[str]:
    """Return the zones that CloudFormation takes where the blueprint gives a number: the first, by their names."""
    return sorted(known)[: question.blueprint.network.zone_count]  # names (us-west-2a) come before ids (usw2-az2)


def _known(question: Question) -> dict[str, str]:
    """Return the ids of the zones that can be used, each under its name and under its id."""
    found = question.client("ec2").describe_availability_zones()["AvailabilityZones"]
    return {
        zone[key]: zone["ZoneId"] for zone in found if zone["State"] == "available" for key in ("ZoneName", "ZoneId")
    }


def _offered(question: Question, names: list[str]) -> dict[str, set[str]]:
    """Return which of the types each zone offers, by the zone's id."""
    pages = question.client("ec2").get_paginator("describe_instance_type_offerings")
    chosen = [{"Name": "instance-type", "Values": names}]
    found: dict[str, set[str]] = {}
    for page in pages.paginate(LocationType="availability-zone-id", Filters=chosen):
        for offer in page["InstanceTypeOfferings"]:
            found.setdefault(offer["Location"], set()).add(offer["InstanceType"])
    return found
