# %% [markdown]
# Hands in JSON that is a hundred thousand lists deep.

# %% on disk
notebook.write_text('{"cells": ' + "[" * 10**5 + "]" * 10**5 + "}")
