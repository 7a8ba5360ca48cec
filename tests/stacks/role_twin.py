"""A role's permissions as the tests can have them: roles of pods and functions can be assumed by nobody else."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from tests.rehearsal.live.account import Account
from tests.stacks.eks_access import role

REFUSALS = ("AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "403")


def twin(account: Account, own: str, name: str) -> Callable[[str], Any]:
    """Make a role with the inline policies of another; return what makes clients that have it, some seconds later."""
    iam = account.client("iam")
    arn = role(account, name)
    for policy in iam.list_role_policies(RoleName=own)["PolicyNames"]:
        document = iam.get_role_policy(RoleName=own, PolicyName=policy)["PolicyDocument"]
        iam.put_role_policy(RoleName=name, PolicyName=policy, PolicyDocument=json.dumps(document))
    assume = partial(account.client("sts").assume_role, RoleArn=arn, RoleSessionName="test")
    account.waits(lambda: allowed(assume))
    keys = assume()["Credentials"]
    return lambda service: account.world.client(
        service, keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"]
    )


def allowed(call: Callable[..., object], **given: object) -> bool:
    """Call AWS; return whether that was allowed."""
    try:
        call(**given)
    except ClientError as error:
        if error.response["Error"]["Code"] in REFUSALS:
            return False
        raise
    return True
