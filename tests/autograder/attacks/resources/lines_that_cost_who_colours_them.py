# %% [markdown]
# Has long lines of broken escapes, each of which whoever colours code follows to the end of the line.

# %% on disk
import json

content = json.loads(notebook.read_text())
for number in range(6):
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "id": f"own-{number}"}
    content["cells"].append({**cell, "source": '"\\N{' * 15_000})
notebook.write_text(json.dumps(content))
