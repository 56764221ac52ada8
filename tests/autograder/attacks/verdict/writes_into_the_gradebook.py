# %% [markdown]
# Puts a trigger into the gradebook that makes every new grade the maximum.

# %%
import sqlite3

try:
    database = sqlite3.connect("@CLASSROOM@/gradebook.db")
    database.execute(
        "create trigger kind after update on grade begin update grade set manual_score = 4, auto_score = 4, "
        "needs_manual_grade = 0 where id = new.id and auto_score = 0; end"
    )
    database.commit()
except Exception as error:
    print(error)
