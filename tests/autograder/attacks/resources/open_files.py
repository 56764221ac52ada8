# %% [markdown]
# Opens descriptors until there are none left.

# %%
import os

kept = []
try:
    while len(kept) < 10**5:
        kept.append(os.open("/dev/null", os.O_RDONLY))
except OSError as error:
    print(error)
