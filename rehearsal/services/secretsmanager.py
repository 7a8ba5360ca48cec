"""Secrets Manager: a name is not free while the secret's deletion is scheduled."""

from collections.abc import Callable

from moto.secretsmanager.models import secretsmanager_backends

from rehearsal.wire.call import Call, Refused


def refusals() -> dict[str, Callable[[Call], None]]:
    """Return the check that comes before the emulator, which calls the secret an existing one."""
    return {"secretsmanager:CreateSecret": _refuse_scheduled}


def _refuse_scheduled(call: Call) -> None:
    secrets = secretsmanager_backends[call.account][call.region].secrets
    name = call.parameters["Name"]
    if name in secrets and secrets[name].is_deleted():
        message = "You can't create this secret because a secret with this name is already scheduled for deletion."
        raise Refused("InvalidRequestException", message)
