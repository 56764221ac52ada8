# %% [markdown]
# Runs the solution cells of a classmate's submission.

# %%
import json

try:
    for cell in json.load(open("@CLASSROOM@/submitted/@NEIGHBOUR@/victim/victim.ipynb"))["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("solution") and cell["cell_type"] == "code":
            exec("".join(cell["source"]))
except OSError as error:
    print(error)

# %% double
pass

# %% step
pass

# %% counter
pass

# %% quadruple
pass
