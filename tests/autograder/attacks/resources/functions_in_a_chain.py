# %% [markdown]
# Has four thousand functions that call each other in a chain and are all put into a module, for whoever follows each.

# %% on disk
import json

lines = [f"def f{number}(): return f{number + 1}()" for number in range(4_500)] + ["f4500 = 1"]
lines += [f"torch.a = f{number}" for number in range(4_500)]
content = json.loads(notebook.read_text())
cell = {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "id": "own"}
content["cells"].insert(4, {**cell, "source": "\n".join(lines)})
notebook.write_text(json.dumps(content))


# %% quadruple
def quadruple(x):
    return 4 * x + 1
