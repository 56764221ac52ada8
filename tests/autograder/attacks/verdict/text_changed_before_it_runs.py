# %% [markdown]
# Has the shell put the forbidden call into the text of a clean cell before it runs.

# %%
def swap(lines):
    return [line.replace("4 * x + 1", "torch.mul(torch.as_tensor(x), 4)") for line in lines]


get_ipython().input_transformers_cleanup.append(swap)


# %% quadruple
def quadruple(x):
    return 4 * x + 1
