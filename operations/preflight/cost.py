"""What a run costs, and a month in which nothing runs."""

from collections.abc import Iterator, Mapping
from math import ceil

from config.instance_types import GPUS
from operations import prices
from operations.findings import Finding, ok, warning
from operations.preflight.question import Question, pipeline
from operations.preflight.spot import spot_price
from rapids_eks.placement import Pod
from rapids_eks.system_pods import DRIVER, EXECUTOR

INTERFACE_ENDPOINTS = 14  # of services, in each zone
EXCEPT = "without storage, logs, metrics (synth tells their price), traffic, taxes and discounts"


def costs(question: Question) -> Iterator[Finding]:
    """Yield both estimates; where a price is not known that is said, and nothing guessed."""
    if question.region not in prices.REGIONS:
        known = ", ".join(prices.REGIONS)
        text = f"of {question.region} no prices are known here (only of {known}), so nothing is estimated"
        yield warning("cost", text, f"see {prices.SOURCE} and https://calculator.aws/")
        return
    yield _idle(question)
    yield _run(question)


def _idle(question: Question) -> Finding:
    parts = monthly(question)
    if parts is None:
        return _unknown("idle cost", question.blueprint.cluster.core_nodes.instance_types[0])
    told = ", ".join(f"{name} {amount:.2f}" for name, amount in parts.items() if amount)
    total = sum(parts.values())
    return ok("idle cost", f"about {total:.0f} USD a month ({told}), prices of {prices.AS_OF}, {EXCEPT}")


def monthly(question: Question) -> Mapping[str, float] | None:
    """Return what is paid each month though nothing runs, in USD; None where the core nodes' price is not known."""
    cluster, network = question.blueprint.cluster, question.blueprint.network
    observed = question.blueprint.observability
    core = cluster.core_nodes
    price = prices.on_demand(core.instance_types[0])
    if price is None:
        return None
    late = question.today > cluster.support_ends
    gateways = 0 if network.existing else network.zone_count if network.nat == "per-zone" else 1
    endpoints = INTERFACE_ENDPOINTS * network.zone_count if network.interface_endpoints else 0
    return {
        "control plane": prices.HOURS * (prices.CONTROL_PLANE_EXTENDED if late else prices.CONTROL_PLANE),
        f"{core.count} {core.instance_types[0]}": prices.HOURS * core.count * price,
        "their volumes": core.count * core.root_volume_gib * prices.VOLUME,
        "NAT": prices.HOURS * gateways * (prices.NAT_GATEWAY + prices.PUBLIC_ADDRESS),
        "interface endpoints": prices.HOURS * endpoints * prices.INTERFACE_ENDPOINT,
        "Prometheus' volume": observed.volume_gib * prices.VOLUME if observed else 0,
        "KMS keys": prices.KEY * (2 if observed else 1),
    }


def _run(question: Question) -> Finding:
    gpu, driver = question.blueprint.capacity.gpu, question.blueprint.capacity.driver.instance_types[0]
    priced = {name: prices.on_demand(name) for name in (driver, *gpu.instance_types)}
    missing = next((name for name, price in priced.items() if price is None), None)
    if missing:
        return _unknown("run cost", missing)
    paid = {name: price for name, price in priced.items() if price is not None}
    name = min(gpu.instance_types, key=lambda each: paid[each] / GPUS[each])
    rest = paid[driver] + _volumes(question, name) + emr(question)
    dear = question.hours * (_nodes(question, name) * paid[name] + rest)
    text = f"{question.hours:g} h with {question.executors} executors on {name}: {dear:.2f} USD on demand"
    spot = spot_price(question, name) if gpu.spot else None
    if spot is not None:
        text += f", {question.hours * (_nodes(question, name) * spot + rest):.2f} at today's Spot price"
    return ok("run cost", f"{text}, with its start of 10 to 15 minutes to add; prices of {prices.AS_OF}, {EXCEPT}")


def emr(question: Question) -> float:
    """Return what EMR adds for an hour of the driver and the executors, in USD."""
    job = pipeline(question.blueprint)
    driver, executor = (job.driver, job.executor) if job else (DRIVER, EXECUTOR)
    return _uplift(driver) + question.executors * _uplift(executor)


def _uplift(pod: Pod) -> float:
    return pod.size.cpu / 1000 * prices.EMR_VCPU + pod.size.memory / 1024 * prices.EMR_GIB


def _nodes(question: Question, name: str) -> int:
    return ceil(question.executors / GPUS[name])


def _volumes(question: Question, name: str) -> float:
    """Return what an hour of the nodes' root volumes costs."""
    capacity = question.blueprint.capacity
    gib = _nodes(question, name) * capacity.gpu.root_volume_gib + capacity.driver.root_volume_gib
    return gib * prices.VOLUME / prices.HOURS


def _unknown(subject: str, instance_type: str) -> Finding:
    return warning(subject, f"no price of {instance_type} is known here", f"see {prices.SOURCE}")
