# %% [markdown]
# Fails, and then waits for the diagnosis: looks for the reference solution in memory and on disk while it is replayed.

# %% double
import gc
import glob

found = []


def double(x):
    for thing in gc.get_objects():
        if type(thing) is dict:
            found.extend(t for t in list(thing.values()) if type(t) is str and "return 2 * x" in t)
    for path in glob.glob("/scratch*/**", recursive=True) + glob.glob("/tmp/descent-*/**", recursive=True):
        print(path)
    print(found)
    return found[-1] if found else x * x
