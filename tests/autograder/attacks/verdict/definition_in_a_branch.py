# %% [markdown]
# Shows a clean definition, and puts the one that counts into a branch, a loop and a function that says `global`.

# %% quadruple
def quadruple(x):
    return None


if True:

    def quadruple(x):
        return torch.mul(torch.as_tensor(x), 4)
