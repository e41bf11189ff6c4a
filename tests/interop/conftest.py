"""What is in this directory signs in through servers that others wrote."""

from pathlib import Path

import pytest


def pytest_collection_modifyitems(items):
    """Mark what is in this directory."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.interop)
