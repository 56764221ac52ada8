# ---
# jupyter:
#   attack: {harm: "the grader would wait for it for ever"}
# ---

# %% [markdown]
# Hands in a named pipe, for which a reader waits for ever.

# %% on disk
import os

notebook.unlink()
os.mkfifo(notebook)
