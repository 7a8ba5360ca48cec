"""STS: who calls."""

from typing import Any

from rehearsal.wire.call import Call, Handler


def operations() -> dict[str, Handler]:
    """Return the handlers of STS; the rest is the emulator's."""
    return {"GetCallerIdentity": identity}


def identity(call: Call) -> dict[str, Any]:
    """Return who signed the call."""
    return {"UserId": call.access_key, "Account": call.account, "Arn": call.principal.arn}
