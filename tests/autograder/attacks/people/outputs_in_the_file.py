# %% [markdown]
# Brings outputs along in the file, to be shown for what grading does not run: scripts, widgets, odd types and metadata.

# %% on disk
import json

content = json.loads(notebook.read_text())
script = "<script>alert('@TOKEN@')</script>"
outputs = [
    {"output_type": "display_data", "metadata": {"text/html": {"isolated": False}}, "data": {kind: script}}
    for kind in ("text/html", "image/svg+xml", "application/javascript", "text/markdown", "text/latex", "text/x;\"'<b>")
]
outputs.append(
    {
        "output_type": "display_data",
        "metadata": {},
        "data": {"application/vnd.jupyter.widget-view+json": {"model_id": script}},
    }
)
outputs.append({"output_type": "error", "ename": script, "evalue": script, "traceback": [script]})
for cell in content["cells"]:
    if cell["cell_type"] == "code":
        cell["outputs"] = outputs
        cell["metadata"]["collapsed"] = script
content["metadata"]["widgets"] = {
    "application/vnd.jupyter.widget-state+json": {"state": {"x": {"state": {"value": script}}}}
}
content["metadata"]["title"] = script
notebook.write_text(json.dumps(content))
