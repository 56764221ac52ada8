# ---
# jupyter:
#   attack: {harm: "it would take this machine's memory"}
# ---

# %% [markdown]
# Writes to shared memory of no file and gives its pages back: nobody holds them, and they stay.

# %%
import mmap
import os

kept = []
zeros = os.open("/dev/null", os.O_RDWR)
for name in ("/dev/zero", "/dev/shm/x", "/proc/self/mem"):
    try:
        zeros = os.open(name, os.O_RDWR | (os.O_CREAT if "shm" in name else 0))
        kept.append(mmap.mmap(zeros, 1 << 24))
    except (OSError, ValueError) as error:
        print(name, type(error).__name__)
try:
    for _ in range(10**4):
        pages = mmap.mmap(-1, 1 << 24)
        pages.write(b"x" * (1 << 24))
        pages.madvise(mmap.MADV_DONTNEED)
        kept.append(pages)
except (OSError, MemoryError) as error:
    print(len(kept), type(error).__name__)
