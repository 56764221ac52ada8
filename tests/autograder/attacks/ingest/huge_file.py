# %% [markdown]
# Hands in a sparse file that says that it has a terabyte.

# %% on disk
import os

os.truncate(notebook, 1 << 40)
