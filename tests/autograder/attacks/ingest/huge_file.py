# %% [markdown]
# Hands in a sparse file of a terabyte.

# %% on disk
import os

os.truncate(notebook, 1 << 40)
