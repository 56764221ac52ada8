# %% [markdown]
# Prints the environment of its own process, of its parents and of everybody else.

# %%
import glob
import os

print(dict(os.environ))
for path in glob.glob("/proc/[0-9]*/environ") + ["/proc/self/environ", "/proc/1/environ"]:
    try:
        print(open(path).read())
    except OSError:
        pass
