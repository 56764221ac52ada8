# %% [markdown]
# Is code of sixty thousand blanks and line ends, which whoever colours it looks through again from every line.

# %%
pass

# %% on disk
import json

content = json.loads(notebook.read_text())
for cell in content["cells"]:
    if cell["source"] == "pass":
        cell["source"] = "x = 1\n" + " \n" * 29_000 + "\x0c\n" * 900
notebook.write_text(json.dumps(content))
