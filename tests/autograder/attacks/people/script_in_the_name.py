# ---
# jupyter:
#   attack: {student: "<img src=x onerror=alert('@TOKEN@')>"}
# ---

# %% [markdown]
# Has a name that is markup, for the tables of the report and the formgrader.

# %% double
def double(x):
    return 0
