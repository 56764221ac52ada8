# %% [markdown]
# Has a cell of four hundred thousand line ends, for whoever looks behind each of them for what may follow blanks.

# %% on disk
import json

text = json.loads(notebook.read_text())
cell = next(cell for cell in text["cells"] if cell["metadata"].get("nbgrader", {}).get("grade_id") == "double")
cell["source"] = "\n" * 390_000 + "pass"
notebook.write_text(json.dumps(text))
