"""Who asks, where, and whether the CDK has been there before."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError, CredentialRetrievalError, NoCredentialsError, TokenRetrievalError

from operations.findings import Finding, ok, problem
from operations.preflight.question import Question

BOOTSTRAP = 6  # the least version that stacks of the pinned CDK can be deployed with
PARAMETER = "/cdk-bootstrap/hnb659fds/version"
CDK = 'PATH=".venv/bin:$PATH" node_modules/.bin/cdk'  # as the Makefile calls it
LOG_IN = "log in (`aws sso login`, or set AWS_PROFILE), then see `aws sts get-caller-identity`"
UNKNOWN_KEYS = (
    *("AuthFailure", "ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "InvalidToken"),
    *("SignatureDoesNotMatch", "UnrecognizedClientException"),
)


def credentials(question: Question) -> Iterator[Finding]:
    """Yield whose credentials these are, or why they are of no use."""
    subject = "credentials"
    try:
        caller = question.client("sts").get_caller_identity()
    except (NoCredentialsError, CredentialRetrievalError, TokenRetrievalError) as error:
        yield problem(subject, f"there are none that can be used: {error}", LOG_IN)
        return
    except ClientError as error:
        if error.response["Error"]["Code"] not in UNKNOWN_KEYS:
            raise
        text = f"{question.region} does not accept them ({error.response['Error']['Code']})"
        fix = f"{LOG_IN}; if that works in another region, {question.region} is not enabled in this account"
        yield problem(subject, text, f"{fix}: `aws account enable-region --region-name {question.region}`")
        return
    yield _account(question, caller)


def _account(question: Question, caller: dict[str, Any]) -> Finding:
    wanted, account = question.blueprint.account, caller["Account"]
    if wanted and wanted != account:
        text = f"{caller['Arn']} is of account {account}, and the blueprint is for {wanted}"
        return problem("credentials", text, f"take credentials of {wanted}, or change `account` in the blueprint")
    return ok("credentials", f"{caller['Arn']}, account {account}, region {question.region}")


def bootstrap(question: Question) -> Iterator[Finding]:
    """Yield whether the CDK's own stack is there, and new enough."""
    ssm, subject = question.client("ssm"), "CDK bootstrap"
    account = question.client("sts").get_caller_identity()["Account"]
    command = f"`{CDK} bootstrap aws://{account}/{question.region}`, once for each account and region"
    try:
        version = ssm.get_parameter(Name=PARAMETER)["Parameter"]["Value"]
    except ssm.exceptions.ParameterNotFound:
        yield problem(subject, f"{question.region} of this account is not bootstrapped", f"run {command}")
        return
    if int(version) < BOOTSTRAP:
        yield problem(subject, f"version {version} is too old, {BOOTSTRAP} or newer is needed", f"run {command}")
    else:
        yield ok(subject, f"version {version}")
