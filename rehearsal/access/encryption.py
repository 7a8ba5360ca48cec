"""What lies under a customer's KMS key: who reads or writes it needs the key too, which the service uses in their name.

https://docs.aws.amazon.com/kms/latest/developerguide/services-s3.html, services-secrets-manager.html and
services-parameter-store.html; https://docs.aws.amazon.com/sns/latest/dg/sns-key-management.html and
https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-key-management.html
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from moto.s3.models import FakeBucket, FakeKey, s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sns.models import sns_backends
from moto.sqs.models import sqs_backends
from moto.ssm.models import ssm_backends

from rehearsal.wire.call import Call

READS, WRITES = ("Decrypt",), ("GenerateDataKey",)
BOTH = (*WRITES, *READS)


@dataclass(frozen=True)
class Use:
    """One key, by id, alias or ARN, that a service uses for a caller: KMS's operations, and the encryption context."""

    key: str
    operations: tuple[str, ...]
    context: Mapping[str, str]


def uses(call: Call) -> Iterator[Use]:
    """Yield the customer's keys that a call needs; AWS's own, `alias/aws/...`, are open to the whole account."""
    found = _USES.get((call.service, call.operation))
    for use in found(call) if found else ():
        if use.key and "alias/aws/" not in use.key:
            yield use


def _stored(call: Call, bucket: str, key: str, operations: tuple[str, ...] = READS) -> Iterator[Use]:
    """Yield the key of an object that is there."""
    held = _bucket(call, bucket)
    there = held.keys.get(key) if held else None
    if isinstance(there, FakeKey) and str(there.encryption).startswith("aws:kms"):
        yield Use(there.kms_key_id or "", operations, _of_object(bucket, key))


def _read(call: Call) -> Iterator[Use]:
    if call.operation == "GetObject" or call.parameters.get("ChecksumMode") == "ENABLED":
        yield from _stored(call, call.parameters["Bucket"], call.parameters["Key"])


def _written(call: Call) -> Iterator[Use]:
    """Yield the key that a request names, else the one of the bucket's default encryption."""
    given = call.parameters
    held = _bucket(call, given["Bucket"])
    default = held.encryption["Rule"]["ApplyServerSideEncryptionByDefault"] if held and held.encryption else {}
    algorithm = given.get("ServerSideEncryption") or default.get("SSEAlgorithm", "")
    key = given.get("SSEKMSKeyId") or default.get("KMSMasterKeyID") or ""
    # the parts of an upload are read again when it is completed
    operations = BOTH if call.operation == "CreateMultipartUpload" else WRITES
    if algorithm.startswith("aws:kms"):
        yield Use(key, operations, _of_object(given["Bucket"], given["Key"]))


def _copied(call: Call) -> Iterator[Use]:
    yield from _stored(call, *copy_source(call))
    yield from _written(call)


def copy_source(call: Call) -> tuple[str, str]:
    """Return bucket and key of the object that a call copies."""
    source: Any = call.parameters["CopySource"]
    if not isinstance(source, str):
        return source["Bucket"], source["Key"]
    bucket, _, key = source.removeprefix("/").partition("?")[0].partition("/")
    return bucket, key


def _bucket(call: Call, name: str) -> FakeBucket | None:
    return s3_backends[call.account]["aws"].buckets.get(name)


def _of_object(bucket: str, key: str) -> dict[str, str]:
    return {"aws:s3:arn": f"arn:aws:s3:::{bucket}/{key}"}


def _secret(call: Call) -> Iterator[Use]:
    wanted = call.parameters["SecretId"]
    found = secretsmanager_backends[call.account][call.region].secrets.get(wanted)
    if found:
        operations = READS if call.operation == "GetSecretValue" else BOTH
        key = call.parameters.get("KmsKeyId") or found.kms_key_id or ""
        yield Use(key, operations, {"secretarn": found.arn})


def _new_secret(call: Call) -> Iterator[Use]:
    yield Use(call.parameters.get("KmsKeyId") or "", BOTH, {})


def _published(call: Call) -> Iterator[Use]:
    topic = sns_backends[call.account][call.region].topics.get(call.parameters.get("TopicArn", ""))
    if topic:
        yield Use(topic.kms_master_key_id or "", BOTH, {"aws:sns:topicarn": topic.arn})


def _queued(call: Call) -> Iterator[Use]:
    name = call.parameters["QueueUrl"].rpartition("/")[2]
    queue: Any = sqs_backends[call.account][call.region].queues.get(name)
    if queue:
        operations = READS if call.operation == "ReceiveMessage" else BOTH
        yield Use(queue.kms_master_key_id or "", operations, {"aws:sqs:arn": queue.queue_arn})


def _parameters(call: Call) -> Iterator[Use]:
    given, stored = call.parameters, ssm_backends[call.account][call.region]
    for name in [given["Name"]] if "Name" in given else given.get("Names", []):
        found = stored.get_parameter(name) if given.get("WithDecryption") else None
        if found is not None and found.parameter_type == "SecureString":
            yield Use(found.keyid or "", READS, {})


def _new_parameter(call: Call) -> Iterator[Use]:
    if call.parameters.get("Type") == "SecureString":
        yield Use(call.parameters.get("KeyId") or "", ("Encrypt",), {})


_USES: dict[tuple[str, str], Callable[[Call], Iterator[Use]]] = {
    ("s3", "GetObject"): _read,
    ("s3", "HeadObject"): _read,
    ("s3", "PutObject"): _written,
    ("s3", "CreateMultipartUpload"): _written,
    ("s3", "CopyObject"): _copied,
    ("secretsmanager", "GetSecretValue"): _secret,
    ("secretsmanager", "PutSecretValue"): _secret,
    ("secretsmanager", "UpdateSecret"): _secret,
    ("secretsmanager", "CreateSecret"): _new_secret,
    ("sns", "Publish"): _published,
    ("sns", "PublishBatch"): _published,
    ("sqs", "SendMessage"): _queued,
    ("sqs", "SendMessageBatch"): _queued,
    ("sqs", "ReceiveMessage"): _queued,
    ("ssm", "GetParameter"): _parameters,
    ("ssm", "GetParameters"): _parameters,
    ("ssm", "PutParameter"): _new_parameter,
}
