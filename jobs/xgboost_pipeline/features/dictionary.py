"""The data dictionary, written from the columns that the code uses."""

from collections.abc import Sequence

from xgboost_pipeline.features.columns import Column

HEADER = ("column", "type", "raw field", "missing value", "meaning", "unit")


def markdown(columns: Sequence[Column], label: str, label_definition: str) -> str:
    """Return the data dictionary of a feature table as a Markdown document."""
    rows = [HEADER, ("---",) * len(HEADER)]
    rows += [(c.name, c.type, c.source, c.missing, c.description, c.unit) for c in columns]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return (
        "# Data dictionary\n\n"
        f"Label `{label}`: {label_definition}\n\n"
        "Keys: `loan_id`, `month` (year * 12 + month - 1), `status` (months past due now), and one column per split.\n"
        "Model columns are float32; raw fields are positions in the published layout.\n\n"
        f"{table}\n"
    )
