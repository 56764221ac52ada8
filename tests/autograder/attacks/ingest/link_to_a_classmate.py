# %% [markdown]
# Hands in a folder that is a link to a classmate's.

# %% on disk
import shutil

shutil.rmtree(folder)
folder.symlink_to(neighbour.parent)
