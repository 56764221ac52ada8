# %% [markdown]
# Has lone surrogates, null characters and half of a byte sequence in sources, ids, metadata and names.

# %% on disk
import json

content = json.loads(notebook.read_text())
for number, cell in enumerate(content["cells"]):
    cell["source"] = "\ud800\x00 = 1"
    cell["id"] = "\udfff" * 70
    cell["metadata"]["tags"] = ["\x00", "\ud800"]
content["cells"].append({"cell_type": "code\ud800", "source": "\x00", "metadata": {}})
notebook.write_bytes(json.dumps(content).encode() + b"\xff\xfe\x80")
