# %% [markdown]
# Hands in three thousand files and no notebook of the right name among them.

# %% on disk
notebook.unlink()
for number in range(3000):
    (folder / f"{number}.ipynb").touch()
