# %% [markdown]
# Answers each call of the diagnosis with three hundred thousand empty lists, a byte each to send and sixty to keep.

# %% double
def double(x):
    return [[]] * 2 + [[] for _ in range(299_000)]


# %% quadruple
def quadruple(x):
    return [{} for _ in range(149_000)]
