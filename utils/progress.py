"""Progress bars: tqdm's, by widgets in a notebook and as text elsewhere."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # tqdm complains in a notebook without ipywidgets; its text bar serves there
    from tqdm.auto import tqdm

__all__ = ["tqdm"]
