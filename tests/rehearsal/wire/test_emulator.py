"""What moto keeps of what has been deleted."""

import gc
import weakref

from moto.awslambda.models import lambda_backends

from rehearsal.world import World


def test_what_is_deleted_takes_no_memory_any_more(world: World) -> None:
    """Guards against a rehearsal that grows by 60 MB with each cluster: its functions have a layer with kubectl."""
    functions = world.client("lambda")
    version = functions.publish_layer_version(LayerName="tools", Content={"ZipFile": b"many bytes"})["Version"]
    made = lambda_backends[world.account][world.region].get_layer_version("tools", str(version))
    kept = weakref.ref(made)
    functions.delete_layer_version(LayerName="tools", VersionNumber=version)
    del made
    gc.collect()
    assert kept() is None
