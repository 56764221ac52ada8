# ---
# jupyter:
#   attack: {student: "ingest-name_of_a_classmate~neighbour "}
# ---

# %% [markdown]
# Is called like a classmate, but for a blank at the end.

# %% double
def double(x):
    return 0
