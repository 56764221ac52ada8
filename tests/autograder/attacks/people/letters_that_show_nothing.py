# %% [markdown]
# Has two functions whose names look alike, because one ends in a letter that no font draws, to be read as one.

# %% on disk
import json

content = json.loads(notebook.read_text())
for cell in content["cells"]:
    if cell["metadata"].get("nbgrader", {}).get("grade_id") == "quadruple":
        clean = "".join(f"def quadruple{letter}(x):\n    return 4 * x\n\n\n" for letter in "\u115f\u1160\ufe0e\u034f")
        cell["source"] = clean + "def quadruple(x):\n    return torch.mul(torch.as_tensor(x), 4)"
notebook.write_text(json.dumps(content))
