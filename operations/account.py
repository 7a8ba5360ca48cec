"""How AWS is reached: with the credentials that the AWS CLI would use."""

from typing import Any, Protocol

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError, ProfileNotFound

from operations.errors import OperationError


class Clients(Protocol):
    """Gives clients of AWS's services, all of one account and region."""

    def __call__(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        """Return the client of a service, by boto3's name for it."""


def clients(region: str, profile: str | None = None) -> Clients:
    """Return the clients of a region, by the usual credentials or those of a named profile; raise OperationError."""
    try:
        session = boto3.session.Session(profile_name=profile, region_name=region)
    except ProfileNotFound:
        known = ", ".join(boto3.session.Session().available_profiles) or "none"
        raise OperationError(f'there is no profile "{profile}" (there are: {known}): run `aws configure sso`') from None
    made: dict[str, Any] = {}

    def client(service: str) -> Any:  # noqa: ANN401 - see above
        if service not in made:
            made[service] = session.client(
                service, config=Config(retries={"mode": "standard", "total_max_attempts": 5})
            )
        return made[service]

    return client


def is_missing_stack(error: ClientError) -> bool:
    """Return whether CloudFormation says that there is no stack of the name."""
    return "does not exist" in error.response["Error"]["Message"]
