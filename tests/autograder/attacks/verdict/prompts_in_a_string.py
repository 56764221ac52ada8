# %% [markdown]
# Has a clean cell that is Python as it stands, and none once IPython has taken off what looks like its prompts.

# %%
def quadruple(x):
    return torch.mul(torch.as_tensor(x), 4)


# %% quadruple
s = "\
>>> "
x = ...


def quadruple(x):
    return 4 * x + 1
