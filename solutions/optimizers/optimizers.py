# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   descent:
#     title: Optimizers, from one step to Adam and beyond
#     budget: {cell_seconds: 30, call_seconds: 8}
# ---

# %% [markdown]
# # Optimizers: down the valley in the dark
#
# You stand on a mountain at night. Your lamp shows only the slope under your feet: the gradient $g = \nabla L(\theta)$.
# Where you stand is $\theta$, how high you are is $L(\theta)$, and you want to get down. Every optimizer of deep
# learning is a rule for the next step, and all of them grew out of one another, each as the answer to something that
# went wrong:
#
# | what went wrong | what was invented | task |
# |---|---|---|
# | a million examples for one gradient | minibatches | 1 |
# | how long is a step? | the rate, and the limit $2/\lambda_{\max}$ | 2 |
# | zigzag in a ravine | momentum, Nesterov | 3 |
# | one rate does not fit all parameters | AdaGrad, RMSProp | 4 |
# | both at once, and a cold start | Adam, AdamW | 5, 6 |
# | steps that are too large at the end | schedules | 7, 8 |
# | the slope says nothing of the curvature | Newton, Gauss-Newton, Levenberg-Marquardt, L-BFGS | 9, 10 |
#
# At the end you have written all of them, and seen each one where it shines and where it falls.
#
# **Convention: a pure update.** In tasks 2 to 5 an optimizer is a function
#
# ```python
# param, state = rule(param, grad, state, lr=0.1)
# ```
#
# `param` and `grad` are floating point tensors of one shape, whichever it is (a 0-d tensor too), in any memory layout.
# `lr` is a float and may differ from call to call. `state` is whatever the rule has to remember: it is `None` at the first call, and at
# every later call it is what the call before returned. You choose what it is: a tensor, a tuple, a dict. The function
# returns the new parameter, of the shape and dtype of `param`, and the new state. **It never changes its arguments, the
# state included**: the same call with the same arguments gives the same answer. (Working in place on a copy is fine.)
#
# **Rules.** Everything in `torch` is allowed except `torch.optim`, the thing that you are building. Keep the names and
# the order of the arguments: the tests use both. A result that is one number may be a float or a tensor without
# dimensions. The checks read your code: use torch, NumPy and plain Python, and write out the functions that you call.
#
# **How to work.** Write a function, run the cell below it, read what it says. The visible checks catch most mistakes.
# The grader adds hidden ones: other shapes, more steps, tiny gradients, a rate that changes on the way.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import math

import torch

from utils.checks import (
    case_generator,
    check_close,
    check_dtype,
    check_equal,
    check_not_used,
    check_shape,
    check_true,
    passed_visible,
    probe,
    unchanged,
)
from utils.data import digits
from utils.plotting import curves, loss_surface, panels

# %% [markdown] task={"name": "minibatches", "minutes": 10, "difficulty": 1}
# ## Task 1. Ask a few examples, not all
#
# The gradient of the loss is a mean over $N$ examples. A mean over $B$ of them, drawn at random, is right on average,
# and its standard error is $\sigma/\sqrt B$. So 10,000 examples cost 100 times as much as 100, and are only 10 times as
# exact. It is better to take many cheap steps. Three rules make it work:
#
# 1. Shuffle all indices $0, \dots, N-1$ uniformly: every order is equally likely.
# 2. Walk through the shuffled list, $B$ indices at a time. One walk is an *epoch*: each example is seen exactly once.
# 3. The last batch holds the remaining $N \bmod B$ examples. It may be dropped if a short batch is a nuisance.
#
# **Write** `minibatches(n, batch_size, generator, drop_last=False)`, which gives the index tensors of one epoch, one
# after the other. It may be a generator (`yield`) or return a list. All randomness comes from `generator`, a
# `torch.Generator`: so another call with the same generator gives another order, and nothing else in your program is
# disturbed.
#
# **Write** `scaled_lr(base_lr, base_batch, batch)`. A batch that is $k$ times as large gives a more reliable gradient,
# and means $k$ times fewer steps per epoch. The *linear scaling rule* (Goyal et al. 2017) makes each step $k$ times as
# long:
#
# $$ \text{lr} = \text{base\_lr} \cdot \frac{\text{batch}}{\text{base\_batch}} $$
#
# It holds for a loss that is a mean over the batch, and only up to some batch size.
#
# **Example.** `minibatches(10, 4, generator)` could give `[7, 0, 4, 9]`, `[2, 5, 1, 8]`, `[6, 3]`. A rate of 0.1 at 256
# examples becomes 0.4 at 1024.
#
# <details><summary>Hint 1: where to start</summary>
#
# `torch.randperm(n, generator=generator)` is a uniform shuffle of all indices.
#
# </details>
# <details><summary>Hint 2: the end of the list</summary>
#
# Let `start` run over `range(0, n, batch_size)` and take `order[start : start + batch_size]`: a slice may reach over
# the end. With `drop_last`, stop the range at the last full batch.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "minibatches", "locked": false, "schema_version": 3, "solution": true, "task": false}
def minibatches(n, batch_size, generator, drop_last=False):
    """The index tensors of one epoch: a uniform shuffle of 0, ..., n - 1, cut into batches.

    n, batch_size: positive integers, batch_size may exceed n
    generator: torch.Generator, the only source of randomness
    drop_last: leave out the last batch if it is shorter than batch_size
    Yields (or returns a list of) 1-d integer tensors of batch_size indices; the short batch comes last.
    """
    ### BEGIN SOLUTION
    order = torch.randperm(n, generator=generator)
    stop = n - n % batch_size if drop_last else n
    for start in range(0, stop, batch_size):
        yield order[start : start + batch_size]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "minibatches-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Test: one epoch of minibatches.
@probe
def epochs_of_batches(n, batch_size, seed, settings, epochs):
    generator = torch.Generator().manual_seed(seed)
    return [list(minibatches(n, batch_size, generator, **settings)) for _ in range(epochs)]


first, second = epochs_of_batches(30, 8, 0, {}, 2)
check_true(all(isinstance(batch, torch.Tensor) for batch in first), "every batch is a tensor of indices")
check_equal([len(batch) for batch in first], [8, 8, 8, 6], "the sizes of the batches of 30 examples, 8 at a time")
in_order = torch.cat(first)
check_equal(in_order.sort().values, torch.arange(30), "one epoch, sorted: every index from 0 to 29 exactly once")
check_true(
    in_order.tolist() != list(range(30)),
    "the order is shuffled",
    "The indices come in their natural order: shuffle them before you cut them into batches.",
)
check_true(
    in_order.tolist() != torch.cat(second).tolist(),
    "two epochs in a row have different orders",
    "Every epoch has the same order: draw from the generator that is given, and do not seed it.",
)
(dropped,) = epochs_of_batches(30, 8, 0, {"drop_last": True}, 1)
check_equal([len(batch) for batch in dropped], [8, 8, 8], "the sizes with drop_last, 30 examples, 8 at a time")
passed_visible("minibatches")
### BEGIN HIDDEN TESTS
generator = case_generator()


@probe
def order_under_global_seed(n, batch_size, seed, global_seed):
    import random

    torch.manual_seed(global_seed)
    before = torch.get_rng_state(), random.getstate()
    order = torch.cat(list(minibatches(n, batch_size, torch.Generator().manual_seed(seed)))).tolist()
    return order, bool(torch.equal(before[0], torch.get_rng_state())), random.getstate() == before[1]


@probe
def how_often_each_order(n, seed, epochs):
    generator = torch.Generator().manual_seed(seed)
    counts = {}
    for _ in range(epochs):
        order = "".join(str(int(batch[0])) for batch in minibatches(n, 1, generator))
        counts[order] = counts.get(order, 0) + 1
    return counts


seed = int(torch.randint(2**31, (), generator=generator))
for n, batch_size, drop_last, sizes in (
    (65, 31, False, [31, 31, 3]),
    (65, 31, True, [31, 31]),
    (12, 4, False, [4, 4, 4]),
    (12, 4, True, [4, 4, 4]),
    (3, 8, False, [3]),
    (3, 8, True, []),
    (5, 1, True, [1] * 5),
):
    case = f"{'without' if drop_last else 'with'} the short batch"
    if n % batch_size == 0:
        case = "when the batches divide the examples evenly"
    if batch_size > n:
        case += ", more room in a batch than examples"
    (batches,) = epochs_of_batches(n, batch_size, seed, {"drop_last": drop_last}, 1)
    check_equal([len(batch) for batch in batches], sizes, f"the sizes of the batches {case}")
    for batch in batches:
        check_shape(batch, (len(batch),), "a batch, which is a 1-d tensor of indices")
        check_true(batch.dtype in (torch.int64, torch.int32), "a batch holds integers, so that it can index a tensor")
    seen = [int(i) for batch in batches for i in batch]
    check_equal(len(set(seen)), sum(sizes), f"how many different indices one epoch gives {case}")
    check_true(set(seen) <= set(range(n)), "every index lies between 0 and n - 1")

# One epoch of 101 examples would be in order, or twice the same, once in 10^159 epochs.
first, second = (torch.cat(batches).tolist() for batches in epochs_of_batches(101, 10, seed, {}, 2))
check_true(first != second, "two epochs in a row differ")
# Ten indices in a row make up one of these 20 batches once in 10^10 submissions.
check_true(
    all(max(order[i : i + 10]) - min(order[i : i + 10]) > 9 for order in (first, second) for i in range(0, 100, 10)),
    "a batch is made of examples from all over the data set",
    "Your batches hold neighbours: shuffle the examples, not the batches nor the places within a batch.",
)
check_true(
    any(order[i : i + 10] != sorted(order[i : i + 10]) for order in (first, second) for i in range(0, 100, 10)),
    "the indices within a batch are in random order, too",
    "Your batches are sorted: cut the shuffled list and leave its order as it is.",
)
# Eight epochs would leave out the same example once in 10^14 submissions.
left_out = [
    set(range(101)) - {int(i) for batch in batches for i in batch}
    for batches in epochs_of_batches(101, 10, seed, {"drop_last": True}, 8)
]
check_equal(
    [len(rest) for rest in left_out], [1] * 8, "with drop_last, the number of examples that an epoch leaves out"
)
check_true(
    len(set.union(*left_out)) > 1,
    "with drop_last, another example is left out each epoch",
    "The same examples are never seen: shuffle all n indices, and drop the short batch afterwards.",
)

orders = [order_under_global_seed(101, 10, seed, global_seed) for global_seed in (1, 2)]
cause = "The order depends on torch's global generator: draw from the generator that is given."
check_true(orders[0][0] == orders[1][0], "the generator that is given decides the order", cause)
cause = "torch's global generator is used or seeded, which others use, too: draw from the generator that is given."
check_true(orders[0][1] and orders[1][1], "torch's global generator is left alone", cause)
cause = "You seed or use Python's module `random`, which others use, too: draw from the generator that is given."
check_true(orders[0][2] and orders[1][2], "Python's own random numbers are left alone", cause)

# χ² over the 24 orders of 4 indices, 23 degrees of freedom: a uniform shuffle exceeds 110 once in 10^12 submissions.
counts = how_often_each_order(4, seed, 4800)
check_equal(len(counts), 24, "how many of the 24 orders of 4 indices appear in 4800 epochs")
chi_squared = sum((count - 200) ** 2 / 200 for count in counts.values())
check_true(
    chi_squared < 110,
    "all orders are equally likely",
    "Some orders come more often than others: is the shuffle uniform (torch.randperm, or Fisher-Yates)?",
)
### END HIDDEN TESTS


# %% nbgrader={"grade": false, "grade_id": "scaled-lr", "locked": false, "schema_version": 3, "solution": true, "task": false}
def scaled_lr(base_lr, base_batch, batch):
    """The linear scaling rule: the rate for `batch` examples, given the rate for `base_batch`. Returns a float."""
    ### BEGIN SOLUTION
    return base_lr * batch / base_batch
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "scaled-lr-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Test: the linear scaling rule.
check_close(
    scaled_lr(0.1, 256, 1024),
    0.4,
    "the rate for 1024 examples, when it is 0.1 for 256",
    causes={
        "This is the square root rule. Linear scaling: 4 times the batch, 4 times the rate.": 0.2,
        "This is upside down: a larger batch gets a larger rate.": 0.025,
    },
)
check_close(scaled_lr(0.1, 256, 256), 0.1, "the rate for the batch size that it was tuned for")
passed_visible("scaled_lr")
### BEGIN HIDDEN TESTS
check_close(scaled_lr(0.1, 256, 96), 0.0375, "the rate for a batch that is not a multiple")
check_close(scaled_lr(0.3, 64, 32), 0.15, "the rate for a smaller batch")
check_close(scaled_lr(2, 10, 15), 3.0, "the rate when it is given as an integer")
check_close(scaled_lr(1e-6, 256, 384), 1.5e-6, "a rate that is tiny", atol=0.0)
check_close(scaled_lr(0.1, 32, 32_000), 100.0, "the rate for a batch that is a thousand times as large")
### END HIDDEN TESTS

# %% [markdown]
# **See it.** The gradient of one weight, estimated again and again from batches of four sizes.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-standard-error", "locked": true, "schema_version": 3, "solution": false, "task": false}
draws = torch.Generator().manual_seed(0)
x = torch.randn(400_000, generator=draws, dtype=torch.float64)
y = 2 * x + torch.randn(400_000, generator=draws, dtype=torch.float64)
gradients = (1.0 * x - y) * x  # of ½ (w x − y)² at w = 1, one for each example

errors = {}
for batch_size in (10, 100, 1_000, 10_000):
    means = []
    while len(means) < 400:
        batches = minibatches(len(x), batch_size, draws)
        means += [gradients[batch].mean() for _, batch in zip(range(400), batches, strict=False)]
    errors[batch_size] = torch.stack(means[:400]).std().item()
for batch_size, error in errors.items():
    print(f"{batch_size:6,} examples: standard error {error:.4f}")
assert 8 < errors[100] / errors[10_000] < 12.5  # 100 times the cost, 10 times less error

sizes = torch.tensor(list(errors))
sigma = gradients.std()
curves(
    {"measured, 400 batches": (sizes, list(errors.values())), r"$\sigma/\sqrt{B}$": (sizes, sigma / sizes.sqrt())},
    title="100 times the examples, only 10 times less error",
    xlabel="examples in the batch, B",
    ylabel="standard error",
    logx=True,
    logy=True,
)

# %% [markdown] task={"name": "sgd", "minutes": 10, "difficulty": 1}
# ## Task 2. One step, and how long it may be
#
# The oldest rule: go against the slope. *Weight decay* adds the slope of $\tfrac{\lambda}{2}\lVert\theta\rVert^2$,
# which pulls every parameter towards 0:
#
# $$ \theta \leftarrow \theta - \text{lr}\,(g + \lambda\,\theta) $$
#
# How long may a step be? On a quadratic bowl $L(\theta) = \tfrac12 \theta^\top H \theta$ the gradient is $H\theta$, so
# one step multiplies the coordinate along each eigenvector of $H$ by $1 - \text{lr}\,\lambda_i$. All of them shrink
# exactly when $|1 - \text{lr}\,\lambda_i| < 1$ for every eigenvalue, and the steepest direction decides:
#
# $$ 0 < \text{lr} < \frac{2}{\lambda_{\max}(H)} $$
#
# Below the limit the flattest direction decides how long you walk. The ratio $\lambda_{\max}/\lambda_{\min}$, the
# *condition number*, is what makes a valley hard.
#
# **Write** `sgd(param, grad, state, *, lr, weight_decay=0.0)`. It has nothing to remember: return `state` as it came.
#
# **Write** `max_stable_lr(hessian)`, the limit $2/\lambda_{\max}$ of a symmetric positive definite matrix of shape
# $(n, n)$.
#
# **Example.** $\theta = 1$, $g = 0.5$, lr $= 0.1$: the next $\theta$ is $0.95$; with $\lambda = 0.1$ it is
# $1 - 0.1\,(0.5 + 0.1) = 0.94$. For $H = \begin{pmatrix}2&1\\1&2\end{pmatrix}$ the eigenvalues are 1 and 3, and the
# limit is $2/3$.
#
# <details><summary>Hint 1: where to start</summary>
#
# `param -= ...` changes the argument. `param - ...` makes a new tensor.
#
# </details>
# <details><summary>Hint 2: the eigenvalues</summary>
#
# `torch.linalg.eigvalsh` is made for symmetric matrices. It returns the eigenvalues in ascending order.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "sgd", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sgd(param, grad, state, *, lr, weight_decay=0.0):
    """One step of gradient descent, param - lr (grad + weight_decay param).

    param, grad: tensors of one shape; state: None, nothing is remembered
    Returns (param, state): the new parameter, and state as it came.
    """
    ### BEGIN SOLUTION
    return param - lr * (grad + weight_decay * param), state
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "sgd-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: gradient descent.
@probe
def sgd_path(param, grads, rates, settings):
    """The parameter after each call, and what the same call gives when it is made again."""
    state, path, again = None, [], []
    for grad, lr in zip(grads, rates, strict=True):
        moved, remembered = sgd(param=param, grad=grad, state=state, lr=lr, **settings)
        again.append(sgd(param.clone(), grad.clone(), state, lr=lr, **settings)[0])
        param, state = moved, remembered
        path.append(param)
    return path, again


start, grad = torch.tensor([1.0, 2.0, 4.0]), torch.tensor([0.5, -1.0, 0.0])
with unchanged(param=start, grad=grad):
    path, again = sgd_path(start, [grad, grad], [0.1, 0.2], {})
check_close(again, path, "the same call, made again with equal arguments, gives the same answer")
check_close(
    path[0], [0.95, 2.1, 4.0], "the parameter after a step from (1, 2, 4) with gradient (0.5, -1, 0) and lr 0.1"
)
check_close(path[1], [0.85, 2.3, 4.0], "the parameter after a second step with lr 0.2")
path, _ = sgd_path(start, [grad], [0.1], {"weight_decay": 0.1})
check_close(
    path[0],
    [0.94, 2.08, 3.96],
    "the parameter after one step with weight decay 0.1",
    causes={
        "The weight decay has the wrong sign: it makes the parameters grow.": [0.96, 2.12, 4.04],
        "The weight decay is not multiplied by lr: it is a part of the gradient.": [0.85, 1.9, 3.6],
        "You decay with the gradient, not with the parameter.": [0.945, 2.11, 4.0],
    },
)
check_not_used(sgd, "torch.optim")
passed_visible("sgd")
### BEGIN HIDDEN TESTS
generator = case_generator()
rates = [0.1, 0.3, 0.05, 0.2]
for shape, dtype, size in (
    ((3, 2, 4), torch.float64, 1e3),
    ((5, 1), torch.float32, 1.0),
    ((), torch.float64, 1.0),
    ((4,), torch.float64, 1e-9),
):
    place = f"{len(shape)} dimensions" + ", from a million, where float32 is too coarse" * (shape == ())
    # Starts a million away from 0 show float32 in between. The memory is that of a transposed tensor.
    start = torch.randn(shape, generator=generator, dtype=dtype) + 1e6 * (shape == ())
    start = start.transpose(0, -1).contiguous().transpose(0, -1)
    grads = [size * torch.randn(shape, generator=generator, dtype=dtype) for _ in rates]
    grads[2].zero_()  # the decay goes on
    for weight_decay in (0.0, 0.3):
        with unchanged(param=start, grad=grads):
            path, again = sgd_path(start, grads, rates, {"weight_decay": weight_decay} if weight_decay else {})
        check_close(again, path, "the same call, made again with equal arguments, gives the same answer")
        expected = start.double()
        for step, (grad, lr) in enumerate(zip(grads, rates, strict=True)):
            # The decay as a shrinking factor: another way to write the same step.
            expected = (1 - lr * weight_decay) * expected - lr * grad.double()
            what = f"{step + 1} steps, {place}" + ", weight decay" * bool(weight_decay)
            check_shape(path[step], shape, f"the parameter after {what}")
            check_dtype(path[step], dtype, f"the parameter after {what}")
            # Factors kept in float32 are exact enough, here and in the other rules.
            atol = None if shape else 1e-6
            check_close(
                path[step] - start, expected - start, f"the way from the start after {what}", rtol=1e-4, atol=atol
            )
### END HIDDEN TESTS


# %% nbgrader={"grade": false, "grade_id": "max-stable-lr", "locked": false, "schema_version": 3, "solution": true, "task": false}
def max_stable_lr(hessian):
    """The limit 2 / λ_max of gradient descent on a quadratic; hessian: (n, n), symmetric positive definite."""
    ### BEGIN SOLUTION
    return 2 / torch.linalg.eigvalsh(hessian)[-1]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "max-stable-lr-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: the largest stable rate.
check_close(
    max_stable_lr(torch.tensor([[2.0, 1.0], [1.0, 2.0]], dtype=torch.float64)),
    2 / 3,
    "the limit for eigenvalues 1 and 3",
    causes={
        "You look at the largest entry of the diagonal. The largest eigenvalue is larger.": 1.0,
        "2/λ_min is the limit of the flattest direction. The steepest one decides: 2/λ_max.": 2.0,
        "1/λ_max reaches the bottom of the steepest direction in one step. The limit is twice as far.": 1 / 3,
    },
)
check_close(max_stable_lr(torch.tensor([[4.0]])), 0.5, "the limit for the 1 × 1 Hessian 4")
passed_visible("max_stable_lr")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype in (torch.float64, torch.float32):
    rotation = torch.linalg.qr(torch.randn(5, 5, generator=generator, dtype=torch.float64)).Q
    largest = 10 + 30 * torch.rand((), generator=generator, dtype=torch.float64)
    eigenvalues = torch.cat([torch.tensor([3.0, 0.5, 7.0, 1.0]).double(), largest[None]])
    hessian = (rotation * eigenvalues) @ rotation.T
    hessian = ((hessian + hessian.T) / 2).to(dtype)
    with unchanged(hessian=hessian):
        limit = max_stable_lr(hessian)
    check_shape(limit, (), "the limit, which is one number")
    check_close(limit, 2 / largest, "the limit for a rotated bowl in 5 dimensions")
check_close(max_stable_lr(torch.diag(torch.tensor([2e-8, 1e-7, 5e-8]))), 2e7, "the limit for a very flat bowl")
hessian = torch.tensor([[2.0, -1.0], [-1.0, 2.0]], dtype=torch.float64)
check_close(max_stable_lr(hessian), 2 / 3, "the limit for a bowl that is steepest where x and y have opposite signs")
### END HIDDEN TESTS

# %% [markdown]
# **See it.** Walk 100 steps on a rotated bowl with rates around the limit. Predict first: what happens at 0.99 and at
# 1.01 times $2/\lambda_{\max}$?

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-stability", "locked": true, "schema_version": 3, "solution": false, "task": false}
rotation = torch.linalg.qr(torch.randn(2, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)).Q
hessian = rotation @ torch.diag(torch.tensor([1.0, 20.0], dtype=torch.float64)) @ rotation.T
limit = float(max_stable_lr(hessian))


def losses_on_bowl(lr, steps):
    theta, state, losses = torch.ones(2, dtype=torch.float64), None, []
    for _ in range(steps):
        losses.append(float(theta @ hessian @ theta / 2))
        theta, state = sgd(theta, hessian @ theta, state, lr=lr)
    return losses


# The limit by experiment: halve the interval between a rate that falls and one that grows.
low, high = 0.5 * limit, 2.0 * limit
while high - low > 1e-4 * limit:
    middle = (low + high) / 2
    low, high = (middle, high) if losses_on_bowl(middle, 2000)[-1] < 1 else (low, middle)
print(f"found by experiment: {low:.4f}     2/λₘₐₓ: {limit:.4f}")
assert abs(low / limit - 1) < 0.01

figure = curves(
    {f"{factor:g} · 2/λₘₐₓ": losses_on_bowl(factor * limit, 101) for factor in (0.1, 0.9, 0.99, 1.01)},
    title="One percent above 2/λₘₐₓ, the walk diverges",
    xlabel="step",
    ylabel="loss",
    logy=True,
)
figure.axes[0].get_legend().set_loc("lower left")
figure

# %% [markdown] task={"name": "momentum", "minutes": 16, "difficulty": 2}
# ## Task 3. Momentum: remember where you were going
#
# In a ravine the slope points at the other wall, not along the floor, and plain descent zigzags. A ball does better: it
# collects speed along the floor, and the pushes from the walls cancel. There are two ways to write the ball, and they
# are mixed up every day, so you write both, side by side.
#
# | | velocity | parameter | who |
# |---|---|---|---|
# | `momentum` | $b \leftarrow \mu\, b + g$ | $\theta \leftarrow \theta - \text{lr}\; b$ | PyTorch |
# | `momentum_goodfellow` | $v \leftarrow \mu\, v - \text{lr}\; g$ | $\theta \leftarrow \theta + v$ | Goodfellow et al. (8.16), Sutskever |
# | `nesterov` | $b \leftarrow \mu\, b + g$ | $\theta \leftarrow \theta - \text{lr}\,(g + \mu\, b)$ | PyTorch |
#
# All start with velocity 0. With a constant rate the first two walk the same path. When the rate changes, they do not:
# in the first form the rate multiplies the whole velocity, in the second it is baked into what is remembered. No
# $(1-\mu)$ stands before $g$: the velocity is a sum, not a mean, and with a constant gradient it grows to $g/(1-\mu)$,
# ten times $g$ for $\mu = 0.9$.
#
# Nesterov's idea is to look at the slope where the velocity is about to carry you. PyTorch keeps the looked-ahead point
# as its parameter. That is why its rule needs only the gradient at the current parameter, and why the *new* $b$ stands
# in $g + \mu\,b$.
#
# **Write** the three functions; $\mu$ is the argument `momentum=0.9`.
#
# **Example.** $\theta = 0$, lr $= 1$, gradient 1 at each step. The velocity is 1, 1.9, 2.71, so the parameter is
# $-1, -2.9, -5.61$. Now cut the rate to 0.1. PyTorch's fourth step is $0.1 \cdot 3.439$, to $-5.954$. Goodfellow's is
# $0.9 \cdot 2.71 + 0.1$, to $-8.149$: the old speed rolls on.
#
# <details><summary>Hint 1: the first call</summary>
#
# `state` is `None` at the first call. Start from `torch.zeros_like(param)` then, and let the rest of the function not
# know about it.
#
# </details>
# <details><summary>Hint 2: Nesterov</summary>
#
# First the new velocity, then the step $g + \mu b$ with this new velocity. The first step has length lr $(1 + \mu)\,g$.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "momentum", "locked": false, "schema_version": 3, "solution": true, "task": false}
def momentum(param, grad, state, *, lr, momentum=0.9):
    """Momentum as in PyTorch: b = momentum b + grad, param - lr b.

    param, grad: tensors of one shape; state: None at the first call, then what the last call returned
    Returns (param, state).
    """
    ### BEGIN SOLUTION
    velocity = torch.zeros_like(param) if state is None else state
    velocity = momentum * velocity + grad
    return param - lr * velocity, velocity
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "momentum-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: momentum in PyTorch's convention.
@probe
def momentum_path(param, grads, rates, settings):
    """The parameter after each call, and what the same call gives when it is made again."""
    state, path, again = None, [], []
    for grad, lr in zip(grads, rates, strict=True):
        moved, remembered = momentum(param=param, grad=grad, state=state, lr=lr, **settings)
        again.append(momentum(param.clone(), grad.clone(), state, lr=lr, **settings)[0])
        param, state = moved, remembered
        path.append(param)
    return path, again


start, grad = torch.tensor(0.0), torch.tensor(1.0)
with unchanged(param=start, grad=grad):
    path, again = momentum_path(start, [grad] * 4, [1.0, 1.0, 1.0, 0.1], {})
check_close(
    again, path, "the same call, made again with equal arguments, gives the same answer: the state is not changed"
)
check_close(path[0], -1.0, "the parameter after 1 step of the example")
check_close(
    path[:3],
    [-1.0, -2.9, -5.61],
    "the parameter after 1, 2 and 3 steps of the example",
    causes={
        "The velocity is forgotten: return it as the state and use it in the next call.": [-1.0, -2.0, -3.0],
        "A velocity that only adds up never loses speed: multiply the old one by the momentum.": [-1.0, -3.0, -6.0],
    },
)
check_close(
    path[3],
    -5.9539,
    "the parameter after the rate is cut from 1 to 0.1",
    causes={
        "This is Goodfellow's form, in which the old rate stays in the velocity. "
        "PyTorch multiplies the whole velocity by the current rate.": -8.149,
    },
)
check_not_used(momentum, "torch.optim")
passed_visible("momentum")
### BEGIN HIDDEN TESTS
generator = case_generator()
for shape, dtype, mu in (
    ((3, 2, 4), torch.float64, 0.9),
    ((5, 1), torch.float32, 0.995),
    ((), torch.float64, 0.3),
    ((4,), torch.float64, 0.0),
):
    rates = [0.1, 0.3, 0.0, 0.2, 0.1]
    place = f"{len(shape)} dimensions" + ", from a million, where float32 is too coarse" * (shape == ())
    # Starts a million away from 0 show float32 in between. The memory is that of a transposed tensor.
    start = torch.randn(shape, generator=generator, dtype=dtype) + 1e6 * (shape == ())
    start = start.transpose(0, -1).contiguous().transpose(0, -1)
    size = {3: 1e3, 1: 1e-9}.get(len(shape), 1.0)
    grads = [size * torch.randn(shape, generator=generator, dtype=dtype) for _ in rates]
    grads[3].zero_()  # the velocity carries on
    settings = {} if mu == 0.9 else {"momentum": mu}
    with unchanged(param=start, grad=grads):
        path, again = momentum_path(start, grads, rates, settings)
    check_close(
        again, path, "the same call, made again with equal arguments, gives the same answer: the state is not changed"
    )
    expected = start.double()
    for step, lr in enumerate(rates):
        # The velocity written out: every old gradient, weighted by a power of the momentum.
        velocity = sum(mu ** (step - i) * grads[i].double() for i in range(step + 1))
        expected = expected - lr * velocity
        what = f"{step + 1} steps of momentum {mu}, {place}, a changing rate"
        check_shape(path[step], shape, f"the parameter after {what}")
        check_dtype(path[step], dtype, f"the parameter after {what}")
        atol = None if shape else 1e-6
        check_close(path[step] - start, expected - start, f"the way from the start after {what}", rtol=1e-4, atol=atol)
### END HIDDEN TESTS


# %% nbgrader={"grade": false, "grade_id": "momentum-goodfellow", "locked": false, "schema_version": 3, "solution": true, "task": false}
def momentum_goodfellow(param, grad, state, *, lr, momentum=0.9):
    """Momentum as in Goodfellow et al., Algorithm 8.2: v = momentum v - lr grad, param + v.

    param, grad: tensors of one shape; state: None at the first call, then what the last call returned
    Returns (param, state).
    """
    ### BEGIN SOLUTION
    velocity = torch.zeros_like(param) if state is None else state
    velocity = momentum * velocity - lr * grad
    return param + velocity, velocity
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "momentum-goodfellow-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: momentum in Goodfellow's convention.
@probe
def goodfellow_path(param, grads, rates, settings):
    """The parameter after each call, and what the same call gives when it is made again."""
    state, path, again = None, [], []
    for grad, lr in zip(grads, rates, strict=True):
        moved, remembered = momentum_goodfellow(param=param, grad=grad, state=state, lr=lr, **settings)
        again.append(momentum_goodfellow(param.clone(), grad.clone(), state, lr=lr, **settings)[0])
        param, state = moved, remembered
        path.append(param)
    return path, again


start, grad = torch.tensor(0.0), torch.tensor(1.0)
with unchanged(param=start, grad=grad):
    path, again = goodfellow_path(start, [grad] * 4, [1.0, 1.0, 1.0, 0.1], {})
check_close(
    again, path, "the same call, made again with equal arguments, gives the same answer: the state is not changed"
)
check_close(path[:3], [-1.0, -2.9, -5.61], "the parameter after 1, 2 and 3 steps of the example")
check_close(
    path[3],
    -8.149,
    "the parameter after the rate is cut from 1 to 0.1",
    causes={
        "This is PyTorch's form. Here the rate multiplies the gradient as it enters the velocity, "
        "and old speed keeps the old rate.": -5.9539,
    },
)
check_not_used(momentum_goodfellow, "torch.optim")
passed_visible("momentum_goodfellow")
### BEGIN HIDDEN TESTS
generator = case_generator()
for shape, dtype, mu in (
    ((3, 2, 4), torch.float64, 0.9),
    ((5, 1), torch.float32, 0.995),
    ((), torch.float64, 0.3),
    ((4,), torch.float64, 0.0),
):
    rates = [0.1, 0.3, 0.0, 0.2, 0.1]
    place = f"{len(shape)} dimensions" + ", from a million, where float32 is too coarse" * (shape == ())
    # Starts a million away from 0 show float32 in between. The memory is that of a transposed tensor.
    start = torch.randn(shape, generator=generator, dtype=dtype) + 1e6 * (shape == ())
    start = start.transpose(0, -1).contiguous().transpose(0, -1)
    size = {3: 1e3, 1: 1e-9}.get(len(shape), 1.0)
    grads = [size * torch.randn(shape, generator=generator, dtype=dtype) for _ in rates]
    grads[3].zero_()  # the velocity carries on
    with unchanged(param=start, grad=grads):
        path, again = goodfellow_path(start, grads, rates, {} if mu == 0.9 else {"momentum": mu})
    check_close(
        again, path, "the same call, made again with equal arguments, gives the same answer: the state is not changed"
    )
    expected = start.double()
    for step in range(len(rates)):
        # The velocity written out: each old gradient keeps the rate of its own step.
        expected = expected - sum(mu ** (step - i) * rates[i] * grads[i].double() for i in range(step + 1))
        what = f"{step + 1} steps of momentum {mu}, {place}, a changing rate"
        check_shape(path[step], shape, f"the parameter after {what}")
        check_dtype(path[step], dtype, f"the parameter after {what}")
        atol = None if shape else 1e-6
        check_close(path[step] - start, expected - start, f"the way from the start after {what}", rtol=1e-4, atol=atol)
### END HIDDEN TESTS


# %% nbgrader={"grade": false, "grade_id": "nesterov", "locked": false, "schema_version": 3, "solution": true, "task": false}
def nesterov(param, grad, state, *, lr, momentum=0.9):
    """Nesterov's momentum as in PyTorch: b = momentum b + grad, param - lr (grad + momentum b), with the new b.

    param, grad: tensors of one shape; state: None at the first call, then what the last call returned
    Returns (param, state).
    """
    ### BEGIN SOLUTION
    velocity = torch.zeros_like(param) if state is None else state
    velocity = momentum * velocity + grad
    return param - lr * (grad + momentum * velocity), velocity
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "nesterov-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: Nesterov's momentum in PyTorch's form.
@probe
def nesterov_path(param, grads, rates, settings):
    """The parameter after each call, and what the same call gives when it is made again."""
    state, path, again = None, [], []
    for grad, lr in zip(grads, rates, strict=True):
        moved, remembered = nesterov(param=param, grad=grad, state=state, lr=lr, **settings)
        again.append(nesterov(param.clone(), grad.clone(), state, lr=lr, **settings)[0])
        param, state = moved, remembered
        path.append(param)
    return path, again


start, grad = torch.tensor(0.0), torch.tensor(1.0)
with unchanged(param=start, grad=grad):
    path, again = nesterov_path(start, [grad, grad, -grad], [1.0, 1.0, 0.1], {})
check_close(
    again, path, "the same call, made again with equal arguments, gives the same answer: the state is not changed"
)
check_close(
    path[0],
    -1.9,
    "the first step, of length lr (1 + momentum) grad",
    causes={"The step uses the velocity before the update: first b = momentum b + grad, then the step.": -1.0},
)
check_close(
    path,
    [-1.9, -4.61, -4.5739],
    "the parameter after gradients 1, 1, -1 with rates 1, 1, 0.1",
    causes={"The state must be the velocity b, not the step that you took.": [-1.9, -5.339, -5.427559]},
)
check_not_used(nesterov, "torch.optim")
passed_visible("nesterov")
### BEGIN HIDDEN TESTS
generator = case_generator()
for shape, dtype, mu in (
    ((3, 2, 4), torch.float64, 0.9),
    ((5, 1), torch.float32, 0.995),
    ((), torch.float64, 0.3),
    ((4,), torch.float64, 0.0),
):
    rates = [0.1, 0.3, 0.0, 0.2, 0.1]
    place = f"{len(shape)} dimensions" + ", from a million, where float32 is too coarse" * (shape == ())
    # Starts a million away from 0 show float32 in between. The memory is that of a transposed tensor.
    start = torch.randn(shape, generator=generator, dtype=dtype) + 1e6 * (shape == ())
    start = start.transpose(0, -1).contiguous().transpose(0, -1)
    size = {3: 1e3, 1: 1e-9}.get(len(shape), 1.0)
    grads = [size * torch.randn(shape, generator=generator, dtype=dtype) for _ in rates]
    grads[3].zero_()  # the velocity carries on
    with unchanged(param=start, grad=grads):
        path, again = nesterov_path(start, grads, rates, {} if mu == 0.9 else {"momentum": mu})
    check_close(
        again, path, "the same call, made again with equal arguments, gives the same answer: the state is not changed"
    )
    expected = start.double()
    for step, lr in enumerate(rates):
        velocity = sum(mu ** (step - i) * grads[i].double() for i in range(step + 1))
        expected = expected - lr * grads[step].double() - lr * mu * velocity
        what = f"{step + 1} steps of Nesterov {mu}, {place}, a changing rate"
        check_shape(path[step], shape, f"the parameter after {what}")
        check_dtype(path[step], dtype, f"the parameter after {what}")
        atol = None if shape else 1e-6
        check_close(path[step] - start, expected - start, f"the way from the start after {what}", rtol=1e-4, atol=atol)
### END HIDDEN TESTS


# %% nbgrader={"grade": false, "grade_id": "landscapes", "locked": true, "schema_version": 3, "solution": false, "task": false}
# Landscapes for the experiments: points of shape (..., 2) to heights of shape (...).
def ravine(point):
    """½ (x² + 50 y²): fifty times steeper across than along; the minimum is (0, 0)."""
    x, y = point.unbind(-1)
    return (x**2 + 50 * y**2) / 2


def saddle(point):
    """½ x² − ½ y² + ¼ y⁴: flat at (0, 0), lowest at (0, ±1)."""
    x, y = point.unbind(-1)
    return (x**2 - y**2) / 2 + y**4 / 4


def rosenbrock(point):
    """(1 − x)² + 100 (y − x²)²: a bent, flat valley with its minimum at (1, 1)."""
    x, y = point.unbind(-1)
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def gradient_of(landscape, point):
    point = point.detach().requires_grad_()
    return torch.autograd.grad(landscape(point), point)[0]


def walk(rule, landscape, start, steps, **settings):
    """The points that an update rule visits, the start included: (steps + 1, 2)."""
    point, state = torch.tensor(start, dtype=torch.float64), None
    path = [point]
    for _ in range(steps):
        point, state = rule(point, gradient_of(landscape, point), state, **settings)
        path.append(point)
    return torch.stack(path)


# %% [markdown]
# **See it.** Three walkers in one ravine, 60 steps each, each with a rate that suits it.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-ravine", "locked": true, "schema_version": 3, "solution": false, "task": false}
rates = {sgd: 0.037, momentum: 0.012, nesterov: 0.012}
paths = {rule.__name__: walk(rule, ravine, (-9.0, 1.2), 60, lr=lr) for rule, lr in rates.items()}
for name, path in paths.items():
    print(f"{name:10} after 60 steps: loss {float(ravine(path[-1])):.2e}")
assert ravine(paths["nesterov"][-1]) < ravine(paths["momentum"][-1]) < ravine(paths["sgd"][-1])

loss_surface(
    ravine,
    paths,
    title="Momentum overshoots, Nesterov brakes in time",
    xlim=(-10, 5),
    ylim=(-2.2, 2.2),
    minimum=(0.0, 0.0),
    labels=("along the floor", "across"),
)

# %% [markdown] task={"name": "adaptive", "minutes": 12, "difficulty": 2}
# ## Task 4. A step size for every parameter
#
# The weight of a rare word gets a gradient once in a thousand batches, that of a common word each time. One rate cannot
# suit both. So divide each coordinate by the size of its own gradients. Everything here works entry by entry.
#
# | | what is remembered, $r = 0$ at first | step |
# |---|---|---|
# | `adagrad` | $r \leftarrow r + g^2$ | $\theta \leftarrow \theta - \text{lr}\; g / (\sqrt r + \varepsilon)$ |
# | `rmsprop` | $r \leftarrow \alpha\, r + (1 - \alpha)\, g^2$ | $\theta \leftarrow \theta - \text{lr}\; g / (\sqrt r + \varepsilon)$ |
#
# AdaGrad never forgets: its steps shrink like $1/\sqrt t$, on a long way too early. RMSProp forgets with a half-life of
# some 69 steps at $\alpha = 0.99$.
#
# **Convention.** $\varepsilon$ stands *outside* the root, as in PyTorch. Goodfellow's Algorithm 8.5 and TensorFlow's
# RMSProp put it inside. That looks like a detail, and with gradients near 1 it is. With gradients of $10^{-4}$ and
# $\varepsilon = 10^{-8}$ it is not: inside, $\sqrt{r + \varepsilon}$ acts like an $\varepsilon$ of $10^{-4}$.
#
# **Write** `adagrad(..., lr, eps=1e-10)` and `rmsprop(..., lr, alpha=0.99, eps=1e-8)`. A coordinate whose gradient has
# always been 0 stays where it is, since $0 / (0 + \varepsilon) = 0$.
#
# **Example.** With gradient 3, then 4, AdaGrad's $r$ is 9, then 25: steps of lr $\cdot\, 3/3$, then lr $\cdot\, 4/5$.
# RMSProp with $\alpha = 0.75$ has $r = 2.25$ after the first gradient, and a first step of lr $\cdot\, 3/1.5$: twice
# lr.
#
# <details><summary>Hint 1: where to start</summary>
#
# `state` is one tensor, of the shape of `param`. Update it first, then use the new one in the step.
#
# </details>
# <details><summary>Hint 2: in place</summary>
#
# `state += grad**2` changes an argument. `state = state + grad**2` does not.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "adagrad", "locked": false, "schema_version": 3, "solution": true, "task": false}
def adagrad(param, grad, state, *, lr, eps=1e-10):
    """AdaGrad (Duchi et al. 2011): r = r + grad², param - lr grad / (√r + eps).

    param, grad: tensors of one shape; state: None at the first call, then what the last call returned
    Returns (param, state).
    """
    ### BEGIN SOLUTION
    total = torch.zeros_like(param) if state is None else state
    total = total + grad.square()
    return param - lr * grad / (total.sqrt() + eps), total
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "adagrad-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Test: AdaGrad.
@probe
def adagrad_path(param, grads, rates, settings):
    """The parameter after each call, and what the same call gives when it is made again."""
    state, path, again = None, [], []
    for grad, lr in zip(grads, rates, strict=True):
        moved, remembered = adagrad(param=param, grad=grad, state=state, lr=lr, **settings)
        again.append(adagrad(param.clone(), grad.clone(), state, lr=lr, **settings)[0])
        param, state = moved, remembered
        path.append(param)
    return path, again


start = torch.tensor([0.0, 1.0, 2.0])
grads = [torch.tensor([3.0, 0.0, 0.0]), torch.tensor([4.0, 0.0, 0.0])]
with unchanged(param=start, grad=grads):
    path, again = adagrad_path(start, grads, [0.1, 0.1], {})
check_close(
    again, path, "the same call, made again with equal arguments, gives the same answer: the state is not changed"
)
check_close(path[0][0], -0.1, "the first step with gradient 3: it is lr, whatever the gradient")
check_close(
    path[1][0],
    -0.18,
    "the parameter after gradients 3 and 4",
    causes={
        "The sum of squares is forgotten: return it as the state and use it in the next call.": -0.2,
        "The step uses the sum before the update: add the new square first.": -0.1 - 0.4 / 3,
    },
)
check_close(path[1][1:], [1.0, 2.0], "parameters whose gradient is always 0 stay where they are")
path, _ = adagrad_path(torch.tensor(0.0), [torch.tensor(0.02)], [0.1], {"eps": 1e-2})
check_close(
    path[0],
    -0.1 * 2 / 3,
    "the first step with gradient 0.02 and eps 0.01",
    causes={
        "eps stands inside the root: √(r + eps). The convention here is √r + eps.": -0.1 * 0.02 / math.sqrt(0.0104)
    },
)
check_not_used(adagrad, "torch.optim")
passed_visible("adagrad")
### BEGIN HIDDEN TESTS
generator = case_generator()
for shape, dtype, settings in (
    ((3, 2, 4), torch.float64, {}),
    ((3, 1), torch.float32, {}),
    ((4, 3), torch.float64, {"eps": 1e-2}),
    ((), torch.float64, {"eps": 0.3}),
):
    eps = settings.get("eps", 1e-10)
    rates = [0.1, 0.3, 0.05, 0.2, 0.1]
    given = "".join(f", {name} = {value}" for name, value in settings.items())
    place = f"{len(shape)} dimensions" + ", from a million, where float32 is too coarse" * (shape == ())
    # Starts a million away from 0 show float32 in between. The memory is that of a transposed tensor.
    start = torch.randn(shape, generator=generator, dtype=dtype) + 1e6 * (shape == ())
    start = start.transpose(0, -1).contiguous().transpose(0, -1)
    grads = [torch.randn(shape, generator=generator, dtype=dtype) for _ in rates]
    if shape:
        for grad in grads:
            grad[0] = 0.0
            grad[1] *= 1e-8
            grad[2] *= 1e3
        grads[0][2] = 0.0  # the first gradient of a parameter may be 0
    grads[3].zero_()  # the state goes on
    with unchanged(param=start, grad=grads):
        path, again = adagrad_path(start, grads, rates, settings)
    check_close(
        again, path, "the same call, made again with equal arguments, gives the same answer: the state is not changed"
    )
    history = torch.stack(grads).double()
    expected = start.double()
    for step, lr in enumerate(rates):
        # The Euclidean norm of all gradients so far, coordinate by coordinate.
        expected = expected - lr * history[step] / (history[: step + 1].norm(dim=0) + eps)
        what = f"{step + 1} steps of AdaGrad{given}, some gradients tiny, some 0, {place}"
        check_shape(path[step], shape, f"the parameter after {what}")
        check_dtype(path[step], dtype, f"the parameter after {what}")
        atol = None if shape else 1e-6
        check_close(path[step] - start, expected - start, f"the way from the start after {what}", rtol=1e-4, atol=atol)
### END HIDDEN TESTS


# %% nbgrader={"grade": false, "grade_id": "rmsprop", "locked": false, "schema_version": 3, "solution": true, "task": false}
def rmsprop(param, grad, state, *, lr, alpha=0.99, eps=1e-8):
    """RMSProp (Tieleman and Hinton 2012): r = alpha r + (1 - alpha) grad², param - lr grad / (√r + eps).

    param, grad: tensors of one shape; state: None at the first call, then what the last call returned
    Returns (param, state).
    """
    ### BEGIN SOLUTION
    average = torch.zeros_like(param) if state is None else state
    average = alpha * average + (1 - alpha) * grad.square()
    return param - lr * grad / (average.sqrt() + eps), average
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "rmsprop-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Test: RMSProp.
@probe
def rmsprop_path(param, grads, rates, settings):
    """The parameter after each call, and what the same call gives when it is made again."""
    state, path, again = None, [], []
    for grad, lr in zip(grads, rates, strict=True):
        moved, remembered = rmsprop(param=param, grad=grad, state=state, lr=lr, **settings)
        again.append(rmsprop(param.clone(), grad.clone(), state, lr=lr, **settings)[0])
        param, state = moved, remembered
        path.append(param)
    return path, again


start = torch.tensor([0.0, 1.0, 2.0])
grads = [torch.tensor([3.0, 0.0, 0.0]), torch.tensor([4.0, 0.0, 0.0])]
with unchanged(param=start, grad=grads):
    path, again = rmsprop_path(start, grads, [0.1, 0.1], {"alpha": 0.75})
check_close(
    again, path, "the same call, made again with equal arguments, gives the same answer: the state is not changed"
)
check_close(
    path[0][0],
    -0.2,
    "the first step with gradient 3 and alpha 0.75: the average is 2.25",
    causes={
        "alpha and 1 - alpha are swapped: alpha is the weight of what is remembered.": -0.1 / math.sqrt(0.75),
        "The square root is missing: divide by √r.": -0.3 / 2.25,
        "You add up the squares as AdaGrad does, or divide by 1 - alpha as Adam does in its first step: "
        "here the new square has the weight 1 - alpha, from the first step on.": -0.1,
    },
)
check_close(path[1][0], -0.2 - 0.4 / math.sqrt(5.6875), "the parameter after gradients 3 and 4")
check_close(path[1][1:], [1.0, 2.0], "parameters whose gradient is always 0 stay where they are")
path, _ = rmsprop_path(torch.tensor(0.0), [torch.tensor(2e-4)], [0.1], {"alpha": 0.75})
check_close(
    path[0],
    -0.2 / (1 + 1e-4),
    "the first step with a gradient of 2e-4: eps is too small to matter",
    causes={
        "eps stands inside the root: √(r + eps). The convention here is √r + eps.": -0.1 * 2e-4 / math.sqrt(2e-8),
    },
)
check_not_used(rmsprop, "torch.optim")
passed_visible("rmsprop")
### BEGIN HIDDEN TESTS
generator = case_generator()
for shape, dtype, settings in (
    ((3, 2, 4), torch.float64, {}),
    ((3, 1), torch.float32, {"alpha": 0.0}),
    ((4, 3), torch.float64, {"alpha": 0.4, "eps": 1e-2}),
    ((), torch.float64, {"alpha": 0.9, "eps": 0.3}),
):
    alpha, eps = settings.get("alpha", 0.99), settings.get("eps", 1e-8)
    rates = [0.1, 0.3, 0.05, 0.2, 0.1]
    given = "".join(f", {name} = {value}" for name, value in settings.items())
    place = f"{len(shape)} dimensions" + ", from a million, where float32 is too coarse" * (shape == ())
    # Starts a million away from 0 show float32 in between. The memory is that of a transposed tensor.
    start = torch.randn(shape, generator=generator, dtype=dtype) + 1e6 * (shape == ())
    start = start.transpose(0, -1).contiguous().transpose(0, -1)
    grads = [torch.randn(shape, generator=generator, dtype=dtype) for _ in rates]
    if shape:
        for grad in grads:
            grad[0] = 0.0
            grad[1] *= 1e-6
            grad[2] *= 1e3
        grads[0][2] = 0.0  # the first gradient of a parameter may be 0
    grads[3].zero_()  # the state goes on
    with unchanged(param=start, grad=grads):
        path, again = rmsprop_path(start, grads, rates, settings)
    check_close(
        again, path, "the same call, made again with equal arguments, gives the same answer: the state is not changed"
    )
    history = torch.stack(grads).double()
    expected = start.double()
    for step, lr in enumerate(rates):
        # The average written out: every old square, weighted by a power of alpha.
        average = (1 - alpha) * sum(alpha ** (step - i) * history[i].square() for i in range(step + 1))
        expected = expected - lr * history[step] / (average.sqrt() + eps)
        what = f"{step + 1} steps of RMSProp{given}, some gradients tiny, some 0, {place}"
        check_shape(path[step], shape, f"the parameter after {what}")
        check_dtype(path[step], dtype, f"the parameter after {what}")
        atol = None if shape else 1e-6
        check_close(path[step] - start, expected - start, f"the way from the start after {what}", rtol=1e-4, atol=atol)
### END HIDDEN TESTS

# %% [markdown] task={"name": "adam", "minutes": 18, "difficulty": 2}
# ## Task 5. Adam: both ideas, and a cold start
#
# Adam takes the average of the gradients for direction and the average of their squares for scale. With
# $t = 1, 2, \dots$ counting the calls:
#
# $$
# m \leftarrow \beta_1 m + (1 - \beta_1)\, g, \qquad
# v \leftarrow \beta_2 v + (1 - \beta_2)\, g^2, \qquad
# \hat m = \frac{m}{1 - \beta_1^t}, \qquad
# \hat v = \frac{v}{1 - \beta_2^t}, \qquad
# \theta \leftarrow \theta - \text{lr}\, \frac{\hat m}{\sqrt{\hat v} + \varepsilon}
# $$
#
# Why the hats? Both averages start at 0, so the first ones are far too small: $m$ is $0.1\, g$ and $v$ is
# $0.001\, g^2$. The weights of the gradients seen so far add up to $1 - \beta^t$, not to 1. Dividing by this sum makes
# $\hat m$ and $\hat v$ true weighted averages.
#
# **Careful with slides and blogs.** Many write $m/(1 - \beta_1)$, without the power $t$. At the first step that is the
# same. At the tenth, a step is twice too long; after many, it is $\sqrt{0.001}/0.1 = 0.316$ of what it should be. Here
# is the number to check yourself with: **with a constant gradient, and $\varepsilon$ too small to matter, every single
# step of Adam has the length lr.**
#
# `adamw` (Loshchilov and Hutter 2019) adds weight decay that Adam's scaling does not touch. As in PyTorch, first
# shrink, then do Adam's step with the untouched gradient:
#
# $$ \theta \leftarrow (1 - \text{lr}\,\lambda)\,\theta, \qquad \text{then} \qquad \theta \leftarrow \theta - \text{lr}\,\frac{\hat m}{\sqrt{\hat v} + \varepsilon} $$
#
# If $\lambda\theta$ went into $g$ instead, it would be divided by $\sqrt{\hat v}$ with everything else, and parameters
# with large gradients would hardly decay.
#
# **Write** `adam(..., lr, betas=(0.9, 0.999), eps=1e-8)` and
# `adamw(..., lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01)`; $\varepsilon$ outside the root.
#
# **Example.** Gradient 1, then $-1$. After the second call $m = 0.9 \cdot 0.1 - 0.1 = -0.01$ and $\hat m = -0.01/0.19$,
# while $\hat v = 1$. So the second step goes back by only $0.0526$ lr: the two gradients nearly cancel.
#
# <details><summary>Hint 1: what to remember</summary>
#
# Three things: $m$, $v$ and the number of calls $t$. A tuple `(m, v, t)` will do. Count first, then divide.
#
# </details>
# <details><summary>Hint 2: wrong from the second step on</summary>
#
# Store $m$ and $v$, not $\hat m$ and $\hat v$. Python's power is `beta1**t`.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "adam", "locked": false, "schema_version": 3, "solution": true, "task": false}
def adam(param, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8):
    """Adam (Kingma and Ba 2015): param - lr m̂ / (√v̂ + eps), with bias-corrected averages m̂ and v̂.

    param, grad: tensors of one shape; state: None at the first call, then what the last call returned
    betas: (beta1, beta2), the weights of what is remembered in the averages of grad and of grad²
    Returns (param, state).
    """
    ### BEGIN SOLUTION
    m, v, t = (torch.zeros_like(param), torch.zeros_like(param), 0) if state is None else state
    beta1, beta2 = betas
    t += 1
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad.square()
    m_hat = m / (1 - beta1**t)
    v_hat = v / (1 - beta2**t)
    return param - lr * m_hat / (v_hat.sqrt() + eps), (m, v, t)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "adam-test", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
# Test: Adam.
@probe
def adam_path(param, grads, rates, settings):
    """The parameter after each call, and what the same call gives when it is made again."""
    state, path, again = None, [], []
    for grad, lr in zip(grads, rates, strict=True):
        moved, remembered = adam(param=param, grad=grad, state=state, lr=lr, **settings)
        again.append(adam(param.clone(), grad.clone(), state, lr=lr, **settings)[0])
        param, state = moved, remembered
        path.append(param)
    return path, again


start, grad = torch.tensor(0.0), torch.tensor(1.0)
with unchanged(param=start, grad=grad):
    path, _ = adam_path(start, [grad] * 4, [0.1] * 4, {})
check_close(
    path[0],
    -0.1,
    "the first step of Adam with lr 0.1: its length is lr",
    causes={
        "Your first step is 3.16 times too long: m and v start at 0 and need the bias correction.": -0.01
        / math.sqrt(1e-3),
        "Your first step is 31.6 times too long: you correct m, but not v.": -0.1 / math.sqrt(1e-3),
        "Your first step is 10 times too short: you correct v, but not m.": -0.01,
        "Your step goes up the slope: it is param minus the step.": 0.1,
    },
)
check_close(
    path[1],
    -0.2,
    "the parameter after two equal gradients: every step has the length lr",
    causes={
        "Your second step is too long: you divide by 1 − β₁ and 1 − β₂ instead of 1 − β₁ᵗ and 1 − β₂ᵗ.": -0.1
        - 0.1 * 1.9 / math.sqrt(1.999),
        "Your second step is too long: you divide m by 1 − β₁ instead of 1 − β₁ᵗ.": -0.29,
        "Your second step is too short: you divide v by 1 − β₂ instead of 1 − β₂ᵗ.": -0.1 - 0.1 / math.sqrt(1.999),
        "The state is forgotten or t does not count: return (m, v, t) and use it in the next call.": -0.1
        - 0.1 * (0.1 / 0.19) / math.sqrt(0.001 / 0.001999),
    },
)
check_close(path, [-0.1, -0.2, -0.3, -0.4], "the parameter after 1, 2, 3 and 4 equal gradients")
path, again = adam_path(start, [grad, -grad], [0.1, 0.1], {})
check_close(
    again, path, "the same call, made again with equal arguments, gives the same answer: the state is not changed"
)
check_close(
    path[1],
    -0.1 + 0.1 / 19,
    "the parameter after gradients 1 and -1",
    causes={
        "β₁ and β₂ are swapped: the first one averages the gradients, the second one their squares.": -0.1
        + 0.1 * 0.001 / 0.001999,
        "The step uses g in place of the average m.": 0.0,
    },
)
path, _ = adam_path(start, [0.03 * grad], [0.1], {"eps": 1e-2})
check_close(
    path[0],
    -0.075,
    "the first step with gradient 0.03 and eps 0.01",
    causes={
        "eps stands inside the root: √(v̂ + eps). The convention here is √v̂ + eps.": -0.1 * 0.03 / math.sqrt(0.0109),
        "eps is added to √v before the correction. It belongs beside the corrected √v̂.": -0.1
        * (math.sqrt(1e-3) * 0.03)
        / (math.sqrt(1e-3) * 0.03 + 1e-2),
    },
)
check_not_used(adam, "torch.optim")
passed_visible("adam")
### BEGIN HIDDEN TESTS
generator = case_generator()


@probe
def adam_on_two_parameters(params, grads, settings):
    """Two parameters in turn, each with a state of its own; the second one starts late."""
    states, path = [None, None], []
    for step in range(4):
        for i in range(2):
            if i == 0 or step >= 2:
                params[i], states[i] = adam(params[i], grads[i][step], states[i], **settings)
        path.append(list(params))
    return path


def average(gradients, beta, power=1):
    """The weighted average of the gradients so far: weights beta^(t - i) that add up to 1."""
    weights = [beta ** (len(gradients) - 1 - i) for i in range(len(gradients))]
    return sum(w * g.double() ** power for w, g in zip(weights, gradients, strict=True)) / sum(weights)


def expected_adam(start, grads, rates, betas=(0.9, 0.999), eps=1e-8):
    path = [start.double()]
    for step, lr in enumerate(rates):
        so_far = grads[: step + 1]
        path.append(path[-1] - lr * average(so_far, betas[0]) / (average(so_far, betas[1], 2).sqrt() + eps))
    return path[1:]


for shape, dtype, settings in (
    ((3, 2, 4), torch.float64, {}),
    ((3, 1), torch.float32, {"betas": (0.8, 0.95)}),
    ((4, 3), torch.float64, {"betas": (0.6, 0.99), "eps": 1e-2}),
    ((5,), torch.float64, {"betas": (0.0, 0.4)}),
    ((), torch.float64, {"betas": [0.95, 0.9], "eps": 1e-4}),
):
    rates = [0.1, 0.3, 0.05, 0.2, 0.1, 0.1, 0.1, 0.02]
    given = "".join(f", {name} = {value}" for name, value in settings.items())
    place = f"{len(shape)} dimensions" + ", from a million, where float32 is too coarse" * (shape == ())
    # Starts a million away from 0 show float32 in between. The memory is that of a transposed tensor.
    start = torch.randn(shape, generator=generator, dtype=dtype) + 1e6 * (shape == ())
    start = start.transpose(0, -1).contiguous().transpose(0, -1)
    grads = [torch.randn(shape, generator=generator, dtype=dtype) for _ in rates]
    if shape:
        for grad in grads:
            grad[0] = 0.0
            grad[1] *= 1e-6
            grad[2] *= 1e3
        grads[0][2] = 0.0  # the first gradient of a parameter may be 0
    grads[3].zero_()  # the averages go on
    with unchanged(param=start, grad=grads):
        path, again = adam_path(start, grads, rates, settings)
    check_close(
        again, path, "the same call, made again with equal arguments, gives the same answer: the state is not changed"
    )
    for step, expected in enumerate(expected_adam(start, grads, rates, **settings)):
        what = f"{step + 1} steps of Adam{given}, gradients of many sizes, {place}"
        check_shape(path[step], shape, f"the parameter after {what}")
        check_dtype(path[step], dtype, f"the parameter after {what}")
        atol = None if shape else 1e-6
        check_close(path[step] - start, expected - start, f"the way from the start after {what}", rtol=1e-4, atol=atol)

start = [torch.randn(3, generator=generator).double(), torch.randn(2, 2, generator=generator).double()]
grads = [[torch.randn(p.shape, generator=generator).double() for _ in range(4)] for p in start]
paths = adam_on_two_parameters([p.clone() for p in start], grads, {"lr": 0.1})
expected = [
    expected_adam(start[0], grads[0], [0.1] * 4),
    [start[1]] * 2 + expected_adam(start[1], grads[1][2:], [0.1] * 2),
]
for step in range(4):
    for i in range(2):
        what = "two parameters in turn, each with its own state and count"
        check_close(paths[step][i], expected[i][step], what, rtol=1e-4)
path, _ = adam_path(torch.tensor(0.0).double(), [torch.tensor(1.0).double()] * 120, [0.1] * 120, {})
expected = -0.1 * torch.arange(1, 121, dtype=torch.float64)
check_close(
    [float(param) for param in path], expected.tolist(), "120 equal gradients: every step has the length lr", rtol=1e-4
)
### END HIDDEN TESTS


# %% nbgrader={"grade": false, "grade_id": "adamw", "locked": false, "schema_version": 3, "solution": true, "task": false}
def adamw(param, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    """AdamW (Loshchilov and Hutter 2019) as in PyTorch: param (1 - lr weight_decay), then a step of Adam.

    param, grad: tensors of one shape; state: None at the first call, then what the last call returned
    Returns (param, state).
    """
    ### BEGIN SOLUTION
    return adam(param * (1 - lr * weight_decay), grad, state, lr=lr, betas=betas, eps=eps)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "adamw-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Test: AdamW.
@probe
def adamw_path(param, grads, rates, settings):
    """The parameter after each call, and what the same call gives when it is made again."""
    state, path, again = None, [], []
    for grad, lr in zip(grads, rates, strict=True):
        moved, remembered = adamw(param=param, grad=grad, state=state, lr=lr, **settings)
        again.append(adamw(param.clone(), grad.clone(), state, lr=lr, **settings)[0])
        param, state = moved, remembered
        path.append(param)
    return path, again


start, grad = torch.tensor(2.0), torch.tensor(1.0)
with unchanged(param=start, grad=grad):
    path, again = adamw_path(start, [grad, grad], [0.1, 0.1], {"weight_decay": 0.5})
check_close(
    again, path, "the same call, made again with equal arguments, gives the same answer: the state is not changed"
)
check_close(
    path[0],
    1.8,
    "the first step from 2 with lr 0.1 and weight decay 0.5: shrink to 1.9, then a step of 0.1",
    causes={
        "The weight decay went into the gradient, where Adam's scaling swallows it. AdamW keeps it apart.": 1.9,
        "The decay is not multiplied by lr: shrink by lr · weight_decay.": 0.9,
        "The decay has the wrong sign: it makes the parameters grow.": 2.0,
        "You take Adam's step first and shrink afterwards. As in PyTorch: shrink first.": 1.805,
    },
)
check_close(path[1], 1.61, "the parameter after two steps")
check_close(adamw_path(start, [grad], [0.1], {})[0], [1.898], "the first step with the default weight decay")
check_not_used(adamw, "torch.optim")
passed_visible("adamw")
### BEGIN HIDDEN TESTS
generator = case_generator()


def weighted_average(gradients, beta, power=1):
    """The weighted average of the gradients so far: weights beta^(t - i) that add up to 1."""
    weights = [beta ** (len(gradients) - 1 - i) for i in range(len(gradients))]
    return sum(w * g.double() ** power for w, g in zip(weights, gradients, strict=True)) / sum(weights)


def expected_adamw(start, grads, rates, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    path = [start.double()]
    for step, lr in enumerate(rates):
        direction = weighted_average(grads[: step + 1], betas[0])
        scale = weighted_average(grads[: step + 1], betas[1], 2).sqrt() + eps
        path.append(path[-1] - lr * (direction / scale + weight_decay * path[-1]))
    return path[1:]


for shape, dtype, settings in (
    ((3, 2, 4), torch.float64, {}),
    ((5,), torch.float32, {"betas": (0.0, 0.95), "weight_decay": 0.3}),
    ((4, 3), torch.float64, {"betas": (0.6, 0.99), "eps": 1e-2, "weight_decay": 0.5}),
    ((3, 1), torch.float64, {"weight_decay": 0.0}),
    ((), torch.float64, {"eps": 1e-3, "weight_decay": 0.2}),
):
    rates = [0.1, 0.3, 0.05, 0.2, 0.1] * (1 if shape else 12)
    given = "".join(f", {name} = {value}" for name, value in settings.items())
    place = f"{len(shape)} dimensions" + ", from a million, where float32 is too coarse" * (shape == (3, 1))
    # Starts a million away from 0 show float32 in between. The memory is that of a transposed tensor.
    start = 3 * torch.randn(shape, generator=generator, dtype=dtype) + 1e6 * (shape == (3, 1))
    start = start.transpose(0, -1).contiguous().transpose(0, -1)
    grads = [torch.randn(shape, generator=generator, dtype=dtype) for _ in rates]
    if shape:
        for grad in grads:
            grad[0] = 0.0
            grad[1] *= 1e-6
            grad[2] *= 1e3
        grads[0][2] = 0.0  # the first gradient of a parameter may be 0
    grads[3].zero_()  # the state goes on
    with unchanged(param=start, grad=grads):
        path, again = adamw_path(start, grads, rates, settings)
    check_close(
        again, path, "the same call, made again with equal arguments, gives the same answer: the state is not changed"
    )
    for step, expected in enumerate(expected_adamw(start, grads, rates, **settings)):
        what = f"{step + 1} steps of AdamW{given}, gradients of many sizes, {place}"
        check_shape(path[step], shape, f"the parameter after {what}")
        check_dtype(path[step], dtype, f"the parameter after {what}")
        atol = None if shape else 1e-6
        check_close(path[step] - start, expected - start, f"the way from the start after {what}", rtol=1e-4, atol=atol)
### END HIDDEN TESTS

# %% [markdown]
# **The referee.** All seven rules beside `torch.optim`, 100 steps with gradients of very different sizes.


# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-referee", "locked": true, "schema_version": 3, "solution": false, "task": false}
def largest_difference(rule, make_optimizer, **settings):
    """Between a pure rule and an optimizer of torch.optim, over 100 steps; the gradients range from 1e-6 to 100."""
    draws = torch.Generator().manual_seed(0)
    scales = 10.0 ** torch.linspace(-6, 2, 9, dtype=torch.float64)
    param, state = torch.randn(9, generator=draws, dtype=torch.float64), None
    theirs = torch.nn.Parameter(param.clone())
    optimizer = make_optimizer([theirs], **settings)
    difference = 0.0
    for _ in range(100):
        grad = scales * torch.randn(9, generator=draws, dtype=torch.float64)
        theirs.grad = grad.clone()
        optimizer.step()
        param, state = rule(param, grad, state, lr=0.01)
        difference = max(difference, float((param - theirs.detach()).abs().max() / param.abs().max()))
    return difference


differences = {
    "sgd": largest_difference(sgd, torch.optim.SGD, lr=0.01),
    "momentum": largest_difference(momentum, torch.optim.SGD, lr=0.01, momentum=0.9),
    "momentum_goodfellow": largest_difference(momentum_goodfellow, torch.optim.SGD, lr=0.01, momentum=0.9),
    "nesterov": largest_difference(nesterov, torch.optim.SGD, lr=0.01, momentum=0.9, nesterov=True),
    "adagrad": largest_difference(adagrad, torch.optim.Adagrad, lr=0.01),
    "rmsprop": largest_difference(rmsprop, torch.optim.RMSprop, lr=0.01),
    "adam": largest_difference(adam, torch.optim.Adam, lr=0.01),
    "adamw": largest_difference(adamw, torch.optim.AdamW, lr=0.01),
}
for name, difference in differences.items():
    print(f"{name:20} largest relative difference {difference:.1e}")
    assert difference < 1e-9

# %% [markdown]
# **See it.** What the bias correction does: the length of each step, in units of lr, when the gradient is constant. The
# right rule is a flat line at 1.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-bias-correction", "locked": true, "schema_version": 3, "solution": false, "task": false}
t = torch.arange(1, 3001, dtype=torch.float64)
m, v = 1 - 0.9**t, 1 - 0.999**t  # the averages of a constant gradient 1 after t steps
param, state, positions = torch.zeros(1, dtype=torch.float64), None, [0.0]
for _ in t:
    param, state = adam(param, torch.ones_like(param), state, lr=1.0)
    positions.append(param.item())
lengths = {
    "your adam": -torch.tensor(positions, dtype=torch.float64).diff(),
    "no power t": (m / (1 - 0.9)) / (v / (1 - 0.999)).sqrt(),
    "no correction": m / v.sqrt(),
    "only m corrected": 1 / v.sqrt(),
}
for at in (1, 2, 5, 10, 100, 1000, 3000):
    print(f"t = {at:4}: " + "   ".join(f"{name} {float(length[at - 1]):.3g}" for name, length in lengths.items()))
assert (lengths["your adam"] - 1).abs().max() < 1e-6
for at, multiple in ((1, 1.0), (2, 1.34), (5, 1.83), (10, 2.06), (100, 1.03), (1000, 0.40)):
    assert abs(lengths["no power t"][at - 1] - multiple) < 0.01
assert abs(math.sqrt(1 - 0.999) / (1 - 0.9) - 0.316) < 1e-3  # what "no power t" tends to
assert abs(lengths["no correction"][0] - 3.16) < 0.01
assert abs(lengths["only m corrected"][0] - 31.6) < 0.1

curves(
    {name: (t, length) for name, length in lengths.items()},
    title="Only the full bias correction takes steps of length lr",
    xlabel="step t",
    ylabel="step length / lr",
    logx=True,
    logy=True,
)

# %% [markdown]
# **See it.** Three landscapes, six walkers: a ravine, a saddle, and Rosenbrock's banana-shaped valley.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-landscapes", "locked": true, "schema_version": 3, "solution": false, "task": false}
scenes = {
    "Ravine: AdaGrad, RMSProp go straight": (
        ravine,
        {"start": (-9.0, 1.2), "steps": 150},
        {sgd: 0.035, momentum: 0.01, nesterov: 0.01, adagrad: 1.5, rmsprop: 0.1, adam: 0.5},
        {"xlim": (-10, 4), "ylim": (-2.5, 2.5), "minimum": (0.0, 0.0)},
    ),
    "Saddle: plain descent gets stuck": (
        saddle,
        {"start": (-1.6, 1e-3), "steps": 40},
        {sgd: 0.1, momentum: 0.1, nesterov: 0.1, adagrad: 0.1, rmsprop: 0.02, adam: 0.1},
        {"xlim": (-1.9, 0.9), "ylim": (-0.5, 1.6), "minimum": (0.0, 1.0)},
    ),
    "Rosenbrock: momentum gets around": (
        rosenbrock,
        {"start": (-1.2, 1.0), "steps": 500},
        {sgd: 0.0015, momentum: 0.0008, nesterov: 0.0008, adagrad: 0.3, rmsprop: 0.01, adam: 0.1},
        {"xlim": (-1.8, 1.8), "ylim": (-0.7, 2.0), "minimum": (1.0, 1.0)},
    ),
}
figure, axes = panels(1, 3, size=(5.2, 4.4))
for (title, (landscape, where, rates, frame)), panel in zip(scenes.items(), axes[0], strict=True):
    paths = {rule.__name__: walk(rule, landscape, **where, lr=lr) for rule, lr in rates.items()}
    print(title, {name: f"{float(landscape(path[-1])):.1e}" for name, path in paths.items()})
    loss_surface(landscape, paths, title=title, axes=panel, labels=("x", "y"), **frame)
    if landscape is saddle:
        late = {name: float(path[-1, 1]) for name, path in paths.items()}
        assert late["adam"] > 0.5 > late["sgd"]  # 40 steps: Adam has left the saddle, plain descent has not
    panel.get_legend().remove()
figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=7, frameon=False)
figure

# %% [markdown] task={"name": "adam-class", "minutes": 12, "difficulty": 2}
# ## Task 6. Adam, as torch users know it
#
# Pure functions are easy to understand and to test. A training loop is easier to write with an object that knows its
# parameters:
#
# ```python
# optimizer = Adam(model.parameters(), lr=1e-3)
# for x, y in data:
#     optimizer.zero_grad()
#     loss(model(x), y).backward()      # autograd leaves the gradients in param.grad
#     optimizer.step()
# ```
#
# **Write** the class `Adam(params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8)`:
#
# - `params` is any iterable of tensors with `requires_grad`, of any shape and memory layout. A generator, such as `model.parameters()` returns, can be
#   walked through only once.
# - `step()` does one step of Adam on every parameter, **in place**: the model must see it, so the parameter's own
#   memory changes. Replacing it by a new tensor (`param = ...`, `param.data = ...`) changes nothing in the model, or
#   breaks what shares its memory. Autograd must not record the step. The gradients stay as they are.
# - A parameter whose `grad` is `None` took no part in the loss. It is skipped, and its count $t$ stays too: each
#   parameter has a state of its own.
# - `zero_grad()` makes every parameter forget its gradient: `None` or zeros, both are right.
#
# **Example.** A parameter 1.0 with `grad` 0.5: after `step()` with lr 0.1 it is 0.9. After a second one with the same
# gradient, 0.8.
#
# <details><summary>Hint 1: where to start</summary>
#
# Keep `list(params)` and a list of states, all `None` at first. Your function `adam` does the arithmetic.
#
# </details>
# <details><summary>Hint 2: in place, and unrecorded</summary>
#
# `with torch.no_grad():` and `param.copy_(new_value)`.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "adam-class", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Adam:
    """Adam on the gradients that autograd leaves in `param.grad`; changes the parameters in place.

    params: iterable of tensors that require gradients; lr, betas, eps: as in `adam`
    """

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        ### BEGIN SOLUTION
        self.params = list(params)
        self.states = [None for _ in self.params]
        self.settings = {"lr": lr, "betas": betas, "eps": eps}
        ### END SOLUTION

    def step(self):
        """One step on every parameter that has a gradient, in the parameter's own memory."""
        ### BEGIN SOLUTION
        with torch.no_grad():
            for i, param in enumerate(self.params):
                if param.grad is not None:
                    value, self.states[i] = adam(param, param.grad, self.states[i], **self.settings)
                    param.copy_(value)
        ### END SOLUTION

    def zero_grad(self):
        """Forget the gradients of all parameters."""
        ### BEGIN SOLUTION
        for param in self.params:
            param.grad = None
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "adam-class-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Test: the steps of the class Adam.
@probe
def train_with_adam(starts, grads, settings):
    """`grads[step][i]` is the gradient of parameter i, or None. The parameters come as a generator."""
    params = [torch.nn.Parameter(start.clone()) for start in starts]
    aliases = [param.detach() for param in params]
    optimizer = Adam((param for param in params), **settings)
    path, gradients_kept = [], True
    for gradients in grads:
        for param, gradient in zip(params, gradients, strict=True):
            if gradient is None or param.grad is None:
                param.grad = None if gradient is None else gradient.clone()
            else:
                param.grad.copy_(gradient)  # backward() reuses the memory of a gradient, too
        optimizer.step()
        path.append([param.detach().clone() for param in params])
        for param, gradient in zip(params, gradients, strict=True):
            if gradient is None or param.grad is None:
                gradients_kept = gradients_kept and gradient is None and param.grad is None
            else:
                gradients_kept = gradients_kept and torch.equal(param.grad, gradient)
    facts = {
        "the step works in the parameter's own memory": all(
            param.data_ptr() == alias.data_ptr() and torch.equal(param, alias)
            for param, alias in zip(params, aliases, strict=True)
        ),
        "the parameters are still leaves that require gradients": all(p.is_leaf and p.requires_grad for p in params),
        "step() leaves the gradients as they are": gradients_kept,
        "autograd is on again after step()": torch.is_grad_enabled(),
    }
    return path, facts


half = torch.tensor([0.5])
starts = [torch.tensor([1.0]), torch.tensor([3.0])]
path, facts = train_with_adam(starts, [[half, None], [half, None], [half, half]], {"lr": 0.1})
check_close(path[0][0], [0.9], "a parameter 1 with gradient 0.5 after one step with lr 0.1")
check_close(path[1][0], [0.8], "the same parameter after two steps")
check_close(path[1][1], [3.0], "a parameter without a gradient stays where it is")
causes = {
    "step() leaves the gradients as they are": "Work on a copy: only zero_grad() may change a gradient.",
    "autograd is on again after step()": "Use `with torch.no_grad():`, which switches autograd on again at its end.",
}
in_place = "Change the parameter in place under torch.no_grad(), for instance with copy_()."
for fact, holds in facts.items():
    check_true(holds, fact, causes.get(fact, in_place))
check_not_used(Adam, "torch.optim")
passed_visible("Adam")
### BEGIN HIDDEN TESTS
generator = case_generator()


@probe
def train_a_layer(weight, x, y, steps, settings):
    layer = torch.nn.Linear(weight.shape[1], weight.shape[0], bias=False, dtype=weight.dtype)
    with torch.no_grad():
        layer.weight.copy_(weight)
    optimizer = Adam(layer.parameters(), **settings)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = (layer(x) - y).square().mean()
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    return layer.weight.detach().clone(), losses


def adam_by_averages(start, grads, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
    """Expected path; a gradient of None is a step that the parameter sits out."""
    path, seen = [start.double()], []
    for grad in grads:
        if grad is None:
            path.append(path[-1])
            continue
        seen.append(grad.double())
        weights = [torch.tensor([beta ** (len(seen) - 1 - i) for i in range(len(seen))]).double() for beta in betas]
        m, v = (torch.tensordot(w / w.sum(), torch.stack(seen) ** p, 1) for w, p in zip(weights, (1, 2), strict=True))
        path.append(path[-1] - lr * m / (v.sqrt() + eps))
    return path[1:]


def draw(shape, dtype=torch.float64):
    return torch.randn(shape, generator=generator, dtype=dtype)


shapes = [(2, 3), (4,), (), (2, 3)]
present = [[True] * 6, [False, False, True, False, True, True], [True, False, False, False, True, True], [True] * 6]
for dtype, settings in ((torch.float64, {"lr": 0.1, "betas": (0.8, 0.95), "eps": 1e-3}), (torch.float32, {})):
    starts = [draw(shape, dtype) for shape in shapes]
    starts[3] = draw((3, 2), dtype).T  # as a parameter in channels-last memory, not contiguous
    starts[2] += 1e6 * (dtype == torch.float64)  # shows float32 in between
    grads = [[draw(shapes[i], dtype) if present[i][step] else None for i in range(4)] for step in range(6)]
    for gradients in grads:
        gradients[3][0] *= 1e-6
    grads[4][0].zero_()  # a gradient of 0 is a gradient: the parameter moves on
    path, facts = train_with_adam(starts, grads, settings)
    for i in range(4):
        expected = adam_by_averages(starts[i], [gradients[i] for gradients in grads], **settings)
        for step in range(6):
            missing = "" if all(present[i]) else ", its gradient missing at some steps"
            what = f"a parameter with {len(shapes[i])} dimensions after {step + 1} steps{missing}"
            check_dtype(path[step][i], dtype, what)
            way = f"the way from the start of {what}" + ", from a million, where float32 is too coarse" * (i == 2)
            atol = None if shapes[i] else 1e-6
            check_close(path[step][i] - starts[i], expected[step] - starts[i], way, rtol=1e-4, atol=atol)
    for fact, holds in facts.items():
        check_true(holds, fact)


@probe
def two_optimizers(starts, grads, settings):
    """Two optimizers side by side, each with one parameter and its own settings; then a fresh one steps with both."""
    params = [torch.nn.Parameter(start.clone()) for start in starts]
    optimizers = [Adam([param], **settings[i]) for i, param in enumerate(params)]
    for step in range(len(grads[0])):
        for i, param in enumerate(params):
            param.grad = grads[i][step].clone()
            optimizers[i].step()
    ended = [param.detach().clone() for param in params]
    Adam(params, lr=0.1).step()
    return ended, [param.detach().clone() for param in params]


starts, grads = [draw((3,)), draw((3,))], [[draw((3,)) for _ in range(3)] for _ in range(2)]
settings = [{"lr": 0.1, "eps": 1e-3}, {"lr": 2e-4, "betas": (0.5, 0.9)}]
ended, restarted = two_optimizers(starts, grads, settings)
for i in range(2):
    expected = adam_by_averages(starts[i], grads[i], **settings[i])[-1]
    check_close(ended[i], expected, "two optimizers side by side share neither settings nor state", rtol=1e-4)
    expected = adam_by_averages(ended[i], grads[i][-1:], lr=0.1)[-1]
    check_close(
        restarted[i], expected, "a fresh Adam on parameters that another one has trained starts afresh", rtol=1e-4
    )

weight, x, y = draw((2, 3)), draw((8, 3)), draw((8, 2))
trained, losses = train_a_layer(weight, x, y, 5, {"lr": 0.05})
expected, expected_grads = weight, []
for step in range(5):
    error = x @ expected.T - y
    check_close(losses[step], error.square().mean(), f"the loss of a linear layer after {step} steps", rtol=1e-4)
    expected_grads.append(2 * error.T @ x / error.numel())
    expected = adam_by_averages(weight, expected_grads, lr=0.05)[-1]
check_close(trained, expected, "a linear layer trained for 5 steps", rtol=1e-4)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "adam-class-zero-grad-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: zero_grad of the class Adam.
@probe
def gradients_after_zero_grad(starts):
    """Gradients after zero_grad, and after one backward pass more; the first parameter never gets one."""
    params = [torch.nn.Parameter(start.clone()) for start in starts]
    optimizer = Adam((param for param in params), lr=0.1)
    sum((param**2).sum() for param in params[1:]).backward()
    optimizer.zero_grad()
    after = [None if param.grad is None else param.grad.clone() for param in params]
    values = [param.detach().clone() for param in params]
    sum((param**3).sum() for param in params[1:]).backward()
    return after, [param.grad for param in params[1:]], values


starts = [torch.tensor([4.0]), torch.tensor([1.0, 2.0]), torch.tensor([[3.0]])]
after, again, values = gradients_after_zero_grad(starts)
for gradient in after:
    check_true(gradient is None or not gradient.any(), "after zero_grad() a gradient is None or zero")
check_close(again[0], [3.0, 12.0], "the gradient of the next backward pass, with nothing of the first one in it")
check_close(values[1], [1.0, 2.0], "zero_grad() leaves the parameters alone")
passed_visible("Adam.zero_grad")
### BEGIN HIDDEN TESTS
generator = case_generator()
starts = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in ((3, 2), (), (4,), (2,))]
after, again, values = gradients_after_zero_grad(starts)
for gradient in after:
    check_true(gradient is None or not gradient.any(), "after zero_grad() every gradient is None or zero")
check_close(values, starts, "the parameters after zero_grad()")
for gradient, start in zip(again, starts[1:], strict=True):
    check_close(gradient, 3 * start**2, "the gradient of the next backward pass, for every parameter")
### END HIDDEN TESTS

# %% [markdown]
# **See it.** A small network on handwritten digits, trained with each of your rules from the same start, with the same
# batches.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-digits", "locked": true, "schema_version": 3, "solution": false, "task": false}
split = digits()
rules = {
    "sgd": (sgd, {"lr": 0.1}),
    "momentum": (momentum, {"lr": 0.02}),
    "nesterov": (nesterov, {"lr": 0.02}),
    "adagrad": (adagrad, {"lr": 0.03}),
    "rmsprop": (rmsprop, {"lr": 0.003}),
    "adam": (adam, {"lr": 0.005}),
    "adamw": (adamw, {"lr": 0.005}),
}


def train_on_digits(rule, settings, epochs=8):
    """A network 64 → 64 → 10: the training loss of each epoch, and the share of held-out digits that it reads."""
    draws = torch.Generator().manual_seed(0)
    params = [
        torch.randn(64, 64, generator=draws) * math.sqrt(2 / 64), torch.zeros(64),
        torch.randn(10, 64, generator=draws) * math.sqrt(1 / 64), torch.zeros(10),
    ]  # fmt: skip
    states, losses = [None] * 4, []

    def logits(params, x):
        hidden = torch.relu(x @ params[0].T + params[1])
        return hidden @ params[2].T + params[3]

    for _ in range(epochs):
        total = 0.0
        for batch in minibatches(len(split.train_x), 64, draws):
            leaves = [param.detach().requires_grad_() for param in params]
            loss = torch.nn.functional.cross_entropy(logits(leaves, split.train_x[batch]), split.train_y[batch])
            grads = torch.autograd.grad(loss, leaves)
            for i, grad in enumerate(grads):
                params[i], states[i] = rule(params[i], grad, states[i], **settings)
            total += float(loss.detach()) * len(batch)
        losses.append(total / len(split.train_x))
    right = logits(params, split.held_out_x).argmax(dim=1) == split.held_out_y
    return losses, float(right.float().mean())


histories = {name: train_on_digits(rule, settings) for name, (rule, settings) in rules.items()}
for name, (losses, accuracy) in histories.items():
    print(f"{name:10} training loss {losses[-1]:.4f}   held-out accuracy {accuracy:.1%}")
    assert accuracy > 0.94

epochs = torch.arange(1, 9)
figure = curves(
    {f"{name}, {accuracy:.1%}": (epochs, losses) for name, (losses, accuracy) in histories.items()},
    title="Every rule learns to read, each at its own rate",
    xlabel="epoch",
    ylabel="training loss",
    logy=True,
)
figure.axes[0].set_ylim(top=8)  # room for the legend
figure

# %% [markdown] task={"name": "schedules", "minutes": 12, "difficulty": 1}
# ## Task 7. Schedules: long steps first, short steps last
#
# Far from the bottom you want long steps. Near it, the noise of the minibatches makes you wander, and you want short
# ones. A schedule gives the rate for each step. The first step has number 0, and $a_0$ is `base_lr`.
#
# | function | rate at step $k$ | parameters |
# |---|---|---|
# | `exponential_lr` | $a_0\, \gamma^{k}$ | $\gamma$ `gamma` |
# | `step_lr` | $a_0\, \gamma^{\lfloor k/s \rfloor}$ | $\gamma$ `gamma`, $s$ `step_size` |
# | `inverse_time_lr` | $a_0 / (1 + d\,k)$ | $d$ `decay` |
# | `cosine_lr` | $a_{\min} + \tfrac12 (a_0 - a_{\min})(1 + \cos(\pi k/T))$, then $a_{\min}$ for $k \ge T$ | $T$ `total_steps`, $a_{\min}$ `min_lr` |
# | `linear_to_tau` | $(1 - k/\tau)\, a_0 + (k/\tau)\, a_\tau$, then $a_\tau$ for $k \ge \tau$ | $a_\tau$ `final_lr`, $\tau$ `tau` |
# | `warmup_cosine` | $a_0\,(k + 1)/w$ for $k < w$, then a cosine from $a_0$ at $k = w$ to $a_{\min}$ at $k = T$, where it stays | $w$ `warmup_steps`, $T$ `total_steps`, $a_{\min}$ `min_lr` |
#
# *Warm-up* starts with short steps: at the start the gradients are large and Adam's averages know little. The ramp has
# $k + 1$, so that the first step is not wasted with a rate of 0; $w = 0$ means no warm-up, and $w < T$ always.
#
# One slide in circulation gives the step decay as $\alpha \leftarrow \alpha - t\,\alpha$. Read as a formula for step
# $t$, that is 0 at $t = 1$ and climbs the hill afterwards. The table has the right one. Also know that PyTorch's
# `CosineAnnealingLR` goes *up* again after $T$; yours stays down.
#
# **Write** the six functions. `step` is an integer from 0 to millions, and each returns one number.
#
# **Example.** `inverse_time_lr` with $a_0 = 0.1$, $d = 1$: 0.1, 0.05, 0.033, 0.025. `step_lr` with $a_0 = 1$,
# $\gamma = 0.5$, $s = 3$: 1, 1, 1, 0.5.
#
# <details><summary>Hint 1: the plateau at the end</summary>
#
# Clamp the progress: `min(step / total_steps, 1)`. After the end the formula then gives its last value for ever.
#
# </details>
# <details><summary>Hint 2: warm-up, then cosine</summary>
#
# After the ramp, the cosine starts afresh: it is at step $k - w$ of $T - w$. You have a function for that.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "decay-schedules", "locked": false, "schema_version": 3, "solution": true, "task": false}
def exponential_lr(step, *, base_lr, gamma):
    """base_lr gamma^step."""
    ### BEGIN SOLUTION
    return base_lr * gamma**step
    ### END SOLUTION


def step_lr(step, *, base_lr, gamma, step_size):
    """base_lr gamma^⌊step / step_size⌋: multiplied by gamma after every step_size steps."""
    ### BEGIN SOLUTION
    return base_lr * gamma ** (step // step_size)
    ### END SOLUTION


def inverse_time_lr(step, *, base_lr, decay):
    """base_lr / (1 + decay step)."""
    ### BEGIN SOLUTION
    return base_lr / (1 + decay * step)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "decay-schedules-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: exponential, step and 1/t decay.
rates = [exponential_lr(step=step, base_lr=0.8, gamma=0.5) for step in range(4)]
check_close(rates, [0.8, 0.4, 0.2, 0.1], "exponential_lr at steps 0 to 3 with base_lr 0.8 and gamma 0.5")
rates = [step_lr(step=step, base_lr=1.0, gamma=0.5, step_size=3) for step in range(7)]
check_close(
    rates,
    [1, 1, 1, 0.5, 0.5, 0.5, 0.25],
    "step_lr at steps 0 to 6 with gamma 0.5 and step_size 3",
    causes={
        "The rate drops one step too late: it is gamma to the power of ⌊step / step_size⌋.": [
            1,
            1,
            1,
            1,
            0.5,
            0.5,
            0.5,
        ],
        "The rate drops one step too early: the first step has number 0.": [1, 1, 0.5, 0.5, 0.5, 0.25, 0.25],
        "The rate falls at every step: the power is a whole number, use // in place of /.": [
            0.5 ** (step / 3) for step in range(7)
        ],
    },
)
rates = [inverse_time_lr(step=step, base_lr=0.1, decay=1.0) for step in range(4)]
check_close(rates, [0.1, 0.05, 0.1 / 3, 0.025], "inverse_time_lr at steps 0 to 3 with base_lr 0.1 and decay 1")
passed_visible("exponential_lr, step_lr, inverse_time_lr")
### BEGIN HIDDEN TESTS
generator = case_generator()
base_lr, gamma, decay = (0.2 + 0.6 * torch.rand(3, generator=generator, dtype=torch.float64)).tolist()
for step in (0, 1, 2, 5, 13):
    rate = exponential_lr(step, base_lr=base_lr, gamma=gamma)
    expected = math.exp(math.log(base_lr) + step * math.log(gamma))
    check_close(rate, expected, "exponential_lr with a gamma between 0.2 and 0.8", atol=0.0)
    rate = inverse_time_lr(step, base_lr=base_lr, decay=decay)
    check_close(1 / rate, 1 / base_lr + step * decay / base_lr, "the reciprocal of inverse_time_lr grows linearly")
gamma_near_one = 1 - 2.0**-20  # exact in float32 too
rate = exponential_lr(3_000_000, base_lr=base_lr, gamma=gamma_near_one)
check_close(rate, base_lr * math.exp(3e6 * math.log(gamma_near_one)), "exponential_lr after 3 million steps", atol=0.0)
check_close(exponential_lr(1_000_000, base_lr=1.0, gamma=0.5), 0.0, "exponential_lr when it is too small for a float")
check_close(exponential_lr(100, base_lr=1.0, gamma=0.5), 2.0**-100, "exponential_lr when it is tiny", atol=0.0)
check_close(exponential_lr(3, base_lr=0.1, gamma=2.0), 0.8, "exponential_lr with a gamma above 1, a rate that grows")
check_close(
    inverse_time_lr(3 * 10**6, base_lr=1e-6, decay=1e-3), 1e-6 / 3001, "inverse_time_lr after 3 million steps", atol=0.0
)
# 49 * (1 / 49) is just below 1: the whole number of drops needs a true division of the steps.
for step, power in ((0, 0), (48, 0), (49, 1), (97, 1), (98, 2), (146, 2), (147, 3)):
    rate = step_lr(step, base_lr=base_lr, gamma=gamma, step_size=49)
    check_close(rate, base_lr * gamma**power, "step_lr just before and just after its drops, step_size 49", atol=0.0)
check_close(step_lr(3, base_lr=2, gamma=0.5, step_size=1), 0.25, "step_lr that drops at every step")
check_close(step_lr(5, base_lr=0.1, gamma=2.0, step_size=2), 0.4, "step_lr with a gamma above 1, a rate that grows")
tiny = {"A rate of 1e-8 is a rate, too: do not round it.": 0.0}
rate = step_lr(3 * 10**6, base_lr=1e-8, gamma=gamma_near_one, step_size=10)
check_close(
    rate, 1e-8 * math.exp(3e5 * math.log(gamma_near_one)), "step_lr after 3 million steps", atol=0.0, causes=tiny
)
### END HIDDEN TESTS


# %% nbgrader={"grade": false, "grade_id": "cosine-and-linear", "locked": false, "schema_version": 3, "solution": true, "task": false}
def cosine_lr(step, *, base_lr, total_steps, min_lr=0.0):
    """Half a cosine from base_lr at step 0 to min_lr at total_steps (Loshchilov and Hutter 2017), then min_lr."""
    ### BEGIN SOLUTION
    progress = min(step / total_steps, 1.0)
    return min_lr + 0.5 * (base_lr - min_lr) * (1 + math.cos(math.pi * progress))
    ### END SOLUTION


def linear_to_tau(step, *, base_lr, final_lr, tau):
    """A straight line from base_lr at step 0 to final_lr at step tau (Goodfellow et al., 8.14), then final_lr."""
    ### BEGIN SOLUTION
    progress = min(step / tau, 1.0)
    return base_lr + progress * (final_lr - base_lr)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "cosine-and-linear-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: cosine and linear decay.
rates = [cosine_lr(step=step, base_lr=1.0, total_steps=4, min_lr=0.2) for step in (0, 2, 4)]
check_close(
    rates,
    [1.0, 0.6, 0.2],
    "cosine_lr from 1 to 0.2 at the start, half way and at the end",
    causes={
        "The cosine takes radians, not degrees: the angle is π · step / total_steps.": [
            0.6 + 0.4 * math.cos(angle) for angle in (0, 90, 180)
        ],
        "π is missing in the cosine: the angle is π · step / total_steps.": [
            0.6 + 0.4 * math.cos(angle) for angle in (0, 0.5, 1)
        ],
    },
)
check_close(cosine_lr(1, base_lr=1.0, total_steps=4), (2 + math.sqrt(2)) / 4, "cosine_lr from 1 to 0 at a quarter")
check_close(
    cosine_lr(7, base_lr=1.0, total_steps=4, min_lr=0.2),
    0.2,
    "cosine_lr after the end",
    causes={
        "After total_steps the cosine rises again: keep the rate at min_lr.": 0.6 + 0.4 * math.cos(math.pi * 7 / 4)
    },
)
rates = [linear_to_tau(step=step, base_lr=1.0, final_lr=0.2, tau=4) for step in (0, 1, 4, 9)]
check_close(
    rates,
    [1.0, 0.8, 0.2, 0.2],
    "linear_to_tau from 1 to 0.2 at steps 0, 1, tau and later",
    causes={"After tau the rate goes on falling: keep it at final_lr.": [1.0, 0.8, 0.2, -0.8]},
)
passed_visible("cosine_lr, linear_to_tau")
### BEGIN HIDDEN TESTS
generator = case_generator()
base_lr, share = (0.2 + 0.6 * torch.rand(2, generator=generator, dtype=torch.float64)).tolist()
end = base_lr * share
for total in (7, 250):
    for step in (0, 1, total // 3, total // 2, total - 1, total, total + 1, 2 * total, 60 * total + 3):
        # cos² of the half angle: the same curve, written differently.
        angle = math.pi * min(step, total) / (2 * total)
        place = "before the end" if step < total else "at the end and later"
        rate = cosine_lr(step, base_lr=base_lr, total_steps=total, min_lr=end)
        check_close(rate, end + (base_lr - end) * math.cos(angle) ** 2, f"cosine_lr {place}, with a min_lr")
        rate = cosine_lr(step, base_lr=base_lr, total_steps=total)
        check_close(rate, base_lr * math.cos(angle) ** 2, f"cosine_lr {place}, down to 0")
        rate = linear_to_tau(step, base_lr=base_lr, final_lr=end, tau=total)
        expected = base_lr + (end - base_lr) * min(step, total) / total
        check_close(rate, expected, f"linear_to_tau {place}")
check_close(cosine_lr(1, base_lr=2, total_steps=2, min_lr=1), 1.5, "cosine_lr when the rates are given as integers")
check_close(linear_to_tau(1, base_lr=2, final_lr=1, tau=2), 1.5, "linear_to_tau when the rates are given as integers")
rates = [linear_to_tau(step, base_lr=0.1, final_lr=0.5, tau=4) for step in (1, 4, 9)]
check_close(rates, [0.2, 0.5, 0.5], "linear_to_tau when final_lr is larger than base_lr: the rate grows")
check_close(
    cosine_lr(9, base_lr=0.1, total_steps=8), 0.0, "cosine_lr after the end, down to the default min_lr", atol=1e-7
)
tiny = {"A rate of 1e-8 is a rate, too: do not round it.": 0.0}
rate = cosine_lr(3 * 10**6, base_lr=1e-8, total_steps=9 * 10**6)
check_close(rate, 0.75e-8, "cosine_lr from a tiny rate, after 3 million steps", atol=0.0, causes=tiny)
rate = linear_to_tau(3 * 10**6, base_lr=1e-8, final_lr=1e-9, tau=9 * 10**6)
check_close(rate, 0.7e-8, "linear_to_tau from a tiny rate, after 3 million steps", atol=0.0, causes=tiny)
### END HIDDEN TESTS


# %% nbgrader={"grade": false, "grade_id": "warmup-cosine", "locked": false, "schema_version": 3, "solution": true, "task": false}
def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    """A ramp base_lr (step + 1) / warmup_steps, then a cosine from base_lr at warmup_steps to min_lr at total_steps.

    warmup_steps: 0 means no ramp; warmup_steps < total_steps
    From total_steps on the rate is min_lr. (Goyal et al. 2017 for the ramp.)
    """
    ### BEGIN SOLUTION
    if step < warmup_steps:
        return base_lr * (step + 1) / warmup_steps
    return cosine_lr(step - warmup_steps, base_lr=base_lr, total_steps=total_steps - warmup_steps, min_lr=min_lr)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "warmup-cosine-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: warm-up, then cosine.
rates = [warmup_cosine(step=step, base_lr=1.0, warmup_steps=4, total_steps=12, min_lr=0.2) for step in range(13)]
check_close(
    rates[:4],
    [0.25, 0.5, 0.75, 1.0],
    "warmup_cosine during a ramp of 4 steps",
    causes={
        "The ramp starts at 0, which wastes the first step: it is (step + 1) / warmup_steps.": [0.0, 0.25, 0.5, 0.75],
        "The ramp goes from min_lr. Here it does not know about min_lr.": [0.4, 0.6, 0.8, 1.0],
    },
)
check_close(
    [rates[4], rates[8], rates[12]],
    [1.0, 0.6, 0.2],
    "warmup_cosine at the start, the middle and the end of the cosine",
    causes={
        "The cosine does not start afresh after the ramp: at step k it has gone (k - w) / (T - w) of its way.": [
            0.6 + 0.4 * math.cos(math.pi * k / 12) for k in (4, 8, 12)
        ],
        "The cosine ends too late: it has T - w steps, not T.": [
            0.6 + 0.4 * math.cos(math.pi * k / 12) for k in (0, 4, 8)
        ],
    },
)
check_close(
    [warmup_cosine(step, base_lr=1.0, warmup_steps=0, total_steps=4) for step in (0, 2, 4, 5)],
    [1.0, 0.5, 0.0, 0.0],
    "warmup_cosine without a warm-up",
)
passed_visible("warmup_cosine")
### BEGIN HIDDEN TESTS
generator = case_generator()
base_lr, share = (0.2 + 0.6 * torch.rand(2, generator=generator, dtype=torch.float64)).tolist()
for warmup, total, min_lr in ((5, 19, base_lr * share), (1, 8, 0.0), (0, 23, base_lr * share), (30, 31, 0.0)):
    for step in sorted(
        {0, 1, warmup // 2, max(warmup - 1, 0), warmup, warmup + 1, total - 1, total, total + 1, 9 * total}
    ):
        rate = warmup_cosine(step, base_lr=base_lr, warmup_steps=warmup, total_steps=total, min_lr=min_lr)
        if step < warmup:
            place, expected = "during the ramp", base_lr * (step + 1) / warmup
        else:
            angle = math.pi * min(step - warmup, total - warmup) / (2 * (total - warmup))
            place = "during the cosine" if step < total else "at the end and later"
            expected = min_lr + (base_lr - min_lr) * math.cos(angle) ** 2
        check_close(rate, expected, f"warmup_cosine {place}" + ", no warm-up" * (warmup == 0))
check_close(
    warmup_cosine(3, base_lr=2, warmup_steps=8, total_steps=10),
    1.0,
    "warmup_cosine when the rates are given as integers",
)
rate = warmup_cosine(9, base_lr=1.0, warmup_steps=2, total_steps=8)
check_close(rate, 0.0, "warmup_cosine after the end, down to the default min_lr", atol=1e-7)
tiny = {"A rate of 1e-8 is a rate, too: do not round it.": 0.0}
rate = warmup_cosine(3 * 10**6 - 1, base_lr=1e-8, warmup_steps=6 * 10**6, total_steps=8 * 10**6)
check_close(rate, 0.5e-8, "a ramp of 6 million steps to a tiny rate", atol=0.0, causes=tiny)
### END HIDDEN TESTS

# %% [markdown]
# **See it.** Your schedules over 100 steps, and the decay at half and at three quarters of the way that trained most
# image classifiers of the 2010s.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-schedules", "locked": true, "schema_version": 3, "solution": false, "task": false}
rates = [inverse_time_lr(epoch, base_lr=0.1, decay=1.0) for epoch in range(4)]
print("1/t decay of 0.1 at rate 1:", [round(float(rate), 3) for rate in rates])
assert [round(float(rate), 3) for rate in rates] == [0.1, 0.05, 0.033, 0.025]

steps = range(121)
series = {
    "exponential": [exponential_lr(k, base_lr=1.0, gamma=0.96) for k in steps],
    "half, three quarters": [step_lr((k >= 50) + (k >= 75), base_lr=1.0, gamma=0.1, step_size=1) for k in steps],
    "1/t": [inverse_time_lr(k, base_lr=1.0, decay=0.1) for k in steps],
    "cosine": [cosine_lr(k, base_lr=1.0, total_steps=100) for k in steps],
    "linear to τ": [linear_to_tau(k, base_lr=1.0, final_lr=0.01, tau=100) for k in steps],
    "warm-up, cosine": [warmup_cosine(k, base_lr=1.0, warmup_steps=10, total_steps=100) for k in steps],
}
assert abs(series["half, three quarters"][49] - 1.0) < 1e-6
assert abs(series["half, three quarters"][74] - 0.1) < 1e-6
assert abs(series["half, three quarters"][75] - 0.01) < 1e-6
curves(series, title="Six ways from long steps to short ones", xlabel="step", ylabel="rate / base rate")

# %% [markdown] task={"name": "plateau", "minutes": 10, "difficulty": 2}
# ## Task 8. Cut the rate when the loss stops falling
#
# A schedule decides in advance. A *plateau* rule looks: when the loss has not improved for a while, the steps are too
# long for this part of the valley. Implementations differ in small ways that change whole training runs, so here is
# PyTorch's rule, in full.
#
# - The best loss so far is $\infty$ at first. A loss is *better* if it is smaller than
#   $\text{best} \cdot (1 - \text{threshold})$: strictly, and by a relative margin. Then it becomes the best, and the
#   count of bad ones goes back to 0.
# - Every other loss is bad and counts, NaN too: a comparison with NaN is never true.
# - When there are **more than** `patience` bad ones, that is after patience + 1 of them, the rate is multiplied by
#   `factor`, and the count starts again at 0. The best loss is kept.
#
# The margin is meant for positive losses. For a best of $-1$ the bound is $-0.9999$, so an equal loss counts as better.
# That is odd, and it is PyTorch's rule; follow it.
#
# **Write** the class `ReduceOnPlateau(lr, factor=0.1, patience=10, threshold=1e-4)` with one method `step(loss)`, which
# takes a float or a 0-d tensor and returns the rate from now on.
#
# **Example.** `patience=2` and a constant loss: the first one is the best, the second and third are bad, the fourth is
# the third bad one and cuts. So the rates are lr, lr, lr, 0.1 lr.
#
# <details><summary>Hint 1: what to remember</summary>
#
# The rate, the best loss, the count of bad ones. All of them belong to the object (`self`).
#
# </details>
# <details><summary>Hint 2: NaN</summary>
#
# Ask `loss < bound` and put everything else into the `else`. If you ask `loss >= bound` instead, NaN ends up on the
# wrong side.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "plateau", "locked": false, "schema_version": 3, "solution": true, "task": false}
class ReduceOnPlateau:
    """Multiplies the rate by `factor` after patience + 1 losses in a row that are not better.

    PyTorch's rule, without its smallest cut (`eps`).
    """

    def __init__(self, lr, factor=0.1, patience=10, threshold=1e-4):
        ### BEGIN SOLUTION
        self.lr = lr
        self.factor = factor
        self.patience = patience
        self.threshold = threshold
        self.best = math.inf
        self.bad = 0
        ### END SOLUTION

    def step(self, loss):
        """Take note of a loss, a float or a 0-d tensor; return the rate from now on."""
        ### BEGIN SOLUTION
        if loss < self.best * (1 - self.threshold):
            self.best = float(loss)
            self.bad = 0
        else:
            self.bad += 1
        if self.bad > self.patience:
            self.lr *= self.factor
            self.bad = 0
        return self.lr
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "plateau-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Test: the plateau rule.
@probe
def plateau_rates(lr, losses, settings):
    schedule = ReduceOnPlateau(lr, **settings)
    return [schedule.step(loss) for loss in losses]


check_close(
    plateau_rates(1.0, [3.0] * 7, {"patience": 2}),
    [1, 1, 1, 0.1, 0.1, 0.1, 0.01],
    "the rates for a constant loss with patience 2",
    causes={
        "You cut after `patience` bad losses. PyTorch cuts when there are more than `patience`.": [
            1,
            1,
            0.1,
            0.1,
            0.01,
            0.01,
            1e-3,
        ],
        "An equal loss is not better: ask for a strictly smaller one.": [1, 1, 1, 1, 1, 1, 1],
        "After a cut the count of bad losses starts again at 0.": [1, 1, 1, 0.1, 1e-2, 1e-3, 1e-4],
    },
)
check_close(
    plateau_rates(1.0, [3.0, 4.0, 2.0, 2.5, 2.2, 2.1], {"patience": 1, "factor": 0.5}),
    [1, 1, 1, 1, 0.5, 0.5],
    "the rates for losses 3, 4, 2, 2.5, 2.2, 2.1 with patience 1 and factor 0.5",
    causes={
        "Compare with the best loss, not with the previous one.": [1, 1, 1, 1, 1, 1],
        "A better loss sets the count of bad ones back to 0.": [1, 1, 1, 0.5, 0.5, 0.25],
    },
)
check_close(
    plateau_rates(1.0, [1.0, 0.95, 0.85, 0.84], {"patience": 0, "threshold": 0.1}),
    [1, 0.1, 0.1, 0.01],
    "the rates for losses 1, 0.95, 0.85, 0.84 with patience 0 and a threshold of 10 %",
)
check_not_used(ReduceOnPlateau, "torch.optim")
passed_visible("ReduceOnPlateau")
### BEGIN HIDDEN TESTS
generator = case_generator()
nan = math.nan


@probe
def two_plateaus(losses):
    first, second = ReduceOnPlateau(1.0, patience=1), ReduceOnPlateau(2.0, factor=0.5, patience=0)
    return [(first.step(loss), second.step(5.0 - loss)) for loss in losses]


@probe
def plateau_rates_of_tensors(lr, losses, settings):
    schedule = ReduceOnPlateau(lr, **settings)
    return [schedule.step(loss) for loss in losses.unbind()]


def rates_by_cuts(lr, count, cuts, factor):
    """The rates when the calls with these numbers cut."""
    return [lr * factor ** sum(cut <= i for cut in cuts) for i in range(count)]


lr = 0.1 + float(torch.rand((), generator=generator))
for what, losses, settings, cuts in (
    ("the default patience of 10", [1.0] * 23, {}, [11, 22]),
    ("NaN losses", [1.0, nan, nan, nan, nan, 0.5, nan, nan], {"patience": 1}, [2, 4, 7]),
    ("a NaN between bad losses", [1.0, 2.0, nan, 2.0, 2.0], {"patience": 1}, [2, 4]),
    ("NaN from the start", [nan, nan, nan, 2.0, nan, 1.0], {"patience": 1}, [1]),
    ("a first loss of infinity", [math.inf, math.inf, 1.0, 2.0, 3.0], {"patience": 1}, [1, 4]),
    ("negative losses that stay equal", [-1.0] * 6, {"patience": 1}, []),
    ("negative losses that rise slowly", [-1.0, -0.99995, -0.9999, -0.99985, -0.9], {"patience": 0}, [4]),
    ("negative losses that rise", [-3.0, -2.0, -1.0, -2.9, -3.1], {"patience": 1}, [2]),
    ("losses of zero", [1.0, 0.0, 0.0, 0.0, 0.0], {"patience": 1}, [3]),
    ("gains below the default threshold", [1.0, 0.99995, 0.99994, 0.99993, 0.9998], {"patience": 2}, [3]),
    ("gains just above the default threshold", [1.0, 0.9998, 0.9996, 0.9994], {"patience": 1}, []),
    ("a gain just below the threshold", [1.0, 0.905, 0.895, 0.8], {"patience": 0, "threshold": 0.1}, [1]),
    ("many small gains that add up", [1.0, 0.96, 0.92, 0.88, 0.84, 0.80], {"patience": 3, "threshold": 0.1}, []),
    ("a threshold of 0", [2.0, 2.0, 1.99999, 1.99999, 1.99999], {"patience": 1, "threshold": 0.0}, [4]),
    ("a threshold that is relative", [100.0, 95.0, 85.0, 80.0], {"patience": 0, "threshold": 0.1}, [1, 3]),
    ("a threshold that is relative", [0.01, 0.0095, 0.0085, 0.008], {"patience": 0, "threshold": 0.1}, [1, 3]),
    ("the best loss is kept after a cut", [1.0, 3.0, 2.0, 1.5, 1.2, 0.9], {"patience": 1}, [2, 4]),
    ("up and down", [4.0, 5.0, 4.5, 4.2, 4.4, 3.0, 3.5, 3.1], {"patience": 2}, [3]),
    ("a better loss after four bad ones", [4.0, *[5.0] * 4, 3.0, *[5.0] * 4], {"patience": 4}, []),
    ("very large losses", [1e12, 1e12, 1e11, 1e11, 1e11], {"patience": 1}, [4]),
    ("patience 0", [1.0, 1.0, 0.5, 0.5, 0.5], {"patience": 0}, [1, 3, 4]),
    ("patience 0 and many cuts, down to a tiny rate", [1.0] * 13, {"patience": 0}, list(range(1, 13))),
):
    for factor in (0.1, 0.3):
        rates = plateau_rates(lr, losses, {"factor": factor, **settings})
        check_close(rates, rates_by_cuts(lr, len(losses), cuts, factor), f"the rates: {what}", atol=0.0)
losses = torch.tensor([2.0, 2.0, 1.0, 1.0, 1.0], dtype=torch.float64)
rates = plateau_rates_of_tensors(lr, losses, {"patience": 1})
check_close(rates, rates_by_cuts(lr, 5, [4], 0.1), "the rates when the losses are 0-d tensors")
expected = [(1.0, 2.0), (1.0, 1.0), (0.1, 1.0), (0.1, 0.5)]
what = "two objects share neither what they remember nor their settings"
check_close(two_plateaus([1.0, 1.0, 2.0, 2.0]), expected, what, atol=0.0)
### END HIDDEN TESTS

# %% [markdown] task={"name": "second-order", "minutes": 20, "difficulty": 3}
# ## Task 9. Curvature: Newton, Gauss-Newton, Levenberg-Marquardt
#
# The gradient says which way is down, the Hessian $H$ says how soon that will change. Replace the landscape by the
# paraboloid that fits at $\theta$, and jump to its bottom:
#
# $$ \delta = -(H + \lambda I)^{-1} g $$
#
# With damping $\lambda = 0$ this is **Newton's** step. On a quadratic it arrives in one step, whatever the condition
# number. It needs $k^2$ numbers and $k^3$ work for $k$ parameters, and it goes to the nearest *flat* point: at a
# saddle, where $H$ has negative eigenvalues, it walks up to the saddle.
#
# Much of science is least squares, $L(\theta) = \tfrac12 \lVert r(\theta) \rVert^2$ with $m$ residuals. With the
# Jacobian $J = \partial r/\partial\theta$ of shape $(m, n)$, the gradient is $J^\top r$, and $J^\top J$ is the Hessian
# without the second derivatives of $r$. That gives **Gauss-Newton**:
#
# $$ \delta = -(J^\top J)^{-1} J^\top r $$
#
# $J$ is the derivative of $r$ itself. With $r = f(\theta) - y$ it is that of $f$; with $r = y - f(\theta)$ it is minus
# that. The formula is the same.
#
# **Levenberg-Marquardt** makes it safe. Damp with the diagonal, so that the step does not depend on the units of the
# parameters:
#
# $$ \left(J^\top J + \lambda\, \operatorname{diag}(J^\top J)\right) \delta = -J^\top r $$
#
# Try $\theta + \delta$. If the cost $\tfrac12\lVert r\rVert^2$ there is lower, keep it and trust the model more:
# $\lambda \leftarrow \lambda/10$. If it is not lower (equal, higher or NaN), go back to $\theta$ and trust it less:
# $\lambda \leftarrow 10\lambda$. Each such attempt is one *trial*, and `steps` counts trials.
#
# **Write** `newton_step(grad, hessian, damping=0.0)` and `gauss_newton_step(residual, jacobian)`, which return the step
# $\delta$ to *add*, and `levenberg_marquardt(residual_fn, jacobian_fn, x0, *, damping=1e-3, steps=50)`, which returns
# the last kept $\theta$. `residual_fn(x)` has shape $(m,)$, `jacobian_fn(x)` has shape $(m, n)$ with $m \ge n$. No
# argument is changed, nor a tensor that one of these two functions returns.
#
# **Example.** $H = \begin{pmatrix}2&1\\1&3\end{pmatrix}$ and $g = (3, 4)$: Newton's step is $(-1, -1)$. With
# $H = \operatorname{diag}(2, -4)$ and $g = (2, 4)$ it is $(-1, +1)$: along the second axis it goes *up* the slope.
#
# <details><summary>Hint 1: never invert</summary>
#
# `torch.linalg.solve(a, b)` solves $a x = b$; it is faster and more exact than the inverse.
#
# </details>
# <details><summary>Hint 2: Levenberg-Marquardt</summary>
#
# Keep `x` and its cost. In each trial compute $r$ and $J$ at `x`, the step, and the cost at `x + step`. Only in the
# good case do `x` and the cost change; in both cases the damping does.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "newton-steps", "locked": false, "schema_version": 3, "solution": true, "task": false}
def newton_step(grad, hessian, damping=0.0):
    """Newton's step -(H + damping I)⁻¹ grad, to be added to the parameters.

    grad: (n,); hessian: (n, n), symmetric, may be indefinite; damping: float
    Returns a tensor of shape (n,).
    """
    ### BEGIN SOLUTION
    damped = hessian + damping * torch.eye(len(grad), dtype=hessian.dtype)
    return torch.linalg.solve(damped, -grad)
    ### END SOLUTION


def gauss_newton_step(residual, jacobian):
    """The Gauss-Newton step -(JᵀJ)⁻¹ Jᵀ r for ½‖r‖², to be added to the parameters.

    residual: (m,); jacobian: (m, n), the derivative of residual, m ≥ n, of rank n
    Returns a tensor of shape (n,).
    """
    ### BEGIN SOLUTION
    return torch.linalg.solve(jacobian.T @ jacobian, -(jacobian.T @ residual))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "newton-step-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: Newton's step.
grad, hessian = torch.tensor([3.0, 4.0]).double(), torch.tensor([[2.0, 1.0], [1.0, 3.0]]).double()
with unchanged(grad=grad, hessian=hessian):
    step = newton_step(grad, hessian)
check_close(
    step,
    [-1.0, -1.0],
    "Newton's step for H = [[2, 1], [1, 3]] and gradient (3, 4)",
    causes={
        "The sign is flipped: return the step that is added to the parameters, -H⁻¹ g.": [1.0, 1.0],
        "You use only the diagonal of the Hessian: solve the whole system.": [-1.5, -4 / 3],
    },
)
step = newton_step(torch.tensor([2.0, 4.0]), torch.diag(torch.tensor([2.0, -4.0])))
check_close(
    step,
    [-1.0, 1.0],
    "Newton's step at a saddle, H = diag(2, -4) and gradient (2, 4)",
    causes={"You take the absolute values of the curvature. Newton's own step goes to the saddle.": [-1.0, -1.0]},
)
with unchanged(grad=grad, hessian=hessian):
    step = newton_step(grad, hessian, damping=2.0)
check_close(
    step,
    [-11 / 19, -13 / 19],
    "Newton's step with damping 2",
    causes={
        "You scale the damping by the diagonal, as Marquardt does. Here it is damping times I.": [-23 / 53, -21 / 53]
    },
)
passed_visible("newton_step")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype, damping in ((torch.float64, 0.0), (torch.float64, 0.7), (torch.float32, 0.4)):
    # An indefinite, rotated Hessian: its eigenvalues, its inverse and the expected step are known.
    rotation = torch.linalg.qr(torch.randn(5, 5, generator=generator, dtype=torch.float64)).Q
    eigenvalues = torch.tensor([-3.0, -1.5, 0.8, 2.0, 6.0], dtype=torch.float64)
    grad = torch.randn(5, generator=generator, dtype=torch.float64)
    hessian = (rotation * eigenvalues) @ rotation.T
    hessian = (hessian + hessian.T) / 2
    expected = -rotation @ ((rotation.T @ grad) / (eigenvalues + damping))
    grad, hessian = grad.to(dtype), hessian.to(dtype)
    with unchanged(grad=grad, hessian=hessian):
        step = newton_step(grad, hessian, damping) if damping else newton_step(grad, hessian)
    what = "Newton's step, 5 parameters, an indefinite Hessian" + (", damped" if damping else "")
    check_shape(step, (5,), what)
    check_dtype(step, dtype, what)
    check_close(step, expected, what)
vector = torch.tensor([1.0, 2.0, 2.0], dtype=torch.float64)
step = newton_step(vector, torch.outer(vector, vector), damping=0.5)
check_close(step, -vector / 9.5, "Newton's step with damping for a Hessian of rank 1")
step = newton_step(torch.tensor([3.0], dtype=torch.float64), torch.tensor([[4.0]], dtype=torch.float64), 2.0)
check_close(step, [-0.5], "Newton's step for one parameter")
step = newton_step(1e-9 * grad, 1e-9 * hessian)
expected = -rotation @ ((rotation.T @ grad.double()) / eigenvalues)
check_close(step, expected, "Newton's step for a tiny gradient and a tiny Hessian", rtol=1e-3, atol=1e-3)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "gauss-newton-step-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: the Gauss-Newton step.
jacobian = torch.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 2.0]], dtype=torch.float64)
residual = torch.tensor([1.0, 3.0, 5.0], dtype=torch.float64)
with unchanged(residual=residual, jacobian=jacobian):
    step = gauss_newton_step(residual, jacobian)
check_close(
    step,
    [-1.0, -2.0],
    "the Gauss-Newton step for the line 1 + 2 t at t = 0, 1, 2",
    causes={
        "The sign is flipped: return the step that is added to the parameters.": [1.0, 2.0],
        "The step is half as long as it should be: for ½‖r‖² there is no factor 2.": [-0.5, -1.0],
        "The step is twice as long as it should be: for ½‖r‖² there is no factor 2.": [-2.0, -4.0],
        "This is the gradient step -Jᵀr: solve with JᵀJ.": [-9.0, -13.0],
    },
)
passed_visible("gauss_newton_step")
### BEGIN HIDDEN TESTS
generator = case_generator()
for m, n, dtype in ((7, 3, torch.float64), (4, 4, torch.float64), (6, 1, torch.float64), (8, 3, torch.float32)):
    # A Jacobian whose singular values are known, so that the expected step is too.
    left = torch.linalg.qr(torch.randn(m, n, generator=generator, dtype=torch.float64)).Q
    right = torch.linalg.qr(torch.randn(n, n, generator=generator, dtype=torch.float64)).Q
    scales = 0.5 + 2 * torch.rand(n, generator=generator, dtype=torch.float64)
    if m == 7:
        scales[0] = 0.003  # a direction that hardly changes the residual counts, too
    residual = torch.randn(m, generator=generator, dtype=torch.float64)
    expected = -right @ ((left.T @ residual) / scales)
    residual, jacobian = residual.to(dtype), ((left * scales) @ right.T).to(dtype)
    with unchanged(residual=residual, jacobian=jacobian):
        step = gauss_newton_step(residual, jacobian)
    what = f"the Gauss-Newton step, {m} residuals and {n} parameters"
    check_shape(step, (n,), what)
    check_dtype(step, dtype, what)
    check_close(step, expected, what)
### END HIDDEN TESTS


# %% nbgrader={"grade": false, "grade_id": "levenberg-marquardt", "locked": false, "schema_version": 3, "solution": true, "task": false}
def levenberg_marquardt(residual_fn, jacobian_fn, x0, *, damping=1e-3, steps=50):
    """Minimise ½‖r(x)‖² by Levenberg-Marquardt with Marquardt's diagonal scaling.

    residual_fn: x of shape (n,) to (m,); jacobian_fn: x to (m, n), the derivative of residual_fn
    x0: (n,), not changed; damping: the first λ, divided by 10 when a trial lowers the cost, times 10 when not
    steps: the number of trials, rejected ones included
    Returns x of shape (n,): the last one that was kept.
    """
    ### BEGIN SOLUTION
    x, cost = x0.clone(), residual_fn(x0).square().sum()
    for _ in range(steps):
        residual, jacobian = residual_fn(x), jacobian_fn(x)
        normal = jacobian.T @ jacobian
        damped = normal + torch.diag(damping * normal.diagonal())
        trial = x + torch.linalg.solve(damped, -(jacobian.T @ residual))
        trial_cost = residual_fn(trial).square().sum()
        if trial_cost < cost:
            x, cost, damping = trial, trial_cost, damping / 10
        else:
            damping = damping * 10
    return x
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "levenberg-marquardt-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Test: Levenberg-Marquardt.
@probe
def fit_line(t, y, x0, settings):
    def residual(x):
        return x[0] + x[1] * t - y

    def jacobian(x):
        return torch.stack([torch.ones_like(t), t], dim=1)

    return levenberg_marquardt(residual_fn=residual, jacobian_fn=jacobian, x0=x0, **settings)


@probe
def solve_rosenbrock(x0, settings):
    def residual(x):
        return torch.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])

    def jacobian(x):
        return torch.tensor([[-20 * float(x[0]), 10.0], [-1.0, 0.0]], dtype=x.dtype)

    return levenberg_marquardt(residual, jacobian, x0, **settings)


t = torch.tensor([0.0, 1.0, 2.0], dtype=torch.float64)
x0 = torch.zeros(2, dtype=torch.float64)
with unchanged(x0=x0):
    x = fit_line(t, 1 + 2 * t, x0, {"damping": 1.0, "steps": 1})
# (JᵀJ + diag(JᵀJ)) δ = Jᵀy with JᵀJ = [[3, 3], [3, 5]] and Jᵀy = (9, 13)
check_close(
    x,
    [1.0, 1.0],
    "one trial with damping 1 on the line 1 + 2 t at t = 0, 1, 2",
    causes={
        "You damp with λ I, as Levenberg did. Marquardt damps with λ diag(JᵀJ).": [1.0, 5 / 3],
        "You do not damp: add λ diag(JᵀJ) to JᵀJ.": [1.0, 2.0],
    },
)
check_close(fit_line(t, 1 + 2 * t, x0, {}), [1.0, 2.0], "the line after 50 trials")
x0 = torch.tensor([-1.2, 1.0], dtype=torch.float64)
with unchanged(x0=x0):
    x = solve_rosenbrock(x0, {"steps": 1})
check_close(
    x,
    x0,
    "Rosenbrock from (-1.2, 1): the first trial raises the cost, so it is undone",
)
check_close(solve_rosenbrock(x0, {}), [1.0, 1.0], "Rosenbrock after 50 trials")
passed_visible("levenberg_marquardt")
### BEGIN HIDDEN TESTS
generator = case_generator()


@probe
def fit_exponential(t, y, x0, scale, settings):
    """The model a exp(b t), its parameters measured in the units `scale`."""

    def residual(x):
        a, b = x * scale
        return a * torch.exp(b * t) - y

    def jacobian(x):
        a, b = x * scale
        return torch.stack([torch.exp(b * t), a * t * torch.exp(b * t)], dim=1) * scale

    return levenberg_marquardt(residual, jacobian, x0, **settings)


@probe
def solve_logarithm(x0, target, settings):
    """One unknown: log x = target. A long trial leaves the domain, where the cost is NaN."""
    return levenberg_marquardt(lambda x: torch.log(x) - target, lambda x: torch.diag(1 / x), x0, **settings)


@probe
def walk_where_nothing_changes(x0, settings):
    """The residual does not depend on x, although the Jacobian says so: every trial has exactly the cost of the start."""
    residual = 2 * torch.ones_like(x0)
    x = levenberg_marquardt(lambda x: residual, lambda x: torch.eye(len(x), dtype=x.dtype), x0, **settings)
    return x, residual


@probe
def fit_with_one_jacobian(design, y, x0, settings):
    """A linear model, whose Jacobian is one and the same tensor wherever it is asked for."""
    return levenberg_marquardt(lambda x: design @ x - y, lambda x: design, x0, **settings)


def exponential(t, y, scale):
    def residual(x):
        return scale[0] * x[0] * torch.exp(scale[1] * x[1] * t) - y

    def jacobian(x):
        growth = torch.exp(scale[1] * x[1] * t)
        return torch.stack([scale[0] * growth, scale[1] * scale[0] * x[0] * t * growth], dim=1)

    return residual, jacobian


def rosenbrock_residual(x):
    return torch.stack([10 * (x[1] - x[0] ** 2), 1 - x[0]])


def rosenbrock_jacobian(x):
    return torch.tensor([[-20 * float(x[0]), 10.0], [-1.0, 0.0]], dtype=torch.float64)


def kept_points(residual_fn, jacobian_fn, x, damping, steps):
    """The start, then the kept point after each trial: a least squares problem, (J; √(λ D)) δ = (-r; 0)."""
    kept = [x]
    for _ in range(steps):
        residual, jacobian = residual_fn(x), jacobian_fn(x)
        below = torch.diag(math.sqrt(damping) * jacobian.norm(dim=0))
        right = torch.cat([-residual, torch.zeros(len(x), dtype=x.dtype)])
        trial = x + torch.linalg.lstsq(torch.cat([jacobian, below]), right[:, None]).solution[:, 0]
        lower = bool(residual_fn(trial).norm() < residual.norm())
        x, damping = (trial, damping / 10) if lower else (x, damping * 10)
        kept.append(x)
    return kept


x0 = torch.tensor([-1.2, 1.0], dtype=torch.float64) + 0.1 * torch.rand(2, generator=generator, dtype=torch.float64)
for damping in (1e-3, 0.5, 10.0, 1e4):
    expected = kept_points(rosenbrock_residual, rosenbrock_jacobian, x0, damping, 8)
    for steps in (0, 1, 2, 3, 5, 8):
        with unchanged(x0=x0):
            x = solve_rosenbrock(x0, {"damping": damping, "steps": steps})
        check_shape(x, (2,), "the result of levenberg_marquardt")
        check_dtype(x, torch.float64, "the result, which has the dtype of x0")
        check_close(x, expected[steps], f"Rosenbrock after {steps} trials, rejected ones included")
# From so small a damping most trials are rejected. The 50th is kept with the first one, the 51st with the second one.
for damping in (1e-46, 1e-43):
    expected = kept_points(rosenbrock_residual, rosenbrock_jacobian, x0, damping, 50)[-1]
    x = solve_rosenbrock(x0, {"damping": damping})
    check_close(x, expected, "Rosenbrock after the default number of trials, 50")
x = solve_rosenbrock(torch.tensor([-1.2, 1.0], dtype=torch.float32), {"damping": 0.5, "steps": 3})
check_dtype(x, torch.float32, "the result, which has the dtype of x0")

t = torch.linspace(0, 1, 9, dtype=torch.float64)
a, b = (1 + torch.rand(2, generator=generator, dtype=torch.float64)).tolist()
y = a * torch.exp(b * t) + 0.05 * torch.randn(9, generator=generator, dtype=torch.float64)
natural = torch.tensor([0.5, 0.5], dtype=torch.float64)
for scale in ([1.0, 1.0], [100.0, 0.01]):
    scale = torch.tensor(scale, dtype=torch.float64)
    expected = kept_points(*exponential(t, y, scale), natural / scale, 0.1, 4)
    for steps in (1, 2, 4):
        x = fit_exponential(t, y, natural / scale, scale, {"damping": 0.1, "steps": steps})
        what = f"a exp(b t) fitted to 9 points, after {steps} trials, whatever the units of a and b"
        check_close(x * scale, expected[steps] * scale, what)
    x = fit_exponential(t, y, natural / scale, scale, {})
    residual, jacobian = exponential(t, y, scale)
    slope = (jacobian(x).T @ residual(x)) / jacobian(x).norm(dim=0)
    check_close(
        slope, [0.0, 0.0], "a exp(b t) fitted to noisy points, after 50 trials: the slope of the cost", atol=1e-6
    )

design, y = torch.stack([torch.ones_like(t), t], dim=1), 1 + 2 * t
expected = kept_points(lambda x: design @ x - y, lambda x: design, natural, 1.0, 3)[-1]
x = fit_with_one_jacobian(design, y, natural, {"damping": 1.0, "steps": 3})
check_close(x, expected, "a line after 3 trials, where jacobian_fn always returns the same tensor: it is not changed")

target = torch.tensor([-3.0], dtype=torch.float64)
x = solve_logarithm(torch.tensor([2.0], dtype=torch.float64), target, {"steps": 1})
check_close(x, [2.0], "a trial at which the cost is NaN does not lower it: it is undone")
x = solve_logarithm(torch.tensor([2.0], dtype=torch.float64), target, {})
check_close(x, torch.exp(target), "the solution when some trials had a NaN cost")
x = solve_logarithm(torch.tensor([2.0], dtype=torch.float64), 1000 * target, {"steps": 8})
expected = 2 * (1 - (3000 + math.log(2)) / 10_001)
check_close(x, [expected], "the first trial with a finite cost, the eighth, with a damping of 10⁴")
x0 = torch.randn(3, generator=generator, dtype=torch.float64)
x, residual = walk_where_nothing_changes(x0, {"steps": 3})
what = "a tensor that residual_fn returns again and again is not changed"
check_true(
    bool((residual == 2).all()), what, "Methods that end in an underscore, += and *= change the residual itself."
)
check_close(x, x0, "a trial with exactly the same cost does not lower it: it is undone")
### END HIDDEN TESTS

# %% [markdown]
# **See it.** Newton's method on linear regression, and Levenberg-Marquardt on a decaying exponential.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-newton", "locked": true, "schema_version": 3, "solution": false, "task": false}
draws = torch.Generator().manual_seed(0)
features = torch.randn(200, 5, generator=draws, dtype=torch.float64) * torch.tensor([1.0, 1.0, 3.0, 10.0, 30.0])
targets = features @ torch.ones(5, dtype=torch.float64) + torch.randn(200, generator=draws, dtype=torch.float64)
normal = features.T @ features / 200  # the Hessian of the mean of ½ (xᵀw − y)²
optimum = torch.linalg.lstsq(features, targets[:, None]).solution[:, 0]


def slope(w):
    return features.T @ (features @ w - targets) / 200


w = torch.zeros(5, dtype=torch.float64)
after_newton = w + newton_step(slope(w), normal)
assert torch.allclose(after_newton, optimum)  # one step of Newton solves linear regression: the normal equations
distances, lr = [], 0.95 * float(max_stable_lr(normal))
for _ in range(5001):
    distances.append(float((w - optimum).norm()))
    w, _ = sgd(w, slope(w), None, lr=lr)
newton_distance = float((after_newton - optimum).norm())
steps_needed = next(k for k, distance in enumerate(distances) if distance < 1e-3 * distances[0])
print(f"to a thousandth of the distance: Newton 1 step, gradient descent {steps_needed} steps")
assert steps_needed > 1000
for count in (10**3, 10**6, 10**7):
    print(
        f"k = {count:.0e}: the Hessian has {count**2:.0e} numbers ({4 * count**2 / 1e12:g} TB), solving takes {count**3:.0e}"
    )
assert 4 * (10**7) ** 2 == 400 * 10**12  # ten million parameters, float32: 400 TB

t = torch.linspace(0, 4, 25, dtype=torch.float64)
observed = 3 * torch.exp(-1.2 * t) + 0.05 * torch.randn(25, generator=draws, dtype=torch.float64)


def decay(x, at):
    return x[0] * torch.exp(-x[1] * at)


def misfit(x):
    return decay(x, t) - observed


def misfit_jacobian(x):
    return torch.stack([torch.exp(-x[1] * t), -x[0] * t * torch.exp(-x[1] * t)], dim=1)


x0 = torch.tensor([1.0, 4.0], dtype=torch.float64)
undamped = x0 + gauss_newton_step(misfit(x0), misfit_jacobian(x0))
fitted = levenberg_marquardt(misfit, misfit_jacobian, x0)
print(
    f"cost at the start {misfit(x0).square().sum() / 2:.3f}, after one Gauss-Newton step "
    f"{misfit(undamped).square().sum() / 2:.3g}, after Levenberg-Marquardt {misfit(fitted).square().sum() / 2:.3f}"
)
assert misfit(undamped).norm() > misfit(x0).norm() > misfit(fitted).norm()

fine = torch.linspace(0, 4, 401, dtype=torch.float64)
figure, axes = panels(1, 2, size=(6.0, 4.0))
curves(
    {"gradient descent": distances, "Newton": ([0, 1], [distances[0], max(newton_distance, 1e-14)])},
    title="Gradient descent is no way\nto solve a linear system",
    xlabel="step",
    ylabel="distance to the solution",
    logy=True,
    axes=axes[0, 0],
)
curves(
    {
        name: (fine, decay(x, fine))
        for name, x in {"start": x0, "Levenberg-Marquardt": fitted, "one Gauss-Newton step": undamped}.items()
    },
    title="Damping saves the fit\nthat Gauss-Newton throws away",
    xlabel="time",
    ylabel="signal",
    axes=axes[0, 1],
)
axes[0, 1].plot(t, observed, "o", color="black", markersize=4)
axes[0, 1].set_ylim(-1, 4)
figure

# %% [markdown] task={"name": "lbfgs", "minutes": 16, "difficulty": 3}
# ## Task 10. L-BFGS: curvature from memory
#
# Nobody stores the Hessian of a network. But every step tells something about it: you moved by
# $s = \theta_{k+1} - \theta_k$, and the gradient changed by $y = g_{k+1} - g_k \approx H s$. L-BFGS remembers the last
# few pairs $(s_i, y_i)$ and builds from them a matrix $B \approx H^{-1}$ that it never writes down. The *two-loop
# recursion* (Nocedal 1980) computes $B g$ with dot products alone. With $\rho_i = 1/(y_i^\top s_i)$:
#
# 1. $q \leftarrow g$. From the **newest** pair to the oldest: $\alpha_i \leftarrow \rho_i\, s_i^\top q$, then
#    $q \leftarrow q - \alpha_i y_i$.
# 2. $q \leftarrow \gamma\, q$, where $\gamma = \dfrac{s^\top y}{y^\top y}$ of the newest pair is a first guess of the
#    inverse curvature.
# 3. From the **oldest** pair to the newest: $\beta \leftarrow \rho_i\, y_i^\top q$, then
#    $q \leftarrow q + (\alpha_i - \beta)\, s_i$.
#
# The direction is $-q$. Along $s$, a curvature $y^\top s \le 0$ would make $B$ point uphill, so **such pairs are
# skipped**, as if they were not there: they give no $\gamma$ either. Without any pair, the direction is $-g$.
#
# **Write** `lbfgs_direction(grad, steps, grad_changes)`: `steps` are the $s_i$ and `grad_changes` the $y_i$, both
# sequences of vectors of shape $(n,)$, oldest first. No argument is changed.
#
# **Example.** One pair $s = (1, 0)$, $y = (4, 0)$: the curvature along the first axis is 4, and $\gamma = 1/4$. For
# $g = (8, 8)$ the direction is $(-2, -2)$. And always: for $g = y$ of the newest pair it is $-s$ of the newest pair,
# since $B y = s$.
#
# <details><summary>Hint 1: where to start</summary>
#
# First make a list of the pairs with $y^\top s > 0$. The rest works on this list alone.
#
# </details>
# <details><summary>Hint 2: two loops, one list</summary>
#
# `reversed(pairs)` goes from the newest to the oldest. The $\alpha_i$ of the first loop are needed in the second one,
# in the other order.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "lbfgs", "locked": false, "schema_version": 3, "solution": true, "task": false}
def lbfgs_direction(grad, steps, grad_changes):
    """The descent direction -B grad of L-BFGS by the two-loop recursion.

    grad: (n,); steps, grad_changes: sequences of vectors (n,), oldest first; may be empty
    Pairs with yᵀs ≤ 0 are skipped; the first guess of B is (sᵀy / yᵀy) I of the newest pair that is kept, or I.
    Returns a tensor of shape (n,).
    """
    ### BEGIN SOLUTION
    pairs = [(s, y) for s, y in zip(steps, grad_changes, strict=True) if s.dot(y) > 0]
    q, alphas = grad, []
    for s, y in reversed(pairs):
        alphas.append(s.dot(q) / s.dot(y))
        q = q - alphas[-1] * y
    if pairs:
        s, y = pairs[-1]
        q = s.dot(y) / y.dot(y) * q
    for s, y in pairs:
        beta = y.dot(q) / s.dot(y)
        q = q + (alphas.pop() - beta) * s
    return -q
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "lbfgs-test", "locked": true, "points": 7, "schema_version": 3, "solution": false, "task": false}
# Test: the direction of L-BFGS.
def vector(*values):
    return torch.tensor(values, dtype=torch.float64)


grad = vector(8.0, 8.0)
check_close(lbfgs_direction(grad, [], []), [-8.0, -8.0], "the direction without any pair: -grad")
s, y = [vector(1.0, 0.0)], [vector(4.0, 0.0)]
with unchanged(grad=grad, steps=s, grad_changes=y):
    direction = lbfgs_direction(grad, s, y)
check_close(
    direction,
    [-2.0, -2.0],
    "the direction with the pair s = (1, 0), y = (4, 0)",
    causes={
        "γ is missing: scale q by sᵀy / yᵀy between the two loops.": [-2.0, -8.0],
        "γ is upside down: it is an inverse curvature, sᵀy / yᵀy.": [-2.0, -32.0],
        "The sign is flipped: return the descent direction -q.": [2.0, 2.0],
    },
)
s, y = [vector(1.0, 0.0, 0.0), vector(1.0, 2.0, 0.0)], [vector(4.0, 1.0, 0.0), vector(3.0, 5.0, 1.0)]
with unchanged(grad=y[1], steps=s, grad_changes=y):
    direction = lbfgs_direction(y[1], s, y)
check_close(
    direction,
    [-1.0, -2.0, 0.0],
    "the direction when the gradient is the newest y: minus the newest s",
)
direction = lbfgs_direction(vector(1.0, 2.0, 3.0), s, y)
with_uphill = lbfgs_direction(vector(1.0, 2.0, 3.0), [*s, vector(0.0, 1.0, 1.0)], [*y, vector(1.0, 1.0, -2.0)])
check_close(with_uphill, direction, "a pair with yᵀs < 0 changes nothing, even when it is the newest")
check_not_used(lbfgs_direction, "torch.optim")
passed_visible("lbfgs_direction")
### BEGIN HIDDEN TESTS
generator = case_generator()


def dense_direction(grad, steps, grad_changes):
    """The BFGS matrix written out, pair by pair, oldest first."""
    kept = [(s, y) for s, y in zip(steps, grad_changes, strict=True) if torch.dot(s, y) > 0]
    identity = torch.eye(len(grad), dtype=torch.float64)
    inverse = identity.clone()
    if kept:
        s, y = kept[-1]
        inverse = inverse * torch.dot(s, y) / torch.dot(y, y)
    for s, y in kept:
        rho = 1 / torch.dot(s, y)
        left = identity - rho * torch.outer(s, y)
        inverse = left @ inverse @ left.T + rho * torch.outer(s, s)
    return -inverse @ grad


def draw_pairs(n, signs, length=1.0):
    """One pair per sign of yᵀs; a different curvature for each, so that the order matters."""
    steps, changes = [], []
    for sign in signs:
        s = length * torch.randn(n, generator=generator, dtype=torch.float64)
        root = torch.randn(n, n, generator=generator, dtype=torch.float64)
        y = (root @ root.T / n + torch.eye(n, dtype=torch.float64)) @ s / 2  # curvatures above and below 1
        if sign == 0:
            # Orthogonal in exact arithmetic, so that yᵀs is exactly 0.
            s, y = torch.zeros(n, dtype=torch.float64), torch.zeros(n, dtype=torch.float64)
            s[0], y[1] = 1.0, 2.0
        steps.append(s)
        changes.append(-y if sign < 0 else y)
    return steps, changes


for n, signs, length, what in (
    (6, [1], 1.0, "one pair, 6 parameters"),
    (6, [1, 1, 1, 1], 1.0, "four pairs, 6 parameters"),
    (3, [1, 1, 1, 1, 1], 1.0, "more pairs than parameters"),
    (5, [1] * 25, 1.0, "25 pairs"),
    (5, [1, 1, 1], 1e-6, "three pairs near the minimum, where yᵀs is tiny but positive"),
    (5, [1, -1, 1], 1.0, "three pairs, the second one with yᵀs < 0"),
    (5, [-1, 1, 1], 1.0, "three pairs, the oldest one with yᵀs < 0"),
    (5, [1, 1, -1], 1.0, "three pairs, the newest one with yᵀs < 0"),
    (5, [1, 0, 1, 0], 1.0, "four pairs, two of them with yᵀs = 0"),
    (4, [-1, -1], 1.0, "two pairs, both with yᵀs < 0"),
    (4, [], 1.0, "no pair"),
    (1, [1, 1], 1.0, "one parameter"),
):
    steps, changes = draw_pairs(n, signs, length)
    grad = torch.randn(n, generator=generator, dtype=torch.float64)
    with unchanged(grad=grad, steps=steps, grad_changes=changes):
        direction = lbfgs_direction(grad, steps, changes)
    check_shape(direction, (n,), f"the direction, {what}")
    check_dtype(direction, torch.float64, f"the direction, which has the dtype of grad, {what}")
    check_close(direction, dense_direction(grad, steps, changes), f"the direction, {what}")
    again = lbfgs_direction(grad, tuple(steps), tuple(changes))
    check_close(again, direction, f"the direction when the pairs come as tuples, {what}")

zeros = torch.zeros(1, dtype=torch.float64)
check_close(lbfgs_direction(zeros, steps, changes), [0.0], "the direction at a gradient of 0")
steps = [vector(1.0, 0.0, 0.0), vector(0.0, 1.0, 0.0)]
changes = [vector(1e-7, 1.0, 0.0), vector(0.5, 2.0, 1.0)]
grad = torch.randn(3, generator=generator, dtype=torch.float64)
what = "the direction, two pairs, for one of them yᵀs is small but positive"
check_close(lbfgs_direction(grad, steps, changes), dense_direction(grad, steps, changes), what)

# On a quadratic, n pairs along conjugate directions are all there is to know: the direction is Newton's.
eigenvalues = torch.tensor([1.0, 10.0, 100.0, 1000.0], dtype=torch.float64)
steps = [row.clone() for row in torch.eye(4, dtype=torch.float64)]
changes = [eigenvalues * s for s in steps]
grad = torch.randn(4, generator=generator, dtype=torch.float64)
check_close(
    lbfgs_direction(grad, steps, changes), -grad / eigenvalues, "Newton's direction, four conjugate pairs", atol=0.0
)
steps, changes = draw_pairs(4, [1, -1, 1])
single = lbfgs_direction(grad.float(), [s.float() for s in steps], [y.float() for y in changes])
check_dtype(single, torch.float32, "the direction, which has the dtype of grad")
check_close(single, dense_direction(grad, steps, changes), "the direction in float32", rtol=1e-3)
### END HIDDEN TESTS

# %% [markdown]
# **See it.** Rosenbrock's valley again: gradient descent, your L-BFGS with a simple line search, and Newton.


# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-lbfgs", "locked": true, "schema_version": 3, "solution": false, "task": false}
def descend(direction_of, steps):
    """Heights along Rosenbrock's valley, with a step halved until it goes down enough (Armijo)."""
    point, heights, moves, changes = torch.tensor([-1.2, 1.0], dtype=torch.float64), [], [], []
    for _ in range(steps):
        heights.append(float(rosenbrock(point)))
        grad = gradient_of(rosenbrock, point)
        direction = direction_of(point, grad, moves[-10:], changes[-10:])
        length = 1.0
        while (
            rosenbrock(point + length * direction) > heights[-1] + 1e-4 * length * (grad @ direction) and length > 1e-12
        ):
            length /= 2
        moved = point + length * direction
        moves.append(moved - point)
        changes.append(gradient_of(rosenbrock, moved) - grad)
        point = moved
    return heights


def newton_direction(point, grad, moves, changes):
    return newton_step(grad, torch.autograd.functional.hessian(rosenbrock, point))


heights = {
    "gradient descent": descend(lambda point, grad, moves, changes: -grad, 60),
    "L-BFGS, 10 pairs": descend(lambda point, grad, moves, changes: lbfgs_direction(grad, moves, changes), 60),
    "Newton": descend(newton_direction, 25),
}
for name, values in heights.items():
    print(f"{name:18} after {len(values) - 1:3} steps: {values[-1]:.1e}")
assert heights["L-BFGS, 10 pairs"][-1] < 1e-12 < 1e-3 < heights["gradient descent"][-1]

figure = curves(
    {name: [max(value, 1e-32) for value in values] for name, values in heights.items()},
    title="Gradients alone bring L-BFGS close to Newton",
    xlabel="step",
    ylabel="height above the minimum",
    logy=True,
)
figure.axes[0].set_xlim(right=100)  # room for the legend
figure

# %% [markdown] task={"name": "questions", "minutes": 10, "difficulty": 2}
# ## Task 11. Two questions
#
# Answer each one in a few sentences. These are read by a person.
#
# **Which, what and when?** For a network and minibatches: Adam(W) first, momentum as the alternative. For a smooth
# problem that fits into memory, with exact gradients: L-BFGS; for least squares, Levenberg-Marquardt. For a linear
# system: none of them, but a direct or Krylov solver. Your two answers say why.
#
# ### Question 1
#
# A colleague moves a training script from a framework with Goodfellow's momentum ($\mu = 0.9$) to PyTorch. The rate is
# cut from 0.1 to 0.01 at step 1000. Before the cut, both scripts give the same losses; right after it, they differ.
# Explain why, how far apart the two walkers end up if the gradient stays near some constant $g$, and for about how many
# steps the difference is felt.
#
# <details><summary>Hint 1: where to start</summary>
#
# With a constant gradient, what is the velocity of each script just before the cut, and what does each subtract from the
# parameter just after it?
#
# </details>
# <details><summary>Hint 2: how far, how long</summary>
#
# The surplus speed is multiplied by $\mu$ in each step. Sum the geometric series, and ask when little is left of it.
#
# </details>
#
# ### BEGIN MARK SCHEME
# 3 points.
#
# - 1 point: before the cut, v = −lr·b, so the paths are equal. After it, PyTorch multiplies the whole velocity by the
#   new rate at once, while Goodfellow's velocity still holds gradients that were multiplied by the old one.
# - 1 point: the size. The velocity before the cut is b = g/(1 − μ) = 10 g. Goodfellow's left-over velocity is larger by
#   (0.1 − 0.01)·10 g = 0.9 g, and it goes on for a total way of 0.9 g·μ/(1 − μ) = 8.1 g. Full marks for "about 8 g" or
#   for a clear sum of a geometric series; half for "old speed goes on" without a number.
# - 1 point: the time: μ^k falls to 1/e in about 1/(1 − μ) = 10 steps, so a few tens of steps. (The opposite happens in
#   a warm-up. "Momentum correction" multiplies v by new rate / old rate: a bonus remark, no point of its own.)
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "question-momentum", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# As long as the rate is constant, $v = -\text{lr}\, b$ and both walk the same path. At the cut PyTorch shrinks its
# whole velocity tenfold at once. Goodfellow's velocity was built with the old rate: it is $-0.1 \cdot 10 g$ instead of
# $-0.01 \cdot 10 g$. The surplus of $0.9 g$ is multiplied by 0.9 at each step and adds up to
# $0.9 g \cdot 0.9/(1 - 0.9) = 8.1 g$. It falls to a third in 10 steps and is gone after some 50.

# %% [markdown]
# ### Question 2
#
# Newton's method reaches the bottom of a quadratic in one step, and yet nobody trains a network of ten million
# parameters with it. Give three different reasons, at least one of them with a number, and say for each whether L-BFGS,
# or Adam, avoids it.
#
# <details><summary>Hint 1: where to start</summary>
#
# Task 9 says how many numbers and how much work a step needs. Put in $k = 10^7$.
#
# </details>
# <details><summary>Hint 2: beyond the price</summary>
#
# Where does Newton's step go at a saddle? And how good is a Hessian that was estimated from a minibatch?
#
# </details>
#
# ### BEGIN MARK SCHEME
# 3 points, one for each reason that is explained and compared; at most 2 without any number.
#
# - Memory: k² = 10¹⁴ numbers, 400 TB in float32. L-BFGS: 2·10 vectors. Adam: 2 vectors.
# - Time: solving costs about k³ = 10²¹ operations (a third of that with Cholesky), months at 60 TFLOP/s for a single
#   step. L-BFGS and Adam: O(k).
# - Saddles: the Hessian is indefinite, and Newton goes to the nearest stationary point. L-BFGS skips such pairs; Adam
#   follows the slope.
# - Noise: with minibatches, H and g are estimates, and H⁻¹ amplifies the noise along flat directions; full batches are
#   too expensive. L-BFGS suffers too: y is a difference of noisy gradients. Adam averages.
# - Far from the minimum the quadratic model is wrong, so the full step may go uphill: line search or damping.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "question-newton", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# Memory: the Hessian has $10^{14}$ entries, 400 TB in float32; L-BFGS keeps some 20 vectors, Adam two. Time: solving
# with it takes about $10^{21}$ operations for each step; both others are linear in the number of parameters. Saddles:
# with negative eigenvalues Newton walks to the saddle; L-BFGS drops pairs of negative curvature, and Adam goes down the
# slope. (Noise: the Hessian of a minibatch is an estimate that the inverse makes worse. L-BFGS suffers from that too,
# Adam averages it.)
