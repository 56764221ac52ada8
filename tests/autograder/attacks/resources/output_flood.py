# %% [markdown]
# Prints without end, to every stream, and shows a hundred thousand outputs.

# %%
from IPython.display import display

for _ in range(4_000):
    display("x" * 1000)
    print("y" * 2000)


# %% double
def double(x):
    print("x" * 10**7)
    return 0
