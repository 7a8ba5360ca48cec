"""CloudWatch Logs: a group is encrypted only with a key that lets the service in."""

from collections.abc import Callable

from rehearsal.access.guard import Guard
from rehearsal.wire.call import Call, Refused


def refusals(guard: Guard) -> dict[str, Callable[[Call], None]]:
    """Return the checks that come before the emulator."""

    def key(call: Call) -> None:
        wanted, group = call.parameters.get("kmsKeyId"), call.parameters.get("logGroupName", "")
        if not wanted:
            return
        arn = f"arn:aws:logs:{call.region}:{call.account}:log-group:{group}"
        service, context = f"logs.{call.region}.amazonaws.com", {"kms:encryptioncontext:aws:logs:arn": (arn,)}
        if not guard.service_may(service, "kms:Encrypt", wanted, call, context):
            message = f"The specified KMS key does not exist or is not allowed to be used with Arn '{arn}'"
            raise Refused("InvalidParameterException", message)

    return {"logs:AssociateKmsKey": key, "logs:CreateLogGroup": key}
