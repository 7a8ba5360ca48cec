"""Roles for services, ready to use: made, allowed something, and seen by all of the rehearsal."""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta

from rehearsal.access.propagation import PROPAGATION
from rehearsal.world import World


def document(*statements: Mapping[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def service_role(world: World, name: str, service: str, actions: Sequence[str] = ()) -> str:
    """Make a role that a service may assume and that may do `actions` everywhere; return its ARN."""
    iam = world.client("iam")
    trust = {"Effect": "Allow", "Principal": {"Service": service}, "Action": "sts:AssumeRole"}
    arn = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document(trust))["Role"]["Arn"]
    if actions:
        may = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        iam.put_role_policy(RoleName=name, PolicyName="own", PolicyDocument=document(may))
    world.clock.advance(timedelta(seconds=PROPAGATION))
    return str(arn)
