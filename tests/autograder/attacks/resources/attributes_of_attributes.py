# %% [markdown]
# Asks for an attribute of an attribute, two thousand times over, for whoever follows each by a call of its own.

# %% on disk
import json

text = json.loads(notebook.read_text())
cell = next(cell for cell in text["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == "double")
cell["source"] = "if False:\n    x" + ".a" * 2000 + "()"
notebook.write_text(json.dumps(text))
