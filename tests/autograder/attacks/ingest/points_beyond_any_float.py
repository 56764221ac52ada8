# %% [markdown]
# Claims points of four hundred digits for every cell, which is a number in JSON and none for a processor.

# %% on disk
import json

content = json.loads(notebook.read_text())
for cell in content["cells"]:
    meta = cell["metadata"].get("nbgrader", {})
    if meta.get("grade"):
        meta["points"] = 10**400 if meta["grade_id"] != "double-test" else -0.0
    cell["execution_count"] = 10**400
notebook.write_text(json.dumps(content))
