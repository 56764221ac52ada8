# %% [markdown]
# Gives a clean function another meaning by all means but a definition: a pattern, its code object, globals and exec.

# %% quadruple
def quadruple(x):
    return 4 * x


# %% after
forbidden = lambda x: torch.mul(torch.as_tensor(x), 4)
quadruple.__code__ = (lambda x: torch.mul(torch.as_tensor(x), 4)).__code__

# %% after
setattr(quadruple, "__code__", forbidden.__code__)

# %% after
globals()["quadruple"] = forbidden

# %% after
exec("quadruple = lambda x: torch.mul(torch.as_tensor(x), 4)")

# %% after
match forbidden:
    case quadruple:
        pass
