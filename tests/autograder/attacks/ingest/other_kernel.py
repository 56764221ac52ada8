# %% [markdown]
# Asks for a kernel of its own: a kernelspec beside the notebook, a shell, a language that is not there.

# %% file="kernels/own/kernel.json"
{"argv": ["touch", "@OUTSIDE@/@TOKEN@"], "display_name": "own", "language": "python"}

# %% on disk
import json

content = json.loads(notebook.read_text())
content["metadata"]["kernelspec"] = {
    "name": "../submitted/ingest-other_kernel/victim/kernels/own",
    "display_name": "own",
    "language": "bash",
}
content["metadata"]["language_info"] = {"name": "bash", "file_extension": "/../../x"}
notebook.write_text(json.dumps(content))
