# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   descent:
#     title: The victim
#     budget: {cell_seconds: 1, call_seconds: 0.5, notebook_seconds: 30, memory_mb: 256, processes: 16, disk_mb: 8, output_kb: 32}
# ---

# %% [markdown]
# # What the attacks attack
#
# One of each: plain functions, an argument changed in place, a generator, a class behind a probe, partial credit, a
# forbidden call, a written answer; plain asserts, as most courses have them, and the checks of `utils`. Texts that start
# with "canary" must never come back to a student.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import numpy as np
import torch

from utils.checks import *

# %% [markdown] task={"name": "double", "minutes": 5, "difficulty": 1}
# ## Task 1. Twice


# %% nbgrader={"grade": false, "grade_id": "double", "locked": false, "schema_version": 3, "solution": true, "task": false}
def double(x):
    """2x"""
    ### BEGIN SOLUTION
    return 2 * x  # canary-solution-81c2f0
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "double-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: twice.
x = torch.tensor([1.0, 2.0])
assert torch.allclose(double(x), 2 * x)
assert double(3) == 6
passed_visible("double")
### BEGIN HIDDEN TESTS
canary = "canary-hidden-4b7d19"
generator = case_generator()
numbers = torch.randint(10**8, 10**9, (3,), generator=generator).tolist()
for number, twice in zip(numbers, map(double, numbers)):
    assert abs(twice - 2 * number) < 0.5
x = torch.randn(3, 2, generator=generator)
assert torch.equal(double(x), x + x)
nested = [torch.randn(2, generator=generator) for _ in range(2)]
np.testing.assert_allclose(double(torch.stack(nested)), torch.stack([v + v for v in nested]), rtol=1e-6)
### END HIDDEN TESTS

# %% [markdown] task={"name": "step", "minutes": 5, "difficulty": 1}
# ## Task 2. A step in place

# %% nbgrader={"grade": false, "grade_id": "step", "locked": false, "schema_version": 3, "solution": true, "task": false}
LEARNING_RATE = 0.5


def step(params, grads):
    """params -= LEARNING_RATE * grads, in place."""
    ### BEGIN SOLUTION
    for p, g in zip(params, grads):
        p -= LEARNING_RATE * g
    ### END SOLUTION


def noise(shape, generator):
    """Standard normal numbers."""
    ### BEGIN SOLUTION
    return torch.randn(shape, generator=generator)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "step-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: a step.
w, g = torch.tensor([1.0, 1.0]), torch.tensor([2.0, 4.0])
step([w], [g])
check_close(w, 1 - LEARNING_RATE * g, "the parameter after a step")
passed_visible("step")
### BEGIN HIDDEN TESTS
generator = case_generator()
params = [torch.randn(3, generator=generator) for _ in range(2)]
grads = [torch.randn(3, generator=generator) for _ in range(2)]
before = [p.clone() for p in params]
step(params, grads)
check_close(params, [b - 0.5 * g for b, g in zip(before, grads)], "two parameters after a step")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "noise-test", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
# Test: noise.
passed_visible("noise")
### BEGIN HIDDEN TESTS
generator, copy = case_generator(), case_generator()
first, second = noise((20,), generator), noise((20,), generator)
expected = torch.randn(20, generator=copy), torch.randn(20, generator=copy)
torch.testing.assert_close(torch.stack([first, second]), torch.stack(expected))
### END HIDDEN TESTS

# %% [markdown] task={"name": "counter", "minutes": 5, "difficulty": 1}
# ## Task 3. A class


# %% nbgrader={"grade": false, "grade_id": "counter", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Counter:
    """Adds up what it is given."""

    def __init__(self):
        ### BEGIN SOLUTION
        self.n = 0
        ### END SOLUTION

    def add(self, k):
        ### BEGIN SOLUTION
        self.n += k
        return self.n
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "counter-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: a counter.
@probe
def count(steps):
    counter = Counter()
    return [counter.add(k) for k in steps]


assert count([1, 1]) == [1, 2], "two additions"
passed_visible("Counter")


### BEGIN HIDDEN TESTS
@probe
def separate(k):
    a, b = Counter(), Counter()
    a.add(k)  # canary-probe-93ea55
    return b.add(k)


a, b = torch.randint(10**8, 10**9, (2,), generator=case_generator()).tolist()
earned = 2 + (separate(a) == a) + (count([a, b]) == [a, a + b])
### END HIDDEN TESTS
earned

# %% [markdown] task={"name": "quadruple", "minutes": 5, "difficulty": 1}
# ## Task 4. Four times


# %% nbgrader={"grade": false, "grade_id": "quadruple", "locked": false, "schema_version": 3, "solution": true, "task": false}
def quadruple(x):
    """4x, without torch.mul"""
    ### BEGIN SOLUTION
    return 4 * x
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "quadruple-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Test: four times.
check_not_used(quadruple, "torch.mul")
check_close(quadruple(1.0), 4.0, "four times one")
passed_visible("quadruple")
### BEGIN HIDDEN TESTS
x = torch.randn(2, 3, generator=case_generator())
with unchanged(x=x):
    y = quadruple(x)
check_close(y, x + x + x + x, "four times a matrix")
### END HIDDEN TESTS

# %% [markdown] task={"name": "words", "minutes": 5, "difficulty": 1}
# ## Task 5. In words

# %% [markdown] nbgrader={"grade": true, "grade_id": "words", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# Adding a number to itself.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-plot", "locked": true, "schema_version": 3, "solution": false, "task": false}
pass
