# %% [markdown]
# Opens sockets of every family there is, abstract ones among them, and raw packets.

# %%
import socket

opened = []
for family in range(1, 46):
    for kind in (1, 2, 3, 5):
        for protocol in (0, 1, 3, 15, 16):
            try:
                opened.append(socket.socket(family, kind, protocol))
            except OSError:
                pass
print({sock.family for sock in opened})
try:
    abstract = socket.socket(socket.AF_UNIX)
    abstract.bind("\0@TOKEN@")
    abstract.listen()
except OSError as error:
    print(error)
