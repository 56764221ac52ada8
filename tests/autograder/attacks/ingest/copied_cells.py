# %% [markdown]
# Has every cell twice, under the same grade_id, and a test cell ten times.

# %% on disk
import json

content = json.loads(notebook.read_text())
content["cells"] = [cell for cell in content["cells"] for _ in range(2)]
test = next(cell for cell in content["cells"] if cell["metadata"].get("nbgrader", {}).get("points"))
content["cells"] += [{**test, "source": "4", "id": f"copy{n}"} for n in range(10)]
notebook.write_text(json.dumps(content))
