"""What an error of CloudWatch means: send again, look for the bad datum, or wait for somebody."""

from __future__ import annotations

from http import HTTPStatus

from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
    TokenRetrievalError,
)

THROTTLED = {"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottled", "RequestThrottledException"}
THROTTLED |= {"RequestLimitExceeded", "TooManyRequestsException", "LimitExceeded", "LimitExceededException", "SlowDown"}
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/CommonErrors.html
CREDENTIALS = {"ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId", "UnrecognizedClientException"}
CREDENTIALS |= {"InvalidAccessKeyId", "SignatureDoesNotMatch", "InvalidSignatureException", "RequestExpired"}
CREDENTIALS |= {"IncompleteSignature", "MissingAuthenticationToken", "OptInRequired", "NotAuthorized"}
CREDENTIALS |= {"AccessDenied", "AccessDeniedException", "MissingAuthenticationTokenException", "AuthFailure"}
NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError, TokenRetrievalError)
TOO_LARGE = HTTPStatus.REQUEST_ENTITY_TOO_LARGE


def meaning(error: Exception) -> str:
    """Return `throttled`, `credentials`, `permanent` (this request will never pass), or `again`."""
    if isinstance(error, ParamValidationError):
        return "permanent"
    if isinstance(error, NO_CREDENTIALS):
        return "credentials"
    if not isinstance(error, ClientError):
        return "again"
    code, status = code_of(error), error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if code in THROTTLED or status == HTTPStatus.TOO_MANY_REQUESTS:
        return "throttled"
    if code in CREDENTIALS or status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return "credentials"
    return "permanent" if status in (HTTPStatus.BAD_REQUEST, TOO_LARGE) else "again"


def code_of(error: Exception) -> str:
    """Return the code of an error, or its class where it has none."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "")).rpartition("#")[2]
    return type(error).__name__
