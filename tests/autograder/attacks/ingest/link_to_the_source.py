# %% [markdown]
# Hands in a symbolic link to the instructor's notebook.

# %% on disk
notebook.unlink()
notebook.symlink_to(classroom / "source/victim/victim.ipynb")
