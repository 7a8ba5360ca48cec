"""The image: what it is made from, or which one is used."""

import pytest

from tests.config.conftest import Blueprints

PUBLIC = "public.ecr.aws/emr-on-eks/spark/emr-7.13.0-spark-rapids"


@pytest.mark.parametrize(
    ("image", "said"),
    [
        ({"base": "spark"}, 'image.base: "spark" is not allowed; use an image with its registry and a tag or digest'),
        ({"base": PUBLIC}, "is not allowed; use an image with its registry"),
        ({"base": f"{PUBLIC}@sha256:1"}, "is not allowed; use an image with its registry"),
        ({"uri": "https://public.ecr.aws/x:1"}, "image.uri: "),
        ({"uri": f"{PUBLIC}:1", "base": f"{PUBLIC}:2"}, f"image.base: {PUBLIC}:2 is of no use, as image.uri names"),
        (
            {"base": "public.ecr.aws/emr-on-eks/spark/emr-7.9.0-spark-rapids:latest"},
            "is of another release than emr.release (emr-7.13.0-spark-rapids-20260410): use one of emr-7.13.0-",
        ),
        (
            {"base": "public.ecr.aws/emr-on-eks/spark/emr-7.13.0:latest"},
            "is of another release than emr.release",
        ),
    ],
)
def test_what_cannot_be_an_image_is_refused(image: dict[str, str], said: str, blueprints: Blueprints) -> None:
    assert said in blueprints.refusal(image=image)


@pytest.mark.parametrize(
    "image",
    [
        {},
        {"base": f"{PUBLIC}:20260410"},
        {"base": f"{PUBLIC}@sha256:{'a' * 64}"},
        {"base": "895885662937.dkr.ecr.us-west-2.amazonaws.com/spark/emr-7.13.0-spark-rapids:20260410"},
        {"base": "registry.test:5000/our/own:1"},
        {"uri": f"111122223333.dkr.ecr.us-west-2.amazonaws.com/mine@sha256:{'a' * 64}"},
    ],
)
def test_an_image_is_read(image: dict[str, str], blueprints: Blueprints) -> None:
    assert blueprints.refusals(image=image) == []


def test_the_base_follows_the_release_unless_it_is_given(blueprints: Blueprints) -> None:
    read = blueprints.read(emr={"release": "emr-7.9.0-spark-rapids-latest"})
    assert read.image.base_of(read.emr.release) == "public.ecr.aws/emr-on-eks/spark/emr-7.9.0-spark-rapids:latest"
    given = blueprints.read(image={"base": f"{PUBLIC}:20260410"})
    assert given.image.base_of(given.emr.release) == f"{PUBLIC}:20260410"
