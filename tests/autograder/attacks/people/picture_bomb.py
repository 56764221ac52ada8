# %% [markdown]
# Shows a picture of a few kilobytes that unpacks to four gigapixels, one that lies about its type, and a thousand small ones.

# %%
import struct
import zlib

from IPython.display import display


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


header = chunk(b"IHDR", struct.pack(">IIBBBBB", 65000, 65000, 8, 0, 0, 0, 0))
png = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", zlib.compress(b"\0" * 10**6)) + chunk(b"IEND", b"")
display({"image/png": png, "text/plain": "a bomb"}, raw=True)
display({"image/jpeg": b"<script>'@TOKEN@'</script>", "text/plain": "no picture"}, raw=True)
for _ in range(1000):
    display({"image/png": b"\x89PNG", "text/plain": "."}, raw=True)
