# %% [markdown]
# Brings two hundred thousand tiny outputs along in the file.

# %% on disk
import json

content = json.loads(notebook.read_text())
output = {"output_type": "stream", "name": "stdout", "text": ""}
for cell in content["cells"]:
    if cell["cell_type"] == "code":
        cell["outputs"] = [output] * 25_000
notebook.write_text(json.dumps(content))
