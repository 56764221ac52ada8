from __future__ import annotations

import pytest

LONGEST = ("test_gate.py", "test_attacks.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The release gates and the attacks take minutes each: whoever runs one last would be alone with it."""
    items.sort(key=lambda item: item.path.name not in LONGEST)
