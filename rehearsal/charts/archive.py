"""Chart archives: those of our stand-ins, packed here, and real ones that a user has put into a folder."""

import gzip
import io
import json
import tarfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rehearsal.charts import definitions
from rehearsal.kubernetes.build import kubebox

STAND_INS = Path(__file__).parent / "stand_ins"
SHARED = STAND_INS / "shared"
# What Kubernetes takes below keys that many charts have: https://kubernetes.io/docs/reference/generated/kubernetes-api/v1.35/
SHAPES: Mapping[str, tuple[str, ...]] = {
    "persistentVolumeClaimRetentionPolicy": ("whenDeleted", "whenScaled"),
    "resources": ("claims", "limits", "requests"),
}


@dataclass(frozen=True)
class Chart:
    """One version of one chart; `pack` makes the archive that helm downloads."""

    name: str
    version: str
    metadata: Mapping[str, Any]  # its Chart.yaml
    pack: Callable[[], bytes]


def stand_in(name: str, version: str, app_version: str) -> Chart:
    """Return our stand-in for a version of a real chart."""
    metadata = {
        "apiVersion": "v2",
        "name": name,
        "version": version,
        "appVersion": app_version,
        "description": f"Stand-in of the rehearsal for {name}: its objects, without what they do",
    }
    return Chart(name, version, metadata, cache(lambda: _packed(name, {"Chart.yaml": _dump(metadata)} | _files(name))))


def real(file: Path) -> Chart:
    """Return the chart of an archive as `helm pull` leaves it; raise ValueError if it is none."""
    with tarfile.open(file) as opened:
        inside = next((each for each in opened if each.name.partition("/")[2] == "Chart.yaml"), None)
        described = opened.extractfile(inside) if inside else None
        if described is None:
            raise ValueError(f"{file} is no chart archive: it holds no Chart.yaml; fetch it with `helm pull`")
        metadata = yaml.safe_load(described)
    return Chart(str(metadata["name"]), str(metadata["version"]), metadata, file.read_bytes)


def _files(name: str) -> dict[str, bytes]:
    """Return the files of a stand-in: the shared templates, its own, and the custom resource definitions it brings."""
    own = STAND_INS / name
    found = {
        str(path.relative_to(folder)): path.read_bytes()
        for folder in (SHARED, own)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    if keys := found.pop("keys.yaml", None):
        found["values.schema.json"] = json.dumps(_schema(yaml.safe_load(keys))).encode()
    brings = yaml.safe_load(found.pop("brings.yaml", b"{}"))
    for group in brings.get("groups", []):
        found |= {f"crds/{plural}.{group}.yaml": _dump(each) for plural, each in definitions.of_group(group).items()}
    if folder := brings.get("karpenter"):
        found |= {f"{folder}/{path.name}": path.read_bytes() for path in kubebox().crds if "karpenter" in path.name}
    return found


def _schema(keys: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of values that have no other keys: helm refuses them by it, as the real charts never do."""
    inner = {name: _schema(each) for name, each in keys.items() if name != "any"}
    free = {name: _schema({"any": SHAPES[name]}) if name in SHAPES else {} for name in keys.get("any", [])}
    return {"type": "object", "properties": free | inner, "additionalProperties": False}


def _dump(document: object) -> bytes:
    return yaml.safe_dump(document, sort_keys=False).encode()


def _packed(name: str, files: Mapping[str, bytes]) -> bytes:
    """Return the files as an archive that is the same whenever it is made: its digest names it."""
    plain = io.BytesIO()
    with tarfile.open(fileobj=plain, mode="w") as archive:
        for path, content in sorted(files.items()):
            entry = tarfile.TarInfo(f"{name}/{path}")
            entry.size, entry.mode = len(content), 0o644
            archive.addfile(entry, io.BytesIO(content))
    return gzip.compress(plain.getvalue(), mtime=0)
