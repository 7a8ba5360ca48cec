"""Dynamic references: `{{resolve:ssm:...}}` and `{{resolve:secretsmanager:...}}`, read when a resource is handled."""

import json
import re
from typing import Any, Final

from botocore.exceptions import ClientError

from rehearsal.cloudformation.credentials import Clients
from rehearsal.cloudformation.provider import Failure

REFERENCE: Final = re.compile(r"\{\{resolve:(ssm|ssm-secure|secretsmanager):([^}]+)\}\}")


def resolved(value: Any, client: Clients) -> Any:  # noqa: ANN401 - any JSON
    """Return `value` with each dynamic reference replaced by what it names; Failure where that cannot be read."""
    if isinstance(value, dict):
        return {key: resolved(item, client) for key, item in value.items()}
    if isinstance(value, list):
        return [resolved(item, client) for item in value]
    return REFERENCE.sub(lambda match: _read(match[1], match[2], client), value) if isinstance(value, str) else value


def _read(service: str, reference: str, client: Clients) -> str:
    try:
        if service == "secretsmanager":
            return _secret(reference, client)
        if service == "ssm":
            return str(client("ssm").get_parameter(Name=reference)["Parameter"]["Value"])
    except ClientError as error:
        raise Failure(f"Could not resolve {{{{resolve:{service}:{reference}}}}}: {error}") from None
    raise Failure(f"SSM Secure reference is not supported in the rehearsal: {reference}; use secretsmanager")


def _secret(reference: str, client: Clients) -> str:
    """Read `id-or-arn[:SecretString[:json-key[:version-stage[:version-id]]]]`."""
    name, _, rest = reference.partition(":SecretString")
    key, stage, version = [*rest.lstrip(":").split(":"), "", "", ""][:3]
    asked = (
        {"SecretId": name} | ({"VersionStage": stage} if stage else {}) | ({"VersionId": version} if version else {})
    )
    text = str(client("secretsmanager").get_secret_value(**asked)["SecretString"])
    if not key:
        return text
    try:
        return str(json.loads(text)[key])
    except (ValueError, KeyError, TypeError):
        raise Failure(f"Could not find a value associated with JSONKey {key} in SecretString of {name}") from None
