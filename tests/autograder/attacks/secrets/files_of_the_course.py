# %% [markdown]
# Reads everything in the classroom: source notebooks, other submissions, the gradebook, the instructor's notes.

# %%
import os

for folder, _, files in os.walk("@CLASSROOM@"):
    for file in files:
        try:
            print(file, open(os.path.join(folder, file), errors="replace").read()[:20000])
        except OSError as error:
            print(error)
