import gzip
import io
from typing import Any

import pytest

from rehearsal.wire.encoding import decoded


def environ(path: str = "/", verb: str = "POST", encoding: str = "gzip") -> dict[str, Any]:
    body = gzip.compress(b"{}")
    return {
        "PATH_INFO": path,
        "REQUEST_METHOD": verb,
        "HTTP_CONTENT_ENCODING": encoding,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": io.BytesIO(body),
    }


@pytest.mark.parametrize("path", ["/", "/service/GraniteServiceVersion20100801/operation/PutMetricData"])
def test_a_compressed_call_is_read_as_a_plain_one(path: str) -> None:
    plain = decoded(environ(path))
    assert plain["wsgi.input"].read(int(plain["CONTENT_LENGTH"])) == b"{}"
    assert "HTTP_CONTENT_ENCODING" not in plain


@pytest.mark.parametrize("other", [environ("/bucket/key", "PUT"), environ("/bucket/key"), environ(encoding="")])
def test_objects_and_plain_calls_stay_as_they_are(other: dict[str, Any]) -> None:
    """The encoding of an object in S3 is its own."""
    assert decoded(other) is other
