# %% [markdown]
# Puts a clean definition behind the one that counts, in cells that stop before they reach it or never run it.

# %% quadruple
def quadruple(x):
    return torch.mul(torch.as_tensor(x), 4)


# %% after
if False:

    def quadruple(x):
        return 4 * x


# %% after
1 / 0


def quadruple(x):
    return 4 * x


# %% after
def stops_the_cell_before_it_runs():
    break


def quadruple(x):
    return 4 * x


# %% on disk
import json

content = json.loads(notebook.read_text())
text = "%%html\ndef quadruple(x):\n    return 4 * x"
cell = {"cell_type": "code", "metadata": {}, "source": text, "outputs": [], "execution_count": None, "id": "shown"}
content["cells"].append(cell)
notebook.write_text(json.dumps(content))
