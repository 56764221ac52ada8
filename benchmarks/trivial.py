# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   descent:
#     title: A trivial torch notebook
# ---

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import torch

# %% [markdown] task={"name": "mean", "minutes": 1, "difficulty": 1}
# ## Task 1. The mean


# %% nbgrader={"grade": false, "grade_id": "mean", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mean(x):
    """The mean of a tensor."""
    ### BEGIN SOLUTION
    return x.sum() / x.numel()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "mean-test", "locked": true, "points": 1, "schema_version": 3, "solution": false, "task": false}
assert abs(float(mean(torch.tensor([1.0, 2.0, 6.0]))) - 3.0) < 1e-6
### BEGIN HIDDEN TESTS
assert abs(float(mean(torch.tensor([[1.0, 2.0], [3.0, 6.0]]))) - 3.0) < 1e-6
### END HIDDEN TESTS
