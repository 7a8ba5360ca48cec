"""The feature table of each label, from staged rows to model columns: DataFrame in, DataFrame out."""

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from xgboost_pipeline.features.columns import CATEGORY_NAMES, CREDIT_SCORE_EDGES, LTV_EDGES, NUMBERS
from xgboost_pipeline.features.columns import Column as ModelColumn
from xgboost_pipeline.features.encoding import CodeBooks, encode
from xgboost_pipeline.features.history import add_history
from xgboost_pipeline.features.labels import add_forward_label, add_outlook, at_risk
from xgboost_pipeline.features.splits import Periods, assign, bucket, part

KEYS = ("loan_id", "month", "label", "status", "split_rows", "split_loan", "split_loan_and_time")


def codebook_rows(staged: DataFrame, span: Periods, salt: str) -> DataFrame:
    """Return the rows that `forward` counts categories over: at risk, training loans, training months."""
    is_training = part(bucket(salt, "loan_id")) == "train"
    return staged.where(at_risk() & is_training & (F.col("month") <= span.train_last))


def scoring_rows(staged: DataFrame, codebooks: CodeBooks) -> DataFrame:
    """Return the rows at risk with every `forward` feature; needs staged rows of whole loan histories."""
    return _completed(add_history(encode(_narrow(staged), codebooks)).where(at_risk()))


def forward_rows(staged: DataFrame, codebooks: CodeBooks, last: int) -> DataFrame:
    """Return the rows at risk with every `forward` feature and label (null where censored); needs staged rows."""
    outlook = add_outlook(add_history(encode(_narrow(staged), codebooks)), last)
    return _completed(add_forward_label(outlook.where(at_risk())))


def model_table(rows: DataFrame, columns: Sequence[ModelColumn], span: Periods, salt: str) -> DataFrame:
    """Return the table as written: KEYS, then the model columns as float32."""
    return assign(rows, span, salt).select(*KEYS, *as_float32(columns))


def as_float32(columns: Sequence[ModelColumn]) -> list[Column]:
    """Return the model columns as float32, the type that XGBoost holds."""
    return [F.col(column.name).cast("float").alias(column.name) for column in columns]


def reference_rows(labelled: DataFrame, codebooks: CodeBooks) -> DataFrame:
    """Return rows with the reference's 27 features, missing = 0; needs staged columns and label."""
    numbers = {
        name: F.coalesce(F.col(name), F.lit(0)) for name, *_ in NUMBERS if name != "current_loan_delinquency_status"
    }
    status = F.coalesce(F.col("status"), F.lit(0))
    return encode(labelled, codebooks).withColumns(numbers | {"current_loan_delinquency_status": status})


def _narrow(staged: DataFrame) -> DataFrame:
    return staged.select(
        "loan_id", "month", "status", "status_unknown", "zero_balance_code", "origination_month", *_features()
    )


def _features() -> tuple[str, ...]:
    return (*CATEGORY_NAMES, *(name for name, *_ in NUMBERS if name != "current_loan_delinquency_status"))


def _completed(rows: DataFrame) -> DataFrame:
    return _derived(_imputed(rows))


def _imputed(rows: DataFrame) -> DataFrame:
    filled = {}
    for name, _, missing, *_ in NUMBERS:
        if missing not in ("keep", "left out"):
            filled[name] = F.coalesce(F.col(name), F.lit(0) if missing == "zero" else F.col(missing))
    return rows.withColumns(filled)


def _derived(rows: DataFrame) -> DataFrame:
    year = F.floor(F.col("origination_month") / 12)
    return rows.withColumns(
        {
            "current_loan_delinquency_status": F.col("status"),
            "upb_ratio": F.col("current_actual_upb") / F.col("orig_upb"),
            "ltv_band": _band("orig_ltv", [F.col("orig_ltv") > edge for edge in LTV_EDGES]),
            "credit_score_band": _band(
                "borrower_credit_score", [F.col("borrower_credit_score") >= edge for edge in CREDIT_SCORE_EDGES]
            ),
            "origination_year": year,
            "vintage": F.floor(F.col("origination_month") / 3),
        }
    )


def _band(name: str, above: list[Column]) -> Column:
    return F.when(F.col(name).isNotNull(), sum((test.cast("int") for test in above), F.lit(0)))
