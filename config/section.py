"""What every part of the blueprint shares: frozen, no unknown keys, and all its problems at once."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler, model_validator
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from config.errors import Problem

PROBLEMS = "problems"  # the type of the error that carries a section's own findings

# What CloudWatch Logs accepts: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
RetentionDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]


class Section(BaseModel):
    """A mapping of the blueprint. Subclasses say in `problems` what its fields must be to each other."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, validate_default=True)

    def problems(self) -> Iterator[Problem]:
        """Yield what is wrong between fields that are right each by itself."""
        yield from ()

    @model_validator(mode="after")
    def _refuse_problems(self) -> Self:
        found = tuple(self.problems())
        if found:
            text = "; ".join(f"{problem.where}: {problem.text}" for problem in found)
            raise PydanticCustomError(PROBLEMS, text, {PROBLEMS: found})
        return self


@dataclass(frozen=True)
class Shape:
    """A pattern for text, in the schema too, and the sentence that says what it allows."""

    pattern: str
    allowed: str

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:  # noqa: ANN401 - pydantic's
        """Let pydantic check the text by the pattern."""
        return core_schema.no_info_after_validator_function(self.check, handler(source))

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        """Put the pattern into the JSON Schema."""
        return {**handler(schema), "pattern": f"^(?:{self.pattern})$"}

    def check(self, text: str) -> str:
        """Return the text if it fits; raises ValueError."""
        if not re.fullmatch(self.pattern, text, re.ASCII):
            raise ValueError(f'"{text}" is not allowed; use {self.allowed}')
        return text
