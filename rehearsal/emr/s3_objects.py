"""S3 as a job sees it, brought into local folders before it runs and back when it has ended."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

URI = re.compile(r"s3[an]?://[^\s,'\"|;]+")


class Denied(Exception):  # noqa: N818 - S3's answer, as Spark prints it
    """S3 refused; the text is what Hadoop's file system says of it."""


def parts(uri: str) -> tuple[str, str]:
    """Return bucket and key of a URI."""
    bucket, _, key = uri.partition("://")[2].partition("/")
    return bucket, key


Snapshot = dict[Path, tuple[int, int]]


@dataclass
class Stage:
    """The objects that one run names, as files below `folder`; all calls are those of `client`, the role's."""

    client: Any  # boto3's S3 client
    folder: Path
    _roots: dict[str, tuple[Path, Snapshot]] = field(default_factory=dict)

    def localise(self, text: str) -> str:
        """Return a text with the local place of every S3 URI in it, whose objects are there then."""
        return URI.sub(lambda found: str(self.fetch(found[0])), text)

    def fetch(self, uri: str) -> Path:
        """Bring an object, or all below a prefix; return the place, which is empty where S3 has nothing yet.

        Raises Denied where the role may not look or read.
        """
        bucket, key = parts(uri)
        name = f"{bucket}/{key.strip('/')}"
        if name not in self._roots:
            place = self.folder / bucket / key.strip("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._download(bucket, key.strip("/"), place)
            except ClientError as error:
                raise _denied(uri, error) from error
            self._roots[name] = (place, _snapshot(place))
        return self._roots[name][0]

    def give_back(self) -> None:
        """Make S3 what the run has made of the local files: what is new or other goes up, what is gone is deleted."""
        for name, (place, before) in list(self._roots.items()):
            bucket = name.partition("/")[0]
            after = _snapshot(place)
            for path in sorted(before.keys() | after.keys()):
                if before.get(path) == after.get(path):
                    continue
                key = str(path.relative_to(self.folder / bucket))
                try:
                    if path in after:
                        self.client.upload_file(str(path), bucket, key)
                    else:
                        self.client.delete_object(Bucket=bucket, Key=key)
                except Exception as error:  # s3transfer wraps what boto3 raises
                    raise _denied(f"s3://{bucket}/{key}", error) from error

    def _download(self, bucket: str, key: str, place: Path) -> None:
        if key and self._is_object(bucket, key):
            self.client.download_file(bucket, key, str(place))
            return
        prefix = f"{key}/" if key else ""
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for each in page.get("Contents", []):
                path = place / each["Key"].removeprefix(prefix)
                if not each["Key"].endswith("/"):
                    path.parent.mkdir(parents=True, exist_ok=True)
                    self.client.download_file(bucket, each["Key"], str(path))

    def _is_object(self, bucket: str, key: str) -> bool:
        try:
            self.client.head_object(Bucket=bucket, Key=key)
        except ClientError as error:
            if error.response["Error"]["Code"] != "404":
                raise
            return False
        return True


def _denied(uri: str, error: Exception) -> Denied:
    kind = "java.nio.file.AccessDeniedException" if re.search("403|AccessDenied", str(error)) else "java.io.IOException"
    return Denied(f"{kind}: {uri}: {error} (Service: Amazon S3)")


def _snapshot(place: Path) -> Snapshot:
    """Return the files of a place with size and time; Hadoop's checksums of local files have no place in S3."""
    files = [place] if place.is_file() else [path for path in place.rglob("*") if path.is_file()]
    kept = [path for path in files if not (path.name.startswith(".") and path.name.endswith(".crc"))]
    return {path: (path.stat().st_size, path.stat().st_mtime_ns) for path in kept}
