# ---
# jupyter:
#   attack: {student: "people-bidi-\u202E@TOKEN@\u2066"}
# ---

# %% [markdown]
# Uses characters that turn the direction of text round, in its name, its code and what it shows.

# %%
print("score: \u202e21 fo 0\u202c \u2067@TOKEN@\u2069 \u200b\ufeff\u2028")


# %% double
def double(x):
    raise ValueError("\u202ea right answer is @TOKEN@\u2066")
