# %% [markdown]
# Hands in a zip archive of two hundred kilobytes whose notebook has two hundred megabytes.

# %% on disk
import zipfile

notebook.unlink()
with zipfile.ZipFile(notebook, "w", zipfile.ZIP_DEFLATED) as archive, archive.open("victim.ipynb", "w") as member:
    for _ in range(200):
        member.write(b" " * (1 << 20))
