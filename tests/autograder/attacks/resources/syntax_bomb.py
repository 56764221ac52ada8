# %% [markdown]
# Nests brackets, operators, strings and functions so deeply that parsers give up or break.

# %% double
x = 1

# %% on disk
import json

content = json.loads(notebook.read_text())
for text in (
    "(" * 10**5,
    "-" * 10**5 + "1",
    "lambda:" * 10**4 + "1",
    "a" + ".a" * 10**5,
    "f'{" * 10**4,
    "[" * 199 + "]" * 199,
):
    content["cells"].append({**content["cells"][-1], "metadata": {}, "id": f"b{len(content['cells'])}", "source": text})
notebook.write_text(json.dumps(content))
