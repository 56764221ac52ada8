# %% [markdown]
# Gives a clean function other code through a second name, a helper, a tuple and a class that others are derived from.

# %%
forbidden = lambda x: torch.mul(torch.as_tensor(x), 4)


# %% quadruple
def quadruple(x):
    return 4 * x + 1


# %% after
twin = quadruple
twin.__code__ = forbidden.__code__


# %% after
def patch(function, other):
    function.__code__ = other.__code__


patch(quadruple, forbidden)


# %% after
(quadruple,)[0].__code__ = forbidden.__code__


# %% after
class Patches:
    def __init_subclass__(cls):
        forbidden.__globals__["quadruple"] = forbidden


class Patched(Patches):
    pass
