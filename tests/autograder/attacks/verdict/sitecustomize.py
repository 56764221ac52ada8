# %% [markdown]
# Hands in start-up files that Python or IPython may run: sitecustomize.py, usercustomize.py, a .pth file, a profile.

# %% file="sitecustomize.py"
open("@OUTSIDE@/@TOKEN@-site", "w").write("ran")

# %% file="usercustomize.py"
open("@OUTSIDE@/@TOKEN@-user", "w").write("ran")

# %% file="zz.pth"
import os

open("@OUTSIDE@/@TOKEN@-pth", "w").write("ran")

# %% file=".ipython/profile_default/startup/00.py"
open("@OUTSIDE@/@TOKEN@-startup", "w").write("ran")

# %% file="ipykernel.py"
open("@OUTSIDE@/@TOKEN@-kernel", "w").write("ran")
