"""What exists: every resource of every kind that the services hold, besides what AWS brings to a new account."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from moto.awslambda.models import LayerStorage, lambda_backends
from moto.core.base_backend import BackendDict
from moto.ec2.models import ec2_backends
from moto.ec2.models.instances import Reservation
from moto.events.models import events_backends
from moto.iam.models import iam_backends
from moto.kms.models import kms_backends
from moto.logs.models import logs_backends
from moto.s3.models import s3_backends

from rehearsal.access.identities import roles
from rehearsal.access.service_linked import PATH
from rehearsal.world import World

ENDED = ("deleted", "deleting", "terminated", "PendingDeletion")  # still in sight, no longer a resource
# Records that are no resources of their own: sessions, keys of sessions, measurements, the templates of inner use.
NOT_RESOURCES = {
    *("AccessKey", "AccessKeyLastUsed", "AssumedRole", "MetricDatum", "LambdaPermission", "Route", "SecurityGroupRule"),
    *("LogStream", "CloudWatchMetricProvider"),
}
SERVICE_LINKED = f":role{PATH}"  # of AWS's services: whoever has one made by a stack leaves it to all who need it
WHY_LINKED = "a service-linked role: one for the account, which other users of the service need"
WHY_OF_AWS = "AWS's own key of a service, made when it was first needed; it costs nothing and nobody can delete it"
NAMES = ("arn", "id", "name", "resource_id", "association_id")


class Inventory:
    """Lists what exists as `service kind id`; what is there when it is made counts as AWS's own."""

    def __init__(self, world: World, own: Mapping[str, Callable[[], Iterable[str]]]) -> None:
        self._world, self._own = world, own
        for backends in (ec2_backends, events_backends):
            backends[world.account][world.region]  # filled with AWS's defaults by being asked for
        iam_backends[world.account]["aws"]
        self._defaults = frozenset(self._emulated())

    def resources(self) -> list[str]:
        """Return what exists now and did not at the start, sorted."""
        own = {f"{kind} {name}" for kind, names in self._own.items() for name in names()}
        return sorted((set(self._emulated()) - self._defaults - self._keys_of_aws) | own | set(self._stacks()))

    def stays(self) -> list[tuple[str, str]]:
        """Return what nobody can delete, or need not, with the reason."""
        kms, known = kms_backends[self._world.account][self._world.region], roles(self._world.account)
        linked = [(f"iam Role {role.arn}", WHY_LINKED) for role in known if SERVICE_LINKED in role.arn]
        pending = [key for key in list(kms.keys.values()) if key.key_state == "PendingDeletion"]
        ending = [(f"kms Key {key.arn}", f"AWS deletes it on {key.deletion_date:%F}") for key in pending]
        return sorted([*linked, *ending, *((name, WHY_OF_AWS) for name in self._keys_of_aws)])

    @property
    def _keys_of_aws(self) -> set[str]:
        """The keys named `alias/aws/...`, and these names: https://docs.aws.amazon.com/kms/latest/developerguide/concepts.html."""
        kms = kms_backends[self._world.account][self._world.region]
        own = [each for each in kms.list_aliases() if each.alias_name.startswith("alias/aws/")]
        keys = {f"kms Key {kms.keys[each.target_key_id].arn}" for each in own}
        return keys | {f"kms Alias {each.alias_arn}" for each in own}

    @cached_property
    def _cloudformation(self) -> Any:  # noqa: ANN401 - boto3 makes its classes at run time
        return self._world.client("cloudformation")  # made when it is first asked, for the port may be open only then

    def _stacks(self) -> Iterator[str]:
        """Yield the stacks that are not deleted: one that was rolled back keeps its name until it is deleted."""
        pages = self._cloudformation.get_paginator("list_stacks").paginate()
        for stack in (each for page in pages for each in page["StackSummaries"]):
            if stack["StackStatus"] != "DELETE_COMPLETE":
                yield f"cloudformation Stack {stack['StackName']}"

    def _emulated(self) -> Iterator[str]:
        for backends in list(BackendDict._instances):  # noqa: SLF001 - moto has no other list
            for backend in list(backends.get(self._world.account, {}).values()):
                for value in list(vars(backend).values()):
                    for key, record in _records(value):
                        if (name := _name(key, record)) and SERVICE_LINKED not in name:
                            yield f"{backends.service_name} {type(record).__name__.removeprefix('Fake')} {name}"
        yield from self._nested()

    def _nested(self) -> Iterator[str]:
        """Yield what the emulator keeps within records of another kind, or in stores that are none."""
        account, region = self._world.account, self._world.region
        yield from _layers(lambda_backends[account][region]._layers)  # noqa: SLF001 - nothing else tells all versions
        for alias in kms_backends[account][region].list_aliases():
            yield f"kms Alias {alias.alias_arn}"
        for each in logs_backends[account][region].filters.metric_filters:
            yield f"logs MetricFilter {each['logGroupName']}/{each['filterName']}"
        for bucket in list(s3_backends[account]["aws"].buckets.values()):
            for upload in list(bucket.multiparts.values()):
                yield f"s3 MultipartUpload {bucket.name}/{upload.key_name} {upload.id}"


def _layers(store: LayerStorage) -> Iterator[str]:
    for layer in store.list_layers():
        for version in store.get_layer_versions(str(layer["LayerName"])):
            yield f"lambda LayerVersion {version.arn}"


def _records(value: Any, key: str | None = None, depth: int = 0) -> Iterator[tuple[str | None, Any]]:  # noqa: ANN401 - moto's
    """Yield the moto records in a backend's dictionaries and lists, which nest by account, VPC or zone."""
    if isinstance(value, dict) and depth < 3:  # noqa: PLR2004 - nothing lies deeper
        for name, inner in list(value.items()):
            yield from _records(inner, str(name), depth + 1)
    elif isinstance(value, list | Reservation):
        for inner in list(value.instances if isinstance(value, Reservation) else value):
            yield from _records(inner, None, depth + 1)
    elif type(value).__module__.startswith("moto.") and not _no_resource(type(value).__name__) and not _ended(value):
        yield key, value


def _no_resource(kind: str) -> bool:
    return kind in NOT_RESOURCES or kind.endswith("Backend")


def _ended(record: Any) -> bool:  # noqa: ANN401 - moto's
    inner = getattr(record, "_state", None)
    states = [getattr(record, name, None) for name in ("state", "status", "key_state")] + [getattr(inner, "name", None)]
    return any(state in ENDED for state in states if isinstance(state, str))


def _name(key: str | None, record: Any) -> str | None:  # noqa: ANN401 - moto's
    names = [getattr(record, name, None) for name in NAMES]
    return next((name for name in names if isinstance(name, str) and name), key)
