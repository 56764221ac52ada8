"""Figures in one style: colour-blind safe, legible at half size, with a title that states the finding.

Every function returns a Figure that pyplot no longer holds: a notebook shows it as it shows any value (last line of a
cell, or `display(figure)`), once; a script saves it. With `axes=` a function draws into one panel of `panels()`.
`show(figure, alt=...)` is for readers who may not see it: the figure with words beside it.
"""

from __future__ import annotations

import base64
import io
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from html import escape
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import torch
from cycler import cycler
from matplotlib.axes import Axes
from matplotlib.colors import ListedColormap
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from torch import Tensor

# M. Okabe and K. Ito, Color Universal Design (2008); yellow is left out, being too pale for lines on white.
COLORS = {
    "blue": "#0072B2",
    "vermillion": "#D55E00",
    "green": "#009E73",
    "purple": "#CC79A7",
    "orange": "#E69F00",
    "sky": "#56B4E9",
    "black": "#000000",
}
# Six dashes and seven colours: 42 lines before two look alike.
DASHES: list[Any] = ["-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2))]

STYLE: Any = {
    "figure.figsize": (6.4, 4.0),
    "figure.dpi": 110,
    "figure.constrained_layout.use": True,
    "savefig.dpi": 160,
    "font.size": 12,
    "axes.titlesize": 13,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.titlepad": 10,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.prop_cycle": cycler(color=list(COLORS.values())) + cycler(linestyle=[*DASHES, DASHES[0]]),
    "grid.color": "#e3e3e3",
    "lines.linewidth": 2.0,
    "legend.frameon": False,
    "legend.handlelength": 2.6,
    "image.cmap": "viridis",
}

Values = Sequence[float] | np.ndarray | Tensor


@contextmanager
def style() -> Iterator[None]:
    """The course's style, for figures drawn by hand: `with style(): figure, axes = plt.subplots()`."""
    with plt.rc_context(STYLE):
        yield


@dataclass(frozen=True)
class Picture:
    """What `show` returns: a notebook and the site show it as an image with alternative text, and a note under it."""

    figure: Figure
    alt: str
    note: str = ""

    def _repr_html_(self) -> str:
        return as_html(self.figure, self.alt) + (f"<p><em>{escape(self.note)}</em></p>" if self.note else "")


def show(figure: Figure, alt: str) -> Picture:
    """The figure for a notebook or the site, as the last line of a cell.

    A screen reader reads the titles of the figure, then `alt`: what a listener must know, in one or two sentences.
    """
    return Picture(figure, alt)


def as_html(figure: Figure, alt: str = "") -> str:
    """The figure as an image element, titles and `alt` as its text.

    It has two pixels for one of the page, and is no wider than the page, but at least half its size: there it scrolls.
    """
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=2 * figure.dpi)
    titles = [
        figure.get_suptitle(),
        *(axes.get_title(loc) for axes in figure.axes for loc in ("left", "center", "right")),
    ]
    text = "; ".join(title for title in titles if title)
    text = ". ".join(part for part in (text.rstrip(".:"), alt.strip()) if part)
    data = base64.b64encode(buffer.getvalue()).decode()
    width = round(figure.get_figwidth() * figure.dpi)
    return (
        f'<img alt="{escape(" ".join(text.split()), quote=True)}" width="{width}" '
        f'style="max-width: 100%; min-width: {width // 2}px; height: auto" src="data:image/png;base64,{data}">'
    )


def panels(
    rows: int = 1, columns: int = 1, *, title: str = "", size: tuple[float, float] | None = None
) -> tuple[Figure, np.ndarray]:
    """A figure of rows × columns panels, and the array of its Axes of that shape; `size` is one panel's, in inches."""
    width, height = size or ((6.4, 4.0) if columns == 1 else (4.6, 3.6))
    with style():
        figure, axes = plt.subplots(rows, columns, squeeze=False, figsize=(width * columns, height * rows))
        if title:
            figure.suptitle(title, fontsize=14, fontweight="bold", x=0.01, ha="left")
        plt.close(figure)
    return figure, axes


def curves(
    series: Mapping[str, Values | tuple[Values, Values]],
    *,
    title: str,
    xlabel: str,
    ylabel: str,
    logx: bool = False,
    logy: bool = False,
    bands: Mapping[str, tuple[Values, Values]] | None = None,
    axes: Axes | None = None,
) -> Figure:
    """One line per entry of `series`: its values, against 0, 1, 2, …, or a pair (x, values).

    `bands` gives, for some of the lines, a lower and an upper limit to shade (an interval, a range over seeds).
    """
    with style():
        axes = axes if axes is not None else _one_panel()
        for (name, line), look in zip(series.items(), _looks(), strict=False):
            x, y = _points(line)
            drawn = axes.plot(x, y, label=name, **look)[0]
            if len(x) == 1:
                drawn.set_marker("o")
            if bands and name in bands:
                low, high = (_array(limit) for limit in bands[name])
                axes.fill_between(x, low, high, color=drawn.get_color(), alpha=0.2, linewidth=0)
        if logx:
            axes.set_xscale("log")
        if logy:
            axes.set_yscale("log")
        _finish(axes, title, xlabel, ylabel, legend=len(series) > 1)
    return _figure_of(axes)


def per_layer(
    statistics: Mapping[str, Values],
    *,
    title: str,
    ylabel: str,
    logy: bool = True,
    axes: Axes | None = None,
) -> Figure:
    """A statistic of each layer, first layer first: one line per entry.

    An entry has shape (layers,), or (layers, samples): then the line is the median and the band goes from the smallest
    to the largest sample. Entries that a logarithm cannot show (0, inf, NaN) leave a gap.
    """
    lines, bands = {}, {}
    for name, values in statistics.items():
        array = _array(values)
        layers = np.arange(1, len(array) + 1)
        shown = np.where(np.isfinite(array) & ((array > 0) | (not logy)), array, np.nan)
        if array.ndim == 2:
            bands[name] = (shown.min(axis=1), shown.max(axis=1))
            shown = np.median(shown, axis=1)
        lines[name] = (layers, shown)
    figure = curves(lines, title=title, xlabel="layer", ylabel=ylabel, logy=logy, bands=bands, axes=axes)
    (axes or figure.axes[0]).xaxis.set_major_locator(MaxNLocator(integer=True))
    return figure


def layer_histograms(
    layers: Mapping[str, Tensor], *, title: str, xlabel: str, columns: int = 4, bins: int = 41
) -> Figure:
    """The distribution of the entries of each tensor, a panel each, on one common horizontal axis.

    The axis spans the middle 99.8 % of all finite entries; the share beyond is drawn into the outermost bins.
    """
    arrays = {name: _array(values).ravel() for name, values in layers.items()}
    everything = np.concatenate([a[np.isfinite(a)] for a in arrays.values()])
    low, high = np.quantile(everything, [0.001, 0.999])
    if low == high:
        low, high = low - 0.5, high + 0.5
    columns = min(columns, len(arrays))
    rows = -(-len(arrays) // columns)
    figure, axes = panels(rows, columns, title=title, size=(2.6, 2.1))
    for i, panel in enumerate(axes.flat):
        if i >= len(arrays):
            panel.axis("off")
            continue
        name, array = list(arrays.items())[i]
        finite = array[np.isfinite(array)]
        panel.hist(np.clip(finite, low, high), bins=bins, range=(low, high), color=COLORS["blue"], density=True)
        spread = (
            f"std {finite.std():.2g}" if finite.size == array.size else f"{1 - finite.size / array.size:.0%} not finite"
        )
        panel.set_title(f"{name}\n{spread}", fontsize=11, fontweight="normal", loc="center")
        panel.set_yticks([])
        panel.grid(False)
        panel.spines["left"].set_visible(False)
    figure.supxlabel(xlabel, fontsize=12)
    return figure


def image_grid(
    images: Tensor | Sequence[Tensor],
    labels: Sequence[str] | None = None,
    *,
    title: str,
    columns: int = 8,
    limits: tuple[float, float] | None = None,
    size: float = 1.3,
) -> Figure:
    """Images (N, C, H, W), (N, H, W) or a list of single ones, with C = 1 (gray) or 3 (colour).

    All images share one scale: `limits`, else the smallest and largest value among them. `size` is the width of one
    image in inches. Raises ValueError if there is no image, or one of another shape.
    """
    arrays = [_picture(image) for image in images]
    if not arrays:
        raise ValueError("image_grid needs at least one image, and got none.")
    low, high = limits or (min(a.min() for a in arrays), max(a.max() for a in arrays))
    columns = min(columns, len(arrays))
    rows = -(-len(arrays) // columns)
    ratio = arrays[0].shape[0] / arrays[0].shape[1]
    figure, axes = panels(rows, columns, title=title, size=(size, size * ratio + (0.3 if labels else 0.05)))
    for i, panel in enumerate(axes.flat):
        panel.axis("off")
        if i < len(arrays):
            shown = np.clip((arrays[i] - low) / max(high - low, 1e-12), 0, 1)
            panel.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
            if labels:
                panel.set_title(labels[i], fontsize=11, fontweight="normal", loc="center", pad=3)
    return figure


def loss_surface(
    function: Callable[[Tensor], Tensor],
    trajectories: Mapping[str, Tensor] | None = None,
    *,
    title: str,
    xlim: tuple[float, float],
    ylim: tuple[float, float],
    minimum: tuple[float, float] | None = None,
    labels: tuple[str, str] = ("$w_1$", "$w_2$"),
    levels: int | Sequence[float] = 18,
    resolution: int = 201,
    axes: Axes | None = None,
) -> Figure:
    """Contours of a function of two variables, and the paths that optimizers took over it.

    `function` maps points of shape (..., 2) to values of shape (...). Each trajectory has shape (steps + 1, 2), its
    start is a circle and its end a square; a path that leaves the frame is cut there. `levels` are the heights of the
    contours, or their number: then they are equally spaced in the fourth root of the height above the smallest value,
    so that they are closer together near it.
    """
    x, y = torch.linspace(*xlim, resolution), torch.linspace(*ylim, resolution)
    with torch.no_grad():
        values = _array(function(torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)))
    if isinstance(levels, int):
        finite = values[np.isfinite(values)]
        span = max(finite.max() - finite.min(), 1e-12)
        heights = finite.min() + span * np.linspace(0, 1, levels) ** 4
    else:
        heights = np.sort(_array(levels))
    with style():
        axes = axes if axes is not None else _one_panel()
        axes.contourf(x, y, values, levels=heights, cmap=_pale_gray(), extend="both")
        axes.contour(x, y, values, levels=heights, colors="#a8a8a8", linewidths=0.6)
        for (name, path), look in zip((trajectories or {}).items(), _looks(), strict=False):
            points = _array(path)
            axes.plot(*points.T, label=name, marker=".", markersize=4, markevery=_every(len(points)), **look)
            axes.plot(*points[0], marker="o", color=look["color"], markersize=8)
            axes.plot(*points[-1], marker="s", color=look["color"], markersize=7)
        if minimum is not None:
            axes.plot(*minimum, marker="*", color="black", markersize=13, linestyle="", zorder=1.9, label="minimum")
        axes.set_xlim(xlim)
        axes.set_ylim(ylim)
        axes.grid(False)
        _finish(axes, title, *labels, legend=bool(trajectories) or minimum is not None)
    return _figure_of(axes)


def spectra(
    matrices: Mapping[str, Values],
    *,
    title: str,
    ylabel: str = "singular value",
    logy: bool = True,
    axes: Axes | None = None,
) -> Figure:
    """Singular values, largest first: one line per entry, which is a matrix (m, n) or its singular values (k,).

    Values too small for a logarithm (0) leave a gap.
    """
    lines = {}
    for name, given in matrices.items():
        array = _array(given)
        values = np.linalg.svd(array, compute_uv=False) if array.ndim == 2 else np.sort(array)[::-1]
        lines[name] = (np.arange(1, len(values) + 1), np.where((values > 0) | (not logy), values, np.nan))
    return curves(lines, title=title, xlabel="index, largest first", ylabel=ylabel, logy=logy, axes=axes)


def decision_regions(
    predict: Callable[[Tensor], Tensor],
    x: Tensor,
    y: Tensor,
    *,
    title: str,
    resolution: int = 201,
    axes: Axes | None = None,
) -> Figure:
    """Points x (N, 2) with classes y (N,), over the class that `predict` gives each place of the plane.

    `predict` maps points (M, 2) to logits (M, K) or to class indices (M,). Raises ValueError for more than seven
    classes: there are no more colours that everyone can tell apart.
    """
    low, high = x.min(dim=0).values, x.max(dim=0).values
    margin = 0.08 * (high - low)
    sides = [torch.linspace(float(a), float(b), resolution) for a, b in zip(low - margin, high + margin, strict=True)]
    plane = torch.stack(torch.meshgrid(*sides, indexing="xy"), dim=-1).reshape(-1, 2).to(x)
    with torch.no_grad():
        answer = predict(plane)
    chosen = _array(answer.argmax(dim=1) if answer.ndim == 2 else answer).reshape(resolution, resolution)
    colors = list(COLORS.values())
    classes = int(max(chosen.max(), y.max())) + 1
    if classes > len(colors):
        raise ValueError(f"decision_regions can tell {len(colors)} classes apart, and got {classes}.")
    with style():
        axes = axes if axes is not None else _one_panel()
        extent = (float(sides[0][0]), float(sides[0][-1]), float(sides[1][0]), float(sides[1][-1]))
        axes.imshow(
            chosen, origin="lower", extent=extent, cmap=ListedColormap(colors[:classes]), vmin=-0.5, vmax=classes - 0.5,
            alpha=0.22, interpolation="nearest", aspect="equal",
        )  # fmt: skip
        for k in range(classes):
            across, up = _array(x[y == k]).T
            look: dict[str, Any] = {"color": colors[k], "marker": "os^Dv*P"[k], "edgecolor": "white", "linewidth": 0.5}
            axes.scatter(across, up, s=24, label=f"class {k}", **look)
        axes.grid(False)
        _finish(axes, title, "$x_1$", "$x_2$", legend=False)
        axes.legend(loc="upper left", bbox_to_anchor=(1.0, 1.0), borderaxespad=0.0, handlelength=1.0)
    return _figure_of(axes)


def _looks() -> Iterator[dict[str, Any]]:
    """Colours and dashes for one line after the other, without end."""
    for color, dash in zip(itertools.cycle(COLORS.values()), itertools.cycle(DASHES), strict=False):
        yield {"color": color, "linestyle": dash}


def _one_panel() -> Axes:
    figure, axes = plt.subplots()
    plt.close(figure)
    return axes


def _figure_of(axes: Axes) -> Figure:
    figure = axes.get_figure()
    assert isinstance(figure, Figure)
    return figure


def _finish(axes: Axes, title: str, xlabel: str, ylabel: str, *, legend: bool) -> None:
    axes.set_title(title, wrap=True)
    axes.set_xlabel(xlabel)
    axes.set_ylabel(ylabel)
    if legend:
        # Over a filled background the text needs its own; over white it is not seen.
        axes.legend(frameon=True, framealpha=0.8, facecolor="white", edgecolor="none")


def _points(line: Values | tuple[Values, Values]) -> tuple[np.ndarray, np.ndarray]:
    if isinstance(line, tuple) and len(line) == 2 and not np.isscalar(line[0]):
        return _array(line[0]), _array(line[1])
    y = _array(line)
    return np.arange(len(y)), y


def _array(values: Any) -> np.ndarray:
    """Anything with numbers as a float64 array on the host."""
    if isinstance(values, Tensor):
        return values.detach().cpu().double().numpy()
    if isinstance(values, list | tuple):
        values = [value.item() if isinstance(value, Tensor) and value.ndim == 0 else value for value in values]
    return np.asarray(values, dtype=np.float64)


def _picture(image: Tensor) -> np.ndarray:
    """(H, W) or (H, W, 3) of an image (C, H, W) or (H, W)."""
    array = _array(image)
    if array.ndim == 3:
        array = array[0] if array.shape[0] == 1 else np.moveaxis(array, 0, -1)
    if array.ndim not in (2, 3) or (array.ndim == 3 and array.shape[-1] != 3):
        raise ValueError(f"An image has shape (H, W), (1, H, W) or (3, H, W), not {tuple(np.shape(image))}.")
    return array


def _every(points: int) -> int:
    """Mark at most about 60 points of a path."""
    return max(1, points // 60)


def _pale_gray() -> ListedColormap:
    """From light gray at the bottom to white: paths in any colour stand out."""
    return ListedColormap([(g, g, g) for g in np.linspace(0.86, 1.0, 64)])
