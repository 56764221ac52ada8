# %% [markdown]
# Has fifteen hundred cells with an output each, and each of them takes a while.

# %% on disk
import json

content = json.loads(notebook.read_text())
output = {"output_type": "stream", "name": "stdout", "text": ""}
cell = {"cell_type": "code", "metadata": {}, "execution_count": 1, "outputs": [output] * 10}
content["cells"] += [{**cell, "id": f"c{n}", "source": "sum(range(10**5))"} for n in range(1500)]
notebook.write_text(json.dumps(content))
