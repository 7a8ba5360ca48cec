"""Carries a kind through its life: create, update, delete, each until the service says it is done."""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Any

import jmespath
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.model import Shape
from moto.ec2.models import ec2_backends

from rehearsal.cloudformation.provider import Failure, Request, Resource
from rehearsal.resources.fit import fit, member
from rehearsal.resources.kind import Ask, Context, Kind, Part, Ready, resolve

GONE = re.compile(r"NotFound|NoSuch|NonExistent|DoesNotExist|NotAttached|^404$")


class Lifecycle:
    """The provider of one kind."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind

    def create(self, request: Request) -> Resource:
        """Make the resource with all its parts and wait until it is ready; half of one is removed again."""
        kind, client = self.kind, request.client(self.kind.service)
        given = self._given(request)
        taken = self._taken(client, kind.create, given)
        self._refuse_unknown(request, given, taken)
        context = self._context(request, given)
        output = ask(client, self._tagged_create(), {**context, **self._specified_tags(given)}, given)
        context |= {name: jmespath.search(path, {**given, **context, **output}) for name, path in kind.key.items()}
        physical_id = kind.separator.join(str(context[name]) for name in kind.key)
        try:
            self._finish(request, client, context, given.keys() - taken)
        except Exception:
            with suppress(Exception):
                self.delete(replace(request, physical_id=physical_id))
            raise
        return self._resource(client, context, physical_id)

    def update(self, request: Request) -> Resource:
        """Change what differs, by the operations that take it."""
        kind, client = self.kind, request.client(self.kind.service)
        new, old = self._given(request), {**request.old_properties}
        context = {**self._known(request, client, new), "Old": old}
        names = request.properties.keys() | old.keys()
        left = {name for name in names if request.properties.get(name) != old.get(name)} - {*kind.ignored, "Tags"}
        self._tag(request, client, context)
        for step in kind.updates:
            names = self._taken(client, step, dict.fromkeys(left)) & left
            if names:
                sent = (names if step.only_changed else new.keys()) - {"Tags"}
                ask(client, step, context, {name: new[name] for name in sent & new.keys()})
                self._wait(request, client, context, kind.ready)
                left -= names
        for name in sorted(left & kind.parts.keys()):
            self._part(client, kind.parts[name], context, new.get(name), old.get(name))
        if left - kind.parts.keys():
            raise Failure(f"The rehearsal cannot update {', '.join(sorted(left))} of {request.type}")
        return self._resource(client, context, request.physical_id or "")

    def delete(self, request: Request) -> None:
        """Remove the resource, first what deletion undoes; one that is gone is no error."""
        kind, client = self.kind, request.client(self.kind.service)
        with suppress_gone():
            context = self._known(request, client, request.properties)
            undone = [(part.remove, name) for name, part in kind.parts.items() if part.undo and part.remove]
            for step, item in [(step, item) for step, name in undone for item in request.properties.get(name, [])]:
                with suppress_gone():  # each by itself, so that one that is gone does not end the deletion
                    ask(client, step, {**context, "Item": item}, {})
            if kind.delete and not self._is_gone(client, context):
                ask(client, kind.delete, context, {})
            self._wait(request, client, context, kind.gone)

    def _is_gone(self, client: Any, context: Context) -> bool:  # noqa: ANN401 - boto3
        """Return whether what stays in sight is gone, which is no error where the deletion had been given up.

        https://docs.aws.amazon.com/cloudformation-cli/latest/userguide/resource-type-test-contract.html
        """
        gone, describe = self.kind.gone, self.kind.describe
        if gone is None or describe is None or not gone.good:
            return False
        return jmespath.search(gone.path, ask(client, describe, context, {})) in gone.good

    def _given(self, request: Request) -> dict[str, Any]:
        """Return the properties with the stack's tags among them and a name where the type needs one."""
        given = {name: value for name, value in request.properties.items() if value is not None}
        name = self.kind.name
        if name and name.property not in given and request.physical_id is None:
            given[name.property] = generated(request, name)
        tags = {**request.tags, **_as_mapping(given.get("Tags"))}
        tags = {key: value for key, value in tags.items() if not key.startswith("aws:")}
        return {**given, "Tags": tags} if tags else {name: value for name, value in given.items() if name != "Tags"}

    def _refuse_unknown(self, request: Request, given: Mapping[str, Any], taken: set[str]) -> None:
        kind = self.kind
        known = taken | kind.parts.keys() | {*kind.ignored}
        if kind.tagging or kind.tag_as or "Tags" not in request.properties:
            known.add("Tags")
        if unknown := sorted(given.keys() - known):
            raise Failure(
                f"The rehearsal does not know {', '.join(unknown)} of {request.type}: see rehearsal/resources"
            )

    def _taken(self, client: Any, step: Ask, given: Mapping[str, Any]) -> set[str]:  # noqa: ANN401 - boto3
        names = step.names() & given.keys()
        if step.takes_all:
            names |= {name for name in given if member(_input(client, step.operation), name)}
        return names | ({"Tags"} if self.kind.tag_as else set())

    def _context(self, request: Request, given: Mapping[str, Any]) -> Context:
        account = request.stack_id.split(":")[4]
        return {**given, "Region": request.client(self.kind.service).meta.region_name, "Account": account}

    def _known(self, request: Request, client: Any, properties: Mapping[str, Any]) -> Context:  # noqa: ANN401 - boto3
        """Return properties, key and attributes of a resource that exists."""
        names = list(self.kind.key)
        parts = (
            [request.physical_id or ""] if len(names) == 1 else (request.physical_id or "").split(self.kind.separator)
        )
        context = {**self._context(request, properties), **dict(zip(names, parts, strict=True))}
        return {**context, **self._attributes(client, context)}

    def _tagged_create(self) -> Ask:
        create = self.kind.create
        if self.kind.tag_as is None:
            return create
        return replace(create, parameters={**create.parameters, "TagSpecifications": "$TagSpecifications"})

    def _specified_tags(self, given: Mapping[str, Any]) -> Context:
        if self.kind.tag_as is None or "Tags" not in given:
            return {}
        return {"TagSpecifications": [{"ResourceType": self.kind.tag_as, "Tags": given["Tags"]}]}

    def _finish(self, request: Request, client: Any, context: Context, left: Iterable[str]) -> None:  # noqa: ANN401 - boto3
        kind = self.kind
        self._wait(request, client, context, kind.ready)
        context |= self._attributes(client, context)
        for name in sorted(set(left) & kind.parts.keys()):
            self._part(client, kind.parts[name], context, context[name], None)
        if "Tags" in left:
            self._tag(request, client, context)
        if kind.tag_as:
            _stamp(request, context, [context[name] for name in kind.key if name.endswith("Id")])

    def _part(self, client: Any, part: Part, context: Context, new: Any, old: Any) -> None:  # noqa: ANN401 - boto3, values
        if part.each:
            wanted, present = new or [], old or []
            gone = [(part.remove, item) for item in present if item not in wanted]
            steps = gone + [(part.put, item) for item in wanted if item not in present]
        elif new is None or (new is False and part.remove):
            steps = [(part.remove, old)]
        else:
            steps = [(part.put, new)]
        for step, item in steps:
            if step:
                ask(client, step, {**context, "Item": item}, {})

    def _tag(self, request: Request, client: Any, context: Context) -> None:  # noqa: ANN401 - boto3
        if not self.kind.tagging:
            return
        put, remove = self.kind.tagging
        tags, old = _as_mapping(self._given(request).get("Tags")), _as_mapping(request.old_properties.get("Tags"))
        if gone := sorted(old.keys() - tags.keys()):
            ask(client, remove, {**context, "Keys": gone}, {})
        if tags and tags != old:
            ask(client, put, {**context, "Tags": tags}, {})

    def _wait(self, request: Request, client: Any, context: Context, awaited: Ready | None) -> None:  # noqa: ANN401 - boto3
        if awaited is None or self.kind.describe is None:
            return
        described: dict[str, Any] = {}

        def settled() -> bool:
            described.update(ask(client, self.kind.describe, context, {}))  # type: ignore[arg-type]
            return jmespath.search(awaited.path, described) in awaited.good + awaited.bad

        in_time = request.wait(awaited.seconds, settled)
        state = jmespath.search(awaited.path, described)
        if state not in awaited.good:
            reason = jmespath.search(awaited.reason, described) if awaited.reason else ""
            late = "" if in_time else f" after {awaited.seconds:.0f} seconds"
            raise Failure(f"{request.logical_id} did not stabilize: {state}{late}{f': {reason}' if reason else ''}")

    def _attributes(self, client: Any, context: Context) -> dict[str, Any]:  # noqa: ANN401 - boto3
        described: dict[str, Any] = {}
        for step in (self.kind.describe, *self.kind.more):
            described |= ask(client, step, context, {}) if step else {}
        return {name: _attribute(path, {**context, **described}) for name, path in self.kind.attributes.items()}

    def _resource(self, client: Any, context: Context, physical_id: str) -> Resource:  # noqa: ANN401 - boto3
        attributes = {name: value for name, value in self._attributes(client, context).items() if value is not None}
        return Resource(physical_id, attributes)


def _stamp(request: Request, context: Context, ids: list[str]) -> None:
    """Put CloudFormation's own tags on a resource of EC2, which takes them from nobody else.

    https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-properties-resource-tags.html
    """
    own = {key: value for key, value in request.tags.items() if key.startswith("aws:")}
    ec2_backends[context["Account"]][context["Region"]].create_tags(ids, own)


@contextmanager
def suppress_gone() -> Iterator[None]:
    """Pass over a service's answer that what is asked for is not there."""
    try:
        yield
    except ClientError as error:
        if not GONE.search(error.response["Error"]["Code"]):
            raise


def ask(client: Any, step: Ask, context: Context, properties: Mapping[str, Any]) -> dict[str, Any]:  # noqa: ANN401 - boto3
    """Call one operation with its templates resolved and, if it takes all, the properties it has parameters for."""
    shape = _input(client, step.operation)
    values = {**(_named(shape, properties) if step.takes_all else {}), **resolve(step.parameters, context)}
    parameters = {name: fit(shape.members[name], value) for name, value in values.items()}  # type: ignore[union-attr]
    answer: dict[str, Any] = getattr(client, xform_name(step.operation))(**parameters)
    return answer


def generated(request: Request, name: Any) -> str:  # noqa: ANN401 - a Name
    """Return the name that CloudFormation makes of stack, logical id and random characters, as long as allowed."""
    logical, suffix = request.logical_id[:24], request.token.replace("-", "")[:12].upper()
    whole = f"{request.stack_name[: name.longest - len(logical) - len(suffix) - 2]}-{logical}-{suffix}"
    return whole.lower() if name.lower else whole


def _input(client: Any, operation: str) -> Shape | None:  # noqa: ANN401 - boto3
    shape: Shape | None = client.meta.service_model.operation_model(operation).input_shape
    return shape


def _named(shape: Shape | None, properties: Mapping[str, Any]) -> dict[str, Any]:
    return {known: value for name, value in properties.items() if (known := member(shape, name))}


def _attribute(path: str | Callable[[Context], Any], context: Context) -> Any:  # noqa: ANN401 - an attribute's value
    if not isinstance(path, str):
        return path(context)
    return path.format(**context) if "{" in path else jmespath.search(path, context)


def _as_mapping(tags: Any) -> dict[str, str]:  # noqa: ANN401 - a list of pairs or a mapping, by type
    if isinstance(tags, Mapping):
        return dict(tags)
    return {tag["Key"]: tag["Value"] for tag in tags or []}
