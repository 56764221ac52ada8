# %% [markdown]
# Hands in JSON that breaks off in each of a hundred thousand cells, for whoever tries to rescue them.

# %% on disk
notebook.write_text('{"cells": [' + '{"cell_type": "code", "source": "' * 10**5)
