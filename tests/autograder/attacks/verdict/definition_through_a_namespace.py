# %% [markdown]
# Writes into the namespace by roads that name nothing: its methods, another name for it, the shell, a timed line.

# %%
forbidden = lambda x: torch.mul(torch.as_tensor(x), 4)


# %% quadruple
def quadruple(x):
    return 4 * x + 1


# %% after
space = globals()
space["quadruple"] = forbidden


# %% after
globals().update(quadruple=forbidden)


# %% after
get_ipython().user_ns["quadruple"] = forbidden


# %% after
get_ipython().run_line_magic("timeit", "-n1 -r1 get_ipython().push({'quadruple': forbidden})")
