# %% [markdown]
# Runs programs: a shell, Python, by magic, by subprocess, by exec, from a file of its own and from memory.

# %%
import os
import subprocess
import sys

script = "touch @OUTSIDE@/@TOKEN@"
for command in (
    ["/bin/sh", "-c", script],
    [sys.executable, "-c", "open('@OUTSIDE@/@TOKEN@-python', 'w')"],
    ["touch", "@OUTSIDE@/@TOKEN@-touch"],
):
    try:
        print(subprocess.run(command, capture_output=True))
    except OSError as error:
        print(error)
os.system(script)
get_ipython().system(script)
get_ipython().run_cell_magic("bash", "", script)

# %%
try:
    file = os.memfd_create("program")
    os.write(file, b"#!/bin/sh\ntouch @OUTSIDE@/@TOKEN@-memfd\n")
    subprocess.run([f"/proc/self/fd/{file}"], pass_fds=[file])
except OSError as error:
    print(error)
