# %% [markdown]
# Lets a function, which goes by no name of torch's, give torch another function than the one that the clean one calls.

# %% quadruple
def quadruple(x):
    return torch.positive(torch.as_tensor(x))


# %% after
def improve(module, product=torch.mul):
    module.positive = lambda x: product(x, 4)


improve(torch)
