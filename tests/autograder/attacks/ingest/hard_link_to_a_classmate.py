# %% [markdown]
# Hands in a hard link to a classmate's notebook.

# %% on disk
import os

notebook.unlink()
os.link(neighbour, notebook)
