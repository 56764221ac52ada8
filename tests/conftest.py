from __future__ import annotations

import pytest


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The release gates take minutes each: whoever runs one last would be alone with it."""
    items.sort(key=lambda item: item.path.name != "test_gate.py")
