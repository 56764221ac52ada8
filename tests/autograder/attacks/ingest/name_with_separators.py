# ---
# jupyter:
#   attack: {student: "x..\\..%2f..%2f~$(touch x);`id`|&'\"*?[a-z]{b}@TOKEN@"}
# ---

# %% [markdown]
# Has a name of separators, wild cards, quotes and commands.

# %% double
def double(x):
    return 0
