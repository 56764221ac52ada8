# %% [markdown]
# Shows HTML of one tag with as many attributes as there is room for, each of which is compared with all before it.

# %%
from IPython.display import HTML, Markdown, display

text = "<b " + " ".join(f"a{number}" for number in range(4_500)) + ">x</b>"
display(HTML(text), Markdown(text))

# %% [markdown] words
# x

# %% on disk
import json

content = json.loads(notebook.read_text())
long = "<b " + " ".join(f"a{number}" for number in range(300_000)) + ">x</b>"
for cell in content["cells"]:
    name = cell["metadata"].get("nbgrader", {}).get("grade_id")
    if name == "words":
        cell["source"] = long
    elif name == "experiment-plot":
        data = {"text/html": long, "text/plain": "x"}
        cell["outputs"] = [{"output_type": "display_data", "data": data, "metadata": {}}] * 3
notebook.write_text(json.dumps(content))
