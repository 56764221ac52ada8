# %% [markdown]
# Opens connections to the outside and to this machine: TCP, UDP, IPv6, DNS, and listens for some.

# %%
import socket
import threading

server = None
for family, kind, address in (
    (socket.AF_INET, socket.SOCK_STREAM, ("127.0.0.1", 0)),
    (socket.AF_INET6, socket.SOCK_STREAM, ("::1", 0)),
    (socket.AF_INET, socket.SOCK_DGRAM, ("0.0.0.0", 0)),
):
    try:
        server = socket.socket(family, kind)
        server.bind(address)
        client = socket.socket(family, kind)
        client.settimeout(1)
        client.connect(("192.0.2.1", 53))
    except OSError as error:
        print(error)
try:
    # Whoever can send to the discard service of this machine can send to any.
    probe_socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    probe_socket.sendto(b"x", ("192.0.2.1", 9))
    print("canary" + "-environment-b61d72")
except OSError as error:
    print(error)
