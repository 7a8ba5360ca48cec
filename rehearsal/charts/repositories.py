"""The chart repositories there are, and what each answers over HTTP: an index and archives, or an OCI registry."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from rehearsal.charts import archive
from rehearsal.charts.archive import Chart

CATALOGUE = Path(__file__).parent / "catalogue.yaml"
FOLDER = "REHEARSAL_CHARTS"  # environment variable: a folder HOST/PATH/NAME-VERSION.tgz of real charts
OCI = "oci://"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.cncf.helm.config.v1+json"
LAYER = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"


@dataclass(frozen=True)
class Answer:
    """What an HTTP request is answered."""

    status: int
    kind: str  # content type
    body: bytes

    @property
    def digest(self) -> str:
        """The body's digest as registries write it."""
        return "sha256:" + hashlib.sha256(self.body).hexdigest()


class Repositories:
    """All repositories, by host and path; `charts` maps `HOST/PATH` of a repository to what is in it."""

    def __init__(self, charts: Mapping[str, Iterable[Chart]]) -> None:
        """Take the charts as they are: nothing is packed before it is asked for."""
        self._charts = {place.strip("/"): list(found) for place, found in charts.items()}

    @property
    def hosts(self) -> list[str]:
        """The hosts that answer."""
        return sorted({place.partition("/")[0] for place in self._charts})

    def every(self) -> Iterator[tuple[str, Chart]]:
        """Yield every chart with the `HOST/PATH` it is at."""
        for place, charts in self._charts.items():
            yield from ((place, each) for each in charts)

    def answer(self, host: str, path: str) -> Answer:
        """Answer GET of a path at a host; whatever is not there is 404 with a reason."""
        if path == "/v2/":
            return _json(200, {})
        if path.startswith("/v2/"):
            return self._registry(host, path.removeprefix("/v2/"))
        place, _, file = f"{host}{path}".rpartition("/")
        charts = self._charts.get(place.strip("/"), [])
        if not charts:
            return _missing(f"the rehearsal knows no chart repository https://{place}; see {CATALOGUE.name}")
        if file == "index.yaml":
            return Answer(200, "text/yaml", _index(charts))
        found = next((each for each in charts if file == _file(each)), None)
        return Answer(200, "application/gzip", found.pack()) if found else _missing(f"no {file} at https://{place}")

    def _registry(self, host: str, path: str) -> Answer:
        """Answer a request for `NAME/manifests/TAG`, `NAME/blobs/DIGEST` or `NAME/tags/list`."""
        name, what, reference = [*path.rsplit("/", 2), "", ""][:3]
        repository, _, chart = name.rpartition("/")
        charts = [each for each in self._charts.get(f"{host}/{repository}", []) if each.name == chart]
        if not charts:
            return _unknown("NAME_UNKNOWN", f"the rehearsal knows no chart oci://{host}/{name}; see {CATALOGUE.name}")
        if what == "tags":
            return _json(200, {"name": name, "tags": [_tag(each) for each in charts]})
        wanted = {answer.digest: answer for each in charts for answer in _blobs(each)} if "sha256:" in reference else {}
        tagged = next((each for each in charts if what == "manifests" and reference == _tag(each)), None)
        answer = _blobs(tagged)[0] if tagged else wanted.get(reference)
        return answer or _unknown("MANIFEST_UNKNOWN", f"the rehearsal knows no {reference} of oci://{host}/{name}")


def load() -> Repositories:
    """Return the repositories of the folder that REHEARSAL_CHARTS names, else of the catalogue's stand-ins."""
    folder = os.environ.get(FOLDER)
    return of_folder(Path(folder)) if folder else of_catalogue(yaml.safe_load(CATALOGUE.read_text()))


def of_catalogue(catalogue: Mapping[str, Mapping[str, Mapping[str, Mapping[str, str]]]]) -> Repositories:
    """Return repositories of stand-ins: address -> chart -> `versions` -> the version of the program in it."""
    return Repositories(
        {
            address.removeprefix(OCI).removeprefix("https://"): [
                archive.stand_in(name, version, program)
                for name, chart in charts.items()
                for version, program in chart["versions"].items()
            ]
            for address, charts in catalogue.items()
        }
    )


def of_folder(folder: Path) -> Repositories:
    """Return repositories of real charts, `HOST/PATH/NAME-VERSION.tgz`; raise FileNotFoundError if there is none."""
    files = sorted(folder.glob("*/**/*.tgz"))
    if not files:
        raise FileNotFoundError(f"{FOLDER}={folder} holds no charts: put them at HOST/PATH/NAME-VERSION.tgz below it")
    charts: dict[str, list[Chart]] = {}
    for file in files:
        charts.setdefault(str(file.parent.relative_to(folder)), []).append(archive.real(file))
    return Repositories(charts)


def _index(charts: Iterable[Chart]) -> bytes:
    entries: dict[str, list[dict[str, object]]] = {}
    for each in charts:
        digest = hashlib.sha256(each.pack()).hexdigest()
        entries.setdefault(each.name, []).append({**each.metadata, "urls": [_file(each)], "digest": digest})
    return yaml.safe_dump({"apiVersion": "v1", "entries": entries}).encode()


def _file(chart: Chart) -> str:
    return f"{chart.name}-{chart.version}.tgz"


def _tag(chart: Chart) -> str:
    return chart.version.replace("+", "_")  # a tag has no plus sign: https://helm.sh/docs/topics/registries/


def _blobs(chart: Chart) -> tuple[Answer, Answer, Answer]:
    """Return the manifest of a chart in a registry, then what it refers to."""
    config = Answer(200, CONFIG, json.dumps(dict(chart.metadata)).encode())
    layer = Answer(200, LAYER, chart.pack())
    config_at, layer_at = (
        {"mediaType": each.kind, "digest": each.digest, "size": len(each.body)} for each in (config, layer)
    )
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config_at, "layers": [layer_at]}
    return Answer(200, MANIFEST, json.dumps(manifest).encode()), config, layer


def _json(status: int, document: object) -> Answer:
    return Answer(status, "application/json", json.dumps(document).encode())


def _missing(reason: str) -> Answer:
    return Answer(404, "text/plain", reason.encode())


def _unknown(code: str, message: str) -> Answer:
    return _json(404, {"errors": [{"code": code, "message": message}]})
