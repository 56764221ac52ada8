# ---
# jupyter:
#   attack: {harm: "it would leave memory segments behind"}
# ---

# %% [markdown]
# Leaves System V segments, message queues and semaphores behind, and looks for those of others.

# %%
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
segment = libc.shmget(0x5EED, 4096, 0o1666)
queue = libc.msgget(0x5EED, 0o1666)
print(segment, queue, libc.semget(0x5EED, 1, 0o1666))
for path in ("/proc/sysvipc/shm", "/proc/sysvipc/msg"):
    try:
        print(open(path).read())
    except OSError as error:
        print(error)
