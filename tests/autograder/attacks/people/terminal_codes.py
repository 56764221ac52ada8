# ---
# jupyter:
#   attack: {student: "people-codes-\e]0;owned\a\e[2J\e[1;32m12 of 12-@TOKEN@"}
# ---

# %% [markdown]
# Has a name of terminal codes that clear the screen and print full marks, and puts them into outputs and exceptions.

# %%
print("\x1b]0;@TOKEN@\x07\x1b[2J\x1b[H\x1b]8;;http://@TOKEN@\x1b\\link\x1b]8;;\x1b\\ \x9b2J \r\x08\x7f")


# %% double
def double(x):
    raise ValueError("\x1b[2J\x1b[1;32m@TOKEN@ passed\x1b]52;c;eA==\x07")
