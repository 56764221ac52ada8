# ---
# jupyter:
#   attack: {harm: "it would sleep through the timeout of every cell"}
# ---

# %% [markdown]
# Uses no processor time at all: it waits, in a cell, in functions and for input.

# %%
import time

input("name?")
time.sleep(10**6)


# %% double
def double(x):
    time.sleep(10**6)
