"""Refusals as a whole: codes that are stable, unique and of the draw, facts that are declared."""

import importlib
import pkgutil

import pytest

from runtime.errors import Rejected, Unreadable
from services.drawer import domain
from services.drawer.domain.refusals import REMARKS, DrawRefused, all_refusals, remark

for module in pkgutil.iter_modules(domain.__path__):
    importlib.import_module(f"{domain.__name__}.{module.name}")

REFUSALS = sorted(all_refusals(), key=lambda one: one.code)


def test_every_refusal_has_a_code_of_its_own() -> None:
    codes = [one.code for one in REFUSALS] + list(REMARKS)

    assert len(set(codes)) == len(codes)
    assert len(REFUSALS) > 50


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda one: one.__name__)
def test_a_refusal_is_of_the_draw_and_says_what_it_is(refusal: type[DrawRefused]) -> None:
    assert refusal.code.startswith("draw.")
    assert issubclass(refusal, Rejected | Unreadable)
    assert refusal.__doc__
    assert len(set(refusal.says)) == len(refusal.says)


def test_a_remark_has_exactly_the_facts_its_code_names() -> None:
    assert remark("draw.said.short_notice", {"hours": 0, "minutes": 5, "other": 6}).facts == {"hours": 0, "minutes": 5}
    with pytest.raises(KeyError):
        remark("draw.said.short_notice", {})
    with pytest.raises(KeyError):
        remark("draw.said.nothing_known", {})
