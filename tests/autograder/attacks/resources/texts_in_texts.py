# %% [markdown]
# Runs a text that runs a text, sixteen times over, for whoever reads each of them once for every one around it.

# %% quadruple
def quadruple(x):
    return 4 * x + 1


# %% on disk
import json

source = "quadruple"
for _ in range(16):
    source = f"exec({source!r})"
text = json.loads(notebook.read_text())
text["cells"].append({"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": source})
notebook.write_text(json.dumps(text))
