"""The files that users start from: read, explained by the schema, and what they are said to be."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

import config

ROOT = Path(__file__).parents[2]
SCHEMA = ROOT / "blueprint.schema.json"
EXAMPLES = sorted((ROOT / "examples").glob("*.yaml"))
FILES = [ROOT / "blueprint.yaml", *EXAMPLES]


def schema() -> dict[str, Any]:
    return dict(json.loads(SCHEMA.read_text()))


def test_the_schema_is_current() -> None:
    printed = subprocess.run(
        [sys.executable, "-m", "config"],
        cwd=ROOT,
        env={"PYTHONPATH": f"{ROOT}:{ROOT / 'constructs'}"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert printed == SCHEMA.read_text(), "run `python -m config > blueprint.schema.json`"


def test_the_schema_is_one_and_explains_every_setting() -> None:
    jsonschema.Draft202012Validator.check_schema(schema())
    sections = [schema(), *schema()["$defs"].values()]
    assert all(section["additionalProperties"] is False and section["description"] for section in sections)
    assert all(setting["description"] for section in sections for setting in section["properties"].values())


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_a_file_is_read_and_fits_the_schema_that_it_names(path: Path) -> None:
    config.load(path)
    jsonschema.validate(yaml.safe_load(path.read_text()), schema())
    named = path.read_text().splitlines()[0].split("$schema=")[1]
    assert (path.parent / named).resolve() == SCHEMA


@pytest.mark.parametrize(
    "given",
    [
        {"nam": "x"},
        {"name": "Upper"},
        {"network": {"zones": 1}},
        {"network": {"zones": ["us-west-2a"]}},
        {"network": {"cidr": "10.0.0.0"}},
        {"network": {"flow_log_retention_days": 8}},
        {"cluster": {"version": "1.34"}},
        {"cluster": {"admins": ["me"]}},
        {"capacity": {"gpu": {"max_gpus": 0}}},
        {"data": {"bucket": "A"}},
        {"teams": []},
        {"emr": {"release": "7.13"}},
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(given: dict[str, Any]) -> None:
    least = {"name": "rapids", "region": "us-west-2", "teams": [{"name": "team-a"}]}
    jsonschema.validate(least, schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**least, **given}, schema())
    with pytest.raises(config.ConfigError):
        config.parse(yaml.safe_dump({**least, **given}))


def test_the_default_is_the_blueprint() -> None:
    assert [path.stem for path in EXAMPLES] == ["default", "existing", "minimal-cost", "private"]
    assert config.load(ROOT / "examples" / "default.yaml") == config.load(ROOT / "blueprint.yaml")


def test_the_default_is_what_no_value_would_be() -> None:
    teams = "[{name: emr-ml-team-a}, {name: emr-ml-team-b}]"
    bare = config.parse(f"name: emr-spark-rapids\nregion: us-west-2\nteams: {teams}")
    blueprint = config.load(ROOT / "blueprint.yaml")
    assert blueprint.network.zones == ("usw2-az1", "usw2-az2")  # the first two, but the same ones in every account
    assert blueprint.model_copy(update={"network": bare.network}) == bare
    assert blueprint.network.model_copy(update={"zones": 2}) == bare.network


def test_the_default_has_eight_gpus_of_the_reference_on_spot() -> None:
    gpu = config.load(ROOT / "blueprint.yaml").capacity.gpu
    assert (gpu.instance_types, gpu.max_gpus, gpu.spot) == (("g5.2xlarge",), 8, True)


def test_minimal_cost_has_one_gpu_one_nat_gateway_and_keeps_nothing() -> None:
    least = config.load(ROOT / "examples" / "minimal-cost.yaml")
    assert (least.capacity.gpu.max_gpus, least.network.nat, least.data.keep) == (1, "one", False)


def test_private_has_a_private_api_endpoints_and_nat() -> None:
    private = config.load(ROOT / "examples" / "private.yaml")
    assert private.cluster.public_access_cidrs == ()
    assert private.network.interface_endpoints
    assert private.network.nat == "per-zone"


def test_existing_has_a_network_and_a_bucket() -> None:
    given = config.load(ROOT / "examples" / "existing.yaml")
    assert given.network.existing is not None
    assert given.data.bucket
