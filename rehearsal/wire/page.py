"""The rehearsal's own pages under /_rehearsal/NAME/."""

from collections.abc import Callable
from typing import Any

from moto.core.request import Request

Page = Callable[[Request, str], Any]  # the request and the rest of its path; what it returns is answered as JSON
