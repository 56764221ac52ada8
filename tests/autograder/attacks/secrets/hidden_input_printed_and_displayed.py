# ---
# jupyter:
#   attack: {honest: 4}
# ---

# %% [markdown]
# Prints, displays, warns, logs and writes to every descriptor what the hidden test gives it; it earns the points.

# %% double
def double(x):
    import logging
    import os
    import sys
    import warnings

    from IPython.display import display

    print(x)
    print(x, file=sys.stderr)
    print(x, file=sys.__stdout__)
    display(x)
    get_ipython().displayhook(x)
    logging.error("%s", x)
    warnings.warn(f"{x}", stacklevel=1)
    for number in (1, 2):
        os.write(number, str(x).encode())
    return 2 * x
