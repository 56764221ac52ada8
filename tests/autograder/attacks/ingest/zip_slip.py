# %% [markdown]
# Hands in a zip archive whose members lead out of the folder, to a classmate and to the root.

# %% on disk
import zipfile

content = notebook.read_bytes()
notebook.unlink()
with zipfile.ZipFile(folder / "victim.zip", "w") as archive:
    archive.writestr("../../@NEIGHBOUR@/victim/victim.ipynb", content)
    archive.writestr("../../../../outside/@TOKEN@", "here")
    archive.writestr("@OUTSIDE@/@TOKEN@-absolute", "here")
(folder / "victim.zip").rename(notebook)
