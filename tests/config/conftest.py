"""Blueprints from the sections that a test is about; the rest is the least that a blueprint needs."""

from typing import Any

import pytest
import yaml

import config

LEAST = {"name": "rapids", "region": "us-west-2", "teams": [{"name": "team-a"}]}


class Blueprints:
    """Reads blueprints, and the reasons for which they are refused."""

    def read(self, **sections: Any) -> config.Blueprint:  # noqa: ANN401 - what YAML may hold
        return config.parse(yaml.safe_dump({**LEAST, **sections}))

    def refusals(self, **sections: Any) -> list[str]:  # noqa: ANN401 - what YAML may hold
        """Return the reasons, each as `where: text`; none where the blueprint is read."""
        return [line.split(", ", 1)[1] for line in self.lines(yaml.safe_dump({**LEAST, **sections}))]

    def refusal(self, **sections: Any) -> str:  # noqa: ANN401 - what YAML may hold
        (only,) = self.refusals(**sections)
        return only

    def lines(self, text: str) -> list[str]:
        try:
            config.parse(text)
        except config.ConfigError as error:
            return [line.strip() for line in str(error).splitlines()[1:]]
        return []


@pytest.fixture(scope="session")
def blueprints() -> Blueprints:
    return Blueprints()
