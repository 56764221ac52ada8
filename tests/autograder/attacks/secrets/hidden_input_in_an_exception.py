# ---
# jupyter:
#   attack: {}
# ---

# %% [markdown]
# Raises exceptions whose text, class name, notes and cause are the inputs of hidden tests.

# %% double
def double(x):
    if type(x) is int and x > 99:
        kind = type(f"Input{x}", (ValueError,), {"__str__": lambda self: f"it was {x}"})
        error = kind(x)
        error.add_note(f"it was {x}")
        raise error from KeyError(x)
    return 2 * x
