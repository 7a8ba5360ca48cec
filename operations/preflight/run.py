"""All checks, one after the other."""

from collections.abc import Callable, Iterator

from botocore.exceptions import BotoCoreError, ClientError

from operations.findings import Finding, failed, warning
from operations.preflight import (
    access,
    add_ons,
    bucket_key,
    cost,
    existing_network,
    inputs,
    names,
    offers,
    quotas,
    roles,
    support,
)
from operations.preflight.question import Question

Check = Callable[[Question], Iterator[Finding]]
IN_THE_ACCOUNT: tuple[tuple[str, Check], ...] = (
    ("CDK bootstrap", access.bootstrap),
    ("stacks and names", names.names),
    (bucket_key.SUBJECT, bucket_key.bucket_key),
    ("GPU quota", quotas.gpus),
    ("vCPU quota", quotas.standard),
    ("build quota", quotas.builds),
    ("instance types", offers.offers),
    (add_ons.SUBJECT, add_ons.add_ons),
    ("existing network", existing_network.existing_network),
    ("service-linked roles", roles.roles),
    ("input", inputs.uploaded),
)
ANYWHERE: tuple[tuple[str, Check], ...] = (("EKS version", support.support), ("cost", cost.costs))


def findings(question: Question) -> list[Finding]:
    """Return what was found; without credentials only what can be told without them."""
    found = tried("credentials", access.credentials, question)
    if not failed(found):
        for subject, check in IN_THE_ACCOUNT:
            found += tried(subject, check, question)
    for subject, check in ANYWHERE:
        found += tried(subject, check, question)
    return found


def tried(subject: str, check: Check, question: Question) -> list[Finding]:
    """Return what a check finds up to where AWS refuses to tell."""
    found: list[Finding] = []
    try:
        found.extend(check(question))
    except ClientError as error:
        told = error.response["Error"]
        text = f"could not be looked at: {error.operation_name} says {told['Code']}: {told['Message']}"
        found.append(
            warning(subject, text, f"ask somebody who may call {error.operation_name}, or look in the console")
        )
    except BotoCoreError as error:
        found.append(warning(subject, f"could not be looked at: {error}", "look at the network and a proxy's settings"))
    return found
