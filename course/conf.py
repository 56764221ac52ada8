"""The course site: lectures executed once, mathematics and search that work offline, nothing from elsewhere."""

import os
import sys
from importlib.resources import files
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
# Widgets become figures. One thread gives the same figures on every machine; it also reaches the kernels.
os.environ.update(DESCENT_STATIC="1", OMP_NUM_THREADS="1", MKL_NUM_THREADS="1")

project = "Descent"
author = "the Descent authors"
copyright = "2026, the Descent authors; text and figures CC BY 4.0, code MIT"
language = "en"

# MathJax's files come from the package sphinx-mathjax-offline, of which the site needs one bundle: TeX in, HTML out. As
# an extension it would copy all, and forbid to build in parallel.
extensions = ["myst_nb", "sphinx.ext.mathjax", "sphinx_copybutton", "course.pages"]
MATHJAX = Path(str(files("sphinx-mathjax-offline"))) / "static"
UNUSED_MATHJAX = [f"mathjax/{name}" for name in ("*-svg*", "mml-*", "tex-mml-*", "tex-chtml-full*", "output/svg")]
exclude_patterns = ["*.ipynb", "_static", "**.ipynb_checkpoints", *UNUSED_MATHJAX]
source_suffix = {".md": "myst-nb"}

myst_enable_extensions = ["dollarmath", "amsmath"]
myst_heading_anchors = 4
mathjax_path = "mathjax/tex-chtml.js"

nb_execution_mode = "cache"
nb_execution_cache_path = str(ROOT / "build" / "jupyter_cache")
nb_execution_timeout = 120  # of one cell, on a busy machine
nb_execution_raise_on_error = True
nb_merge_streams = True
nb_render_markdown_format = "myst"
nb_ipywidgets_js: dict = {}

html_theme = "sphinx_book_theme"
html_title = "Descent"
html_static_path = ["_static", str(MATHJAX)]
html_css_files = ["descent.css"]
html_js_files = [("slides.js", {"defer": "defer"})]
html_context = {"default_mode": "auto"}
html_show_sphinx = False
html_copy_source = False
html_theme_options = {
    "use_download_button": False,
    "use_fullscreen_button": False,
    "show_toc_level": 2,
    "navbar_persistent": [],
    "pygments_light_style": "a11y-high-contrast-light",
    "pygments_dark_style": "a11y-high-contrast-dark",
}
copybutton_selector = "div.highlight pre:not(.cell_output pre)"
