# %% [markdown]
# Leaves a process behind: forked twice, in a session of its own, deaf to signals.

# %%
import os
import signal
import time

if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        for number in range(1, 32):
            try:
                signal.signal(number, signal.SIG_IGN)
            except (OSError, ValueError):
                pass
        os.closerange(0, 256)
        time.sleep(300)
    os._exit(0)
