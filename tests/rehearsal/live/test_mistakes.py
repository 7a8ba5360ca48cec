"""One mistake in a policy, a state machine or a network, which AWS refuses by its documentation."""

import pytest

from tests.rehearsal.live.account import Account
from tests.rehearsal.live.mistakes import Mistake, refused
from tests.rehearsal.live.pieces import ACCOUNT, REGION, allow, arn, document, network, ref, resource, role, trust

TEMPLATES = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference"
IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide"
EC2 = "https://docs.aws.amazon.com/vpc/latest/userguide"
MACHINE = {
    "Role": role("states", allow("lambda:InvokeFunction")),
    "Machine": resource(
        "StepFunctions::StateMachine",
        {"RoleArn": arn("Role"), "Definition": {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}},
    ),
}
MESSAGES = {
    "Queue": resource("SQS::Queue"),
    "Topic": resource("SNS::Topic"),
    "Open": resource(
        "SNS::TopicPolicy",
        {
            "Topics": [ref("Topic")],
            "PolicyDocument": document(
                {**allow("sns:Publish", on=ref("Topic")), "Principal": {"Service": "s3.amazonaws.com"}}
            ),
        },
    ),
    "Opened": resource(
        "SQS::QueuePolicy",
        {
            "Queues": [ref("Queue")],
            "PolicyDocument": document(
                {**allow("sqs:SendMessage", on=arn("Queue")), "Principal": {"Service": "sns.amazonaws.com"}}
            ),
        },
    ),
}
KEY = {
    "Key": resource(
        "KMS::Key",
        {
            "KeyPolicy": document(
                {**allow("kms:*"), "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}},
                {
                    **allow("kms:Encrypt*", "kms:Decrypt*", "kms:GenerateDataKey*", "kms:Describe*"),
                    "Principal": {"Service": f"logs.{REGION}.amazonaws.com"},
                },
            ),
            "PendingWindowInDays": 7,
        },
    ),
    "Log": resource("Logs::LogGroup", {"KmsKeyId": arn("Key")}),
}
WORKER = f"arn:aws:iam::{ACCOUNT}:role/live-worker"
NOBODY = f"arn:aws:iam::{ACCOUNT}:role/live-nobody"
NAMED = {
    "Worker": role("lambda", RoleName="live-worker"),
    "Trusting": resource(
        "IAM::Role",
        {
            "AssumeRolePolicyDocument": document(
                {"Effect": "Allow", "Principal": {"AWS": WORKER}, "Action": "sts:AssumeRole"}
            )
        },
        "Worker",
    ),
    "Bucket": resource("S3::Bucket"),
    "Shared": resource(
        "S3::BucketPolicy",
        {
            "Bucket": ref("Bucket"),
            "PolicyDocument": document(
                {
                    **allow("s3:GetObject", on={"Fn::Sub": "${Bucket.Arn}/*"}),
                    "Principal": {"AWS": WORKER},
                }
            ),
        },
        "Worker",
    ),
}
MANY = [f"arn:aws:s3:::live-bucket-{number:04}/*" for number in range(400)]
STRANGERS = [
    Mistake(
        NAMED,
        {"Trusting.Properties.AssumeRolePolicyDocument.Statement.0.Principal.AWS": NOBODY},
        ("Trusting: ", "MalformedPolicyDocument", f'Invalid principal in policy: "AWS":"{NOBODY}"'),
        f"{IAM}/troubleshoot_policies.html",
    ),
    Mistake(
        NAMED,
        {"Worker.Properties.AssumeRolePolicyDocument.Statement.0.Principal.Service": ["lamda.amazonaws.com"]},
        ("Worker: ", "MalformedPolicyDocument", 'Invalid principal in policy: "SERVICE":"lamda.amazonaws.com"'),
        f"{IAM}/troubleshoot_policies.html",
    ),
    Mistake(
        NAMED,
        {"Trusting.DependsOn": [], "Worker.DependsOn": ["Trusting"]},
        ("Trusting: ", "Invalid principal in policy"),
        f"{IAM}/troubleshoot_policies.html",
    ),
    Mistake(
        NAMED,
        {"Shared.Properties.PolicyDocument.Statement.0.Principal.AWS": NOBODY},
        ("Shared: ", "MalformedPolicy", "Invalid principal in policy"),
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-bucket-user-policy-specifying-principal-intro.html",
    ),
    Mistake(
        NAMED,
        {"Shared.Properties.PolicyDocument.Statement.0.Principal": "*"},
        ("Shared: ", "AccessDenied", "BlockPublicPolicy"),
        "https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-control-block-public-access.html",
    ),
    Mistake(
        KEY,
        {"Key.Properties.KeyPolicy.Statement.1.Principal": {"AWS": NOBODY}},
        ("Key: ", "Policy contains a statement with one or more invalid principals"),
        "https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-overview.html",
    ),
    Mistake(
        MESSAGES,
        {"Open.Properties.PolicyDocument.Statement.0.Principal": {"AWS": NOBODY}},
        ("Open: ", "PrincipalNotFound"),
        "https://docs.aws.amazon.com/sns/latest/api/API_SetTopicAttributes.html",
    ),
    Mistake(
        {"Role": role("lambda", allow("s3:GetObject"))},
        {"Role.Properties.Policies.0.PolicyDocument.Statement.0.Resource": MANY},
        ("Role: ", "LimitExceeded", "Maximum policy size of 10240 bytes exceeded for role"),
        f"{IAM}/reference_iam-quotas.html",
    ),
]
POLICIES = [
    Mistake(
        {"Role": role("lambda", allow("s3:GetObject"))},
        {"Role.Properties.Policies.0.PolicyDocument.Statement.0.Resource": "bucket/key"},
        ("Role: ", "MalformedPolicyDocument", "bucket/key"),
        f"{IAM}/reference_policies_elements_resource.html",
    ),
    Mistake(
        {"Role": role("lambda", ManagedPolicyArns=["arn:aws:iam::aws:policy/AmazonS3ReadOnlyAccess"])},
        {"Role.Properties.ManagedPolicyArns.0": "arn:aws:iam::aws:policy/AmazonNothingAccess"},
        ("Role: ", "AmazonNothingAccess", "does not exist"),
        "https://docs.aws.amazon.com/IAM/latest/APIReference/API_AttachRolePolicy.html",
    ),
    Mistake(
        MACHINE,
        {"Role.Properties.AssumeRolePolicyDocument": trust("lambda")},
        ("Machine: ", "states.amazonaws.com", "authorized to assume the provided role"),
        "https://docs.aws.amazon.com/step-functions/latest/dg/procedure-create-iam-role.html",
    ),
    Mistake(
        MACHINE,
        {"Machine.Properties.Definition.StartAt": "B"},
        ("Machine: ", "InvalidDefinition", "B"),
        "https://docs.aws.amazon.com/step-functions/latest/apireference/API_CreateStateMachine.html",
    ),
    Mistake(
        MESSAGES,
        {"Open.Properties.PolicyDocument.Statement.0.Action": ["sqs:SendMessage"]},
        ("Open: ", "Policy statement action out of service scope"),
        "https://docs.aws.amazon.com/sns/latest/dg/sns-access-policy-language-api-permissions-reference.html",
    ),
    Mistake(
        MESSAGES,
        {"Opened.Properties.PolicyDocument.Statement.0.Action": ["sns:Publish"]},
        ("Opened: ", "Policy"),
        "https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html",
    ),
    Mistake(
        KEY,
        {"Key.Properties.KeyPolicy.Statement.0.Principal": {"Service": "eks.amazonaws.com"}},
        ("Key: ", "The new key policy will not allow you to update the key policy in the future"),
        "https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html",
    ),
    Mistake(
        KEY,
        {"Key.Properties.KeyPolicy.Statement.1.Principal": {"Service": "logs.eu-west-1.amazonaws.com"}},
        ("Log: ", "The specified KMS key does not exist or is not allowed to be used with Arn"),
        "https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html",
    ),
]

NETWORKS = [
    Mistake(
        network(),
        {"SubnetB.Properties.CidrBlock": "10.9.0.128/25"},
        ("InvalidSubnet.Conflict", "10.9.0"),
        f"{EC2}/subnet-sizing.html",
    ),
    Mistake(
        network(),
        {"SubnetB.Properties.CidrBlock": "10.10.0.0/24"},
        ("InvalidSubnet.Range", "10.10.0.0/24"),
        f"{EC2}/subnet-sizing.html",
    ),
    Mistake(
        network(),
        {"Out.DependsOn": [], "Attachment.DependsOn": ["Out"]},
        ("Out: ", "belong to different networks"),
        f"{TEMPLATES}/aws-attribute-dependson.html",
    ),
]


@pytest.mark.parametrize("mistake", [*STRANGERS, *POLICIES, *NETWORKS], ids=lambda mistake: mistake.name)
def test_one_mistake_fails_and_is_named_and_the_corrected_stack_deploys(account: Account, mistake: Mistake) -> None:
    refused(account, mistake)
