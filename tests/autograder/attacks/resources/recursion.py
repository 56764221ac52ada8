# %% [markdown]
# Recurses without a limit, in Python and in C.

# %% double
import sys


def double(x):
    sys.setrecursionlimit(10**8)
    return double(x)


# %% quadruple
def quadruple(x):
    nest = []
    for _ in range(10**6):
        nest = [nest]
    return repr(nest)
