# %% [markdown]
# Hands in counts, points and versions that are not numbers: a thousand digits, NaN, infinity, minus one, lists.

# %% on disk
import json

content = json.loads(notebook.read_text())
odd = [10**1000, float("nan"), float("inf"), -1, [], {}, "1", None, True]
for number, cell in enumerate(content["cells"]):
    if cell["cell_type"] == "code":
        cell["execution_count"] = odd[number % len(odd)]
    if "nbgrader" in cell["metadata"]:
        cell["metadata"]["nbgrader"]["points"] = odd[number % len(odd)]
        cell["metadata"]["nbgrader"]["schema_version"] = odd[number % len(odd)]
content["nbformat"], content["nbformat_minor"] = 10**400, float("nan")
notebook.write_text(json.dumps(content))
