"""Quotas: rules as whole numbers, and shares that add up."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.drawer.domain.encoding import SHA256
from services.drawer.domain.quota import (
    Count,
    Full,
    QuotaExceedsFrame,
    Rate,
    Rule,
    class_quota,
    drawn_by,
    spread_over_cells,
)
from tests.unit.drawer.draws import refused, secret

cell_sizes = st.dictionaries(st.sampled_from("ABCDEFGH"), st.integers(1, 500), min_size=1)


@given(cell_sizes, st.integers(0, 2**64 - 1), st.data())
def test_quotas_add_up_and_stay_next_to_the_exact_share(
    sizes: dict[str, int], offset: int, data: st.DataObject
) -> None:
    frame = sum(sizes.values())
    total = data.draw(st.integers(0, frame))

    quota = spread_over_cells(total, sizes, offset)

    assert sum(quota.values()) == total
    assert all(total * sizes[cell] // frame <= quota[cell] <= -(-total * sizes[cell] // frame) for cell in sizes)


def test_asking_for_more_than_the_frame_is_refused_with_both_numbers() -> None:
    with refused(QuotaExceedsFrame, asked=11, frame=10):
        spread_over_cells(11, {"A": 10}, offset=0)


@pytest.mark.parametrize(
    ("rule", "size", "drawn"),
    [
        (Rate((1, 10)), 110, 11),
        (Rate((1, 10)), 111, 12),
        (Rate((1, 10)), 0, 0),
        (Rate((0, 1)), 50, 0),
        (Rate((1, 1)), 50, 50),
        (Rate((1, 100), min=3), 50, 3),
        (Rate((1, 100), min=3), 2, 2),
        (Rate((1, 2), max=3), 50, 3),
        (Rate((1, 100), min=3, max=3), 50, 3),
        (Rate((1, 10), max=0), 50, 0),
        (Count(4), 50, 4),
        (Count(4), 3, 3),
        (Full(), 7, 7),
    ],
)
def test_a_rule_draws_so_many(rule: Rule, size: int, drawn: int) -> None:
    assert drawn_by(rule, size) == drawn


@given(cell_sizes)
def test_a_full_class_is_taken_whole_in_every_cell(sizes: dict[str, int]) -> None:
    assert class_quota(SHA256, secret("seed"), "A", Full(), sizes) == sizes


def test_many_small_cells_get_many_different_lists() -> None:
    cells = {f"A/{number:03}": 1 for number in range(110)}

    lists = {
        tuple(sorted(class_quota(SHA256, secret("seed", str(number)), "A", Rate((1, 10)), cells).items()))
        for number in range(60)
    }

    assert len(lists) == 60  # with a fixed order of cells there are only ten lists in all
