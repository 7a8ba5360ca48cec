"""A rehearsal without rooms but the emulator, and a way to drive one resource."""

from dataclasses import replace
from typing import Any

import pytest

from rehearsal.cloudformation.provider import Request, Resource
from rehearsal.resources import PROVIDERS
from rehearsal.world import World


class Driver:
    """Creates, updates and deletes single resources as the engine would."""

    def __init__(self, world: World) -> None:
        self.world = world

    def request(self, type_: str, properties: dict[str, Any], logical_id: str = "Thing") -> Request:
        return Request(
            type=type_,
            logical_id=logical_id,
            stack_name="app",
            stack_id=f"arn:aws:cloudformation:us-west-2:{self.world.account}:stack/app/1",
            properties=properties,
            client=self.world.client,
            wait=self.world.clock.wait,
            token="0123456789abcdef",  # noqa: S106 - an idempotency token
        )

    def create(self, type_: str, properties: dict[str, Any], logical_id: str = "Thing") -> Resource:
        return PROVIDERS[type_].create(self.request(type_, properties, logical_id))

    def update(self, type_: str, made: Resource, old: dict[str, Any], new: dict[str, Any]) -> Resource:
        request = replace(self.request(type_, new), physical_id=made.physical_id, old_properties=old)
        return PROVIDERS[type_].update(request)

    def delete(self, type_: str, made: Resource, properties: dict[str, Any]) -> None:
        PROVIDERS[type_].delete(replace(self.request(type_, properties), physical_id=made.physical_id))


@pytest.fixture
def driver(world: World) -> Driver:
    return Driver(world)
