# %% [markdown]
# Hands in an nbgrader_config.py and a jupyter configuration that give out full marks.

# %% file="nbgrader_config.py"
open("@OUTSIDE@/@TOKEN@", "w").write("ran")
c = get_config()
c.Execute.enabled = False

# %% file="jupyter_nbconvert_config.py"
open("@OUTSIDE@/@TOKEN@-nbconvert", "w").write("ran")
