# %% [markdown]
# Leaves a tree that a careless clean-up stumbles over: deep, without permissions, with odd names.

# %%
import os

for _ in range(200):
    os.makedirs("n" * 20, exist_ok=True)
    open("-rf *\n\r\x1b", "w").close()
    os.chdir("n" * 20)
for _ in range(3):
    os.chdir("..")
    os.chmod(".", 0)
