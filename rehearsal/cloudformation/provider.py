"""The seam between the engine and the resource types: what a type's provider is asked, and what it answers."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


class Failure(Exception):  # noqa: N818 - CloudFormation's own word for it is a status reason
    """A resource could not be made, changed or removed; the message becomes the event's status reason.

    A create that fails after it has made something names it by `physical_id`, so that the rollback deletes it.
    """

    def __init__(self, reason: str, physical_id: str | None = None) -> None:
        """Fail for this reason, leaving `physical_id` behind."""
        super().__init__(reason)
        self.physical_id = physical_id


@dataclass(frozen=True)
class Request:
    """What a provider needs to act on one resource; properties are resolved and valid by the registry's schema."""

    type: str
    logical_id: str
    stack_name: str
    stack_id: str
    properties: dict[str, Any]
    client: Callable[[str], Any]  # boto3 client of a service, signed as the stack's role: its policies bind
    wait: Callable[..., bool]  # Clock.wait: AWS's seconds, a condition
    token: str = ""  # the same for repeated attempts of one operation
    physical_id: str | None = None  # None when creating
    old_properties: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)  # the stack's own tags and aws:cloudformation:*

    @property
    def generated_name(self) -> str:
        """Name that CloudFormation gives where the template gives none: stack, logical id, 12 characters."""
        return f"{self.stack_name[:40]}-{self.logical_id[:24]}-{self.token[:12].upper()}"


@dataclass(frozen=True)
class Resource:
    """What `Ref` returns, and the attributes that `GetAtt` may ask for (dotted names for nested ones)."""

    physical_id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


class Provider(Protocol):
    """Creates, updates and deletes the resources of one type; each call returns when the resource is in its state."""

    def create(self, request: Request) -> Resource:
        """Make the resource; raise Failure or let botocore's ClientError through."""

    def update(self, request: Request) -> Resource:
        """Change it in place (the engine has decided that no replacement is needed)."""

    def delete(self, request: Request) -> None:
        """Remove it; a resource that is already gone is no error."""
