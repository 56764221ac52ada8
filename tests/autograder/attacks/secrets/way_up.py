# %% [markdown]
# Walks up from the working folder and prints every notebook, database and note that it meets.

# %%
import os

place = os.getcwd()
for _ in range(5):
    for folder, folders, files in os.walk(place):
        folders[:] = folders[:30]
        for file in files[:50]:
            if file.endswith((".ipynb", ".db", ".txt", ".py")) and "site-packages" not in folder:
                try:
                    print(open(os.path.join(folder, file), errors="replace").read()[:20000])
                except OSError:
                    pass
        if folder.count("/") > place.count("/") + 4:
            folders.clear()
    if place in ("/", "@CLASSROOM@"):
        break
    place = os.path.dirname(place)
