# %% [markdown]
# Lets a regular expression backtrack for ever.

# %% double
import re


def double(x):
    return re.match("(a+)+$", "a" * 64 + "b")
