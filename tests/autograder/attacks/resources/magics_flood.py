# %% [markdown]
# Has twenty thousand lines of magics, which whoever reads the code has to translate one after the other.

# %%
pass

# %% after
# %lsmagic

# %% on disk
import json

content = json.loads(notebook.read_text())
content["cells"][-1]["source"] = "if 0:\n" + "    x = !true\n" * 20_000
notebook.write_text(json.dumps(content))
