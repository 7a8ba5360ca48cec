"""The few commands of the AWS CLI that builds use; run as a program."""

import base64
import sys

import boto3


def main(arguments: list[str]) -> None:
    """Do what the command line says, or name what is not rehearsed."""
    words = [each for each in arguments if not each.startswith("--")]
    region = arguments[arguments.index("--region") + 1] if "--region" in arguments else None
    if words[:2] in (["ecr", "get-login-password"], ["ecr-public", "get-login-password"]):
        sys.stdout.write(_password(words[0], region) + "\n")
    elif words[:2] == ["s3", "cp"] and words[2].startswith("s3://"):
        _download(words[2], words[3])
    else:
        sys.exit(f"aws: the rehearsal does not know {' '.join(arguments)}")


def _password(service: str, region: str | None) -> str:
    found = boto3.client(service, region_name=region).get_authorization_token()["authorizationData"]
    token = (found if service == "ecr-public" else found[0])["authorizationToken"]
    return base64.b64decode(token).decode().partition(":")[2]


def _download(source: str, path: str) -> None:
    bucket, _, key = source.removeprefix("s3://").partition("/")
    storage = boto3.client("s3")
    storage.head_object(Bucket=bucket, Key=key)  # as the real one does
    storage.download_file(bucket, key, path)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Exception as error:  # noqa: BLE001 - a command tells its error and fails
        sys.exit(f"aws: {error}")
