# %% [markdown]
# Runs the solution cells of the instructor's notebook in the classroom instead of writing any.

# %%
import glob
import json

for path in glob.glob("@CLASSROOM@/source/**/*.ipynb", recursive=True) + glob.glob(
    "/**/solutions/victim*", recursive=False
):
    for cell in json.load(open(path))["cells"]:
        if cell["metadata"].get("nbgrader", {}).get("solution") and cell["cell_type"] == "code":
            print("stolen")
            exec("".join(cell["source"]))

# %% double
pass

# %% step
pass

# %% counter
pass

# %% quadruple
pass
