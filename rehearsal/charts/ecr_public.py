"""Amazon ECR Public, as far as whoever pulls a chart from it asks: for a password."""

import base64
from datetime import timedelta
from typing import Any

from rehearsal.wire.call import Call, Handler, Refused
from rehearsal.world import World

HOME = "us-east-1"  # https://docs.aws.amazon.com/AmazonECR/latest/public/public-registry-auth.html
VALID = timedelta(hours=12)


def operations(world: World) -> dict[str, Handler]:
    """Return the handlers of ECR Public; nothing else of it is rehearsed."""

    def authorize(call: Call) -> dict[str, Any]:
        if call.region != HOME:
            reason = f"ECR Public answers in {HOME} only, not in {call.region}; add `--region {HOME}`"
            raise Refused("UnsupportedCommandException", reason)
        token = base64.b64encode(f"AWS:{call.request_id}".encode()).decode()
        return {"authorizationData": {"authorizationToken": token, "expiresAt": world.clock.now() + VALID}}

    return {"GetAuthorizationToken": authorize}
