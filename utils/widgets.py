"""Sliders over a plain function that returns a figure; without ipywidgets, or outside a notebook, the figure alone."""

from __future__ import annotations

import inspect
import math
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from matplotlib.figure import Figure

from utils.plotting import Picture, as_html

STATIC_VARIABLE = "DESCENT_STATIC"


@dataclass(frozen=True)
class Slider:
    """Numbers from `low` to `high`; with `log` the slider is even in the logarithm (for learning rates)."""

    low: float
    high: float
    step: float | None = None
    log: bool = False


Control = Slider | Sequence[Any] | bool


def interactive(
    function: Callable[..., Figure], *, alt: str = "", static: bool | None = None, **controls: Control
) -> Any:
    """Controls for some parameters of `function`, and its figure, drawn again after each change.

    `function` is a plain function of keyword parameters, each with a default, that returns a figure: it can be called,
    tested and read without any widget. A control is a `Slider`, a list to choose from, or True/False for a checkbox;
    its first value is the function's own default. A screen reader reads the titles of the figure, then `alt`.

    Returns what a notebook shows as the last line of a cell: a widget, or a picture of the figure at the defaults
    where there is no ipywidgets, no notebook, or the variable DESCENT_STATIC is set (the site is built so).
    `static` decides by hand. Raises ValueError if a control does not fit the function.
    """
    defaults = _defaults(function, controls)
    ipywidgets = usable_ipywidgets(static)
    if ipywidgets is None:
        names = ", ".join(name.replace("_", " ") for name in controls)
        return Picture(function(**defaults), alt, note=f"Run the notebook to change here: {names}.")
    return _build(ipywidgets, function, alt, controls, defaults)


def usable_ipywidgets(static: bool | None = None) -> Any:
    """The module ipywidgets where widgets can be shown, else None; `static` decides by hand."""
    if static is None:
        static = bool(os.environ.get(STATIC_VARIABLE)) or not _in_notebook()
    if static:
        return None
    try:
        import ipywidgets
    except ImportError:
        return None
    return ipywidgets


def _build(
    ipywidgets: Any,
    function: Callable[..., Figure],
    alt: str,
    controls: Mapping[str, Control],
    defaults: dict[str, Any],
) -> Any:
    rows = {name: _widget(ipywidgets, name, control, defaults[name]) for name, control in controls.items()}
    picture = ipywidgets.HTML(as_html(function(**defaults), alt))

    def redraw(change: Any = None) -> None:
        try:
            picture.value = as_html(function(**{name: row.value for name, row in rows.items()}), alt)
        except Exception as error:
            picture.value = f"<p>{escape(f'{type(error).__name__}: {error}')}</p>"

    for row in rows.values():
        row.observe(redraw, names="value")
    return ipywidgets.VBox([*rows.values(), picture])


def _widget(ipywidgets: Any, name: str, control: Control, value: Any) -> Any:
    common = {
        "value": value,
        "description": name.replace("_", " "),
        "style": {"description_width": "9em"},
        "layout": {"width": "min(32em, 95%)"},
    }
    if isinstance(control, bool):
        return ipywidgets.Checkbox(**common)
    if not isinstance(control, Slider):
        return choice_buttons(ipywidgets, list(control), **common)
    common["continuous_update"] = False
    if control.log:
        low, high = math.log10(control.low), math.log10(control.high)
        return ipywidgets.FloatLogSlider(min=low, max=high, step=control.step or (high - low) / 60, **common)
    if all(isinstance(number, int) for number in (control.low, control.high, value)):
        return ipywidgets.IntSlider(min=control.low, max=control.high, step=int(control.step or 1), **common)
    step = control.step or (control.high - control.low) / 100
    return ipywidgets.FloatSlider(min=control.low, max=control.high, step=step, **common)


def choice_buttons(ipywidgets: Any, options: Sequence[Any], **traits: Any) -> Any:
    """One button per option, reached by Tab and pressed by Space.

    In JupyterLab the arrow keys that a drop-down or radio buttons need go to the notebook, and leave the cell.
    """
    style = {"description_width": "9em", "button_width": "auto"}
    return ipywidgets.ToggleButtons(options=options, **traits | {"style": style})


def _defaults(function: Callable, controls: Mapping[str, Control]) -> dict[str, Any]:
    """The function's default of each controlled parameter, checked against the control."""
    parameters = inspect.signature(function).parameters
    defaults = {}
    for name, control in controls.items():
        if name not in parameters:
            raise ValueError(f"{function.__name__} has no parameter {name!r}; it has: {', '.join(parameters)}.")
        value = parameters[name].default
        if value is inspect.Parameter.empty:
            raise ValueError(f"The parameter {name!r} of {function.__name__} needs a default: the first value shown.")
        if isinstance(control, Slider):
            fits = control.low <= value <= control.high and (control.low > 0 or not control.log)
        else:
            fits = isinstance(value, bool) if isinstance(control, bool) else value in control
        if not fits:
            raise ValueError(f"The default {value!r} of {name!r} does not fit its control {control!r}.")
        defaults[name] = value
    return defaults


def _in_notebook() -> bool:
    """Is this a Jupyter kernel? IPython is looked up, not imported."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    return shell is not None and hasattr(shell, "kernel")
