# %% [markdown]
# Gives the solution cells the grade_ids of test cells and the test cells those of the setup.

# %% double
4

# %% on disk
import json

content = json.loads(notebook.read_text())
for cell in content["cells"]:
    meta = cell["metadata"].get("nbgrader", {})
    name = meta.get("grade_id", "")
    meta["grade_id"] = f"{name}-test" if meta.get("solution") else "setup" if name.endswith("-test") else name
notebook.write_text(json.dumps(content))
