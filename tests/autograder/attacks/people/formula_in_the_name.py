# ---
# jupyter:
#   attack: {student: "=HYPERLINK(\"http:@TOKEN@\",\"x\"),+cmd|' -C calc'!A1"}
# ---

# %% [markdown]
# Has a name that a spreadsheet takes for a formula and for two columns.

# %% double
def double(x):
    return 0
