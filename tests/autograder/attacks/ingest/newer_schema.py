# %% [markdown]
# Claims to be of a version of nbgrader that does not exist, in each cell another.

# %% on disk
import json

content = json.loads(notebook.read_text())
for number, cell in enumerate(content["cells"]):
    if "nbgrader" in cell["metadata"]:
        cell["metadata"]["nbgrader"]["schema_version"] = 99 + number
notebook.write_text(json.dumps(content))
