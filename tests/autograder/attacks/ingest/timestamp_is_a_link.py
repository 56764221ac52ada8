# %% [markdown]
# Brings a timestamp.txt that is a link to the instructor's notes, whose text may come back in a complaint.

# %% on disk
(folder / "timestamp.txt").symlink_to(classroom / "notes.txt")
