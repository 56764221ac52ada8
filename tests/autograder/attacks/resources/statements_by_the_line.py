# %% [markdown]
# Has a hundred thousand statements on as many lines and on one line, and a function that names them all.

# %%
pass

# %% quadruple
pass

# %% on disk
import json

content = json.loads(notebook.read_text())
names = [f"a{number}" for number in range(9000)]
for cell in content["cells"]:
    name = cell["metadata"].get("nbgrader", {}).get("grade_id")
    if name == "quadruple":
        cell["source"] = f"{'='.join(names)}=0\ndef quadruple(x):\n    return [{','.join(names)}]\n" + "0\n" * 60_000
    elif name is None and cell["source"] == "pass":
        cell["source"] = "b=0;" * 30_000
notebook.write_text(json.dumps(content))
