"""What an add-on is told: one takes only the settings that its schema has."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any

import yaml

from rehearsal.services.eks.records import Record, invalid

NAMES = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer"}
UNSUPPORTED = "ConfigurationValue provided in request is not supported"
# The settings that are known to be taken, with their types; below those without keys of their own there is anything.
# Nobody has published this add-on's schema, which `aws eks describe-addon-configuration` prints. At the top are values
# of the chart that it is made of, of which others have set nodeSelector and awsRegion; in the driver's part they
# have set these three, and been refused nodeSelector:
# https://github.com/aws/secrets-store-csi-driver-provider-aws/tree/main/charts/secrets-store-csi-driver-provider-aws
# https://docs.aws.amazon.com/secretsmanager/latest/userguide/ascp-eks-installation.html
KNOWN: Mapping[str, Mapping[str, Any]] = MappingProxyType(
    {
        "aws-secrets-store-csi-driver-provider": {
            "affinity": dict,
            "awsRegion": str,
            "nodeSelector": dict,
            "podAnnotations": dict,
            "podLabels": dict,
            "priorityClassName": str,
            "resources": dict,
            "tolerations": list,
            "updateStrategy": dict,
            "secrets-store-csi-driver": {
                "enableSecretRotation": bool,
                "rotationPollInterval": str,
                "syncSecret": {"enabled": bool},
            },
        }
    }
)


def read(given: Record) -> Record:
    """Return the configuration, which is JSON or YAML; refuse what the add-on does not take."""
    try:
        settings: Any = yaml.safe_load(given.get("configurationValues") or "{}")
    except yaml.YAMLError as error:
        raise invalid(f"{UNSUPPORTED}: {error}") from error
    if not isinstance(settings, dict):
        raise invalid(f"{UNSUPPORTED}: {settings!r} is no object")
    known = KNOWN.get(given.get("addonName", ""))
    if wrong := list(_wrong(settings, known, "$") if known is not None else ()):
        raise invalid(f"{UNSUPPORTED}: Json schema validation failed with error: [{', '.join(wrong)}]")
    return settings


def _wrong(settings: Mapping[str, Any], known: Mapping[str, Any], place: str) -> Iterator[str]:
    """Yield, in EKS' words, each setting that is unknown or of another type."""
    for name, value in settings.items():
        wanted, where = known.get(name), f"{place}.{name}"
        kind = dict if isinstance(wanted, Mapping) else wanted
        if kind is None:
            yield f"{where}: is not defined in the schema and the schema does not allow additional properties"
        elif not isinstance(value, kind):
            yield f"{where}: {NAMES.get(type(value), 'null')} found, {NAMES[kind]} expected"
        elif isinstance(wanted, Mapping):
            yield from _wrong(value, wanted, where)
