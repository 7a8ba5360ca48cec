"""One output directory: written beside and renamed, or sealed by a manifest that is written last."""

import hashlib
import json
import platform
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from xgboost_pipeline.errors import PipelineError
from xgboost_pipeline.interruption import held_back
from xgboost_pipeline.session import settle
from xgboost_pipeline.storage.files import Files, files_at, rename_all

FORMAT = 1
MANIFEST = "manifest.json"
SEAL = "manifest_sha256"
UNFINISHED = "_unfinished"  # where nothing can be renamed: names the kind until the manifest is there
GLOB = re.compile(r"[\[\]{}*?]")
_HELD: ContextVar[dict[str, str] | None] = ContextVar("held", default=None)  # in `together`: URI -> where it waits
RECORDED_VERSIONS = ("numpy", "pandas", "pyarrow", "pyspark", "scikit-learn", "xgboost-cpu", "xgboost")


class Output:
    """A directory being written: `uri`, `path(name)` for Spark, `write_*` for files, `manifest` for free keys."""

    def __init__(self, uri: str, files: Files) -> None:
        """Write below `uri` with `files`."""
        self.uri = uri
        self.manifest: dict[str, Any] = {}
        self._files = files
        self._sums: dict[str, str] = {}
        self._folders: set[str] = set()

    def path(self, name: str) -> str:
        """Return the URI of a child for Spark to write; the files that are there at the end are sealed."""
        self._folders.add(name)
        return self._files.spark_uri(f"{self.uri}/{name}")

    def write_bytes(self, name: str, data: bytes) -> None:
        """Write a file; its checksum goes into the manifest and is verified by every reader."""
        self._files.write(f"{self.uri}/{name}", data)
        self._sums[name] = hashlib.sha256(data).hexdigest()

    def write_text(self, name: str, text: str) -> None:
        """Write a file as UTF-8."""
        self.write_bytes(name, text.encode())

    def write_json(self, name: str, value: object) -> None:
        """Write a value as JSON with sorted keys; NaN is refused, since JSON has none."""
        self.write_text(name, _json(value))

    def add_file(self, name: str, local_path: Path) -> None:
        """Move a local file into the output."""
        self._files.put(f"{self.uri}/{name}", local_path)

    def delete(self, name: str) -> None:
        """Delete a child that was only needed on the way."""
        self._folders.discard(name)
        self._files.delete(f"{self.uri}/{name}")

    def seal(self, kind: str) -> None:
        """Write the manifest, which makes the output readable."""
        tables = {name: _parts(self._files, f"{self.uri}/{name}") for name in self._folders}
        described = {"kind": kind, "format": FORMAT, "versions": _versions(), "sha256": self._sums, "tables": tables}
        manifest = self.manifest | described
        self._files.write(f"{self.uri}/{MANIFEST}", _json(manifest | {SEAL: _checksum(manifest)}).encode())


class Stored:
    """A whole output: `manifest`, `read_*(name)`, `path(name)` for Spark."""

    def __init__(self, uri: str, files: Files, manifest: dict[str, Any]) -> None:
        """Read below `uri` with `files`."""
        self.uri = uri
        self.manifest = manifest
        self._files = files

    def path(self, name: str) -> str:
        """Return the URI of a child, as Spark takes it."""
        return self._files.spark_uri(f"{self.uri}/{name}")

    def exists(self, name: str) -> bool:
        """Tell whether a child is there."""
        return self._files.kind(f"{self.uri}/{name}") != "missing"

    def read_bytes(self, name: str) -> bytes:
        """Return a file's bytes; raise PipelineError when it is missing or not as it was written."""
        if not self.exists(name):
            raise PipelineError(f"{self.uri} is damaged: {name} is missing; make it again or restore it from a copy")
        data = self._files.read(f"{self.uri}/{name}")
        if hashlib.sha256(data).hexdigest() != self.manifest["sha256"].get(name):
            raise PipelineError(f"{self.uri} is damaged: {name} is not as it was written; make it again")
        return data

    def read_text(self, name: str) -> str:
        """Return a file as UTF-8 text; errors as in `read_bytes`."""
        return self.read_bytes(name).decode()

    def read_json(self, name: str) -> Any:  # noqa: ANN401 - JSON has no narrower type
        """Return a JSON file's value; errors as in `read_bytes`."""
        return json.loads(self.read_bytes(name))


@contextmanager
def output(uri: str, *, kind: str, overwrite: bool = False) -> Iterator[Output]:
    """Write an output of a kind at a URI: it appears whole when the block ends well, else not at all.

    An output that exists is refused (PipelineError) unless `overwrite`, and then replaced only at the end
    (on object stores: at the start, as they cannot rename).
    """
    files = files_at(uri)
    uri = _checked(uri)
    refuse_existing(uri, kind=kind, overwrite=overwrite)
    target = _beside(uri, "partial") if files.atomic_rename else uri
    files.delete(target)
    if target == uri:
        files.write(f"{uri}/{UNFINISHED}", kind.encode())
    out = Output(target, files)
    try:
        yield out
        out.seal(kind)
    except BaseException:
        settle()
        files.delete(target)
        raise
    if target == uri:
        files.delete(f"{uri}/{UNFINISHED}")
    held = _HELD.get()
    if held is not None:
        held[uri] = target
    elif target != uri:
        _replace(files, [uri], {uri: target})


@contextmanager
def together(earlier: Mapping[str, str]) -> Iterator[None]:
    """Write several outputs of one file system as one: all appear when the block ends well, else none.

    They take the place of the `earlier` ones, {URI: kind}, which go even if they are not written again: at the end
    (on object stores: at the start, as they cannot rename). Within the block `open_output` finds what is finished.
    """
    there = [uri for uri, kind in earlier.items() if _is_ours(files_at(uri), uri, kind)]
    for uri in there:
        if not files_at(uri).atomic_rename:
            files_at(uri).delete(uri)
    held: dict[str, str] = {}
    token = _HELD.set(held)
    try:
        yield
    except BaseException:
        settle()
        for waiting in held.values():
            files_at(waiting).delete(waiting)
        raise
    finally:
        _HELD.reset(token)
    moved = {uri: waiting for uri, waiting in held.items() if uri != waiting}
    if moved:
        _replace(files_at(next(iter(moved))), there, moved)


@contextmanager
def scratch(uri: str) -> Iterator[str]:
    """Give a place beside a URI, as Spark takes it, whose content is deleted in the end, come what may."""
    files, place = files_at(uri), _beside(_checked(uri), "partial")
    files.delete(place)
    try:
        yield files.spark_uri(place)
    except BaseException:
        settle()
        raise
    finally:
        files.delete(place)


def open_output(uri: str, *, kind: str) -> Stored:
    """Open a whole output of a kind; raise PipelineError for one that is missing, not whole or of another kind."""
    files = files_at(uri)
    uri = _checked(uri)
    uri = (_HELD.get() or {}).get(uri, uri)
    if files.kind(f"{uri}/{MANIFEST}") == "missing":
        raise PipelineError(f"{uri} is no finished {kind} output: it has no {MANIFEST}; run `{_verb(kind)}` to make it")
    manifest = _parsed(files.read(f"{uri}/{MANIFEST}"), uri)
    if manifest.get("kind") != kind:
        raise PipelineError(
            f"{uri} holds {manifest.get('kind')!r}, not {kind!r}: give a directory that `{_verb(kind)}` made"
        )
    if manifest.get("format") != FORMAT:
        raise PipelineError(
            f"{uri} was written in format {manifest.get('format')!r}, this version reads {FORMAT}: "
            f"run `{_verb(kind)}` again with this version"
        )
    _check_seal(files, uri, kind, manifest)
    return Stored(uri, files, manifest)


def _check_seal(files: Files, uri: str, kind: str, manifest: dict[str, Any]) -> None:
    if manifest.get(SEAL) != _checksum(manifest):
        raise PipelineError(f"{uri} is damaged: {MANIFEST} is not as it was written; run `{_verb(kind)}` again")
    for name, parts in manifest["tables"].items():
        if _parts(files, f"{uri}/{name}") != parts:
            raise PipelineError(f"{uri} is damaged: files of {name} are missing or changed; run `{_verb(kind)}` again")


def refuse_existing(uri: str, *, kind: str, overwrite: bool) -> None:
    """Raise PipelineError where `output` would: for what exists and may not, or must not, be replaced."""
    files, uri = files_at(uri), _checked(uri)
    found = files.kind(uri)
    if found == "missing":
        return
    if not overwrite:
        raise PipelineError(f"{uri} exists: choose another output or add --overwrite to replace it")
    if found == "file" or not _is_ours(files, uri, kind):
        raise PipelineError(
            f"{uri} exists and is no {kind} output of this program: --overwrite replaces only those; remove it yourself"
        )


def _is_ours(files: Files, uri: str, kind: str) -> bool:
    """Tell whether a directory is an output of this kind, or what a killed run left where nothing can be renamed."""
    if files.kind(f"{uri}/{UNFINISHED}") == "file":
        return files.read(f"{uri}/{UNFINISHED}").decode() == kind
    if files.kind(f"{uri}/{MANIFEST}") == "missing":
        return False
    manifest = _parsed(files.read(f"{uri}/{MANIFEST}"), uri)
    return manifest.get("kind") == kind and "format" in manifest


def _replace(files: Files, old: Iterable[str], new: Mapping[str, str]) -> None:
    """Put outputs in place of old ones, which are all moved away first: what fails is undone."""
    away = {uri: _beside(uri, "old") for uri in (*old, *new)}
    with held_back():
        try:
            rename_all(files, [*away.items(), *((waiting, uri) for uri, waiting in new.items())])
        except BaseException:
            for waiting in new.values():
                files.delete(waiting)
            raise
        for aside in away.values():
            files.delete(aside)


def _beside(uri: str, state: str) -> str:
    parent, _, name = uri.rpartition("/")
    return f"{parent}/.{name}.{state}" if parent or uri.startswith("/") else f".{name}.{state}"


def _checked(uri: str) -> str:
    if GLOB.search(uri):
        raise PipelineError(
            f"{uri!r} holds one of []{{}}*?, which Spark reads as a pattern: choose a path without them"
        )
    return uri.rstrip("/")


def _parts(files: Files, uri: str) -> dict[str, int]:
    """Return the sizes of a table's files by name; none where there is no table."""
    found = files.list(uri) if files.kind(uri) == "directory" else []
    return {file.name: file.size for file in found if not file.name.startswith((".", "_"))}


def _checksum(manifest: dict[str, Any]) -> str:
    return hashlib.sha256(_json({k: v for k, v in manifest.items() if k != SEAL}).encode()).hexdigest()


def _parsed(data: bytes, uri: str) -> dict[str, Any]:
    try:
        return dict(json.loads(data))
    except (TypeError, ValueError) as error:
        raise PipelineError(f"{uri} is damaged: its {MANIFEST} is not JSON; remove it and make it again") from error


def _json(value: object) -> str:
    return json.dumps(value, indent=1, sort_keys=True, allow_nan=False) + "\n"


def _verb(kind: str) -> str:
    return {
        "loan-files": "generate",
        "truth": "generate",
        "features": "features",
        "model": "train",
        "scores": "score",
    }.get(kind, kind)


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in RECORDED_VERSIONS:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
