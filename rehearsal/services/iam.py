"""IAM: roles of AWS's own services, under their real names and each once."""

import json
from typing import Any

from moto.iam.models import iam_backends

from rehearsal.access.identities import role as role_of
from rehearsal.access.service_linked import PATH, role_name
from rehearsal.wire.call import Call, Handler, Refused


def operations() -> dict[str, Handler]:
    """Return the handlers of IAM; the rest is the emulator's."""
    return {"CreateServiceLinkedRole": create_service_linked_role}


def create_service_linked_role(call: Call) -> dict[str, Any]:
    """Make the role of a service, or refuse with AWS's own words where the account has it."""
    service = call.parameters["AWSServiceName"]
    name, backend = role_name(service), iam_backends[call.account]["aws"]
    if role_of(call.account, name):
        text = f"Service role name {name} has been taken in this account, please try a different suffix."
        raise Refused("InvalidInput", text)
    statement = {"Effect": "Allow", "Principal": {"Service": [service]}, "Action": ["sts:AssumeRole"]}
    trust = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    role = backend.create_role(name, trust, f"{PATH}{service}/", None, "", [], "3600", linked_service=service)
    return {
        "Role": {
            "Path": role.path,
            "RoleName": role.name,
            "RoleId": role.id,
            "Arn": role.arn,
            "CreateDate": role.create_date,
            "AssumeRolePolicyDocument": trust,
        }
    }
