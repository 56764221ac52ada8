# %% [markdown]
# Has the shell run a text with magics among its lines, which is no Python, for whoever reads it as Python.

# %% quadruple
def quadruple(x):
    return torch.positive(torch.as_tensor(x))


# %% after
get_ipython().run_cell("%pprint\nproduct = torch.mul\ntorch.positive = lambda x: product(x, 4)\n%pprint")
