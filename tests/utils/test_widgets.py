"""The widget helper: sliders where there is a notebook, the plain figure elsewhere, clear words for a wrong control."""

from __future__ import annotations

import re
from typing import Any

import pytest
from matplotlib.figure import Figure

from tests import needs_jupyter
from utils import plotting, widgets
from utils.plotting import Picture
from utils.widgets import Slider, interactive


def decay(lr: float = 0.1, steps: int = 5, method: str = "sgd", log: bool = False) -> Figure:
    if steps == 13:
        raise ZeroDivisionError("unlucky <steps>")
    values = [(1 - lr) ** i for i in range(steps)]
    title = f'{method} "decays" at lr {lr:g} for {steps} steps'
    return plotting.curves({method: values}, title=title, xlabel="step", ylabel="loss", logy=log)


CONTROLS: dict[str, Any] = {
    "lr": Slider(0.001, 1, log=True),
    "steps": Slider(1, 20),
    "method": ["sgd", "adam"],
    "log": True,
}


def test_outside_a_notebook_it_is_the_figure_at_the_defaults() -> None:
    picture = interactive(decay, alt="It falls.", **CONTROLS)
    assert isinstance(picture, Picture)
    assert picture.alt == "It falls."
    assert picture._repr_html_().endswith("<p><em>Run the notebook to change here: lr, steps, method, log.</em></p>")
    assert picture.figure.axes[0].get_title(loc="left") == 'sgd "decays" at lr 0.1 for 5 steps'


@needs_jupyter
def test_sliders_redraw() -> None:
    box = interactive(decay, alt="It falls.", static=False, **CONTROLS)
    *rows, picture = box.children
    kinds = ["FloatLogSlider", "IntSlider", "ToggleButtons", "Checkbox"]
    assert [type(row).__name__ for row in rows] == kinds
    assert [row.value for row in rows] == [0.1, 5, "sgd", False]
    assert rows[0].continuous_update is False
    assert 'alt="sgd &quot;decays&quot; at lr 0.1 for 5 steps. It falls."' in picture.value
    before = picture.value
    rows[1].value = 8
    rows[2].value = "adam"
    assert "adam &quot;decays&quot; at lr 0.1 for 8 steps. It falls." in picture.value
    assert re.search(r"base64,[\w+/=]{1000,}", picture.value)[0] != re.search(r"base64,[\w+/=]{1000,}", before)[0]  # type: ignore[index]


@needs_jupyter
def test_an_error_is_shown_in_place_of_the_figure() -> None:
    box = interactive(decay, static=False, steps=Slider(1, 20))
    box.children[0].value = 13
    assert box.children[-1].value == "<p>ZeroDivisionError: unlucky &lt;steps&gt;</p>"
    box.children[0].value = 3
    assert "<img" in box.children[-1].value


@needs_jupyter
def test_float_slider_has_a_hundred_steps() -> None:
    slider = interactive(decay, static=False, lr=Slider(0.0, 0.5)).children[0]
    assert (type(slider).__name__, slider.step) == ("FloatSlider", 0.005)


@needs_jupyter
def test_site_variable_makes_it_static(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(widgets, "_in_notebook", lambda: True)
    assert not isinstance(interactive(decay, **CONTROLS), Picture)
    monkeypatch.setenv(widgets.STATIC_VARIABLE, "1")
    assert isinstance(interactive(decay, **CONTROLS), Picture)


@pytest.mark.parametrize(
    ("controls", "sentence"),
    [
        ({"rate": Slider(0, 1)}, "decay has no parameter 'rate'; it has: lr, steps, method, log"),
        ({"lr": Slider(1.0, 2.0)}, "default 0.1 of 'lr' does not fit"),
        ({"lr": Slider(0.0, 2.0, log=True)}, "default 0.1 of 'lr' does not fit"),
        ({"method": ["adam"]}, "default 'sgd' of 'method' does not fit"),
    ],
)
def test_wrong_controls(controls: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=re.escape(sentence)):
        interactive(decay, **controls)


def test_a_parameter_without_default() -> None:
    with pytest.raises(ValueError, match="needs a default"):
        interactive(lambda lr: Figure(), lr=Slider(0, 1))
