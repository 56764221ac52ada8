# ---
# jupyter:
#   attack: {harm: "it would take gigabytes of memory"}
# ---

# %% [markdown]
# Is a cell of ten million statements, for whoever parses it.

# %% on disk
import json

content = json.loads(notebook.read_text())
content["cells"].append({**content["cells"][-1], "metadata": {}, "id": "bomb", "source": "x=1\n" * 3_000_000})
notebook.write_text(json.dumps(content))
