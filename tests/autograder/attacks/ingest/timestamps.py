# %% [markdown]
# Brings a timestamp.txt that says it was handed in before the course began, in a form that dates do not have.

# %% on disk
(folder / "timestamp.txt").write_text(
    "0001-01-01 00:00:00.000000 +99:99 \ud83d\ude00".encode("utf-8", "replace").decode()
)
