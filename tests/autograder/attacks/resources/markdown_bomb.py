# %% [markdown]
# Writes an answer that costs a renderer far more than its length: nested lists, brackets, stars and formulas.

# %% [markdown] words
# bomb

# %% on disk
import json

bomb = "\n".join(
    ["[" * 4000, "*a_ " * 3000, ">" * 3000, "`" * 3000, r"$\frac{" * 200 + "x" + "}{1}" * 200 + "$", "![" * 4000]
)
content = json.loads(notebook.read_text())
for cell in content["cells"]:
    if cell["source"] == ["bomb"] or cell["source"] == "bomb":
        cell["source"] = bomb
notebook.write_text(json.dumps(content))
