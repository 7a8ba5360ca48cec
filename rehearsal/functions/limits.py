"""What Lambda refuses when a function is made or changed.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

import io
import json
import re
import zipfile
from collections.abc import Iterable, Mapping
from typing import Any

from rehearsal.wire.call import Refused

# What moto keeps of a function, and LoggingConfig, which is kept here
_KEPT = {
    "Architectures", "Code", "Description", "Environment", "EphemeralStorage", "FunctionName", "Handler", "KMSKeyArn",
    "Layers", "LoggingConfig", "MemorySize", "PackageType", "Publish", "Role", "Runtime", "Tags", "Timeout",
    "TracingConfig", "VpcConfig",
}  # fmt: skip
_RESERVED = re.compile(
    r"_HANDLER|_X_AMZN_TRACE_ID|AWS_(DEFAULT_)?REGION|AWS_EXECUTION_ENV|AWS_LAMBDA_(FUNCTION_|LOG_|INITIALIZATION_|RUNTIME_).*"
    r"|AWS_(ACCESS_KEY(_ID)?|SECRET_ACCESS_KEY|SESSION_TOKEN)|LAMBDA_(TASK_ROOT|RUNTIME_DIR)"
)
_RUNTIMES = re.compile(r"python3\.\d+|nodejs\d+\.x")
_LARGEST_ENVIRONMENT = 4096  # bytes, as JSON
_LARGEST_UNZIPPED = 262144000  # bytes, with all layers
_MOST_LAYERS = 5


def check_settings(given: Mapping[str, Any]) -> None:
    """Refuse settings that Lambda refuses, and by name those that this rehearsal would drop."""
    if lost := sorted(set(given) - _KEPT):
        raise Refused("NotRehearsed", f"The rehearsal does not know the function's {lost[0]}; leave it out")
    runtime = given.get("Runtime", "python3.13")
    if given.get("PackageType", "Zip") != "Zip" or not _RUNTIMES.fullmatch(runtime):
        raise Refused("NotRehearsed", f"The rehearsal does not run {runtime!r}; use python3.* or nodejs*.x from a zip")
    if len(given.get("Layers", [])) > _MOST_LAYERS:
        raise _invalid(f"Cannot reference more than {_MOST_LAYERS} layers.")
    _check_environment(given.get("Environment", {}).get("Variables", {}))


def check_archives(code: bytes, layers: Iterable[bytes]) -> None:
    """Refuse code that is no zip, or that is too large unpacked together with its layers."""
    if not zipfile.is_zipfile(io.BytesIO(code)):
        raise _invalid("Could not unzip uploaded file. Please check your file, then try to upload again.")
    size = sum(
        entry.file_size for archive in (code, *layers) for entry in zipfile.ZipFile(io.BytesIO(archive)).infolist()
    )
    if size >= _LARGEST_UNZIPPED:
        raise _invalid(f"Unzipped size must be smaller than {_LARGEST_UNZIPPED} bytes")


def _check_environment(variables: Mapping[str, str]) -> None:
    begin = (
        "Lambda was unable to configure your environment variables because the environment variables you have provided"
    )
    if reserved := [name for name in variables if _RESERVED.fullmatch(name)]:
        raise _invalid(
            f"{begin} contains reserved keys that are currently not supported for modification. "
            f"Reserved keys used in this request: {', '.join(reserved)}"
        )
    text = json.dumps(dict(variables), separators=(",", ":"))
    if len(text.encode()) > _LARGEST_ENVIRONMENT:
        raise _invalid(f"{begin} exceeded the 4KB limit. String measured: {text}")


def _invalid(message: str) -> Refused:
    return Refused("InvalidParameterValueException", message)
