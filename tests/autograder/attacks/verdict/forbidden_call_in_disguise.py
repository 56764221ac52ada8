# %% [markdown]
# Assigns the forbidden function to the name of its own instead of defining one.

# %% quadruple
quadruple = lambda x: torch.mul(torch.as_tensor(x), 4)
