"""The Kubernetes API of a rehearsed cluster as an IAM role sees it."""

import base64
import json
from pathlib import Path

import botocore.session
from botocore.signers import RequestSigner

from rehearsal.kubernetes.api import Api
from tests.rehearsal.live.account import Account

URL = "https://sts.us-west-2.amazonaws.com/?Action=GetCallerIdentity&Version=2011-06-15"


def role(account: Account, name: str) -> str:
    """Make a role that the account's administrator may assume; return its ARN."""
    principal = {"AWS": f"arn:aws:iam::{account.world.account}:root"}
    trust = {"Statement": [{"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}]}
    document = json.dumps({"Version": "2012-10-17", **trust})
    return str(account.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"])


def api(account: Account, cluster: str, role_arn: str, folder: Path) -> Api:
    """Return the cluster's API with a token of the role, made as `aws eks get-token` makes it."""
    keys = account.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="test")["Credentials"]
    session = botocore.session.get_session()
    session.set_credentials(keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"])
    model, region = session.get_service_model("sts"), account.world.region
    signer = RequestSigner(
        model.service_id, region, "sts", "v4", session.get_credentials(), session.get_component("event_emitter")
    )
    request = {"method": "GET", "url": URL, "body": {}, "headers": {"x-k8s-aws-id": cluster}, "context": {}}
    signed = signer.generate_presigned_url(request, region_name=region, expires_in=60, operation_name="")
    token = "k8s-aws-v1." + base64.urlsafe_b64encode(signed.encode()).decode().rstrip("=")
    found = account.client("eks").describe_cluster(name=cluster)["cluster"]
    authority = folder / f"{cluster}.pem"
    authority.write_bytes(base64.b64decode(found["certificateAuthority"]["data"]))
    return Api(found["endpoint"], authority, token)
