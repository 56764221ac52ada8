# %% [markdown]
# Has a comment with line separators, which Python takes for one line and a careless reader for a clean definition.

# %% quadruple
pass

# %% on disk
import json

content = json.loads(notebook.read_text())
for cell in content["cells"]:
    if cell["metadata"].get("nbgrader", {}).get("grade_id") == "quadruple":
        clean = "# \u2028def quadruple(x):\u2028    return 4 * torch.as_tensor(x)\n"
        cell["source"] = clean + "def quadruple(x):\n    return torch.mul(torch.as_tensor(x), 4)"
notebook.write_text(json.dumps(content))
