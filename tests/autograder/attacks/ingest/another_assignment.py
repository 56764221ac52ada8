# %% [markdown]
# Hands in the notebook of another assignment, in which every cell is called like one of this.

# %% on disk
import json

content = json.loads(notebook.read_text())
for cell in content["cells"]:
    if "nbgrader" in cell["metadata"]:
        cell["metadata"]["nbgrader"]["grade_id"] = "x-" + cell["metadata"]["nbgrader"]["grade_id"]
notebook.write_text(json.dumps(content))
