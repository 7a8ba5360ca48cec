"""One mistake in a function or in its custom resource, which AWS refuses by its documentation."""

import io
import zipfile

import pytest

from tests.rehearsal.live.account import REMOVED, Account
from tests.rehearsal.live.mistakes import Mistake, refused
from tests.rehearsal.live.pieces import thing, trust

GUIDE = "https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide"
TEMPLATES = "https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference"
LAMBDA = "https://docs.aws.amazon.com/lambda/latest/dg"
IAM = "https://docs.aws.amazon.com/IAM/latest/UserGuide"
FUNCTIONS = [
    Mistake(
        thing(),
        {"Role.Properties.Policies.0.PolicyDocument.Statement.0.Action": ["ssm:DeleteParameters"]},
        ("assumed-role/live-", "is not authorized to perform: ssm:PutParameter on resource", ":parameter/live/thing"),
        f"{IAM}/troubleshoot_access-denied.html",
    ),
    Mistake(
        thing(),
        {"Role.Properties.AssumeRolePolicyDocument": trust("ec2")},
        ("Function: ", "The role defined for the function cannot be assumed by Lambda."),
        f"{LAMBDA}/troubleshooting-deployment.html",
    ),
    Mistake(
        thing(),
        {"Thing.Properties.Size": 4096},
        ("Thing: ", "Response is too long"),
        f"{GUIDE}/crpg-ref-responses.html",
    ),
    Mistake(
        thing(),
        {"Thing.Properties.Id": REMOVED},
        ("Thing: ", "Invalid PhysicalResourceId"),
        f"{GUIDE}/crpg-ref-responses.html",
    ),
    Mistake(
        thing(),
        {"Function.Properties.Handler": "index.nobody"},
        ("Thing: ", "CloudFormation did not receive a response from your Custom Resource"),
        f"{LAMBDA}/troubleshooting-invocation.html",
    ),
    Mistake(
        thing(),
        {"Function.Properties.Environment": {"Variables": {"AWS_REGION": "us-east-1"}}},
        ("Function: ", "reserved keys", "AWS_REGION"),
        f"{LAMBDA}/configuration-envvars.html",
    ),
    Mistake(
        thing(),
        {"Function.Properties.Code": {"S3Bucket": "live-code", "S3Key": "large.zip"}},
        ("Function: ", "Unzipped size must be smaller than 262144000 bytes"),
        f"{LAMBDA}/gettingstarted-limits.html",
    ),
    Mistake(
        thing(),
        {"Function.Properties.Code": {"S3Bucket": "live-code", "S3Key": "nothing.zip"}},
        ("Function: ", "NoSuchKey"),
        f"{LAMBDA}/troubleshooting-deployment.html",
    ),
]


@pytest.fixture(scope="module", autouse=True)
def _code(account: Account) -> None:
    """A bucket with a zip whose content is larger than Lambda takes."""
    storage, packed = account.client("s3"), io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("large", bytes(262144000))
    storage.create_bucket(Bucket="live-code", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    storage.put_object(Bucket="live-code", Key="large.zip", Body=packed.getvalue())


@pytest.mark.parametrize("mistake", FUNCTIONS, ids=lambda mistake: mistake.name)
def test_one_mistake_fails_and_is_named_and_the_corrected_stack_deploys(account: Account, mistake: Mistake) -> None:
    refused(account, mistake)
