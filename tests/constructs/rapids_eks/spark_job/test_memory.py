"""The arithmetic of memory, by hand and for any sizes."""

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from rapids_eks.spark_job.memory import NATIVE, PINNED, PYTHON, Matrix, explained, overhead
from tests.constructs.rapids_eks.spark_job.samples import REFERENCE_ROWS

MATRICES = st.builds(Matrix, st.integers(1, 10**11), st.integers(1, 1000))


def test_the_reference_s_rows_by_hand() -> None:
    # 4 bytes x 215,386,024 x 45 / 8 = 4,846,185,540 bytes = 4621.7 MiB
    assert Matrix(REFERENCE_ROWS, 45).share(8) == 4622
    # 4 x as much over two executors, 18,487 MiB, with 2048 of pinned pool and 3072 of Python
    assert overhead(Matrix(REFERENCE_ROWS, 45), 2) == 18487 + 2048 + 3072


@given(MATRICES, st.integers(1, 1000))
def test_the_overhead_holds_what_is_needed_while_spark_computes_and_while_xgboost_trains(
    matrix: Matrix, executors: int
) -> None:
    bytes_of_one = 4 * matrix.rows * matrix.columns / executors
    assert overhead(matrix, executors) * 2**20 >= PINNED * 2**20 + bytes_of_one + 3 * 2**30
    assert overhead(matrix, executors) >= overhead(None, executors) >= (2 + 10) * 1024


@given(MATRICES, st.integers(1, 100_000))
def test_so_many_executors_hold_the_matrix_and_one_less_do_not(matrix: Matrix, room: int) -> None:
    least = matrix.least_executors(room)
    assert matrix.share(least) <= room
    assert least == 1 or matrix.share(least - 1) > room


@given(st.none() | MATRICES, st.integers(1, 1000))
def test_the_sum_in_words_adds_up(matrix: Matrix | None, executors: int) -> None:
    words = explained(matrix, executors).replace("(", " ").split()
    parts = [int(number) for number, unit in pairwise(words) if unit == "MiB"]
    assert sum(parts) == overhead(matrix, executors)


def test_a_small_matrix_lies_in_what_buffers_leave_while_xgboost_trains() -> None:
    assert overhead(Matrix(10**6, 45), 4) == PINNED + NATIVE
    assert PYTHON < NATIVE
