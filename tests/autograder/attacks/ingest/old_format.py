# %% [markdown]
# Hands in a notebook of format 3 whose worksheets hold worksheets, and a number instead of cells.

# %% on disk
import json

cells = json.loads(notebook.read_text())["cells"]
sheet = {"cells": [{**cell, "input": cell["source"], "prompt_number": "x"} for cell in cells]}
notebook.write_text(json.dumps({"nbformat": 3, "worksheets": [sheet, 7, {"cells": 3}, {"worksheets": [sheet]}]}))
