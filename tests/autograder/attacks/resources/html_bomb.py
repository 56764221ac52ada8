# %% [markdown]
# Shows HTML whose unclosed tags cost a sanitiser the square of their number, in outputs, answers and cells of its own.

# %%
from IPython.display import HTML, display

display(HTML("<div>" * 6_000))

# %% [markdown] words
# bomb

# %% on disk
import json

bomb = "".join(f"<font color={n}>" for n in range(3_500))
content = json.loads(notebook.read_text())
for cell in content["cells"]:
    if "".join(cell["source"]) == "bomb":
        cell["source"] = bomb
content["cells"] += [{"cell_type": "markdown", "metadata": {}, "id": f"bomb{n}", "source": bomb} for n in range(60)]
notebook.write_text(json.dumps(content))
