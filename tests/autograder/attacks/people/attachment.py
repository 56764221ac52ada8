# %% [markdown]
# Pastes a picture whose data ends the attribute that it stands in.

# %% [markdown] words
# ![x](attachment:x.png) ![y](attachment:y.svg)

# %% on disk
import json

content = json.loads(notebook.read_text())
for cell in content["cells"]:
    if "attachment:" in "".join(cell["source"]):
        cell["attachments"] = {
            "x.png": {"image/png": "\" onerror=\"alert('@TOKEN@')"},
            "y.svg": {"image/svg+xml": "<svg onload=\"alert('@TOKEN@')\"/>"},
            '"><script>alert("@TOKEN@")</script>': {"image/png": "AAAA"},
        }
notebook.write_text(json.dumps(content))
