# %% [markdown]
# Fills replies with what no reply holds: numbers in the place of lists, timestamps, counts below zero and beyond all size.

# %%
import autograder.student
import msgpack

now = msgpack.packb(msgpack.Timestamp(6, 0))
replies = [
    {"changed": 5, "value": b"\x06"},
    {"changed": {}, "value": now},
    {"changed": {True: b"\x00"}, "value": b"\x06"},
]
calls = 0


def perform(*_, **__):
    global calls
    calls += 1
    return {"timeout": None, "missing": 0, **replies[calls % 3]}


autograder.student.perform = perform
run = autograder.student.Student._run
counts = iter([-1, 256**1000, 1 << 40, True, 0.5] * 100)


def strange(self, request):
    shown = {"output_type": "execute_result", "data": {"text/plain": "12"}, "execution_count": next(counts)}
    return {**run(self, request), "outputs": [shown], "execution_count": next(counts)}


autograder.student.Student._run = strange
