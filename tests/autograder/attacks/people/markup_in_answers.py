# %% [markdown]
# Returns strings, type names and dicts that are markup where the visible test shows what it found.

# %% double
def double(x):
    return type("<script>'@TOKEN@'</script>", (), {})() if x == 3 else "<img src=x onerror=\"'@TOKEN@'\">"


# %% quadruple
def quadruple(x):
    return {"<script>'@TOKEN@'</script>": "<svg onload=\"'@TOKEN@'\">"}
