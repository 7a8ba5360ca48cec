"""Makes a role and becomes it in the same breath, and then until it may."""

import json
import time
from typing import Any

import boto3

PATIENCE = 20.0  # seconds


def handler(event: dict[str, Any], _context: object) -> dict[str, list[str]]:
    """Return what came of each attempt: `trust` for a role that cannot be assumed yet, `policy`, then `done`."""
    iam, end = boto3.client("iam"), time.monotonic() + PATIENCE
    statement = {"Effect": "Allow", "Action": "sts:AssumeRole"}
    trust = {"Version": "2012-10-17", "Statement": [statement | {"Principal": {"AWS": event["me"]}}]}
    may = {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "s3:ListAllMyBuckets", "Resource": "*"}],
    }
    made = iam.create_role(RoleName=event["name"], AssumeRolePolicyDocument=json.dumps(trust))["Role"]["Arn"]
    iam.put_role_policy(RoleName=event["name"], PolicyName="own", PolicyDocument=json.dumps(may))
    attempts = [_attempt(made)]
    while attempts[-1] != "done" and time.monotonic() < end:
        time.sleep(0.2)
        attempts.append(_attempt(made))
    iam.delete_role_policy(RoleName=event["name"], PolicyName="own")
    iam.delete_role(RoleName=event["name"])
    return {"attempts": attempts}


def _attempt(role: str) -> str:
    sts = boto3.client("sts")
    try:
        given = sts.assume_role(RoleArn=role, RoleSessionName="hurried")["Credentials"]
    except sts.exceptions.ClientError:
        return "trust"
    session = boto3.Session(given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
    storage = session.client("s3")
    try:
        storage.list_buckets()
    except storage.exceptions.ClientError:
        return "policy"
    return "done"
