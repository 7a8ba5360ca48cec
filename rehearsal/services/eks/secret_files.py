"""Volumes of the Secrets Store CSI driver: a pod starts once its secrets can be read as what the pod is.

https://github.com/aws/secrets-store-csi-driver-provider-aws
"""

from collections.abc import Iterator
from typing import Any

import yaml
from botocore.exceptions import BotoCoreError, ClientError

from rehearsal.kubernetes.pod_status import Trouble
from rehearsal.services.eks.pod_credentials import PodCredentials
from rehearsal.services.eks.records import Record

DRIVER, PROVIDER = "secrets-store.csi.k8s.io", "aws"
CLASSES = "/apis/secrets-store.csi.x-k8s.io/v1/namespaces/{}/secretproviderclasses/{}"
# What the names of the pods begin with that must run on the node
RUNNING = ("secrets-store-csi-driver", "aws-secrets-store-csi-driver-provider")


def trouble(credentials: PodCredentials, pod: Record) -> Trouble | None:
    """Return what keeps the files of a pod's secrets from being there, in kubelet's words."""
    for volume in pod["spec"].get("volumes", []):
        if volume.get("csi", {}).get("driver") == DRIVER:
            problem = next(_problems(credentials, pod, volume["csi"]), None)
            if problem:
                text = f'MountVolume.SetUp failed for volume "{volume["name"]}" : {problem}'
                return Trouble("ContainerCreating", text)
    return None


def _problems(credentials: PodCredentials, pod: Record, csi: Record) -> Iterator[str]:
    name, namespace = csi.get("volumeAttributes", {}).get("secretProviderClass", ""), pod["metadata"]["namespace"]
    for prefix in RUNNING:
        if not credentials.runs_beside(pod, prefix):
            yield f"driver name {DRIVER} not found: no pod of {prefix} runs on the node"
    found = credentials.get(CLASSES.format(namespace, name))
    if found is None:
        yield f'failed to get secretproviderclass {namespace}/{name}, error: "{name}" not found'
        return
    spec = found["spec"]
    if spec.get("provider") != PROVIDER:
        yield f"provider not found: provider {spec.get('provider')!r}"
    yield from _of_provider(credentials, pod, spec.get("parameters", {}))


def _of_provider(credentials: PodCredentials, pod: Record, parameters: dict[str, Any]) -> Iterator[str]:
    if parameters.get("usePodIdentity") != "true":
        yield "an IAM role must be associated with service account: the rehearsal has no IRSA, set usePodIdentity"
    wanted = yaml.safe_load(parameters.get("objects", "")) or []
    if not wanted:
        yield "objects of the SecretProviderClass names no secret"
    for each in wanted:
        try:
            credentials.client(pod, "secretsmanager").get_secret_value(SecretId=each["objectName"])
        except (BotoCoreError, ClientError) as error:
            yield f"failed to mount secrets store objects: Failed to fetch secret {each['objectName']}: {error}"
