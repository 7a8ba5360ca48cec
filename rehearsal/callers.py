"""Who an access key belongs to."""

from moto.sts.models import AssumedRole, sts_backends

from rehearsal.kubernetes.tokens import Caller as TokenCaller
from rehearsal.wire.call import Principal, Refused
from rehearsal.wire.scope import Scope
from rehearsal.world import ADMIN_KEY, ADMIN_SECRET, World


class Callers:
    """The administrator, and every session that AssumeRole has handed out."""

    def __init__(self, world: World) -> None:
        self._account = world.account
        self._admin = Principal(f"arn:aws:iam::{world.account}:user/admin")
        self._sessions: dict[str, AssumedRole] = {}

    def principal(self, scope: Scope) -> Principal:
        """Return who signed; an unknown key, or a session without its own token, is refused as AWS refuses it."""
        if scope.access_key == ADMIN_KEY:
            return self._admin
        session = self._sessions.get(scope.access_key) or self._find(scope.access_key)
        if session is None or session.session_token != scope.token:
            raise _unknown_key(scope.service)
        return Principal(session.arn, session.role_arn.rsplit("/", 1)[-1])

    def of_token(self, access_key: str, token: str | None) -> TokenCaller | None:
        """Return the owner of a key as the review of a cluster's tokens wants it, None for nobody's."""
        if access_key == ADMIN_KEY:
            return TokenCaller(self._admin.arn, self._admin.arn, ADMIN_SECRET)
        session = self._sessions.get(access_key) or self._find(access_key)
        if session is None or session.session_token != token:
            return None
        return TokenCaller(session.arn, session.role_arn, session.secret_access_key)

    def _find(self, access_key: str) -> AssumedRole | None:
        self._sessions = {
            session.access_key_id: session for session in sts_backends[self._account]["aws"].assumed_roles
        }
        return self._sessions.get(access_key)


def _unknown_key(service: str) -> Refused:
    if service == "s3":
        return Refused("InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records.", 403)
    code = (
        "InvalidClientTokenId"
        if service in ("sts", "iam", "cloudformation", "sns", "ec2")
        else "UnrecognizedClientException"
    )
    return Refused(code, "The security token included in the request is invalid.", 403)
