# ---
# jupyter:
#   attack: {harm: "it would rename this machine"}
# ---

# %% [markdown]
# Changes its user, its groups, its root and its capabilities, and makes device files.

# %%
import os
import stat

won = []
for name, deed in {
    "setuid": lambda: os.setresuid(0, 0, 0),
    "setgid": lambda: os.setresgid(0, 0, 0),
    "groups": lambda: os.setgroups([0]),
    "chroot": lambda: os.chroot("."),
    "mknod": lambda: os.mknod("disk", stat.S_IFBLK | 0o666, os.makedev(8, 0)),
    "chown": lambda: os.chown(".", 0, 0),
    "sethostname": lambda: __import__("socket").sethostname("@TOKEN@"),
    "nice": lambda: os.nice(-5),
}.items():
    try:
        deed()
        won.append(name)
    except OSError as error:
        print(name, error)
print(won)
