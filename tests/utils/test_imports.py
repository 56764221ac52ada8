"""`utils` runs where there is torch and nothing of Jupyter, scikit-learn or the grader."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

BARE = """
    import importlib, pkgutil, sys

    BLOCKED = {"IPython", "ipywidgets", "ipykernel", "sklearn", "scipy", "nbgrader", "nbformat", "nbconvert",
               "jupyter_client", "jupyter_core", "jupytext", "traitlets", "autograder", "pandas"}

    sys.modules.update(dict.fromkeys(BLOCKED))  # None there means: not installed
    import utils
    assert not [name for name in sys.modules if name.startswith(("torch", "numpy", "utils."))], "utils stays light"
    names = [f"utils.{module.name}" for module in pkgutil.iter_modules(utils.__path__)]
    assert len(names) >= 8
    for name in names:
        importlib.import_module(name)
    assert not BLOCKED & {name.partition(".")[0] for name, module in sys.modules.items() if module}
"""


def run(code: str) -> str:
    program = textwrap.dedent(BARE) + textwrap.dedent(code)
    done = subprocess.run(
        [sys.executable, "-W", "error::UserWarning", "-c", program],
        cwd=ROOT, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_utils_works_without_jupyter() -> None:
    out = run(
        """
        import torch
        from utils import checks, data, plotting, questions, training, widgets
        x, y = data.two_moons(60)
        model = torch.nn.Linear(2, 2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        history = training.fit(model, (x, y), (x, y), optimizer=optimizer, epochs=2)
        figure = plotting.curves({"loss": history.train_loss}, title="t", xlabel="epoch", ylabel="loss")
        shown = widgets.interactive(lambda k=1: figure, k=widgets.Slider(0, 3))
        assert shown.figure is figure
        assert widgets.interactive(lambda k=1: figure, static=False, k=widgets.Slider(0, 3)) == shown
        assert widgets.interactive(lambda k=1: figure, static=False, k=widgets.Slider(0, 3)) == shown
        asked = questions.self_test(questions.Number("What is $1 + 1$?", 2, "Count."), static=False)
        assert "What is $1 + 1$?" in asked._repr_markdown_()
        checks.check_close(model(x).shape[0], 60, "rows")
        checks.passed_visible("model")
        """
    )
    assert out == "model: visible tests passed.\n"


def test_missing_scikit_learn_is_one_sentence() -> None:
    out = run(
        """
        from utils import data
        for ask in (data.digits, data.photograph):
            try:
                ask()
            except ImportError as error:
                print(error)
        """
    )
    first, second = out.splitlines()
    assert first == "The digits come with scikit-learn, which is missing here: pip install scikit-learn pillow"
    assert second.startswith("The photographs come with scikit-learn")
