# %% [markdown]
# Brings a timestamp.txt whose digits make the library that reads dates stop with an error that nobody expects.

# %% on disk
(folder / "timestamp.txt").write_text("9999999999999999999999999999999999999999\x002.5h,")
