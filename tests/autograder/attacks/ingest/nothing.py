# %% [markdown]
# Hands in an empty file and a notebook that only a checkpoint holds.

# %% on disk
content = notebook.read_bytes()
(folder / ".ipynb_checkpoints").mkdir()
(folder / ".ipynb_checkpoints" / "victim-checkpoint.ipynb").write_bytes(content)
notebook.write_bytes(b"")
