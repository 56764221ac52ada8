# %% [markdown]
# Writes a file with the forbidden definition, and runs it and imports all that is in it.

# %% quadruple
def quadruple(x):
    return 4 * x + 1


# %% after
from pathlib import Path

Path("own.py").write_text("import torch\nquadruple = lambda x: torch.mul(torch.as_tensor(x), 4)")


# %% after
get_ipython().run_line_magic("run", "own.py")


# %% after
from own import *
