"""The resource types that stacks can hold."""

from rehearsal.cloudformation.provider import Provider
from rehearsal.resources import clusters, functions, identity, network, operations, storage
from rehearsal.resources.lifecycle import Lifecycle

_KINDS = {**clusters.KINDS, **functions.KINDS, **identity.KINDS, **network.KINDS, **operations.KINDS, **storage.KINDS}
PROVIDERS: dict[str, Provider] = {
    **{type_: Lifecycle(kind) for type_, kind in _KINDS.items()},
    **identity.OTHERS,
    **network.OTHERS,
    **operations.OTHERS,
}
