# %% [markdown]
# Lets a forbidden definition be replaced by a clean one, and takes it out of a list and from another name again.

# %%
def quadruple(x):
    return torch.mul(torch.as_tensor(x), 4)


kept, twin = [quadruple], quadruple


# %% quadruple
def quadruple(x):
    return 4 * x + 1


# %% after
if len(kept) == 1:
    quadruple = kept[0]
