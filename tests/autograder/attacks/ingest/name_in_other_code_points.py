# ---
# jupyter:
#   attack: {student: "ingest-name_in_other_code_points\uff5eneighbour."}
# ---

# %% [markdown]
# Is called like a classmate, but in characters that are made the same when names are made comparable, and with a full stop.

# %% double
def double(x):
    return 0
