"""What the documentation tells people to type and to configure."""

import re
from pathlib import Path

import pytest
import yaml

from dcgm_cloudwatch import unit
from dcgm_cloudwatch.cli import main
from dcgm_cloudwatch.install import Place
from dcgm_cloudwatch.settings import load

TEXT = (Path(__file__).parents[3] / "docs/gpu-dashboard.md").read_text()
BLOCKS = re.findall(r"(?ms)^```\n(.*?)^```$", TEXT)
TYPED = re.findall(r"dcgm[-_]cloudwatch ((?:run|once|check|cost|install|uninstall)\b[^`\n]*)", "\n".join(BLOCKS))
TYPED += re.findall(r"`((?:once|check|cost) ?[^`]*)`", TEXT)


@pytest.mark.parametrize("typed", sorted({*TYPED}))
def test_every_command_of_the_documentation_is_one(typed: str) -> None:
    with pytest.raises(SystemExit) as ended:
        main([*typed.split(), "--help"])
    assert ended.value.code == 0


def test_each_place_is_told_how_to_look_at_the_links() -> None:
    assert len([each for each in BLOCKS if re.search(r"dcgm[-_]cloudwatch check$", each, re.MULTILINE)]) == 3


def test_a_head_node_s_prometheus_gives_what_the_exporter_asks_for() -> None:
    (config,) = [yaml.safe_load(each) for each in BLOCKS if "scrape_configs" in each]
    (job,) = config["scrape_configs"]
    (relabel,) = job["relabel_configs"]
    settings = load({"CLUSTER_NAME": "hpc", "PRESET": "parallelcluster"})
    assert relabel["target_label"] in settings.labels.ids
    assert settings.prometheus in TEXT


def test_files_and_services_are_where_the_documentation_says() -> None:
    place = Place()
    for each in (
        str(place.settings),
        place.command.name,
        unit.NAME.removesuffix(".service"),
        Path(unit.IMDS_ACCESS).name,
    ):
        assert f"`{each}" in TEXT or f" {each}\n" in TEXT, each
