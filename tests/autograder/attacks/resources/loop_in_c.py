# %% [markdown]
# Stays inside one call of a C function, where no Python signal handler runs.

# %% double
def double(x):
    return sum(range(10**14))
