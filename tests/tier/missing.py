"""What a test is told when a component of the tier is not to be had on this machine."""

import os
from typing import NoReturn

import pytest


class Missing(Exception):
    """A component cannot be had here; the text says which, and what to install."""


def give_up(missing: Missing) -> NoReturn:
    """Skip the test that needs the component, naming it; under ONEVISIT_CI=1 fail it."""
    if os.environ.get("ONEVISIT_CI") == "1":
        pytest.fail(f"missing in CI: {missing}", pytrace=False)
    pytest.skip(str(missing))
