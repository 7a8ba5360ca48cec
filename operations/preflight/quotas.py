"""How many vCPUs and builds the account may use at once in the region."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import config
from config.instance_types import GPUS, vcpus
from operations.findings import Finding, Level, ok, problem
from operations.preflight.question import Question, nodes
from rapids_eks.vcpu_quotas import CODES


@dataclass(frozen=True)
class Quota:
    """A quota of AWS: the service's code and its own, and its name."""

    service: str
    code: str
    name: str


# https://docs.aws.amazon.com/ec2/latest/instancetypes/ec2-instance-quotas.html; new accounts have 0 vCPUs with GPUs
STANDARD = Quota("ec2", "L-1216C47A", "on-demand vCPUs of standard types")
ON_DEMAND: Mapping[str, Quota] = {
    "g": Quota("ec2", CODES["g"][0], "on-demand vCPUs of G and VT types"),
    "p": Quota("ec2", CODES["p4"][0], "on-demand vCPUs of P types"),
}
SPOT: Mapping[str, Quota] = {
    "g": Quota("ec2", CODES["g"][1], "Spot vCPUs of G and VT types"),
    "p4": Quota("ec2", CODES["p4"][1], "Spot vCPUs of P4, P3 and P2 types"),
    "p5": Quota("ec2", CODES["p5"][1], "Spot vCPUs of P5 types"),
}
# https://docs.aws.amazon.com/codebuild/latest/userguide/limits.html
LARGE_BUILDS = Quota("codebuild", "L-4DDC4A99", "concurrent Linux/Large builds")
SMALL_BUILDS = Quota("codebuild", "L-9D07B6EF", "concurrent Linux/Small builds")


@dataclass(frozen=True)
class Room:
    """What a quota gives the GPU types that count to it: `value` vCPUs, where all GPUs of the blueprint want `most`."""

    quota: Quota
    value: int
    most: int
    gpus: int


def gpus(question: Question) -> Iterator[Finding]:
    """Yield, for each quota of the GPU types' vCPUs, how many of the blueprint's GPUs it lets start at once."""
    wanted, most = question.executors, question.blueprint.capacity.gpu.max_gpus
    rooms = list(_rooms(question))
    reached = min(most, sum(room.gpus for room in rooms))
    for room in rooms:
        text = f"{room.value} {room.quota.name}, enough for {room.gpus} of at most {most} GPUs"
        if room.value >= room.most:
            yield ok("GPU quota", text)
            continue
        # one market alone may do: Spot first, and on-demand only where there is none
        level: Level = "problem" if reached < wanted else "warning"
        if level == "problem":
            text += f"; a run has {wanted} executors with one GPU each, and {reached} can start in all"
        yield Finding(level, "GPU quota", text, increase(question, room.quota, room.most))


def standard(question: Question) -> Iterator[Finding]:
    """Yield whether core nodes and drivers find their vCPUs."""
    always, driver = question.blueprint.cluster.core_nodes.most_vcpus, question.blueprint.capacity.driver
    least, most = always + min(map(vcpus, driver.instance_types)), always + driver.max_vcpus
    value = applied(question, STANDARD)
    text = f"{value} {STANDARD.name}; core nodes take {always}, drivers up to {driver.max_vcpus}"
    if value >= most:
        yield ok("vCPU quota", text)
    else:
        level: Level = "problem" if value < least else "warning"
        yield Finding(level, "vCPU quota", text, increase(question, STANDARD, most))


def builds(question: Question) -> Iterator[Finding]:
    """Yield whether CodeBuild may build the images that the blueprint does not name."""
    for quota, what in _built(question.blueprint):
        value = applied(question, quota)
        if value < 1:
            fix = f"{increase(question, quota, 1)}; new accounts may have to ask AWS Support"
            yield problem("build quota", f"{value} {quota.name}: {what} cannot be built", fix)
        else:
            yield ok("build quota", f"{value} {quota.name}")


def _built(blueprint: config.Blueprint) -> Iterator[tuple[Quota, str]]:
    """Yield the images that are built in the account, with the quota that each counts to."""
    if blueprint.pipeline and blueprint.image.uri is None:
        yield LARGE_BUILDS, "the image of Spark's driver and executors"
    if blueprint.gpu_dashboard and blueprint.gpu_dashboard.image is None:
        yield SMALL_BUILDS, "the image of the GPU metrics exporter"


def applied(question: Question, quota: Quota) -> int:
    """Return what is granted: the account's own value, or AWS's default where it has none."""
    client = question.client("service-quotas")
    asked = {"ServiceCode": quota.service, "QuotaCode": quota.code}
    try:
        answer = client.get_service_quota(**asked)
    except client.exceptions.NoSuchResourceException:
        answer = client.get_aws_default_service_quota(**asked)
    return int(answer["Quota"]["Value"])


def increase(question: Question, quota: Quota, wanted: int) -> str:
    """Return the command that asks for more; AWS answers in minutes or days."""
    return (
        f"aws service-quotas request-service-quota-increase --region {question.region} "
        f"--service-code {quota.service} --quota-code {quota.code} --desired-value {wanted}"
    )


def _rooms(question: Question) -> Iterator[Room]:
    gpu = question.blueprint.capacity.gpu
    counted: dict[Quota, list[str]] = {}
    for market, length in [(SPOT, 2)] * gpu.spot + [(ON_DEMAND, 1)]:
        for name in gpu.instance_types:
            counted.setdefault(market["g" if name.startswith("g") else name[:length]], []).append(name)
    for quota, names in counted.items():
        value = applied(question, quota)
        reached = max(value // vcpus(name) * GPUS[name] for name in names)
        most = max(nodes(question.blueprint, name) * vcpus(name) for name in names)
        yield Room(quota, value, most, min(reached, gpu.max_gpus))
