"""What helm is told of charts, versions, repositories and hosts, known and unknown."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from rehearsal.charts import archive, proxy, repositories
from rehearsal.charts.repositories import Repositories
from rehearsal.world import World

Helm = Callable[..., str]
STACK = "https://prometheus-community.github.io/helm-charts"


def test_every_chart_of_the_catalogue_can_be_had(helm: Helm, tmp_path: Path) -> None:
    known = repositories.load()
    for place, chart in known.every():
        if place.startswith("public.ecr.aws"):
            helm("pull", f"oci://{place}/{chart.name}", "--version", chart.version)
        else:
            helm("pull", chart.name, "--repo", f"https://{place}", "--version", chart.version)
        assert (tmp_path / f"{chart.name}-{chart.version}.tgz").read_bytes() == chart.pack()


def test_without_a_version_helm_takes_the_newest(helm: Helm) -> None:
    assert "version: 88.5.3" in helm("show", "chart", "kube-prometheus-stack", "--repo", STACK)
    assert "version: 1.14.1" in helm("show", "chart", "oci://public.ecr.aws/karpenter/karpenter")


@pytest.mark.parametrize(
    ("command", "words"),
    [
        ("no-chart --repo " + STACK, 'chart "no-chart" not found in ' + STACK),
        ("kube-prometheus-stack --version 1.2.3 --repo " + STACK, 'version "1.2.3" not found in ' + STACK),
        ("grafana --version 12.11.1 --repo https://grafana.github.io/helm-charts", 'version "12.11.1" not found'),
        ("grafana --repo https://grafana-community.github.io/other", "https://grafana-community.github.io/other"),
        ("oci://public.ecr.aws/karpenter/karpenter --version 1.14.9", "karpenter:1.14.9: not found"),
        ("oci://public.ecr.aws/karpenter/carpenter --version 1.14.1", "carpenter:1.14.1: not found"),
        ("x --repo https://charts.example.com", "the rehearsal has no internet: charts.example.com:443"),
    ],
)
def test_what_is_not_known_is_an_error_that_names_it(helm: Helm, command: str, words: str) -> None:
    assert words in helm("pull", *command.split(), fails=True)


def test_a_repository_may_be_added_and_searched(helm: Helm) -> None:
    helm("repo", "add", "nvidia", "https://helm.ngc.nvidia.com/nvidia")
    assert "nvidia/gpu-operator\tv26.7.0" in helm("search", "repo", "gpu").replace(" ", "")


def test_nothing_but_a_tunnel_is_offered(world: World) -> None:
    address = proxy.environment(world)["HTTPS_PROXY"]
    answer = requests.get("http://example.com/", proxies={"http": address}, timeout=10)
    assert (answer.status_code, "no internet" in answer.text) == (403, True)


def test_a_chart_that_cannot_be_packed_is_an_error_that_says_why(tmp_path: Path) -> None:
    def broken() -> bytes:
        raise ValueError("no such definitions")

    known = Repositories({"charts.example.com": [archive.Chart("c", "1.0.0", {}, broken)]})
    world = World(tmp_path, 0)
    proxy.serve(world, known)
    try:
        given = proxy.environment(world)
        url = "https://charts.example.com/c-1.0.0.tgz"
        answer = requests.get(url, proxies={"https": given["HTTPS_PROXY"]}, verify=given["SSL_CERT_FILE"], timeout=10)
    finally:
        world.close()
    assert (answer.status_code, "ValueError: no such definitions" in answer.text) == (500, True)


def test_an_archive_is_the_same_whenever_it_is_packed() -> None:
    first, second = (archive.stand_in("grafana", "12.11.1", "13.2.0").pack() for _ in range(2))
    assert first == second


def test_a_folder_of_real_charts_takes_the_place_of_all_stand_ins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "charts.example.com" / "stable"
    place.mkdir(parents=True)
    (place / "any-name.tgz").write_bytes(archive.stand_in("grafana", "99.1.0", "1").pack())
    monkeypatch.setenv(repositories.FOLDER, str(tmp_path))
    known = repositories.load()
    assert known.hosts == ["charts.example.com"]
    assert b"version: 99.1.0" in known.answer("charts.example.com", "/stable/index.yaml").body
    assert known.answer("charts.example.com", "/stable/grafana-99.1.0.tgz").status == 200


def test_a_folder_without_charts_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(repositories.FOLDER, str(tmp_path))
    with pytest.raises(FileNotFoundError, match="HOST/PATH/NAME-VERSION.tgz"):
        repositories.load()


def test_a_file_that_is_no_chart_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "file").touch()
    made = shutil.make_archive(str(tmp_path / "x"), "gztar", tmp_path / "x")
    with pytest.raises(ValueError, match=r"no Chart\.yaml"):
        archive.real(Path(made))


def test_nothing_is_led_astray_where_no_proxy_runs(tmp_path: Path) -> None:
    assert proxy.environment(World(tmp_path, 0)) == {}
