"""AWS as a test tells it: real clients of boto3, whose requests are answered before they are sent."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse

import config
from operations.preflight.question import Question, usual_executors
from rapids_eks.add_on_versions import PINNED

ROOT = Path(__file__).parents[2]
Answer = Mapping[str, Any] | Callable[[dict[str, Any]], Mapping[str, Any]]
TODAY = date(2026, 11, 15)


class Refusal(Exception):  # noqa: N818 - an answer of AWS
    """An answer of AWS that is an error."""

    def __init__(self, code: str, message: str = "") -> None:
        super().__init__(code, message)
        self.error = {"Code": code, "Message": message}


@dataclass
class FakeAws:
    """Answers by operation, like `ec2.DescribeRegions`: a dictionary, or a function of the parameters."""

    answers: dict[str, Answer] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    _asked: dict[str, dict[str, Any]] = field(default_factory=dict)
    _made: dict[str, Any] = field(default_factory=dict)

    def __call__(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        if service not in self._made:
            client = boto3.client(service, "us-west-2", aws_access_key_id="a", aws_secret_access_key="b")  # noqa: S106
            events = client.meta.events
            events.register("before-parameter-build", lambda params, model, **_: self._note(params, model))
            events.register("before-call", lambda model, **_: self._answer(service, model.name))
            self._made[service] = client
        return self._made[service]

    def _note(self, params: dict[str, Any], model: Any) -> None:  # noqa: ANN401 - botocore's
        self._asked[model.name] = dict(params)

    def _answer(self, service: str, name: str) -> tuple[AWSResponse, Mapping[str, Any]]:
        self.calls.append(f"{service}.{name}")
        found = self.answers.get(f"{service}.{name}")
        assert found is not None, f"nobody has told what {service}.{name} answers"
        try:
            told = found(self._asked[name]) if callable(found) else found
        except Refusal as refusal:
            return _response(400), {"Error": refusal.error, "ResponseMetadata": {"HTTPStatusCode": 400}}
        return _response(200), {**told, "ResponseMetadata": {"HTTPStatusCode": 200}}


def refuses(code: str, message: str = "") -> Answer:
    """Return an answer that is an error."""

    def refuse(_: dict[str, Any]) -> Mapping[str, Any]:
        raise Refusal(code, message)

    return refuse


def _response(status: int) -> AWSResponse:
    return AWSResponse("https://localhost", status, {}, None)


def blueprint(text: str = "", name: str = "default") -> config.Blueprint:
    """Return an example with other lines at its end."""
    return config.parse((ROOT / f"examples/{name}.yaml").read_text() + text)


def changed(section: str, **values: object) -> config.Blueprint:
    """Return the default example with other values in a section, like `capacity.gpu`; they are not validated."""
    made = blueprint()
    *parents, last = section.split(".")
    parts = [made]
    for name in (*parents, last):
        parts.append(getattr(parts[-1], name))
    new = parts[-1].model_copy(update=values)
    for part, name in zip(reversed(parts[:-1]), (last, *reversed(parents)), strict=True):
        new = part.model_copy(update={name: new})
    return new


def question(aws: FakeAws, given: config.Blueprint | None = None, today: date = TODAY) -> Question:
    """Return what the checks are asked of a blueprint, the default example unless one is given."""
    given = given or blueprint()
    return Question(given, aws, today, usual_executors(given), 1.0)


ZONES = {"us-west-2a": "usw2-az2", "us-west-2b": "usw2-az1", "us-west-2c": "usw2-az3", "us-west-2d": "usw2-az4"}
TYPES = ("m5.xlarge", "m6i.xlarge", "g5.2xlarge")


def offering(offered: Mapping[str, set[str]]) -> Mapping[str, Any]:
    """Return EC2's answer of which types each zone, by its id, offers."""
    return {
        "InstanceTypeOfferings": [{"Location": at, "InstanceType": t} for at, some in offered.items() for t in some]
    }


def quota(**values: float) -> Callable[[dict[str, Any]], Mapping[str, Any]]:
    """Return the answer of Service Quotas: values by code with an underscore for the hyphen, 1000 for any other."""
    return lambda asked: {"Quota": {"Value": values.get(asked["QuotaCode"].replace("-", "_"), 1000.0)}}


def missing_stack(asked: dict[str, Any]) -> Mapping[str, Any]:
    """Answer that there is no such stack."""
    raise Refusal("ValidationError", f"Stack with id {asked['StackName']} does not exist")


def add_on_versions(asked: dict[str, Any]) -> Mapping[str, Any]:
    """Answer with the version of an add-on that this was made with, and an older one of another Kubernetes."""
    fits = {PINNED[asked["addonName"]]: asked["kubernetesVersion"], "v1.0.0-eksbuild.1": "1.34"}
    versions = [
        {"addonVersion": each, "compatibilities": [{"clusterVersion": kubernetes}]} for each, kubernetes in fits.items()
    ]
    return {"addons": [{"addonName": asked["addonName"], "addonVersions": versions}]}


def ready() -> FakeAws:
    """Return an account in which everything is as it should be, and nothing is deployed."""
    zones = [{"ZoneName": name, "ZoneId": at, "State": "available"} for name, at in ZONES.items()]
    return FakeAws(
        {
            "sts.GetCallerIdentity": {"Account": "111122223333", "Arn": "arn:aws:iam::111122223333:user/me"},
            "ssm.GetParameter": {"Parameter": {"Value": "30"}},
            "cloudformation.DescribeStacks": missing_stack,
            "cloudformation.ListStackResources": missing_stack,
            "s3.GetBucketEncryption": refuses("ServerSideEncryptionConfigurationNotFoundError"),
            "s3.ListObjectsV2": {},
            "eks.DescribeAddonVersions": add_on_versions,
            "eks.DescribeCluster": refuses("ResourceNotFoundException"),
            "logs.DescribeLogGroups": {"logGroups": []},
            "service-quotas.GetServiceQuota": quota(),
            "ec2.DescribeAvailabilityZones": {"AvailabilityZones": zones},
            "ec2.DescribeInstanceTypeOfferings": offering({at: set(TYPES) for at in ZONES.values()}),
            "ec2.DescribeSpotPriceHistory": {
                "SpotPriceHistory": [{"AvailabilityZone": "us-west-2a", "SpotPrice": "0.5"}]
            },
            "iam.GetRole": {"Role": {}},
        }
    )
