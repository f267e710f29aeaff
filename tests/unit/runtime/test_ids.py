"""Derived ids are version-5 UUIDs, for ever the same."""

import uuid

from hypothesis import given
from hypothesis import strategies as st

from runtime.store.ids import NAMESPACE, derived_id, derived_uuid


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"])), max_size=4))
def test_a_derived_uuid_is_the_standards_uuid5_of_its_causes(causes: list[str]) -> None:
    name = "|".join(cause.replace("|", "||") for cause in causes)

    assert derived_uuid(*causes) == str(uuid.uuid5(NAMESPACE, name))


def test_derived_ids_never_change() -> None:
    assert derived_id("N", "event-1", "GA", 7) == "N-05e1e4b1-5a38-571c-b162-c922ee10c1ac"
