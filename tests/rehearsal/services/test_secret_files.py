"""A pod starts once its secrets can be read as what the pod is; until then it is told why."""

from dataclasses import dataclass, field
from typing import Any, cast

import pytest
from botocore.exceptions import ClientError

from rehearsal.services.eks import secret_files

CLASS = secret_files.CLASSES.format("team", "passwords")
DENIED = ClientError({"Error": {"Code": "AccessDeniedException", "Message": "not authorized"}}, "GetSecretValue")


@dataclass
class Fake:
    """Credentials of a pod, a node with pods, and a cluster with objects, all on paper."""

    objects: dict[str, Any] = field(default_factory=dict)
    beside: tuple[str, ...] = secret_files.RUNNING
    denied: bool = False
    read: list[str] = field(default_factory=list)

    def get(self, path: str) -> Any:  # noqa: ANN401 - an object
        return self.objects.get(path)

    def runs_beside(self, _pod: object, prefix: str) -> bool:
        return prefix in self.beside

    def client(self, _pod: object, service: str) -> "Fake":
        assert service == "secretsmanager"
        return self

    def get_secret_value(self, SecretId: str) -> None:  # noqa: N803 - boto3's
        if self.denied:
            raise DENIED
        self.read.append(SecretId)


def pod(driver: str = secret_files.DRIVER) -> dict[str, Any]:
    csi = {"driver": driver, "volumeAttributes": {"secretProviderClass": "passwords"}}
    return {"metadata": {"name": "p", "namespace": "team"}, "spec": {"volumes": [{"name": "v", "csi": csi}]}}


def provider_class(**changes: str) -> dict[str, Any]:
    parameters = {"usePodIdentity": "true", "objects": '[{"objectName": "one"}, {"objectName": "two"}]', **changes}
    return {CLASS: {"spec": {"provider": "aws", "parameters": parameters}}}


def told(fake: Fake, of: dict[str, Any]) -> str:
    found = secret_files.trouble(cast("Any", fake), of)
    return found.message if found else ""


def test_all_secrets_are_read_and_the_pod_starts() -> None:
    fake = Fake(provider_class())
    assert told(fake, pod()) == ""
    assert fake.read == ["one", "two"]


@pytest.mark.parametrize(
    ("fake", "words"),
    [
        (Fake(provider_class(), denied=True), "Failed to fetch secret one: An error occurred (AccessDeniedException)"),
        (Fake(provider_class(), beside=secret_files.RUNNING[:1]), "no pod of aws-secrets-store"),
        (Fake(provider_class(), beside=()), "no pod of secrets-store-csi-driver runs on the node"),
        (Fake(), '"passwords" not found'),
        (Fake(provider_class(usePodIdentity="false")), "set usePodIdentity"),
        (Fake(provider_class(objects="")), "names no secret"),
    ],
)
def test_what_keeps_the_files_from_being_there_is_told(fake: Fake, words: str) -> None:
    assert words in told(fake, pod())


def test_volumes_of_other_drivers_are_nobody_s_business_here() -> None:
    assert told(Fake(), pod("ebs.csi.aws.com")) == ""
