# %% [markdown]
# Reaches the forbidden function through the module as a value: in a list, as a default, in its namespace.

# %%
T, U = torch, 1


# %% quadruple
def quadruple(x, modules=(torch,)):
    x = torch.as_tensor(x)
    four = modules[0].mul(x, 2)
    return torch.__dict__["mul"](four, 2) if U else T.mul(four, 2)
