"""The temporary credentials that a function gets from its role."""

from moto.sts.models import sts_backends

from rehearsal.world import World

_VALID_FOR = 43200  # seconds


def session_keys(world: World, role_arn: str, session: str) -> tuple[str, str, str]:
    """Return key id, secret and token of a new session of the role, which Lambda itself has assumed."""
    made = sts_backends[world.account]["aws"].assume_role(
        region_name=world.region,
        role_session_name=session,
        role_arn=role_arn,
        policy="",
        duration=_VALID_FOR,
        external_id="",
    )
    return made.access_key_id, made.secret_access_key, made.session_token
