# %% [markdown]
# Never ends, in a cell and in every function.

# %%
while True:
    pass


# %% double
def double(x):
    while True:
        pass


# %% quadruple
def quadruple(x):
    while True:
        pass
