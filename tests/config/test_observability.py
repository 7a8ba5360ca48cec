"""Settings of metrics, dashboards and alerts."""

import pytest
from pydantic import ValidationError

from config import Observability

PAGE = "https://github.com/example/project/blob/main/docs/gpu-alerts.md"


def test_runbooks_are_a_page_to_which_a_heading_can_be_added() -> None:
    assert Observability().runbooks is None
    assert Observability(runbooks=PAGE).runbooks == PAGE


@pytest.mark.parametrize("page", ["docs/gpu-alerts.md", "http://example.com/x", f"{PAGE}#gpuhot", f"{PAGE}?a=b", ""])
def test_other_runbooks_are_refused(page: str) -> None:
    with pytest.raises(ValidationError, match="a URL that begins with https://"):
        Observability(runbooks=page)
