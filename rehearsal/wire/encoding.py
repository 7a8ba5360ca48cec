"""Bodies that an SDK has compressed."""

import gzip
import io
from typing import Any


def decoded(environ: dict[str, Any]) -> dict[str, Any]:
    """Return a WSGI environment whose body is plain; S3's stay as they are, whose encoding is the object's own.

    SDKs compress the requests of few operations: https://docs.aws.amazon.com/sdkref/latest/guide/feature-compression.html
    """
    path = environ.get("PATH_INFO", "/")
    of_api = path == "/" or path.startswith("/service/")
    if environ.get("HTTP_CONTENT_ENCODING") != "gzip" or environ.get("REQUEST_METHOD") != "POST" or not of_api:
        return environ
    sent = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"]))
    body = gzip.decompress(sent)
    plain = {name: value for name, value in environ.items() if name != "HTTP_CONTENT_ENCODING"}
    return {**plain, "wsgi.input": io.BytesIO(body), "CONTENT_LENGTH": str(len(body))}
