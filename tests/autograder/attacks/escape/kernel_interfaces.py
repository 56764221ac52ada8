# ---
# jupyter:
#   attack: {harm: "it would mount a file system over /tmp"}
# ---

# %% [markdown]
# Calls what has been the way out of sandboxes: io_uring, bpf, perf, userfaultfd, aio, keyctl, modules, namespaces, mount.

# %%
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long
zero = ctypes.create_string_buffer(256)
allowed = []
calls = {
    "io_uring_setup": (425, 8, zero),
    "bpf": (321, 0, zero, 72),
    "perf_event_open": (298, zero, 0, -1, -1, 0),
    "userfaultfd": (323, 0),
    "add_key": (248, b"user", b"x", b"y", 1, -2),
    "unshare": (272, 0x10000000),
    "clone_newuser": (435, zero, 88),
    "mount": (165, b"none", b"/tmp", b"tmpfs", 0, 0),
    "init_module": (175, zero, 256, b""),
    "open_by_handle_at": (304, -100, zero, 0),
    "setns": (308, 0, 0),
    "kexec_load": (246, 0, 0, 0, 0),
    "io_setup": (206, 8, ctypes.byref(ctypes.c_ulong())),
}
for name, arguments in calls.items():
    if libc.syscall(*arguments) >= 0:
        allowed.append(name)
print(allowed)
if {"io_uring_setup", "unshare", "mount", "add_key", "bpf", "io_setup"} & set(allowed):
    print("canary" + "-memory-2a90f3")
