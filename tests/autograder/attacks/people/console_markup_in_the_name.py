# ---
# jupyter:
#   attack: {student: "[bold red]people [link=http:@TOKEN@]12 {{7*7}} {%x%} ${x} %s"}
# ---

# %% [markdown]
# Has a name in the markup of rich, jinja and format strings.

# %% double
def double(x):
    return 0
