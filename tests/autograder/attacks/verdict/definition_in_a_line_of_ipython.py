# %% [markdown]
# Writes the definition that counts in what only IPython reads: timed lines, prompts, questions, a cell that is indented.

# %% quadruple
def quadruple(x):
    return 4 * x


# %% on disk
import json

forbidden = "quadruple = lambda x: torch.mul(torch.as_tensor(x), 4)"
texts = [
    f"%time {forbidden}",
    f"time {forbidden}",
    f"x = 1\n%prun -q {forbidden}",
    f">>> {forbidden}",
    f"In [1]: {forbidden}",
    f"    {forbidden}",
    f"%matplotlib inline\n{forbidden}  # is it not?",
    f"%matplotlib inline\n{forbidden} if (7\n% 2) else 0",
    "quadruple = %time (lambda x: torch.mul(torch.as_tensor(x), 4))",
]
content = json.loads(notebook.read_text())
for number, text in enumerate(texts):
    cell = {"cell_type": "code", "metadata": {}, "source": text, "outputs": [], "execution_count": None}
    content["cells"].append({**cell, "id": f"own-{number}"})
notebook.write_text(json.dumps(content))
