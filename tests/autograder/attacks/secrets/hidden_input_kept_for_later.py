# ---
# jupyter:
#   attack: {honest: 4}
# ---

# %% [markdown]
# Keeps hidden inputs in the scratch folder and dies, so that its cells run again and print them.

# %%
import glob
import os
import tempfile

for folder in (".", tempfile.gettempdir(), "/dev/shm", "/tmp", "/var/tmp", "@OUTSIDE@"):
    for path in glob.glob(f"{folder}/@TOKEN@*"):
        print(open(path).read())


# %% double
def double(x):
    for folder in (".", tempfile.gettempdir(), "/dev/shm", "/tmp", "/var/tmp"):
        try:
            with open(f"{folder}/@TOKEN@", "a") as file:
                file.write(f"{x}\n")
        except OSError:
            pass
    return 2 * x


# %% quadruple
def quadruple(x):
    os._exit(1)
