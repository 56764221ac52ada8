from importlib.util import find_spec

import pytest

needs_jupyter = pytest.mark.skipif(find_spec("ipywidgets") is None, reason="needs Jupyter, which `utils` does without")
