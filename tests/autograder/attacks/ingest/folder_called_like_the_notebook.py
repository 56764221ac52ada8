# %% [markdown]
# Hands in a folder of the notebook's name with another notebook in it.

# %% on disk
content = notebook.read_bytes()
notebook.unlink()
notebook.mkdir()
(notebook / "victim.ipynb").write_bytes(content)
