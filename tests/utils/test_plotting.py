"""Figures: what they draw is what they were given, pyplot keeps none of them, colours stay apart."""

from __future__ import annotations

import base64
import io
import re
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from tests import needs_jupyter
from utils import plotting

matplotlib.use("Agg")


@pytest.fixture(autouse=True)
def pyplot_is_left_as_it_was():
    before = dict(matplotlib.rcParams)
    yield
    assert plt.get_fignums() == []
    assert dict(matplotlib.rcParams) == before


def render(figure: Figure) -> np.ndarray:
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    return np.asarray(canvas.buffer_rgba())


def shown(axes: Any) -> np.ndarray:
    return np.asarray(axes.get_images()[0].get_array())


def lines(figure: Figure, panel: int = 0) -> dict[str, np.ndarray]:
    return {str(line.get_label()): np.asarray(line.get_xydata()) for line in figure.axes[panel].get_lines()}


def test_curves_draw_the_values() -> None:
    figure = plotting.curves(
        {"a": [3.0, 2.0, 1.0], "b": (torch.tensor([1.0, 10.0]), torch.tensor([5.0, 6.0], requires_grad=True))},
        title="b is above a",
        xlabel="step",
        ylabel="loss",
        logx=True,
        bands={"b": ([4.0, 5.0], [6.0, 7.0])},
    )
    assert lines(figure)["a"].tolist() == [[0, 3], [1, 2], [2, 1]]
    assert lines(figure)["b"].tolist() == [[1, 5], [10, 6]]
    axes = figure.axes[0]
    assert (axes.get_title(loc="left"), axes.get_xlabel(), axes.get_ylabel()) == ("b is above a", "step", "loss")
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "linear")
    assert len(axes.collections) == 1
    render(figure)


def test_many_lines_differ_in_colour_or_dashes() -> None:
    figure = plotting.curves({str(i): [0, i] for i in range(20)}, title="t", xlabel="x", ylabel="y")
    looks = {(line.get_color(), str(line._dash_pattern)) for line in figure.axes[0].get_lines()}  # type: ignore
    assert len(looks) == 20


# Machado, Oliveira and Fernandes (2009), severity 1.0, for linear RGB.
DEFICIENCIES = {
    "protan": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
    "deutan": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
    "tritan": [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.303900]],
}


@pytest.mark.parametrize("deficiency", ["none", *DEFICIENCIES])
def test_first_four_colours_stay_apart_for_everyone(deficiency: str) -> None:
    rgb = np.array([matplotlib.colors.to_rgb(c) for c in list(plotting.COLORS.values())[:4]])
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    seen = np.clip(linear @ np.array(DEFICIENCIES.get(deficiency, np.eye(3))).T, 0, 1)
    white = np.array([0.95047, 1.0, 1.08883])
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    f = np.cbrt(np.maximum(seen @ to_xyz.T / white, 0.008856))
    lab = np.stack([116 * f[:, 1] - 16, 500 * (f[:, 0] - f[:, 1]), 200 * (f[:, 1] - f[:, 2])], axis=1)
    distance = np.linalg.norm(lab[:, None] - lab[None], axis=-1)[np.triu_indices(4, 1)]
    assert distance.min() > 12


def test_per_layer_shows_median_and_range_and_gaps() -> None:
    samples = torch.tensor([[1.0, 2.0, 9.0], [0.125, 0.25, 0.5], [0.0, 0.0, 0.0]])
    figure = plotting.per_layer({"relu": samples, "one": [1.0, float("inf"), 2.0]}, title="t", ylabel="norm")
    drawn = lines(figure)
    np.testing.assert_array_equal(drawn["relu"], [[1, 2.0], [2, 0.25], [3, np.nan]])
    np.testing.assert_array_equal(drawn["one"], [[1, 1.0], [2, np.nan], [3, 2.0]])
    assert figure.axes[0].get_yscale() == "log"
    render(figure)


def test_layer_histograms() -> None:
    layers = {"layer 1": torch.randn(500), "layer 2": torch.zeros(500), "layer 3": torch.tensor([1.0, float("nan")])}
    figure = plotting.layer_histograms(layers, title="t", xlabel="activation", columns=2)
    titles = [axes.get_title(loc="center") for axes in figure.axes]
    assert "std 0" in titles[1]
    assert "50% not finite" in titles[2]
    render(figure)
    render(plotting.layer_histograms({"flat": torch.ones(4)}, title="t", xlabel="x"))


def test_image_grid_keeps_one_scale() -> None:
    images = torch.stack([torch.zeros(1, 4, 5), torch.full((1, 4, 5), 0.5), torch.ones(1, 4, 5)])
    figure = plotting.image_grid(images, ["a", "b", "c"], title="t", columns=2)
    assert [shown(axes).mean() for axes in figure.axes[:3]] == [0.0, 0.5, 1.0]
    assert [axes.get_title(loc="center") for axes in figure.axes] == ["a", "b", "c", ""]
    assert shown(plotting.image_grid(images, title="t", limits=(0.0, 0.5)).axes[1]).max() == 1.0
    assert shown(plotting.image_grid([torch.rand(3, 4, 5)], title="t").axes[0]).shape == (4, 5, 3)
    with pytest.raises(ValueError, match=r"not \(2, 4, 5\)"):
        plotting.image_grid([torch.rand(2, 4, 5)], title="t")
    with pytest.raises(ValueError, match="at least one"):
        plotting.image_grid([], title="t")


def test_loss_surface_draws_the_function_and_the_paths() -> None:
    def function(w: torch.Tensor) -> torch.Tensor:
        return (w[..., 0] - 1) ** 2 + 10 * w[..., 1] ** 2

    path = torch.tensor([[-1.0, 0.5], [0.0, -0.2], [1.0, 0.0]], requires_grad=True)
    figure = plotting.loss_surface(
        function, {"SGD": path}, title="t", xlim=(-2, 2), ylim=(-1, 1), minimum=(1.0, 0.0), resolution=101
    )
    np.testing.assert_allclose(lines(figure)["SGD"], path.detach())
    assert figure.axes[0].get_xlim() == (-2, 2)
    pixels = render(figure)
    center = figure.axes[0].transData.transform((1.0, 0.3))
    corner = figure.axes[0].transData.transform((-1.97, -0.97))
    brightness = [pixels[pixels.shape[0] - int(y), int(x), :3].mean() for x, y in (center, corner)]
    assert brightness[0] < brightness[1], "low is darker than high"
    own = plotting.loss_surface(function, title="t", xlim=(-2, 2), ylim=(-1, 1), levels=[0.1, 1.0, 10.0])
    render(own)


def test_spectra_of_matrices_and_of_values() -> None:
    matrix = torch.diag(torch.tensor([3.0, 0.0, 2.0]))
    figure = plotting.spectra({"matrix": matrix, "values": [0.5, 4.0]}, title="t")
    np.testing.assert_allclose(lines(figure)["matrix"], np.array([[1, 3], [2, 2], [3, np.nan]]))
    np.testing.assert_allclose(lines(figure)["values"], np.array([[1, 4], [2, 0.5]]))


def test_decision_regions() -> None:
    x, y = torch.tensor([[0.0, 0.0], [1.0, 2.0], [2.0, 1.0]]), torch.tensor([0, 1, 1])
    figure = plotting.decision_regions(lambda p: torch.stack([1 - p[:, 0], p[:, 0]], dim=1), x, y, title="t")
    regions = shown(figure.axes[0])
    assert (regions[:, 0].max(), regions[:, -1].min()) == (0, 1)
    assert sum(len(np.asarray(group.get_offsets())) for group in figure.axes[0].collections) == 3
    by_index = plotting.decision_regions(lambda p: (p[:, 0] > 0.5).long(), x, y, title="t")
    np.testing.assert_array_equal(shown(by_index.axes[0]), regions)
    with pytest.raises(ValueError, match="7 classes"):
        plotting.decision_regions(lambda p: torch.zeros(len(p)), x, torch.tensor([0, 1, 9]), title="t")


def test_functions_share_one_figure_of_panels() -> None:
    figure, axes = plotting.panels(1, 2, title="Two views")
    assert axes.shape == (1, 2)
    one = plotting.curves({"a": [1, 2]}, title="left", xlabel="x", ylabel="y", axes=axes[0, 0])
    two = plotting.per_layer({"a": [1, 2]}, title="right", ylabel="y", axes=axes[0, 1])
    assert one is two is figure
    assert [panel.get_title(loc="left") for panel in figure.axes] == ["left", "right"]
    render(figure)


def test_a_shown_figure_is_sharp_and_has_words() -> None:
    figure = plotting.curves({"a": [1, 2]}, title='It "grows" fast.', xlabel="x", ylabel="y")
    html = plotting.show(figure, alt="Two\n  points.")._repr_html_()
    assert 'alt="It &quot;grows&quot; fast. Two points."' in html
    width = round(figure.get_figwidth() * figure.dpi)
    assert f'width="{width}"' in html
    data = re.search('src="data:image/png;base64,([^"]+)"', html)
    assert data is not None
    assert Image.open(io.BytesIO(base64.b64decode(data[1]))).width == 2 * width


@pytest.mark.slow
@needs_jupyter
def test_a_notebook_shows_a_figure_once_and_sliders_as_a_widget() -> None:
    import nbformat
    from nbclient import NotebookClient

    setup = "from utils import plotting, widgets\ndef draw(k=1): return plotting.curves({'a': [k, 2]}, **names)\n"
    sources = [
        setup + "names = dict(title='t', xlabel='x', ylabel='y')\nfigure = draw()",
        "figure",
        "widgets.interactive(draw, k=widgets.Slider(0, 3))",
        "widgets.interactive(draw, static=True, k=widgets.Slider(0, 3))",
        "plotting.show(figure, alt='Two points.')",
    ]
    cells = [nbformat.v4.new_code_cell(source) for source in sources]
    notebook = nbformat.v4.new_notebook(cells=cells)
    NotebookClient(notebook, kernel_name="python3", timeout=120).execute()
    shown = [[kind for output in cell.outputs for kind in output.get("data", {})] for cell in notebook.cells]
    assert [kinds.count("image/png") for kinds in shown] == [0, 1, 0, 0, 0]
    assert [kinds.count("text/html") for kinds in shown] == [0, 0, 0, 1, 1]
    assert "application/vnd.jupyter.widget-view+json" in shown[2]
