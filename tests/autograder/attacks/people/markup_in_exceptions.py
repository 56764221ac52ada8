# %% [markdown]
# Raises exceptions whose class, text and line are markup.

# %% double
def double(x):
    kind = type("<script>alert('@TOKEN@')</script>", (ValueError,), {})
    raise kind("<img src=x onerror=\"alert('@TOKEN@')\">")  # <script>'@TOKEN@'</script>


# %%
raise type("<b onclick='@TOKEN@'>", (Exception,), {})("</pre></code><script>'@TOKEN@'</script>")
