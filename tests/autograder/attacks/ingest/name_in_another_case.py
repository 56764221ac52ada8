# ---
# jupyter:
#   attack: {student: "INGEST-NAME_IN_ANOTHER_CASE~NEIGHBOUR"}
# ---

# %% [markdown]
# Is called like a classmate, but in capitals, for a gradebook or a disk that sees no difference.

# %% double
def double(x):
    return 0
