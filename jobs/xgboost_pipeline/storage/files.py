"""Files by URI: local paths with the standard library, everything else with Hadoop's file systems."""

import re
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Protocol

from xgboost_pipeline.session import spark_session


@dataclass(frozen=True)
class FileInfo:
    """A file: its URI as Spark takes it, its name, its size in bytes."""

    uri: str
    name: str
    size: int


class Files(Protocol):
    """What outputs need of a file system; every argument is a URI or path of that file system."""

    atomic_rename: bool

    def spark_uri(self, uri: str) -> str:
        """Return the URI that Spark reads and writes."""

    def kind(self, uri: str) -> str:
        """Return `file`, `directory` or `missing`."""

    def read(self, uri: str, start: int = 0, length: int | None = None) -> bytes:
        """Return a file's bytes, or a part of them; raise OSError when it cannot be read."""

    def write(self, uri: str, data: bytes) -> None:
        """Write a file whole, with the folders above it."""

    def put(self, uri: str, local_path: Path) -> None:
        """Move a local file there."""

    def rename(self, uri: str, new_uri: str) -> None:
        """Rename a folder."""

    def delete(self, uri: str) -> None:
        """Delete a file or folder; nothing happens where there is none."""

    def list(self, uri: str) -> list[FileInfo]:
        """Return the files directly in a folder, by name."""


class LocalFiles:
    """Files on this machine."""

    atomic_rename = True

    def spark_uri(self, uri: str) -> str:
        """Return `file:/absolute/path`: a cluster's default file system is another one."""
        return f"file:{self._path(uri)}"

    def kind(self, uri: str) -> str:
        """Return `file`, `directory` or `missing`."""
        path = self._path(uri)
        return "directory" if path.is_dir() else "file" if path.exists() else "missing"

    def read(self, uri: str, start: int = 0, length: int | None = None) -> bytes:
        """Return a file's bytes, or a part of them; raise OSError when it cannot be read."""
        with self._path(uri).open("rb") as file:
            file.seek(start)
            return file.read(-1 if length is None else length)

    def write(self, uri: str, data: bytes) -> None:
        """Write a file whole, with the folders above it."""
        self._path(uri).parent.mkdir(parents=True, exist_ok=True)
        self._path(uri).write_bytes(data)

    def put(self, uri: str, local_path: Path) -> None:
        """Move a local file there."""
        self._path(uri).parent.mkdir(parents=True, exist_ok=True)
        shutil.move(local_path, self._path(uri))

    def rename(self, uri: str, new_uri: str) -> None:
        """Rename a folder."""
        self._path(uri).rename(self._path(new_uri))

    def delete(self, uri: str) -> None:
        """Delete a file or folder; nothing happens where there is none."""
        path = self._path(uri)
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def list(self, uri: str) -> list[FileInfo]:
        """Return the files directly in a folder, by name."""
        files = sorted(path for path in self._path(uri).iterdir() if path.is_file())
        return [FileInfo(self.spark_uri(str(path)), path.name, path.stat().st_size) for path in files]

    def _path(self, uri: str) -> Path:
        return Path(re.sub("^file:(//)?", "", uri)).expanduser().absolute()


class HadoopFiles:
    """Files on any file system that the Spark session is configured for (s3, hdfs, abfs, ...).

    Renaming is not atomic on object stores, so outputs there are whole when their manifest exists.
    """

    atomic_rename = False

    def __init__(self) -> None:
        """Use the active Spark session's Hadoop configuration."""
        self._jvm: Any = spark_session("files").sparkContext._jvm  # noqa: SLF001 - PySpark has no other door to Hadoop's FileSystem
        self._conf: Any = spark_session("files").sparkContext._jsc.hadoopConfiguration()  # noqa: SLF001 - the same

    def spark_uri(self, uri: str) -> str:
        """Return the URI itself."""
        return uri

    def kind(self, uri: str) -> str:
        """Return `file`, `directory` or `missing`."""
        system, path = self._open(uri)
        if not system.exists(path):
            return "missing"
        return "directory" if system.getFileStatus(path).isDirectory() else "file"

    def read(self, uri: str, start: int = 0, length: int | None = None) -> bytes:
        """Return a file's bytes, or a part of them; raise OSError when it cannot be read."""
        system, path = self._open(uri)
        if not system.exists(path):
            raise FileNotFoundError(uri)
        left = system.getFileStatus(path).getLen() - start
        stream = system.open(path)
        try:
            stream.seek(start)
            return bytes(stream.readNBytes(int(left if length is None else min(left, length))))
        finally:
            stream.close()

    def write(self, uri: str, data: bytes) -> None:
        """Write a file whole, with the folders above it."""
        system, path = self._open(uri)
        stream = system.create(path, True)  # noqa: FBT003 - Java has no names for arguments
        try:
            stream.write(bytearray(data))
        finally:
            stream.close()

    def put(self, uri: str, local_path: Path) -> None:
        """Move a local file there."""
        system, path = self._open(uri)
        system.copyFromLocalFile(True, True, self._jvm.org.apache.hadoop.fs.Path(f"file:{local_path}"), path)  # noqa: FBT003 - the same

    def rename(self, uri: str, new_uri: str) -> None:
        """Rename a folder."""
        system, path = self._open(uri)
        if not system.rename(path, self._open(new_uri)[1]):
            raise OSError(f"cannot rename {uri} to {new_uri}")

    def delete(self, uri: str) -> None:
        """Delete a file or folder; nothing happens where there is none."""
        system, path = self._open(uri)
        system.delete(path, True)  # noqa: FBT003 - the same

    def list(self, uri: str) -> list[FileInfo]:
        """Return the files directly in a folder, by name."""
        system, path = self._open(uri)
        files = [status for status in system.listStatus(path) if status.isFile()]
        found = [FileInfo(s.getPath().toString(), s.getPath().getName(), int(s.getLen())) for s in files]
        return sorted(found, key=lambda file: file.name)

    def _open(self, uri: str) -> tuple[Any, Any]:
        path = self._jvm.org.apache.hadoop.fs.Path(uri)
        system = path.getFileSystem(self._conf)
        for each in (system, *(system.getChildFileSystems() or ())):  # viewfs has some, others have none
            each.setWriteChecksum(False)  # the manifest has checksums: no `.crc` beside each file
        return system, path


@lru_cache(maxsize=1)
def _local() -> LocalFiles:
    return LocalFiles()


def files_at(uri: str) -> Files:
    """Return the file system of a URI; a path without a scheme, or `file:`, is this machine's."""
    remote = re.match("[a-zA-Z][a-zA-Z0-9+.-]*:", uri) and not uri.startswith("file:")
    return HadoopFiles() if remote else _local()


def list_files(uri: str) -> list[FileInfo] | None:
    """Return the files directly in a folder by name, or None where there is no such folder."""
    files = files_at(uri)
    return files.list(uri) if files.kind(uri) == "directory" else None


def read_edge(file: FileInfo, start: int, length: int) -> bytes:
    """Return up to `length` bytes of a file from byte `start`."""
    return files_at(file.uri).read(file.uri, start, length)


def rename_all(files: Files, moves: Iterable[tuple[str, str]]) -> None:
    """Rename what is there of (source, target), over what is at the target; where one fails, undo those before it."""
    done: list[tuple[str, str]] = []
    try:
        for source, target in moves:
            if files.kind(source) != "missing":
                files.delete(target)
                files.rename(source, target)
                done.append((source, target))
    except BaseException:
        for source, target in reversed(done):
            files.rename(target, source)
        raise
