# %% [markdown]
# Writes, appends, truncates, renames, links and changes the mode of files outside of its folder.

# %%
import os
import pathlib

place = pathlib.Path("@OUTSIDE@")
for deed in (
    lambda: (place / "@TOKEN@").write_text("here"),
    lambda: (place / "precious.txt").open("a").write("@TOKEN@"),
    lambda: os.truncate(place / "precious.txt", 0),
    lambda: os.rename(place / "precious.txt", place / "@TOKEN@-renamed"),
    lambda: os.link(place / "precious.txt", place / "@TOKEN@-link"),
    lambda: os.symlink("/etc", place / "@TOKEN@-symlink"),
    lambda: os.mkdir(place / "@TOKEN@-folder"),
    lambda: os.mkfifo(place / "@TOKEN@-fifo"),
    lambda: os.chmod(place / "precious.txt", 0),
    lambda: pathlib.Path("@CLASSROOM@/submitted/@NEIGHBOUR@/victim/victim.ipynb").write_text("@TOKEN@"),
    lambda: pathlib.Path("@CLASSROOM@/notes.txt").write_text("@TOKEN@"),
):
    try:
        deed()
    except OSError as error:
        print(error)
