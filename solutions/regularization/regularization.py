# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   descent:
#     title: Regularization
#     budget: {cell_seconds: 60, call_seconds: 8}
# ---

# %% [markdown]
# # Regularization: ten points and too many parameters
#
# Ten points and a polynomial of degree 8. It passes almost exactly through every point, and between the
# points it swings wildly. The training error is wonderful, the function is useless.
#
# A network with a million weights is in the same position, and still it often generalizes. What helps it is a
# family of methods that all do the same thing in different clothes: they let the data decide what the data
# can decide, and hold back where it cannot. In this notebook you write them, one after the other: penalties
# on the weights, weight decay, early stopping, dropout, noise, soft labels. Then you meet the last source of
# overfitting, which no penalty cures: yourself, when you try many things and keep the best.
#
# **Conventions.** `x` has shape $(N, D)$, one example per row; $w$ has shape $(D,)$. The strength of a
# penalty is `alpha`. In dropout `p` is the probability to *drop*. `K` is the number of classes.
#
# **Rules.** A result that is one number may be a float or a tensor without dimensions, unless the task says
# otherwise. Arguments end as they were. Results have the dtype of the inputs. A function that takes a
# `generator` draws everything from it, so that two calls in a row give different results and the same state of
# the generator gives the same result; PyTorch's global generator is left alone.
#
# **How to work.** Write a function, run the cell below it, read what it says. The visible checks catch most
# mistakes. The grader adds hidden ones: other shapes, other dtypes, edge cases. What is random is judged by
# its statistics, so it does not matter by which call you draw. A right solution fails by bad luck less than
# once in a million runs.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import itertools
import math

import torch

from utils.checks import (
    case_generator,
    check_close,
    check_dtype,
    check_equal,
    check_shape,
    check_true,
    passed_visible,
    probe,
    unchanged,
)
from utils.data import digits
from utils.plotting import curves, image_grid, panels


# %% nbgrader={"grade": false, "grade_id": "drawing", "locked": true, "schema_version": 3, "solution": false, "task": false}
# What the checks of random functions share.
def facts_about_draws(draw, seed):
    """What a function does with its generator; draw(generator) gives its result as plain lists and numbers."""
    shared, before = torch.Generator().manual_seed(seed), torch.get_rng_state()
    first, second = draw(shared), draw(shared)
    again = draw(torch.Generator().manual_seed(seed))
    return {
        "gives the same result for the same state of the generator": first == again,
        "gives another result in the next call": first != second,
        "leaves PyTorch's global generator alone": torch.equal(before, torch.get_rng_state()),
    }


CAUSES_OF_DRAWS = {
    "gives the same result for the same state of the generator": "Is something drawn without generator=generator?",
    "gives another result in the next call": "Is the generator seeded or made anew inside, or is nothing drawn?",
    "leaves PyTorch's global generator alone": "Is something drawn without generator=generator, or seeded globally?",
}

# %% [markdown] task={"name": "penalties", "minutes": 16, "difficulty": 2}
# ## Task 1. A price for large weights
#
# Give two classifiers the input $(1, 1, 1, 1)$. One has the weights $(1, 0, 0, 0)$, the other
# $(\tfrac14, \tfrac14, \tfrac14, \tfrac14)$. Both give the score 1. Which one would you trust? The second one
# listens to all inputs, and no single one can fool it much. A penalty on the weights turns this taste into a
# number that is added to the loss:
#
# $$
# \Omega_2 = \tfrac12\, \alpha \sum_j w_j^2 \qquad\qquad \Omega_1 = \alpha \sum_j |w_j|
# $$
#
# With the $\tfrac12$ the gradient of $\Omega_2$ is simply $\alpha w$. Seen as a prior, $\Omega_2$ says that
# weights are Gaussian, $\Omega_1$ that they are Laplace distributed.
#
# For a linear model with squared error the L2 penalty has a closed solution, *ridge regression*:
#
# $$
# \min_w\; \tfrac12 \lVert X w - y \rVert^2 + \tfrac12 \alpha \lVert w \rVert^2
# \quad\Longrightarrow\quad
# \bigl(\underset{(D, D)}{X^\top X} + \alpha I\bigr)\, w = \underset{(D,)}{X^\top y}
# $$
#
# Both terms carry $\tfrac12$, and neither is divided by $N$: other books write other factors, and then their
# $\alpha$ is another number. (Goodfellow's equations 7.15 and 7.17 disagree with each other by exactly such a
# factor of 2.)
#
# What does $\alpha$ do? Write $X = U \operatorname{diag}(s) V^\top$. The fit $X w$ is least squares with each
# direction $u_i$ multiplied by
#
# $$ \frac{s_i^2}{s_i^2 + \alpha} $$
#
# Directions in which the data varies a lot ($s_i^2 \gg \alpha$) are left alone. Directions that the data
# hardly shows are shrunk to almost nothing. That is regularization in one formula.
#
# **Write** `l2_penalty(params, alpha)` and `l1_penalty(params, alpha)` for a list (or tuple) of tensors of
# any shapes; `ridge(x, y, alpha)`, which penalizes every weight and centres nothing; and
# `ridge_shrinkage(singular_values, alpha)`, the factors above.
#
# **Example.** With $\alpha = 2$, the weights $(3, -4)$ cost $\Omega_2 = 25$ and $\Omega_1 = 14$. A singular
# value of 2 with $\alpha = 1$ keeps $4/5$ of its direction.
#
# <details><summary>Hint 1: the identity matrix</summary>
#
# `x.T @ x + alpha` adds alpha to *every* entry. The formula wants it on the diagonal only:
# `torch.eye(D, dtype=x.dtype)`.
#
# </details>
# <details><summary>Hint 2: solving</summary>
#
# `torch.linalg.solve(A, b)` solves $A w = b$ without an inverse. With $\alpha > 0$ the matrix has full rank
# even if there are fewer rows than columns.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "penalties", "locked": false, "schema_version": 3, "solution": true, "task": false}
def l2_penalty(params, alpha):
    """alpha/2 times the sum of all squared weights.

    params: list or tuple of tensors of any shapes
    Returns one number.
    """
    ### BEGIN SOLUTION
    return alpha / 2 * sum((w**2).sum() for w in params)
    ### END SOLUTION


def l1_penalty(params, alpha):
    """alpha times the sum of all absolute weights.

    params: list or tuple of tensors of any shapes
    Returns one number.
    """
    ### BEGIN SOLUTION
    return alpha * sum(w.abs().sum() for w in params)
    ### END SOLUTION


def ridge(x, y, alpha):
    """The w that minimizes ½‖Xw − y‖² + ½α‖w‖².

    x: (N, D), more rows than columns or fewer; y: (N,)
    alpha: a number >= 0; at 0 the columns of x are linearly independent
    Returns w of shape (D,), in the dtype of x.
    """
    ### BEGIN SOLUTION
    return torch.linalg.solve(x.T @ x + alpha * torch.eye(x.shape[1], dtype=x.dtype), x.T @ y)
    ### END SOLUTION


def ridge_shrinkage(singular_values, alpha):
    """By which factor ridge regression multiplies the least-squares fit along each singular direction.

    singular_values: (k,), each >= 0; alpha: a number >= 0, and > 0 if there is a singular value of 0
    Returns k factors between 0 and 1, shape (k,).
    """
    ### BEGIN SOLUTION
    return singular_values**2 / (singular_values**2 + alpha)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "penalties-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: the two penalties.
spread, alone = torch.full((4,), 0.25), torch.tensor([1.0, 0.0, 0.0, 0.0])
x = torch.ones(4)
assert spread @ x == alone @ x == 1.0  # the same score
check_close(l2_penalty([torch.tensor([3.0, -4.0])], 2.0), 25.0, "l2_penalty of (3, -4) with alpha 2")
check_close(l1_penalty([torch.tensor([3.0, -4.0])], 2.0), 14.0, "l1_penalty of (3, -4) with alpha 2")
check_close(l2_penalty([alone], 1.0), 0.5, "l2_penalty of (1, 0, 0, 0)")
check_close(l2_penalty([spread], 1.0), 0.125, "l2_penalty of (¼, ¼, ¼, ¼): the spread weights cost less")
check_close(l1_penalty([spread], 1.0), 1.0, "l1_penalty of (¼, ¼, ¼, ¼): as much as that of (1, 0, 0, 0)")
layers = [torch.tensor([[1.0, 2.0], [3.0, 0.0]]), torch.tensor([-2.0])]
check_close(l2_penalty(layers, 0.5), 4.5, "l2_penalty of a matrix and a vector")
check_close(l1_penalty(layers, 0.5), 4.0, "l1_penalty of a matrix and a vector")
passed_visible("l2_penalty and l1_penalty")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
    shapes = ((3, 5), (4,), (4,), (2, 1, 3), ())
    params = [torch.randn(shape, generator=generator, dtype=dtype).transpose(0, -1) for shape in shapes]
    numbers = [float(number) for w in params for number in w.flatten()]
    for alpha in (0.3, 4.0):
        with unchanged(params=params):
            l2, l1 = l2_penalty(tuple(params), alpha), l1_penalty(params, alpha)
        what = "of five tensors"
        check_close(l2, alpha * sum(n**2 for n in numbers) / 2, f"l2_penalty {what}", rtol=tolerance)
        check_close(l1, alpha * sum(map(abs, numbers)), f"l1_penalty {what}", rtol=tolerance)
check_close(l2_penalty(params, 0.0), 0.0, "l2_penalty with alpha 0")
check_close(l1_penalty(tuple(params), 0.0), 0.0, "l1_penalty with alpha 0")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "ridge-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Test: ridge regression.
x = torch.tensor([[1.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
y = torch.tensor([3.0, 4.0, 5.0])
check_close(ridge(x, y, 0.0), [3.0, 2.0], "ridge with alpha 0, which is least squares")
causes = {"alpha was added to every entry of XᵀX. It belongs on the diagonal only.": [1 / 7, 9 / 7]}
check_close(ridge(x, y, 2.0), [1.0, 4 / 3], "ridge with alpha 2 and two columns at right angles", causes=causes)
x = torch.tensor([[1.0, 2.0, 0.5], [0.0, 1.0, -1.0]], dtype=torch.float64)
y = torch.tensor([1.0, -2.0], dtype=torch.float64)
with unchanged(x=x, y=y):
    w = ridge(x, y, 0.5)
check_shape(w, (3,), "the weights, one per column, of a problem with fewer rows than columns")
check_dtype(w, torch.float64, "the weights, which have the dtype of x")
what = "the gradient Xᵀ(Xw − y) + αw at the weights that ridge finds"
check_close(x.T @ (x @ w - y) + 0.5 * w, torch.zeros(3, dtype=torch.float64), what, atol=1e-9)
passed_visible("ridge")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype, tolerance in ((torch.float64, 1e-7), (torch.float32, 2e-3)):
    for rows, columns in ((9, 4), (4, 7), (5, 1)):
        start = torch.randn(max(rows, columns), min(rows, columns), generator=generator, dtype=dtype)
        basis = torch.linalg.qr(start)[0]
        x = (basis if rows >= columns else basis.T) * (1 + torch.arange(columns, dtype=dtype) / 4)
        x = x + 0.5  # columns with a mean, and the first one constant
        x[:, 0] = 0.5
        y = torch.randn(rows, generator=generator, dtype=dtype) + 2
        for alpha in (0.2, 3.0, 40.0):
            with unchanged(x=x, y=y):
                w = ridge(x, y, alpha)
            # Ridge is least squares with D more rows.
            more = math.sqrt(alpha) * torch.eye(columns, dtype=torch.float64)
            rows_of_zeros = torch.zeros(columns, dtype=torch.float64)
            expected = torch.linalg.lstsq(
                torch.cat([x.double(), more]), torch.cat([y.double(), rows_of_zeros])
            ).solution
            what = f"ridge with {rows} rows, {columns} {'columns' if columns > 1 else 'column'} and alpha {alpha:g}"
            check_dtype(w, dtype, "the weights, which have the dtype of x")
            check_close(w, expected, what, rtol=tolerance, atol=tolerance * float(expected.abs().max()))
# Singular values of 10, 1 and 0.05: only a direct solution is exact in all three directions.
u, v = (torch.linalg.qr(torch.randn(n, 3, generator=generator, dtype=torch.float64))[0] for n in (8, 3))
s = torch.tensor([10.0, 1.0, 0.05], dtype=torch.float64)
y = u @ torch.ones(3, dtype=torch.float64)
what = "ridge with a small alpha and columns that are nearly dependent"
check_close(ridge(u * s @ v.T, y, 1e-3), v @ (s / (s**2 + 1e-3)), what, rtol=1e-6)
x = torch.randn(6, 3, generator=generator, dtype=torch.float64) + torch.eye(6, 3, dtype=torch.float64) * 4
w = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
check_close(ridge(x, x @ w, 0), w, "ridge with alpha 0 and targets that a linear model fits exactly", rtol=1e-8)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "shrinkage-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: the shrinkage of ridge regression.
causes = {"The singular values were not squared.": [3 / 4, 2 / 3, 0.0]}
found = ridge_shrinkage(torch.tensor([3.0, 2.0, 0.0]), 1.0)
check_close(found, [0.9, 0.8, 0.0], "the shrinkage with alpha 1", causes=causes)
check_close(ridge_shrinkage(torch.tensor([3.0, 2.0]), 0.0), [1.0, 1.0], "the shrinkage with alpha 0")
passed_visible("ridge_shrinkage")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype, tolerance in ((torch.float64, 1e-8), (torch.float32, 1e-4)):
    x = torch.randn(7, 4, generator=generator, dtype=torch.float64)
    u, s, _ = torch.linalg.svd(x, full_matrices=False)
    u, s = u.flip(1), s.flip(0)
    for alpha in (0.4, 9.0):
        s_given = s.to(dtype)
        with unchanged(singular_values=s_given):
            factors = ridge_shrinkage(s_given, alpha)
        # The fit of each direction u_i as a target, by the closed form, is u_i times its factor.
        fit = x @ torch.linalg.inv(x.T @ x + alpha * torch.eye(4, dtype=torch.float64)) @ x.T @ u
        check_dtype(factors, dtype, "the factors, which have the dtype of the singular values")
        check_close(factors, (u * fit).sum(dim=0), "the shrinkage of the fit, measured on the fit", rtol=tolerance)
tiny = torch.tensor([1.0, 1e-6], dtype=torch.float64)
check_close(ridge_shrinkage(tiny, 0), [1.0, 1.0], "the shrinkage of a tiny singular value with alpha 0")
check_close(ridge_shrinkage(tiny[1:], 1e-4), [1e-8], "the shrinkage to almost nothing", rtol=1e-6, atol=0.0)
### END HIDDEN TESTS

# %% [markdown]
# Every direction has its own factor, but one $\alpha$ sets them all. It acts like a threshold on $s^2$, a
# soft one.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-shrinkage", "locked": true, "schema_version": 3, "solution": false, "task": false}
singular_values = torch.logspace(-2, 2, 121, dtype=torch.float64)
kept = {f"α = {alpha:g}": (singular_values**2, ridge_shrinkage(singular_values, alpha)) for alpha in (0.01, 1.0, 100.0)}
for alpha in (0.01, 1.0, 100.0):
    half = torch.tensor([math.sqrt(alpha)], dtype=torch.float64)
    assert abs(float(ridge_shrinkage(half, alpha)[0]) - 0.5) < 1e-12
curves(
    kept,
    title="Ridge halves a direction with s² = α, spares s² > α",
    xlabel="s², squared singular value",
    ylabel="share of the fit that is kept",
    logx=True,
)

# %% [markdown] task={"name": "lasso", "minutes": 14, "difficulty": 2}
# ## Task 2. A price that buys zeros
#
# The L2 penalty makes weights small, and never zero: the smaller $w_j$, the weaker its pull $\alpha w_j$. The
# L1 penalty pulls with the same force $\alpha$ however small $w_j$ is, and so it wins where the data has
# little to say. The result is a *sparse* model, which uses few of its inputs.
#
# In one dimension, $\tfrac12 (w - v)^2 + t\,|w|$ is smallest at the *soft threshold* of $v$:
#
# $$ S_t(v) = \operatorname{sign}(v)\, \max(|v| - t,\, 0) $$
#
# For $\tfrac12 \lVert Xw - y \rVert^2 + \alpha \lVert w \rVert_1$ (the *lasso*) there is no closed form. ISTA
# alternates between a gradient step on the squared error alone and a soft threshold, which takes care of the
# penalty:
#
# $$
# w \leftarrow S_{\eta\alpha}\bigl( w - \eta\, X^\top (X w - y) \bigr), \qquad \eta = \frac{1}{\sigma_{\max}(X)^2}, \qquad w = 0 \text{ at the start}
# $$
#
# $\sigma_{\max}(X)^2$ is the largest curvature of the squared error. With this $\eta$ the objective never
# rises. Plain subgradient descent, with $\alpha \operatorname{sign}(w)$ in the gradient, jumps around zero
# and never stays there; the threshold lands on it exactly.
#
# **Write** `soft_threshold(w, threshold)` and `lasso_ista(x, y, alpha, steps)`, the weights after that many
# steps.
#
# **Example.** $S_1$ of $(3, -0.5, -2)$ is $(2, 0, -1)$.
#
# <details><summary>Hint 1: the step size</summary>
#
# `torch.linalg.matrix_norm(x, 2)` is the largest singular value $\sigma_{\max}$. It has to be squared.
#
# </details>
# <details><summary>Hint 2: the threshold within ISTA</summary>
#
# The penalty is divided between the steps: each step shrinks by $\eta \alpha$, not by $\alpha$.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "lasso", "locked": false, "schema_version": 3, "solution": true, "task": false}
def soft_threshold(w, threshold):
    """sign(w) · max(|w| − threshold, 0), entry by entry.

    w: tensor of any shape; threshold: a number >= 0
    Returns a tensor of the shape and dtype of w.
    """
    ### BEGIN SOLUTION
    return w.sign() * (w.abs() - threshold).clamp(min=0)
    ### END SOLUTION


def lasso_ista(x, y, alpha, steps):
    """The w that ISTA reaches in `steps` steps from w = 0, minimizing ½‖Xw − y‖² + α‖w‖₁.

    x: (N, D), not all zero; y: (N,); alpha: a number >= 0; the step size is 1/σ_max(x)²
    Returns w of shape (D,), in the dtype of x.
    """
    ### BEGIN SOLUTION
    lr = 1 / torch.linalg.matrix_norm(x, 2) ** 2
    w = torch.zeros(x.shape[1], dtype=x.dtype)
    for _ in range(steps):
        w = soft_threshold(w - lr * (x.T @ (x @ w - y)), lr * alpha)
    return w
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "soft-threshold-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: the soft threshold.
w = torch.tensor([3.0, -0.5, -2.0, 1.0, 0.0])
with unchanged(w=w):
    found = soft_threshold(w, 1.0)
causes = {
    "This is the hard threshold. The soft one also moves what survives towards 0, by the threshold.": [3, 0, -2, 0, 0],
    "The sign is lost: it is that of w.": [2, 0, 1, 0, 0],
}
check_close(found, [2.0, 0.0, -1.0, 0.0, 0.0], "the soft threshold 1 of (3, -0.5, -2, 1, 0)", causes=causes)
passed_visible("soft_threshold")
### BEGIN HIDDEN TESTS
generator = case_generator()
grid = torch.linspace(-4, 4, 8001, dtype=torch.float64)
for dtype in (torch.float64, torch.float32):
    w = 1.5 * torch.randn(4, 3, generator=generator, dtype=dtype).clamp(-2, 2)
    w[0], w[1, 0] = torch.tensor([0.7, -0.7, 0.0], dtype=dtype), -2.5
    for threshold in (0.7, 0.25):
        with unchanged(w=w):
            found = soft_threshold(w, threshold)
        # By search: where ½(v − w)² + threshold·|v| is smallest, on a grid of step 0.001.
        cost = (grid - w.double()[..., None]) ** 2 / 2 + threshold * grid.abs()
        what = "the soft threshold against a search for the smallest ½(v − w)² + t|v|"
        check_dtype(found, dtype, "the soft threshold, which has the dtype of w")
        check_close(found, grid[cost.argmin(dim=-1)], what, atol=1.1e-3, rtol=0.0)
        inside = w.abs() < threshold - 1e-6
        check_true(bool((found[inside] == 0).all()), "entries within the threshold are exactly 0")
    check_close(soft_threshold(w, 0.0), w, "the soft threshold 0, which changes nothing")
w = torch.tensor(-3.1, dtype=torch.float64)
check_close(soft_threshold(w, 0.5), -2.6, "the soft threshold ½ of -3.1, a tensor without dimensions", rtol=1e-12)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "lasso-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Test: ISTA.
x, y = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([4.0, 3.0])
check_close(lasso_ista(x, y, 1.0, 0), [0.0, 0.0], "the weights after 0 steps, where ISTA starts")
causes = {
    "The threshold of a step is ηα, not α.": [1.0, 0.0],
    "The step is too long: divide by the square of σ_max.": [3.5, 1.0],
    "The step is too short: σ_max is the largest singular value, not the Frobenius norm.": [1.4, 0.4],
}
check_close(lasso_ista(x, y, 1.0, 1), [1.75, 0.5], "the weights after 1 step", causes=causes)
check_close(lasso_ista(x, y, 1.0, 2), [1.75, 0.875], "the weights after 2 steps")
check_close(lasso_ista(x, y, 1.0, 100), [1.75, 2.0], "the weights after 100 steps")
check_close(lasso_ista(x, y, 8.5, 5), [0.0, 0.0], "the weights with a penalty so large that none is worth its price")
passed_visible("lasso_ista")
### BEGIN HIDDEN TESTS
generator = case_generator()
for rows, columns in ((8, 5), (4, 6), (3, 1)):
    basis = torch.linalg.qr(torch.randn(8, 8, generator=generator, dtype=torch.float64))[0][:rows, :columns]
    x = basis + 0.3 * torch.eye(rows, columns, dtype=torch.float64)
    y = x @ torch.tensor([3.0, 0.0, -2.0, 0.0, 0.1, 0.0], dtype=torch.float64)[:columns] + 0.05
    alpha = 0.2
    lr = 1 / torch.linalg.eigvalsh(x @ x.T).max()
    w = torch.zeros(columns, dtype=torch.float64)
    for steps in (1, 2, 3):
        step = w - lr * (x.T @ (x @ w - y))
        w = torch.where(step > 0, (step - lr * alpha).clamp(min=0), (step + lr * alpha).clamp(max=0))
        with unchanged(x=x, y=y):
            found = lasso_ista(x, y, alpha, steps)
        check_shape(found, (columns,), f"the weights, x of shape ({rows}, {columns})")
        check_dtype(found, torch.float64, "the weights, which have the dtype of x")
        check_close(found, w, f"the weights after few steps, x of shape ({rows}, {columns})", rtol=1e-5, atol=1e-6)
    w = torch.as_tensor(lasso_ista(x, y, alpha, 1500))
    pull = x.T @ (y - x @ w)
    what = "where a weight is 0 the data pulls with at most alpha"
    check_true(bool((pull[w == 0].abs() <= alpha + 1e-6).all()), what)
    what = "where a weight is not 0 the data pulls with exactly alpha, in its direction"
    check_close(pull[w != 0], alpha * w[w != 0].sign(), what, atol=2e-3, rtol=0.0)
x = torch.linalg.qr(torch.randn(6, 4, generator=generator, dtype=torch.float64))[0] * 1.5
y = x @ torch.tensor([2.0, -1.0, 0.01, 0.0], dtype=torch.float64)
w = lasso_ista(x, y, 0.45, 50)
check_close(w, [1.8, -0.8, 0.0, 0.0], "the weights of a problem with columns at right angles", rtol=1e-6)
check_equal(torch.as_tensor(w)[2:] == 0, torch.tensor([True, True]), "the weights that are exactly 0")
check_dtype(lasso_ista(x, y, 0.45, 0), torch.float64, "the weights after 0 steps, which have the dtype of x")
w = lasso_ista(x.float(), y.float(), 0.0, 50)
check_dtype(w, torch.float32, "the weights, which have the dtype of x")
check_close(w, [2.0, -1.0, 0.01, 0.0], "the weights with alpha 0, which is least squares", rtol=1e-3, atol=1e-4)
# At w = 0 the second column pulls with 0.2, less than alpha, and at w = (1.1, 0) with -0.46.
x = torch.tensor([[1.0, 0.6], [0.0, 0.8]], dtype=torch.float64)
w = lasso_ista(x, torch.tensor([1.4, -0.8], dtype=torch.float64), 0.3, 200)
check_close(w, [1.25, -0.25], "the weights when one of them is 0 after the first step, and not at the end", rtol=1e-6)
# Along the second column the curvature is 1e-4 of the largest: w ← w + 1e-4 (5e-4 − w), in steps that hardly move.
x = torch.diag(torch.tensor([1.0, 0.01], dtype=torch.float64))
w = lasso_ista(x, torch.tensor([2.0, 0.100005], dtype=torch.float64), 1e-3, 600)
what = "the weights after 600 steps, one of which creeps: all of them are made, and no more"
check_close(w, [1.999, 5e-4 * (1 - 0.9999**600)], what, rtol=1e-6, atol=0.0)
### END HIDDEN TESTS

# %% [markdown]
# Twelve inputs, of which three matter. Watch the twelve weights as the price rises. Under L2 they shrink
# together; under L1 they leave, one after the other, and do not come back.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-paths", "locked": true, "schema_version": 3, "solution": false, "task": false}
generator = torch.Generator().manual_seed(0)
x = torch.randn(40, 12, generator=generator, dtype=torch.float64)
true_w = torch.zeros(12, dtype=torch.float64)
true_w[:3] = torch.tensor([3.0, -2.0, 1.0])
y = x @ true_w + torch.randn(40, generator=generator, dtype=torch.float64)
alphas = torch.logspace(-1, 2, 25).tolist()
paths = {
    "L2: small, but not one is zero": torch.stack([ridge(x, y, alpha) for alpha in alphas]),
    "L1: the useless leave first": torch.stack([lasso_ista(x, y, alpha, 300) for alpha in alphas]),
}
l2_path, l1_path = paths.values()
assert (l2_path != 0).all()
middle = alphas.index(min(alphas, key=lambda alpha: abs(alpha - 18)))
assert (l1_path[middle, :3] != 0).all()
assert (l1_path[middle, 3:] == 0).all()

figure, axes = panels(1, 2, title="Only L1 selects: three weights survive, nine are exactly 0")
for (name, path), panel in zip(paths.items(), axes[0], strict=True):
    curves(
        {f"$w_{{{j + 1}}}$": (alphas, path[:, j]) for j in range(3)},
        title=name,
        xlabel="alpha",
        ylabel="weight",
        logx=True,
        axes=panel,
    )
    for j in range(3, 12):
        panel.plot(alphas, path[:, j], color="#999999", linewidth=1, linestyle="-", label="others" if j == 3 else None)
    panel.legend(loc="upper left", bbox_to_anchor=(0.0, 0.92), ncols=2)
figure

# %% [markdown] task={"name": "decay", "minutes": 12, "difficulty": 1}
# ## Task 3. Weight decay is not always L2
#
# Put $\alpha w$ into the gradient of plain SGD and you get $w \leftarrow (1 - \eta\alpha)\, w - \eta g$: the
# weights decay. So L2 and weight decay are the same thing, many texts say. They are, until the optimizer does
# something with the gradient. With momentum, L2 goes through the velocity and keeps pulling for many steps.
# *Decoupled* decay bypasses it:
#
# | | `"l2"` | `"decoupled"` |
# |---|---|---|
# | gradient | $g' = g + \lambda w$ | $g' = g$ |
# | velocity | $v \leftarrow \mu v + g'$ | $v \leftarrow \mu v + g'$ |
# | step | $w \leftarrow w - \eta v$ | $w \leftarrow w - \eta v - \eta \lambda w$ |
#
# The velocity is in PyTorch's convention: the learning rate $\eta$ is outside. On the right, the last $w$ is
# the parameter *before* the step. `torch.optim.SGD` does the left one. With Adam the difference is larger:
# there L2 is divided by $\sqrt{\hat v}$ like the rest of the gradient, so weights with large gradients are
# hardly decayed at all. AdamW is the decoupled form.
#
# In either form, biases and the parameters of normalization layers are usually left out: they are few, and do
# little for overfitting.
#
# **Write** `sgd_step(param, grad, velocity, *, lr, momentum, weight_decay, decay)`, which returns the new
# parameter and the new velocity.
#
# **Example.** $w = 10$, $g = 1$, $v = 0$, $\eta = 0.1$, $\mu = 0.5$, $\lambda = 0.2$. With `"l2"`: $v = 3$
# and $w = 9.7$. With `"decoupled"`: $v = 1$ and $w = 9.7$. The first step is the same, but the velocities
# differ, and so does the second step.
#
# <details><summary>Hint 1: where to start</summary>
#
# Write the three rows of the table from top to bottom. The two forms differ in the first row and in the last.
#
# </details>
# <details><summary>Hint 2: which parameter</summary>
#
# Do not overwrite `param` before the decay is computed from it; and do not use `+=` on what you were given.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "decay", "locked": false, "schema_version": 3, "solution": true, "task": false}
def sgd_step(param, grad, velocity, *, lr, momentum, weight_decay, decay):
    """One step of SGD with momentum in PyTorch's convention, v ← μv + g and w ← w − lr·v.

    param, grad, velocity: tensors of one shape; velocity is all zeros before the first step
    decay: "l2" adds weight_decay·param to the gradient; "decoupled" subtracts lr·weight_decay·param, of the parameter
        before the step, from the new parameter
    Returns (param, velocity), new tensors; the arguments end as they were.
    """
    ### BEGIN SOLUTION
    if decay == "l2":
        velocity = momentum * velocity + grad + weight_decay * param
        return param - lr * velocity, velocity
    velocity = momentum * velocity + grad
    return param - lr * velocity - lr * weight_decay * param, velocity
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "decay-test", "locked": true, "points": 7, "schema_version": 3, "solution": false, "task": false}
# Test: SGD with weight decay.
w, g, v = torch.tensor([10.0]), torch.tensor([1.0]), torch.tensor([0.0])
settings = {"lr": 0.1, "momentum": 0.5, "weight_decay": 0.2}
with unchanged(param=w, grad=g, velocity=v):
    w_l2, v_l2 = sgd_step(w, g, v, **settings, decay="l2")
    w_decoupled, v_decoupled = sgd_step(w, g, v, **settings, decay="decoupled")
check_close(v_l2, [3.0], 'the velocity after the first step, decay="l2"')
check_close(w_l2, [9.7], 'the parameter after the first step, decay="l2"')
check_close(v_decoupled, [1.0], 'the velocity after the first step, decay="decoupled"')
causes = {
    "The decay was computed from the parameter after the step. It is that of the parameter before.": [9.702],
    "The decay is not multiplied by the learning rate.": [7.9],
}
check_close(w_decoupled, [9.7], 'the parameter after the first step, decay="decoupled"', causes=causes)
w_l2, v_l2 = sgd_step(torch.tensor([9.7]), g, torch.tensor([3.0]), **settings, decay="l2")
check_close(v_l2, [4.44], 'the velocity after the second step, decay="l2"')
check_close(w_l2, [9.256], 'the parameter after the second step, decay="l2"')
w_decoupled, v_decoupled = sgd_step(torch.tensor([9.7]), g, torch.tensor([1.0]), **settings, decay="decoupled")
check_close(v_decoupled, [1.5], 'the velocity after the second step, decay="decoupled"')
check_close(w_decoupled, [9.356], 'the parameter after the second step, decay="decoupled"')
passed_visible("sgd_step")


### BEGIN HIDDEN TESTS
@probe
def walk(param, grads, lr, momentum, weight_decay, decay):
    """Several steps; returns the last parameter and velocity."""
    velocity = torch.zeros_like(param)
    settings = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay, "decay": decay}
    for grad in grads:
        param, velocity = sgd_step(param, grad, velocity, **settings)
    return param, velocity


generator = case_generator()
for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-4)):
    start = torch.randn(3, 2, generator=generator, dtype=dtype) + torch.tensor([3.0, -3.0], dtype=dtype)
    grads = [torch.randn(3, 2, generator=generator, dtype=dtype) for _ in range(5)]
    for momentum in (0.9, 0.0):
        lr, weight_decay = 0.2, 0.15
        # L2: (w, v) ← M (w, v) + g (−lr, 1), one matrix for the whole step.
        m = torch.tensor([[1 - lr * weight_decay, -lr * momentum], [weight_decay, momentum]], dtype=torch.float64)
        push = torch.tensor([-lr, 1.0], dtype=torch.float64)
        l2 = torch.linalg.matrix_power(m, 5)[:, 0].outer(start.double().flatten())
        for t, grad in enumerate(grads):
            l2 += (torch.linalg.matrix_power(m, 4 - t) @ push).outer(grad.double().flatten())
        with unchanged(param=start):
            param, velocity = walk(start, grads, lr, momentum, weight_decay, "l2")
        what = f"the parameter after 5 steps with momentum {momentum:g}"
        check_dtype(param, dtype, "the parameter, which keeps its dtype")
        check_close(param, l2[0].reshape(3, 2), f'{what}, decay="l2"', rtol=tolerance, atol=tolerance)
        which = f"the velocity after 5 steps with momentum {momentum:g}, decay="
        check_close(velocity, l2[1].reshape(3, 2), f'{which}"l2"', rtol=tolerance, atol=tolerance)
        # Decoupled: w_t = (1 − lr·λ) w_{t−1} − lr·v_t, where v_t is a sum of the past gradients alone.
        expected = start.double() * (1 - lr * weight_decay) ** 5
        for t in range(5):
            v = sum(momentum ** (t - i) * grads[i].double() for i in range(t + 1))
            expected -= lr * v * (1 - lr * weight_decay) ** (4 - t)
        param, velocity = walk(start, grads, lr, momentum, weight_decay, "decoupled")
        check_close(param, expected, f'{what}, decay="decoupled"', rtol=tolerance, atol=tolerance)
        check_close(velocity, v, f'{which}"decoupled"', rtol=tolerance, atol=tolerance)
    both = [walk(start, grads, 0.1, 0.9, 0.0, decay)[0] for decay in ("l2", "decoupled")]
    check_close(both[0], both[1], "the parameter without weight decay, the same in both forms", rtol=tolerance)
start, grads = torch.randn(4, generator=generator, dtype=torch.float64) + 3, torch.zeros(2, 4, dtype=torch.float64)
for decay in ("l2", "decoupled"):
    param, _ = walk(start, list(grads), 0.2, 0.0, 0.15, decay)
    what = f'the parameter after 2 steps with gradient 0, decay="{decay}": a vector is decayed like a matrix'
    check_close(param, start * 0.97**2, what, rtol=1e-9)


@probe
def sgd_makes_new_tensors(lr, momentum, weight_decay, decay):
    """Whether the arguments stay as they are while the results are changed."""
    given = [torch.full((2,), value) for value in (1.0, 2.0, 3.0)]
    new = sgd_step(*given, lr=lr, momentum=momentum, weight_decay=weight_decay, decay=decay)
    for tensor in new:
        tensor += 7
    return [tensor.tolist() for tensor in given] == [[1.0] * 2, [2.0] * 2, [3.0] * 2] and new[0] is not new[1]


for decay, lr, momentum in itertools.product(("l2", "decoupled"), (0.1, 0.0), (0.9, 0.0)):
    what = f'with lr {lr:g}, momentum {momentum:g} and decay="{decay}"'
    cause = "Make both anew; returning an argument itself ties them together."
    fine = sgd_makes_new_tensors(lr, momentum, 0.0, decay)
    check_true(fine, f"the new parameter and velocity are tensors of their own, {what}", cause)
velocity = torch.randn(3, 2, generator=generator)
param, grad = torch.randn(2, 3, 2, generator=generator)
with unchanged(param=param, grad=grad, velocity=velocity):
    for decay in ("l2", "decoupled"):
        sgd_step(param=param, grad=grad, velocity=velocity, lr=0.1, momentum=0.9, weight_decay=0.1, decay=decay)
### END HIDDEN TESTS

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-decay", "locked": true, "schema_version": 3, "solution": false, "task": false}
# No gradient from the data: what does the penalty alone do to one weight?
walks = {}
for decay in ("l2", "decoupled"):
    for momentum in (0.0, 0.9):
        w, v, path = torch.tensor([1.0], dtype=torch.float64), torch.zeros(1, dtype=torch.float64), [1.0]
        for _ in range(60):
            w, v = sgd_step(w, torch.zeros_like(w), v, lr=0.1, momentum=momentum, weight_decay=0.2, decay=decay)
            path.append(float(w))
        walks[f"{decay}, momentum {momentum:g}"] = path
assert max(abs(a - b) for a, b in zip(walks["l2, momentum 0"], walks["decoupled, momentum 0"], strict=True)) < 1e-12
assert min(walks["l2, momentum 0.9"]) < 0 < min(walks["decoupled, momentum 0.9"])
assert walks["decoupled, momentum 0"] == walks["decoupled, momentum 0.9"]
walks = {"decoupled, any momentum": walks["decoupled, momentum 0.9"], "l2, momentum 0.9": walks["l2, momentum 0.9"]}
curves(
    walks,
    title="With momentum, L2 overshoots; decoupled does not",
    xlabel="step",
    ylabel="weight under the penalty alone",
)

# %% [markdown] task={"name": "early-stopping", "minutes": 18, "difficulty": 3}
# ## Task 4. Stop in time
#
# While the training loss keeps falling, the validation loss falls, turns, and rises. Early stopping returns
# to the turning point. It is the cheapest regularizer there is: it needs a validation set and a copy of the
# parameters.
#
# The rules (algorithm 7.1 of Goodfellow, Bengio and Courville):
#
# - an update is *better* if its loss is **strictly** smaller than the best so far. Equal is not better, NaN
#   never is;
# - a better update is remembered: its step, its loss, and **copies** of the parameters. Without copies, the
#   optimizer goes on changing what you remembered;
# - after `patience` updates in a row that are not better, it says stop. A better one sets the count back.
#   Once stopped it stays stopped. Updates are counted, not steps: a training that looks at the validation loss
#   every 50 steps calls `update` with the steps 0, 50, 100 and so on.
#
# In which sense is this regularization? Take gradient descent with learning rate $\eta$ from $w = 0$ on a
# quadratic loss. Along an eigenvector of the Hessian with eigenvalue $\lambda$, after $\tau$ steps it has
# covered the share $1 - (1 - \eta\lambda)^\tau$ of the way to the minimum. Ridge with penalty $\alpha$ covers
# $\lambda / (\lambda + \alpha)$. The two are equal for
#
# $$ \alpha = \frac{\lambda\, (1 - \eta\lambda)^{\tau}}{1 - (1 - \eta\lambda)^{\tau}} $$
#
# This is exact, and it holds *per eigenvalue*: one $\alpha$ for all directions, about $1/(\tau\eta)$, comes
# out only if $\tau\eta\lambda \ll 1$ for all of them.
#
# **Write** the class `EarlyStopping` and `equivalent_alpha(eigenvalue, lr, steps)`.
#
# **Example.** With patience 2 and the losses 3, 2, 2, 4 the fourth update returns True; the best is the
# second. For $\lambda = 1$, $\eta = \tfrac12$ and one step, half of the way is covered, so $\alpha = 1$.
#
# <details><summary>Hint 1: a good first value</summary>
#
# Start with a best loss of infinity. Then `loss < self.best_loss` treats the first update, NaN and equal
# losses as the rules say.
#
# </details>
# <details><summary>Hint 2: what a copy is</summary>
#
# `list(parameters)` copies the list, not the tensors in it. `p.detach()` shares the memory of `p`. Take
# `p.detach().clone()` of each.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "early-stopping", "locked": false, "schema_version": 3, "solution": true, "task": false}
class EarlyStopping:
    """Says when to stop training, and keeps the parameters of the best update.

    patience: an integer of at least 1
    best_step, best_loss, best_parameters: of the best update so far; None, infinity and None before there is one.
        Later changes of the loss or the parameters that were given do not reach them.
    """

    def __init__(self, patience):
        ### BEGIN SOLUTION
        self.best_step, self.best_loss, self.best_parameters = None, math.inf, None
        self.patience = self.left = patience
        ### END SOLUTION

    def update(self, step, loss, parameters):
        """Take note of one validation loss. Returns True if the training should stop, else False.

        step: an integer, kept as best_step; loss: a float or 0-d tensor, NaN and infinity allowed
        parameters: list of tensors, of which best_parameters has copies
        """
        ### BEGIN SOLUTION
        if not self.left:
            return True
        self.left -= 1
        if loss < self.best_loss:
            self.best_step, self.best_loss = step, float(loss)
            self.best_parameters = [p.detach().clone() for p in parameters]
            self.left = self.patience
        return not self.left
        ### END SOLUTION


def equivalent_alpha(eigenvalue, lr, steps):
    """The L2 penalty that shrinks a direction as much as stopping gradient descent, begun at 0, after `steps` steps.

    eigenvalue: of the Hessian in this direction, a float or a tensor of any shape, 0 < lr·eigenvalue < 1
    lr: a float or a 0-d tensor; steps: an integer of at least 1
    Returns λ(1 − lr·λ)^steps / (1 − (1 − lr·λ)^steps), a float or a tensor of the shape of eigenvalue.
    """
    ### BEGIN SOLUTION
    left = (1 - lr * eigenvalue) ** steps
    return eigenvalue * left / (1 - left)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "patience-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: when to stop.
@probe
def answers(patience, losses, every=1):
    """The answers to updates at the steps 0, every, 2·every, …"""
    stopper = EarlyStopping(patience)
    parameters = [torch.zeros(2)]
    given = [stopper.update(every * i, loss, parameters) for i, loss in enumerate(losses)]
    return [bool(answer) if answer in (True, False) else answer for answer in given]


check_equal(answers(2, [3.0, 2.0, 2.0, 4.0]), [False, False, False, True], "the answers to 3, 2, 2, 4 with patience 2")
what = "the answers to 5, 6, 4, 5, 6, 7 with patience 3: a better loss sets the count back"
check_equal(answers(3, [5.0, 6.0, 4.0, 5.0, 6.0, 7.0]), [False] * 5 + [True], what)
what = "the answers to 2, 3, 1 with patience 1: once stopped it stays stopped"
check_equal(answers(1, [2.0, 3.0, 1.0]), [False, True, True], what)
what = "the answers to 3, 2, 2, 4 at the steps 0, 50, 100, 150: patience counts updates, not steps"
check_equal(answers(2, [3.0, 2.0, 2.0, 4.0], 50), [False, False, False, True], what)
passed_visible("EarlyStopping, when to stop")
### BEGIN HIDDEN TESTS
nan = math.nan
check_equal(answers(1, [3.0, 3.0]), [False, True], "an equal loss, which is not better, with patience 1")
check_equal(answers(2, [nan, nan, 1.0]), [False, True, True], "two NaN at the start with patience 2")
check_equal(answers(2, [nan, 1.0, 2.0, 0.5, nan, nan]), [False] * 5 + [True], "NaN before and after better losses")
check_equal(answers(2, [3.0, nan, 2.0, nan, nan]), [False] * 4 + [True], "NaN among others, with patience 2")
inf = math.inf
what = "two infinite losses at the start, which are not better than infinity, with patience 2"
check_equal(answers(2, [inf, inf, 1.0]), [False, True, True], what)
check_equal(answers(2, [1e12, inf, 1e11, inf, nan]), [False] * 4 + [True], "very large losses, with patience 2")
what = "the losses 5, 1, 4, 3, 2, which fall after the best but do not reach it, with patience 3"
check_equal(answers(3, [5.0, 1.0, 4.0, 3.0, 2.0, 2.0]), [False] * 4 + [True, True], what)
what = "two bad losses before the best one and three after it, with patience 3"
check_equal(answers(3, [5.0, 6.0, 6.0, 4.0, 5.0, 5.0, 5.0]), [False] * 6 + [True], what)
what = "negative losses, of which the last is equal to the best, with patience 2"
check_equal(answers(2, [0.0, -1.0, -2.0, -1.5, -2.0]), [False] * 4 + [True], what)
check_equal(answers(2, [1.0, 0.0, 0.5, 0.5]), [False] * 3 + [True], "a best loss of exactly 0, with patience 2")
what = "losses that fall by half a millionth each time, with patience 1: each of them is strictly better"
check_equal(answers(1, [1.0 - 5e-7 * i for i in range(4)]), [False] * 4, what)
what = "losses after the stop, with patience 2: it stays stopped"
check_equal(answers(2, [1.0, 2.0, 2.0, 0.5, 0.4, 0.3, 7.0]), [False, False, True, True, True, True, True], what)
generator = case_generator()
for patience in (1, 2, 4):
    losses = torch.randint(6, (12,), generator=generator).tolist()
    expected, stopped = [], False
    for i in range(len(losses)):
        last_better = max(j for j in range(i + 1) if losses[j] < min(losses[:j], default=math.inf))
        stopped = stopped or i - last_better >= patience
        expected.append(stopped)
    check_equal(answers(patience, losses), expected, f"the answers to twelve losses with patience {patience}")


@probe
def two_stoppers():
    first, second = EarlyStopping(1), EarlyStopping(2)
    parameters = [torch.zeros(1)]
    found = [[bool(s.update(i, torch.tensor(1.0), parameters)) for s in (first, second)] for i in range(3)]
    return found, bool(EarlyStopping(1).update(0, 2.0, parameters))


found = two_stoppers()
what = "two EarlyStopping objects side by side, of patience 1 and 2, and then a fresh one"
check_equal(found, ([[False, False], [True, False], [True, True]], False), what)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "best-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Test: what is remembered.
@probe
def remembered(patience, losses):
    """Run updates on parameters that change in place after each one; the parameters at update i are all i."""
    stopper = EarlyStopping(patience)
    weight, bias = torch.zeros(2, 1), torch.zeros(1)
    for step, loss in enumerate(losses):
        if stopper.update(10 * step, loss, [weight, bias]):
            break
        weight += 1
        bias += 1
    else:
        step += 1
    return stopper.best_step, stopper.best_loss, stopper.best_parameters, [weight, bias], step


def expect_best(patience, losses, best, what):
    step, loss, parameters, last, now = remembered(patience, losses)
    check_equal(step, 10 * best, f"best_step: {what}")
    check_close(loss, losses[best], f"best_loss: {what}")
    expected = [torch.full((2, 1), float(best)), torch.full((1,), float(best))]
    causes = {"What was remembered has changed since: keep copies, `p.detach().clone()` of each parameter.": last}
    check_close(parameters, expected, f"best_parameters, as they were at that step: {what}", causes=causes)
    given = [torch.full((2, 1), float(now)), torch.full((1,), float(now))]
    causes = {"The best parameters were put back. That is left to whoever asks for best_parameters.": expected}
    check_close(last, given, f"the parameters that were given, which end as they were: {what}", causes=causes)


expect_best(2, [3.0, 2.0, 2.5, 4.0], 1, "the losses 3, 2, 2.5, 4")
expect_best(5, [3.0, 2.0, 2.0, 4.0], 1, "the losses 3, 2, 2, 4: the first of equals")
passed_visible("EarlyStopping, what is remembered")
### BEGIN HIDDEN TESTS
nan = math.nan
expect_best(3, [3.0, 2.0, 1.0], 2, "losses of which the last is the best")
expect_best(3, [1.0, 2.0, 3.0], 0, "losses of which the first is the best")
expect_best(3, [nan, 4.0, nan, 3.0, 3.5], 3, "losses with NaN among them, also at the start")
expect_best(2, [5.0, 4.0, 6.0, 3.0, 7.0, 3.0], 3, "losses with two falls and two equal best ones")
expect_best(3, [5.0, 1.0, 4.0, 3.0], 1, "losses that fall after the best, but do not reach it")
expect_best(2, [0.5, -0.25, 0.0], 1, "a negative best loss")
expect_best(3, [0.7134, 0.3127, 0.3129], 1, "losses that differ in the fourth digit")


@probe
def remembered_of_a_network():
    """Parameters that require a gradient, in a list that is emptied afterwards; a loss that is a tensor."""
    stopper, loss = EarlyStopping(2), torch.tensor(0.5)
    parameters = [torch.nn.Parameter(torch.ones(2)), torch.nn.Parameter(torch.zeros(1, 3))]
    kept = list(parameters)
    stopper.update(7, loss, parameters)
    with torch.no_grad():
        for p in kept:
            p.add_(5)
        loss += 1
    parameters.clear()
    found = [torch.as_tensor(p).detach().clone() for p in stopper.best_parameters]
    return (
        stopper.best_step,
        float(stopper.best_loss),
        found,
        [p.detach() for p in kept],
        [p.requires_grad for p in kept],
    )


@probe
def before_and_side_by_side():
    """What a new object remembers, and one that has seen NaN; then what two remember that watch two networks."""
    fresh, nothing = EarlyStopping(3), EarlyStopping(3)
    nothing.update(0, math.nan, [torch.zeros(1)])
    first, second = EarlyStopping(3), EarlyStopping(3)
    for step, (one, other) in enumerate(((0.1, 0.55), (0.3, 0.2))):
        first.update(step, other, [torch.full((2,), one, dtype=torch.float64)])
        second.update(step, one, [torch.full((2,), other, dtype=torch.float64)])
    empty = [
        s.best_step is None and float(s.best_loss) == math.inf and s.best_parameters is None for s in (fresh, nothing)
    ]
    return empty, [(s.best_step, float(s.best_loss), torch.as_tensor(s.best_parameters[0])) for s in (first, second)]


empty, both = before_and_side_by_side()
check_equal(empty, [True, True], "best_step, best_loss and best_parameters before a better loss: None, infinity, None")
for (step, loss, found), expected in zip(both, ((1, 0.2, 0.3), (0, 0.1, 0.55)), strict=True):
    what = "two EarlyStopping objects side by side, with parameters in float64"
    check_equal(step, expected[0], f"best_step: {what}")
    check_close(loss, expected[1], f"best_loss: {what}")
    check_dtype(found, torch.float64, f"best_parameters: {what}")
    check_close(found, torch.full((2,), expected[2], dtype=torch.float64), f"best_parameters: {what}")
step, loss, found, now, requires_grad = remembered_of_a_network()
check_equal(step, 7, "best_step, for parameters that require a gradient")
causes = {"You keep the tensor that was given, which changes later: keep its number, float(loss).": 1.5}
check_close(loss, 0.5, "best_loss, for a loss that is a tensor and changes later", causes=causes)
check_close(found, [torch.ones(2), torch.zeros(1, 3)], "best_parameters, for parameters that require a gradient")
check_close(now, [torch.full((2,), 6.0), torch.full((1, 3), 5.0)], "the network's own parameters, which are left alone")
check_equal(requires_grad, [True, True], "requires_grad of the network's own parameters")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "equivalent-alpha-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: early stopping as L2.
causes = {"This is 1/(τη), which holds only where τηλ is small.": 2.0}
what = "the alpha of eigenvalue 1 after one step of learning rate ½"
check_close(equivalent_alpha(1.0, 0.5, 1), 1.0, what, causes=causes)
check_close(equivalent_alpha(2.0, 0.25, 2), 2 / 3, "the alpha of eigenvalue 2 after two steps of learning rate ¼")
eigenvalues = torch.tensor([0.1, 1.0, 5.0], dtype=torch.float64)
what = "the alphas of eigenvalues 0.1, 1 and 5 after 20 steps of learning rate 0.05"
check_close(equivalent_alpha(eigenvalues, 0.05, 20), [0.948, 0.559, 0.016], what, atol=1e-3, rtol=0.0)
passed_visible("equivalent_alpha")
### BEGIN HIDDEN TESTS
generator = case_generator()
for lr, steps in ((0.1, 3), (0.03, 40), (0.2, 1)):
    eigenvalues = 0.2 + 3 * torch.rand(4, generator=generator, dtype=torch.float64)
    w = torch.zeros(4, dtype=torch.float64)
    for _ in range(steps):
        w = w - lr * eigenvalues * (w - 1)
    with unchanged(eigenvalue=eigenvalues):
        alpha = equivalent_alpha(eigenvalues, lr, steps)
    check_shape(alpha, (4,), "the alphas of four eigenvalues, one for each")
    what = f"gradient descent, run for {steps} {'step' if steps == 1 else 'steps'}, against ridge with the equivalent alphas"
    check_close(eigenvalues / (eigenvalues + alpha), w, what, rtol=1e-8)
    check_close(equivalent_alpha(eigenvalues[1].item(), lr, steps), alpha[1], "a float against a tensor", rtol=1e-5)
    check_close(equivalent_alpha(eigenvalues[1], torch.tensor(lr), steps), alpha[1], "0-d tensors", rtol=1e-4)
eigenvalues = torch.tensor([[0.1, 1.0, 5.0]], dtype=torch.float64)
what = "the alphas for a small learning rate and many steps, all near 1/(steps · lr)"
check_close(equivalent_alpha(eigenvalues, 1e-5, 1000), [[99.95, 99.5, 97.5]], what, atol=0.02, rtol=0.0)
check_close(equivalent_alpha(1.0, 0.5, 200), 0.0, "the alpha after so many steps that nothing is left of it")
### END HIDDEN TESTS

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-equivalence", "locked": true, "schema_version": 3, "solution": false, "task": false}
eigenvalues = torch.logspace(-2, 1, 60, dtype=torch.float64)
equivalents = {
    f"{steps} steps of 0.05": (eigenvalues, equivalent_alpha(eigenvalues, 0.05, steps)) for steps in (5, 20, 80)
}
for steps in (5, 20, 80):
    assert abs(float(equivalent_alpha(0.01, 0.05, steps)) * steps * 0.05 - 1) < 0.03
    assert float(equivalent_alpha(10.0, 0.05, steps)) < 0.35
figure = curves(
    equivalents,
    title="Stopping early is L2 with one α per direction",
    xlabel="eigenvalue λ of the Hessian",
    ylabel="equivalent α",
    logx=True,
    logy=True,
)
axes = figure.axes[0]
axes.set_ylim(1e-3, 10)
for steps in (5, 20, 80):
    axes.axhline(1 / (0.05 * steps), color="#999999", linewidth=1, linestyle=":")
    axes.text(15, 1 / (0.05 * steps), f"1/({steps} · 0.05)", color="#666666", va="center", fontsize=10)
figure

# %% [markdown] task={"name": "dropout", "minutes": 14, "difficulty": 2}
# ## Task 5. Dropout
#
# Train a different, thinner network at every step: each unit is dropped with probability $p$, by a coin of
# its own. No unit can rely on a particular other one being there. At test time all are there, and the network
# acts like an average over all the thin ones.
#
# The average has to come out right. A unit that is present with probability $1 - p$ contributes, on average,
# $1 - p$ times as much in training. *Inverted* dropout repairs this at once, in training, so that evaluation
# has nothing to do:
#
# $$
# y_i = \frac{m_i\, x_i}{1 - p}, \qquad m_i = \begin{cases} 0 & \text{with probability } p \\ 1 & \text{otherwise} \end{cases},
# \qquad \mathbb E[y_i] = x_i, \qquad
# \frac{\partial L}{\partial x_i} = \frac{m_i}{1 - p}\, \frac{\partial L}{\partial y_i}
# $$
#
# In the original paper (Srivastava et al., 2014) $p$ is the probability to *keep*. Here, as in PyTorch, it is
# the probability to drop.
#
# **Write** `dropout(x, p, training, generator)`, which returns `y` and the boolean `mask` of what is kept.
# Each entry has its own coin. When not training, `y` equals `x` and the mask is all True. With $p = 1$
# everything is dropped and `y` is zero, not 0/0. **Write** `dropout_backward(grad_y, mask, p)` for a mask
# that was drawn in training.
#
# **Example.** $x = (1, 2, 3)$, $p = 0.25$, mask (True, False, True): $y = (\tfrac43, 0, 4)$. A gradient of
# $(3, 3, 3)$ becomes $(4, 0, 4)$.
#
# <details><summary>Hint 1: coins</summary>
#
# `torch.rand(x.shape, generator=generator)` is uniform on $[0, 1)$. It is at least $p$ with probability $1 - p$.
#
# </details>
# <details><summary>Hint 2: p = 1</summary>
#
# `torch.where(mask, x / (1 - p), 0.0)` never uses the left branch if nothing is kept.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "dropout", "locked": false, "schema_version": 3, "solution": true, "task": false}
def dropout(x, p, training, generator):
    """Inverted dropout: each entry is 0 with probability p, else divided by 1 − p.

    x: tensor of any shape; p: the probability to drop, 0 <= p <= 1; generator: where the coins come from
    Returns (y, mask): y of the shape and dtype of x, differentiable with respect to x; mask, a boolean tensor of the
    shape of x, True where x is kept.
    When not training, y equals x and the mask is all True. With p = 1, y is all zeros.
    """
    ### BEGIN SOLUTION
    if not training:
        return x.clone(), torch.ones_like(x, dtype=torch.bool)
    mask = torch.rand(x.shape, generator=generator) >= p
    return torch.where(mask, x / (1 - p), 0.0), mask
    ### END SOLUTION


def dropout_backward(grad_y, mask, p):
    """The gradient with respect to x, given the mask that `dropout` returned in training.

    grad_y: tensor of any shape; mask: boolean, of the same shape; p: 0 <= p <= 1
    Returns a tensor of the shape and dtype of grad_y; all zeros with p = 1.
    """
    ### BEGIN SOLUTION
    return torch.where(mask, grad_y / (1 - p), 0.0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "dropout-random-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Test: dropout in training.
@probe
def dropout_summary(shape, p, seed):
    """What dropout does to numbers between 1 and 2, coarse enough not to depend on the single coins."""
    generator = torch.Generator().manual_seed(seed)
    x = 1 + torch.rand(shape, generator=torch.Generator().manual_seed(seed + 1))
    before = x.clone()
    y, mask = dropout(x, p, True, generator)
    kept = mask.bool()
    ratio = y / before
    # The autocorrelation of the mask, at all distances.
    alike = torch.fft.irfft(torch.fft.rfft(kept.flatten().double() - kept.double().mean()).abs().square())
    return {
        "shapes": [list(y.shape), list(mask.shape)],
        "dtypes": [str(y.dtype), str(mask.dtype)],
        "kept": round(50 * kept.float().mean().item()) / 50,
        "neighbours agree": [
            round(10 * (kept.narrow(d, 1, n - 1) == kept.narrow(d, 0, n - 1)).float().mean().item()) / 10
            for d, n in enumerate(shape)
        ],
        "factors of kept": [round(f(ratio[kept].tolist(), default=-1.0), 5) for f in (min, max)],
        "factors of dropped": [round(f(ratio[~kept].tolist(), default=-1.0), 5) for f in (min, max)],
        "repeats": round(2 * float(alike[1:].abs().max() / alike[0].clamp(min=1e-9))) / 2,
        "mean factor": round(10 * ratio.mean().item()) / 10,
        "x is unchanged": torch.equal(x, before),
    }


def expect_dropout(shape, p, seed, what, ask=dropout_summary):
    found = ask(shape, p, seed)
    check_equal(found["shapes"], [list(shape)] * 2, f"the shapes of y and of the mask, {what}")
    cause = "The mask is a tensor of True and False, y has the dtype of x."
    check_true(found["dtypes"] == ["torch.float32", "torch.bool"], f"the dtypes of y and of the mask, {what}", cause)
    causes = {"The share that is dropped is kept: p is the probability to drop.": round(p, 2)}
    check_close(found["kept"], 1 - p, f"the share of True in the mask, {what}", rtol=1e-6, causes=causes)
    causes = {"What is kept is not scaled: divide it by 1 − p.": [1.0, 1.0]}
    for which, factor in (("kept", 1 / (1 - p)), ("dropped", 0.0)):
        about = f"the factors y/x of what is {which}, the smallest and the largest, {what}"
        check_close(found[f"factors of {which}"], [factor, factor], about, atol=2e-5, causes=causes)
    agree = p**2 + (1 - p) ** 2
    cause = "Every entry needs its own coin: draw in the shape of x."
    for share in found["neighbours agree"]:
        check_true(abs(share - agree) < 0.09, f"neighbours are dropped independently of each other, {what}", cause)
    check_true(found["repeats"] == 0.0, f"no part of the mask repeats another one, {what}", cause)
    check_close(found["mean factor"], 1.0, f"the mean of y/x, which dropout leaves at 1, {what}")
    check_true(found["x is unchanged"], f"x ends as it was, {what}", "Work on a copy, without *= on x.")


expect_dropout((300, 400), 0.3, 5, "p = 0.3")
passed_visible("dropout in training")
### BEGIN HIDDEN TESTS
# 10⁵ coins have a share of heads within 0.01 of its expectation, but for 1 case in 10⁹; there are less than ten shares.
# The share of neighbours that agree is within 0.04 of its expectation, but for 1 case in 10¹⁰⁰.
generator = case_generator()
seed = int(torch.randint(1 << 30, (), generator=generator))
for shape, p in (((250, 400), 0.34), ((20, 10, 20, 25), 0.12), ((320, 320), 0.8)):
    expect_dropout(shape, p, seed, f"p = {p:g} and {len(shape)} dimensions")
expect_dropout((200, 25, 20), 0.46, seed + 1, "p = 0.46 and 3 dimensions", ask=dropout_summary.here)


@probe
def dropout_facts(seed):
    x = torch.ones(8, 25, dtype=torch.float64)

    def draw(generator):
        return [[part.tolist() for part in dropout(values, 0.3, True, generator)] for values in (x, x[0])]

    generator = torch.Generator().manual_seed(seed)
    watched = torch.ones(50, requires_grad=True)
    y, mask = dropout(watched, 0.3, True, generator)
    (slope,) = torch.autograd.grad(y.sum(), watched, allow_unused=True) if y.requires_grad else (None,)
    evaluated, _ = dropout(watched, 0.3, False, generator)
    alone = {bool(dropout(x[0, :1], 0.5, True, generator)[1]) for _ in range(60)}
    pairs = [dropout(x[0], 0.3, True, generator) for _ in range(60)]
    counts = [int(mask.sum()) for _, mask in pairs]
    return facts_about_draws(draw, seed) | {
        "keeps another number of entries from call to call": min(counts) < max(counts),
        "scales by 1/(1 − p), however many happen to be kept": all(
            bool(((y[mask.bool()] * 0.7 - 1).abs() < 1e-5).all()) for y, mask in pairs
        ),
        "has a y of the dtype of x": dropout(x, 0.3, True, generator)[0].dtype == torch.float64,
        "drops about 50 of 100,000 entries with p = 0.0005": 5
        < int((~dropout(torch.ones(100_000), 0.0005, True, generator)[1]).sum())
        < 150,
        "lets gradients through to x": slope is not None and torch.equal(slope != 0, mask.bool()),
        "lets gradients through to x in evaluation": evaluated.requires_grad,
        "drops a single entry as often as any other": alone == {True, False},
    }


causes = CAUSES_OF_DRAWS | {
    "keeps another number of entries from call to call": "Each entry has its own coin.",
    "scales by 1/(1 − p), however many happen to be kept": "Divide by 1 − p, not by the share that was kept.",
    "lets gradients through to x": "Keep y a part of the graph: without detach(), .data or NumPy.",
    "lets gradients through to x in evaluation": "Give back x itself or a clone(): detach() cuts y off from x.",
}
for fact, holds in dropout_facts(seed).items():
    check_true(holds, f"dropout {fact}", causes.get(fact, ""))
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "dropout-edges-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: dropout in evaluation, and p = 0 and p = 1.
@probe
def evaluation_factors(p, seed):
    """The smallest and the largest y/x of 2,000 numbers, whether all of the mask is True, and its dtype."""
    x = 1 + torch.rand(50, 40, generator=torch.Generator().manual_seed(seed))
    y, mask = dropout(x, p, False, torch.Generator().manual_seed(seed))
    factors = (y / x).flatten().tolist()
    return [round(min(factors), 4), round(max(factors), 4)], bool(mask.all()), str(mask.dtype)


factors, all_true, dtype = evaluation_factors(0.3, 0)
check_close(factors, [1.0, 1.0], "the smallest and the largest y/x in evaluation, where y is x")
check_true(all_true, "the mask in evaluation is all True")
x = torch.tensor([[1.0, -2.0, 3.0], [0.5, 0.0, -1.0]])
everything, nothing = torch.ones(2, 3, dtype=torch.bool), torch.zeros(2, 3, dtype=torch.bool)
y, mask = dropout(x, 0.0, True, torch.Generator().manual_seed(0))
check_close(y, x, "y with p = 0, which is x")
check_equal(mask, everything, "the mask with p = 0, all True")
with unchanged(x=x):
    y, mask = dropout(x, 1.0, True, torch.Generator().manual_seed(0))
check_close(y, torch.zeros(2, 3), "y with p = 1, all zeros")
check_equal(mask, nothing, "the mask with p = 1, all False")
passed_visible("dropout in evaluation, with p = 0 and with p = 1")
### BEGIN HIDDEN TESTS
generator = case_generator()
for shape, dtype in (((4, 1, 3), torch.float64), ((5,), torch.float32), ((), torch.float64)):
    x = torch.randn(shape, generator=generator, dtype=dtype) - 2
    for p, training in ((0.0, False), (1.0, False), (0.0, True), (1.0, True)):
        what = f"p = {p:g}, {'training' if training else 'evaluation'}, {len(shape)} dimensions"
        with unchanged(x=x):
            y, mask = dropout(x, p, training, torch.Generator().manual_seed(3))
        drops = training and p == 1
        check_dtype(y, dtype, f"y, which has the dtype of x, {what}")
        check_close(y, torch.zeros_like(x) if drops else x, f"y, {what}")
        check_dtype(mask, torch.bool, f"the mask, {what}")
        check_equal(mask, torch.full(shape, not drops), f"the mask, {what}")
_, mask = dropout(torch.tensor([0.0, 1.0, 0.0]), 0.5, False, torch.Generator().manual_seed(3))
check_equal(mask, torch.ones(3, dtype=torch.bool), "the mask in evaluation, where x has zeros, which are kept as well")

factors, all_true, dtype = evaluation_factors(0.6, 1)
check_close(factors, [1.0, 1.0], "the smallest and the largest y/x in evaluation with p = 0.6")
check_true(all_true and dtype == "torch.bool", "the mask in evaluation with p = 0.6 is boolean and all True")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "dropout-backward-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: dropout, backward.
grad_y, mask = torch.tensor([3.0, 3.0, 3.0]), torch.tensor([True, False, True])
with unchanged(grad_y=grad_y, mask=mask):
    grad_x = dropout_backward(grad_y, mask, 0.25)
causes = {"What is kept is divided by 1 − p, on the way back as on the way forward.": [3.0, 0.0, 3.0]}
what = "the gradient for a grad_y of (3, 3, 3), p = 0.25 and the second entry dropped"
check_close(grad_x, [4.0, 0.0, 4.0], what, causes=causes)
grad_x = dropout_backward(grad_y, torch.zeros(3, dtype=torch.bool), 1.0)
check_close(grad_x, [0.0, 0.0, 0.0], "the gradient with p = 1, all zeros")
passed_visible("dropout_backward")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
    for p in (0.3, 0.0, 0.9):
        grad_y = torch.randn(4, 5, generator=generator, dtype=dtype)
        mask = torch.rand(4, 5, generator=generator) > 0.4
        with unchanged(grad_y=grad_y, mask=mask):
            grad_x = dropout_backward(grad_y, mask, p)
        keep = 1 - p
        expected = [
            [g / keep if m else 0.0 for g, m in zip(*rows, strict=True)] for rows in zip(grad_y, mask, strict=True)
        ]
        check_dtype(grad_x, dtype, "the gradient, which has the dtype of grad_y")
        check_close(grad_x, torch.tensor(expected, dtype=dtype), f"the gradient with p = {p:g}", rtol=tolerance)
grad_x = dropout_backward(grad_y, torch.zeros(4, 5, dtype=torch.bool), 1.0)
check_close(grad_x, torch.zeros(4, 5), "the gradient with p = 1 and a matrix")
grad_x = dropout_backward(grad_y.double(), torch.zeros(4, 5, dtype=torch.bool), 1.0)
check_dtype(grad_x, torch.float64, "the gradient with p = 1, which has the dtype of grad_y")
### END HIDDEN TESTS

# %% [markdown] task={"name": "noise", "minutes": 14, "difficulty": 2}
# ## Task 6. Noise as a teacher
#
# **On the inputs.** Add fresh Gaussian noise of standard deviation $s$ to every entry of $X$, each time you
# use it. The prediction moves by $\varepsilon^\top w$ per row, which has mean 0 and variance
# $s^2 \lVert w \rVert^2$. So for a linear model and the squared error of this notebook
#
# $$
# \mathbb E\; \tfrac12 \lVert (X + E)\, w - y \rVert^2 = \tfrac12 \lVert X w - y \rVert^2 + \tfrac12\, n\, s^2 \lVert w \rVert^2
# $$
#
# for $n$ rows. Noise on the inputs *is* ridge regression, with $\alpha = n s^2$. For networks this holds
# approximately, with the gradient of the output in place of $w$.
#
# **On the labels.** Some labels are wrong. A network that is asked for probability 1 pushes its logits apart
# without end, and believes the wrong labels as firmly as the right ones. *Label smoothing* asks for a little
# less:
#
# | convention | true class | each other class |
# |---|---|---|
# | Goodfellow, Bengio and Courville, 7.5.1: **this notebook** | $1 - \alpha$ | $\alpha / (K - 1)$ |
# | Szegedy et al. (2016), PyTorch's `label_smoothing` | $1 - \alpha + \alpha/K$ | $\alpha / K$ |
#
# Both rows sum to 1. The second is the first with an $\alpha$ that is $(K - 1)/K$ times as large. The loss
# then needs targets that are probabilities. With $q$ of shape $(N, K)$ and logits $z$:
#
# $$ L = -\frac1N \sum_{n=1}^{N} \sum_{k=1}^{K} q_{nk} \log \operatorname{softmax}(z_n)_k $$
#
# **Write** `noisy_input_penalty(w, std, n)`, the last term of the first formula;
# `smooth_labels(target, num_classes, alpha)`; and `cross_entropy_soft(logits, target)`, which is finite and
# right for logits of $\pm 10^4$. The experiment below trains with your loss, so give it back as a tensor:
# `.item()` would cut it off from the network.
#
# **Example.** Class 2 of $K = 4$ with $\alpha = 0.3$: $(0.1, 0.1, 0.7, 0.1)$, since $\alpha/3 = 0.1$. Two
# equal logits cost $\log 2$ whatever the target.
#
# <details><summary>Hint 1: building the labels</summary>
#
# Fill a tensor of shape $(N, K)$ with what the other classes get. Then set one entry per row:
# `y[torch.arange(N), target]`.
#
# </details>
# <details><summary>Hint 2: large logits</summary>
#
# `torch.log_softmax(logits, dim=1)` is safe; the logarithm of `torch.softmax` is not, since it may be the
# logarithm of 0.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "noise", "locked": false, "schema_version": 3, "solution": true, "task": false}
def noisy_input_penalty(w, std, n):
    """By how much ½‖Xw − y‖² grows on average when Gaussian noise is added to each entry of X.

    w: (D,); std: the standard deviation of the noise; n: the number of rows of X
    Returns one number.
    """
    ### BEGIN SOLUTION
    return n * std**2 * (w**2).sum() / 2
    ### END SOLUTION


def smooth_labels(target, num_classes, alpha):
    """1 − alpha for the true class and alpha/(K − 1) for each of the others.

    target: (N,), integers from 0 to K − 1, not all of which need to occur; num_classes: K >= 2; 0 <= alpha < 1
    Returns a float tensor of shape (N, K) whose rows sum to 1.
    """
    ### BEGIN SOLUTION
    y = torch.full((len(target), num_classes), alpha / (num_classes - 1))
    y[torch.arange(len(target)), target] = 1 - alpha
    return y
    ### END SOLUTION


def cross_entropy_soft(logits, target):
    """The mean over the batch of −Σ target · log softmax(logits).

    logits: (N, K); target: (N, K), rows of probabilities
    Returns a tensor without dimensions, differentiable with respect to the logits.
    """
    ### BEGIN SOLUTION
    return -(target * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "noisy-input-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: noise on the inputs.
causes = {
    "This is the penalty of one row. Each of the n rows adds as much.": 0.5,
    "The standard deviation has to be squared.": 25.0,
}
found = noisy_input_penalty(torch.tensor([3.0, 4.0]), 0.2, 10)
check_close(found, 5.0, "the penalty for w = (3, 4), std 0.2 and 10 rows", causes=causes)
passed_visible("noisy_input_penalty")
### BEGIN HIDDEN TESTS
generator = case_generator()
for rows, std in ((5, 0.3), (12, 2.0), (1, 0.7)):
    w = torch.randn(3, generator=generator, dtype=torch.float64) + 1
    x = torch.randn(rows, 3, generator=generator, dtype=torch.float64)
    y = torch.randn(rows, generator=generator, dtype=torch.float64)
    # The expectation of a quadratic over independent entries of this variance: the mean over ± std, one entry at a time.
    increase = 0.0
    for i, j in itertools.product(range(rows), range(3)):
        for sign in (-1, 1):
            noisy = x.clone()
            noisy[i, j] += sign * std
            increase += float(((noisy @ w - y) ** 2).sum() - ((x @ w - y) ** 2).sum()) / 4
    with unchanged(w=w):
        found = noisy_input_penalty(w, std, rows)
    what = f"the expected increase of the squared error over {rows} {'rows' if rows > 1 else 'row'} with std {std:g}"
    check_close(found, increase, what, rtol=1e-9)
check_close(noisy_input_penalty(w, 0.0, 4), 0.0, "the penalty without noise")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "smooth-labels-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: smooth labels.
pytorch = "This is PyTorch's convention, alpha/K for each class. Here the other classes get alpha/(K − 1)."
others = {pytorch: [[0.075, 0.075, 0.775, 0.075]]}
smooth = smooth_labels(torch.tensor([2]), 4, 0.3)
check_close(smooth, [[0.1, 0.1, 0.7, 0.1]], "class 2 of 4 with alpha 0.3: alpha/3 for the others", causes=others)
smooth = smooth_labels(torch.tensor([1, 0]), 3, 0.1)
check_close(smooth, [[0.05, 0.9, 0.05], [0.9, 0.05, 0.05]], "two examples, 3 classes and alpha 0.1")
check_close(smooth_labels(torch.tensor([1]), 2, 0.0), [[0.0, 1.0]], "alpha 0, which smooths nothing")
passed_visible("smooth_labels")
### BEGIN HIDDEN TESTS
generator = case_generator()
for n, k, alpha in ((5, 12, 0.1), (7, 3, 0.4), (7, 3, 0.4), (1, 6, 0.25), (4, 4, 0.6), (3, 2, 0.0)):
    target = torch.randint(k - 1, (n,), generator=generator)  # the last class does not occur
    expected = [[1 - alpha if j == t else alpha / (k - 1) for j in range(k)] for t in target.tolist()]
    szegedy = [[(1 - alpha) * (j == t) + alpha / k for j in range(k)] for t in target.tolist()]
    with unchanged(target=target):
        smooth = smooth_labels(target, k, alpha)
    what = f"{n} {'examples' if n > 1 else 'example'}, {k} classes and alpha {alpha:g}"
    check_shape(smooth, (n, k), f"the smooth labels of {what}")
    check_true(torch.as_tensor(smooth).is_floating_point(), f"the smooth labels are float numbers, {what}")
    check_close(smooth, expected, f"the smooth labels of {what}", rtol=1e-5, causes={pytorch: szegedy})
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "soft-cross-entropy-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: the cross-entropy with soft targets.
logits, target = torch.zeros(1, 2), torch.tensor([[0.3, 0.7]])
causes = {
    "This is the mean over examples and classes. Sum over the classes, then take the mean.": math.log(2) / 2,
    "The entropy of the target was subtracted. It is not, in the cross-entropy.": math.log(2)
    + 0.3 * math.log(0.3)
    + 0.7 * math.log(0.7),
}
check_close(cross_entropy_soft(logits, target), math.log(2), "the loss of two equal logits", causes=causes)
logits = torch.tensor([[0.0, math.log(3.0)], [math.log(3.0), 0.0]])
target = torch.tensor([[0.5, 0.5], [0.0, 1.0]])
expected = (math.log(4) / 2 + math.log(4 / 3) / 2 + math.log(4)) / 2
with unchanged(logits=logits, target=target):
    loss = cross_entropy_soft(logits, target)
check_close(loss, expected, "the loss of two examples and two classes")
logits = torch.tensor([[1000.0, 0.0, -1000.0]])
check_close(cross_entropy_soft(logits, torch.tensor([[0.5, 0.25, 0.25]])), 750.0, "the loss at logits of ±1000")
passed_visible("cross_entropy_soft")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-4)):
    for n, k in ((5, 3), (2, 7), (4, 4), (1, 4)):
        logits = 2 * torch.randn(n, k, generator=generator, dtype=dtype)
        target = torch.softmax(torch.randn(n, k, generator=generator, dtype=dtype), dim=1)
        with unchanged(logits=logits, target=target):
            loss = cross_entropy_soft(logits, target)
        expected = torch.nn.functional.cross_entropy(logits.double(), target.double())
        what = f"the loss of {n} {'examples' if n > 1 else 'example'} and {k} classes"
        check_close(loss, expected, what, rtol=tolerance)
        hard = torch.randint(k, (n,), generator=generator)
        one_hot = torch.eye(k, dtype=dtype)[hard]
        expected = torch.nn.functional.cross_entropy(logits.double(), hard)
        check_close(cross_entropy_soft(logits, one_hot), expected, f"{what}, targets of 0 and 1", rtol=tolerance)
    order = torch.randperm(3, generator=generator)
    logits = torch.tensor([[1e4, -1e4, 0.0], [-1e4, 0.0, -1e4]], dtype=dtype)[:, order]
    target = torch.tensor([[0.5, 0.25, 0.25], [0.0, 1.0, 0.0]], dtype=dtype)[:, order]
    check_close(cross_entropy_soft(logits, target), 3750.0, "the loss at logits of ±10⁴", rtol=1e-6)


@probe
def soft_loss_gradient(logits, target):
    """The gradient of the loss with respect to the logits, or None if the loss is cut off from them."""
    logits = logits.clone().requires_grad_()
    loss = cross_entropy_soft(logits, target)
    if not torch.is_tensor(loss) or not loss.requires_grad:
        return None
    loss.backward()
    return logits.grad


logits = torch.randn(4, 3, generator=generator)
target = torch.softmax(torch.randn(4, 3, generator=generator), dim=1)
grad = soft_loss_gradient(logits, target)
what = "the gradient that autograd finds of the loss with respect to the logits"
check_true(grad is not None, what, "Give the loss back as a tensor: .item() and float() cut it off from the network.")
check_close(grad, (torch.softmax(logits, dim=1) - target) / 4, what)
### END HIDDEN TESTS

# %% [markdown]
# Back to the ten points. Here are all the remedies beside each other, on the same polynomial of degree 8. The
# constant term is not penalized: the columns and the targets are centred first, and the mean is added back to
# the prediction.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-polynomial", "locked": true, "schema_version": 3, "solution": false, "task": false}
generator = torch.Generator().manual_seed(3)


def powers(t):
    """The powers 1 to 8 of points t in [−1, 1], shape (N, 8)."""
    return t[:, None] ** torch.arange(1, 9, dtype=torch.float64)


def truth(t):
    return torch.sin(3 * t)


def prediction(w, t):
    return (powers(t) - x_mean) @ w + y_mean


points = torch.linspace(-1, 1, 10, dtype=torch.float64)
values = truth(points) + 0.25 * torch.randn(10, generator=generator, dtype=torch.float64)
x_mean, y_mean = powers(points).mean(dim=0), values.mean()
x, y = powers(points) - x_mean, values - y_mean
held_out = 2 * torch.rand(30, generator=generator, dtype=torch.float64) - 1
held_out_values = truth(held_out) + 0.25 * torch.randn(30, generator=generator, dtype=torch.float64)

# Early stopping: gradient descent from 0, watched on held-out points.
w, lr, stopper = torch.zeros(8, dtype=torch.float64), 0.02, EarlyStopping(200)
for step in range(20_000):
    validation = ((prediction(w, held_out) - held_out_values) ** 2).mean()
    if stopper.update(step, validation, [w]):
        break
    w = w - lr * x.T @ (x @ w - y)

# Noise: every point 200 times, each time moved sideways a little, and no other penalty.
moved = points.repeat(200) + 0.15 * torch.randn(2000, generator=generator, dtype=torch.float64)
fits = {
    "none": ridge(x, y, 0.0),
    "L2, α = 0.1": ridge(x, y, 0.1),
    "L1, α = 0.1": lasso_ista(x, y, 0.1, 5000),
    f"early stopping, {stopper.best_step} steps": stopper.best_parameters[0],
    "noise on the inputs": ridge(powers(moved) - x_mean, y.repeat(200), 0.0),
}
line = torch.linspace(-1, 1, 201, dtype=torch.float64)
errors = {name: float((prediction(w, line) - truth(line)).square().mean().sqrt()) for name, w in fits.items()}
assert all(error < errors["none"] for name, error in errors.items() if name != "none")
assert int((fits["L1, α = 0.1"] == 0).sum()) >= 4

figure, axes = panels(2, 3, title="Degree 8 on ten points: every remedy beats none", size=(3.9, 3.0))
for (name, w), panel in zip(fits.items(), axes.flat, strict=False):
    curves(
        {"truth": (line, truth(line)), "fit": (line, prediction(w, line))},
        title=f"{name}",
        xlabel="",
        ylabel="",
        axes=panel,
    )
    panel.plot(points, values, "o", color="black", markersize=5, linestyle="none")
    panel.set_ylim(-1.9, 1.9)
    panel.text(0.02, 0.94, f"error {errors[name]:.2f}", transform=panel.transAxes, va="top")
    if panel is not axes[0, 0]:
        panel.get_legend().remove()
axes[0, 0].legend(loc="lower right")
sizes = {name: w.abs() for name, w in fits.items()}
short = ["none", "L2", "L1", "early", "noise"]
bars = axes[1, 2].bar(short, [float(size.sum()) for size in sizes.values()], color="#0072B2")
axes[1, 2].bar_label(bars, fmt="{:.0f}", padding=2)
axes[1, 2].margins(y=0.2)
axes[1, 2].set_title("sum of |w|", fontweight="bold", loc="left")
axes[1, 2].tick_params(axis="x", labelsize=10)
figure

# %% [markdown]
# Now a network and the digits: 300 examples to learn from, once with all labels right, once with 30 % of them
# replaced at random. Your `dropout`, `smooth_labels` and `cross_entropy_soft` are in the loop; autograd finds
# its way through them.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-digits", "locked": true, "schema_version": 3, "solution": false, "task": false}
data = digits()
few_x, few_y = data.train_x[:300], data.train_y[:300]
generator = torch.Generator().manual_seed(0)
wrong = torch.rand(300, generator=generator) < 0.3
noisy_y = torch.where(wrong, torch.randint(10, (300,), generator=generator), few_y)


def train_network(labels, p=0.0, alpha=0.0, steps=100, seed=0):
    """A network of 64, 128 and 10 units. Returns it as a function, and its accuracy on held-out digits."""
    generator = torch.Generator().manual_seed(seed)
    w1 = (torch.randn(128, 64, generator=generator) * math.sqrt(2 / 64)).requires_grad_()
    w2 = (torch.randn(10, 128, generator=generator) * math.sqrt(1 / 128)).requires_grad_()
    b1, b2 = torch.zeros(128, requires_grad=True), torch.zeros(10, requires_grad=True)
    optimizer = torch.optim.Adam([w1, b1, w2, b2], lr=0.01)
    target = smooth_labels(labels, 10, alpha)

    def network(x, training=False):
        hidden, _ = dropout(torch.relu(x @ w1.T + b1), p, training, generator)
        return hidden @ w2.T + b2

    for _ in range(steps):
        optimizer.zero_grad()
        cross_entropy_soft(network(few_x, training=True), target).backward()
        optimizer.step()
    with torch.no_grad():
        right = (network(data.held_out_x).argmax(dim=1) == data.held_out_y).double().mean()
    return network, float(right)


settings = {
    "nothing": {},
    "dropout 0.5": {"p": 0.5},
    "smoothing 0.3": {"alpha": 0.3},
    "both": {"p": 0.5, "alpha": 0.3},
}
accuracies = {
    name: [sum(train_network(y, **kw, seed=seed)[1] for seed in range(2)) / 2 for y in (few_y, noisy_y)]
    for name, kw in settings.items()
}
assert accuracies["nothing"][1] < accuracies["nothing"][0] - 0.1
assert min(accuracies["dropout 0.5"][1], accuracies["both"][1]) > accuracies["nothing"][1] + 0.02
assert accuracies["smoothing 0.3"][1] < accuracies["nothing"][1] + 0.02

figure, axes = panels(1, 1, title="With wrong labels, dropout pays; smoothing alone does not", size=(7.4, 4.0))
panel = axes[0, 0]
for i, (name, hatch) in enumerate((("all labels right", None), ("30 % of the labels random", "//"))):
    places = [j + 0.4 * i - 0.2 for j in range(4)]
    heights = [pair[i] for pair in accuracies.values()]
    bars = panel.bar(places, heights, 0.38, label=name, color=("#56B4E9", "#D55E00")[i], hatch=hatch, edgecolor="white")
    panel.bar_label(bars, [f"{h:.0%}" for h in heights], padding=2)
panel.set(ylim=(0.5, 1.06), ylabel="accuracy on held-out digits", xticks=range(4), xticklabels=list(accuracies))
panel.legend(loc="upper center", bbox_to_anchor=(0.5, -0.1), ncols=2)
figure

# %% [markdown]
# Smoothing keeps the network from being too sure, but nothing keeps it from learning the wrong labels by
# heart. Dropout does that: no small group of units can hold on to a single example.

# %% [markdown] task={"name": "mixtures", "minutes": 14, "difficulty": 1}
# ## Task 7. Examples that nobody took
#
# Three ways to get more out of the data.
#
# **Mixup** (Zhang et al., 2018) trains on straight lines between examples. One number $\lambda$ and one
# permutation $\pi$ for the whole batch, the same for inputs and labels:
#
# $$ \tilde x_i = \lambda\, x_i + (1 - \lambda)\, x_{\pi(i)}, \qquad \tilde y_i = \lambda\, y_i + (1 - \lambda)\, y_{\pi(i)} $$
#
# **FGSM** (Goodfellow et al., 2015) asks which small change of the input hurts most, if no pixel may move by
# more than $\varepsilon$. To first order it is a step of $\varepsilon$ in every pixel, uphill. Training on
# such images is adversarial training.
#
# $$ \tilde x = \operatorname{clip}\bigl(x + \varepsilon\, \operatorname{sign}(\nabla_x L),\; \text{low},\; \text{high}\bigr) $$
#
# The range is that of valid inputs, in the units of $x$. Where the gradient is 0, the pixel stays
# ($\operatorname{sign}(0) = 0$).
#
# **Several tasks at once** share their first layers, and what one task learns helps the others. The loss is a
# weighted sum, and the gradients of the shared layers *add*:
#
# $$ L = \sum_k c_k L_k $$
#
# **Write** `mixup(x, y, lam, permutation)`, where `lam` weighs the example itself;
# `fgsm(x, grad, eps, low, high)`; and `multitask_loss(losses, weights)`, through which autograd can pass.
#
# **Example.** With $\lambda = 0.75$, an example with label $(1, 0)$ and partner label $(0, 1)$ gets the label
# $(0.75, 0.25)$.
#
# <details><summary>Hint 1: the partner</summary>
#
# `x[permutation]` has in row $i$ the row $\pi(i)$ of `x`. If you write into `x` itself, later rows see mixed
# partners.
#
# </details>
# <details><summary>Hint 2: keeping the graph</summary>
#
# `.item()`, `float()` and `torch.tensor(losses)` cut a loss off from its network. Add and multiply the
# tensors themselves.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "mixtures", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mixup(x, y, lam, permutation):
    """Each example mixed with its partner.

    x: (N, ...), any number of dimensions; y: (N, K), labels as probabilities
    lam: a number from 0 to 1, the weight of the example itself
    permutation: (N,), integers; the partner of example i is permutation[i]
    Returns (x, y), mixed, of the same shapes.
    """
    ### BEGIN SOLUTION
    return lam * x + (1 - lam) * x[permutation], lam * y + (1 - lam) * y[permutation]
    ### END SOLUTION


def fgsm(x, grad, eps, low, high):
    """The adversarial example clip(x + eps·sign(grad), low, high).

    x: tensor of any shape, with entries from low to high; grad: the gradient of the loss with respect to x
    eps: the largest change of an entry, in the units of x
    Returns a tensor of the shape and dtype of x.
    """
    ### BEGIN SOLUTION
    return (x + eps * grad.sign()).clamp(low, high)
    ### END SOLUTION


def multitask_loss(losses, weights):
    """The weighted sum of the losses.

    losses: list of 0-d tensors, which may be part of a graph; weights: as many numbers
    Returns a 0-d tensor, differentiable with respect to whatever the losses depend on.
    """
    ### BEGIN SOLUTION
    return sum(weight * loss for weight, loss in zip(weights, losses, strict=True))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "mixup-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: mixup.
x = torch.tensor([[1.0, 2.0], [5.0, 6.0], [9.0, 10.0]])
y = torch.tensor([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
permutation = torch.tensor([1, 2, 0])
with unchanged(x=x, y=y, permutation=permutation):
    mixed_x, mixed_y = mixup(x, y, 0.75, permutation)
causes = {
    "The weights are exchanged: lam is that of the example itself.": [[4.0, 5.0], [8.0, 9.0], [3.0, 4.0]],
    "The partner of example i is permutation[i]: index with the permutation.": [[3.0, 4.0], [4.0, 5.0], [8.0, 9.0]],
}
what = "the inputs of three examples, mixed in a circle with lam 0.75"
check_close(mixed_x, [[2.0, 3.0], [6.0, 7.0], [7.0, 8.0]], what, causes=causes)
check_close(mixed_y, [[0.75, 0.25], [0.25, 0.75], [1.0, 0.0]], "the labels of three examples, mixed in a circle")
passed_visible("mixup")
### BEGIN HIDDEN TESTS
generator = case_generator()
for shape, dtype, tolerance in (((6, 2, 3, 1), torch.float32, 1e-5), ((5, 5), torch.float64, 1e-9)):
    n = shape[0]
    x = torch.randn(*shape, generator=generator, dtype=dtype)
    y = torch.softmax(torch.randn(n, 3, generator=generator, dtype=dtype), dim=1)
    permutation = (torch.arange(n) + 2) % n
    permutation[[0, 1]] = permutation[[1, 0]]
    for lam in (0.3, 0.97, 0.0, 1.0):
        with unchanged(x=x, y=y, permutation=permutation):
            mixed_x, mixed_y = mixup(x, y, lam, permutation)
        for name, found, given in (("inputs", mixed_x, x), ("labels", mixed_y, y)):
            expected = torch.stack([given[p].lerp(given[i], lam) for i, p in enumerate(permutation.tolist())])
            what = f"the {name} of {n} examples with lam {lam:g} on the example itself"
            check_dtype(found, dtype, f"the mixed {name}")
            check_close(found, expected, what, rtol=tolerance, atol=tolerance)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "fgsm-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: the fast gradient sign method.
x, grad = torch.tensor([0.5, 0.5, 0.5, 0.95, 0.05]), torch.tensor([3.0, -0.01, 0.0, 2.0, -2.0])
with unchanged(x=x, grad=grad):
    found = fgsm(x, grad, 0.1, 0.0, 1.0)
causes = {
    "The result leaves the range: clip it to low and high.": [0.6, 0.4, 0.5, 1.05, -0.05],
    "The step goes downhill. The loss is to rise.": [0.4, 0.6, 0.5, 0.85, 0.15],
}
what = "the adversarial example with eps 0.1 and a range of 0 to 1"
check_close(found, [0.6, 0.4, 0.5, 1.0, 0.0], what, causes=causes)
passed_visible("fgsm")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype in (torch.float64, torch.float32):
    for low, high, eps in ((-1.5, 2.25, 0.25), (0.25, 0.75, 0.125), (0.0, 255.0, 8)):
        x = low + (high - low) * torch.rand(2, 1, 4, 5, generator=generator, dtype=dtype)
        grad = 1e-3 * torch.randn(2, 1, 4, 5, generator=generator, dtype=dtype)
        x[0, 0, 0, :2], x[1, 0, 0, 0] = low, high
        grad[0, 0, 0], grad[1, 0, 0] = -grad[0, 0, 0].abs(), grad[1, 0, 0].abs()
        grad[0, 0, 1, 1], grad[0, 0, 1, 2] = 0.0, 1e-20
        with unchanged(x=x, grad=grad):
            found = fgsm(x, grad, eps, low, high)
        moved = torch.where(grad > 0, x + eps, torch.where(grad < 0, x - eps, x))
        what = f"the adversarial example in the range from {low:g} to {high:g}"
        check_dtype(found, dtype, "the adversarial example, which has the dtype of x")
        check_close(found, moved.clip(low, high), what, rtol=1e-5)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "multitask-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: several losses.
@probe
def value_and_gradient(trunk, heads, weights):
    """Task k has the loss (trunk · head k)²; returns the loss and the gradients of the trunk and of the heads."""
    trunk, heads = trunk.clone().requires_grad_(), heads.clone().requires_grad_()
    losses = [(trunk @ head) ** 2 for head in heads]
    loss = torch.as_tensor(multitask_loss(losses, weights))
    if loss.requires_grad:
        loss.backward()
    grads = [torch.zeros_like(p) if p.grad is None else p.grad for p in (trunk, heads)]
    return loss.detach().reshape(()), *grads


losses = [torch.tensor(2.0), torch.tensor(10.0)]
with unchanged(losses=losses):
    loss = multitask_loss(losses, [3.0, 0.5])
check_close(loss, 11.0, "the loss of two tasks, 2 and 10, with weights 3 and 0.5")
trunk, heads = torch.tensor([1.0, 2.0]), torch.tensor([[1.0, 0.0], [1.0, 1.0]])
loss, grad_trunk, _ = value_and_gradient(trunk, heads, [2.0, 0.5])
check_close(loss, 6.5, "the loss of two tasks that share a trunk")
cut = {
    "The loss is cut off from the network: add the losses themselves, without .item() or torch.tensor().": [0.0, 0.0]
}
what = "the gradient of the shared trunk, the sum of what both tasks send"
check_close(grad_trunk, [7.0, 3.0], what, causes=cut)
passed_visible("multitask_loss")
### BEGIN HIDDEN TESTS
generator = case_generator()
for weights, dtype in (([0.3, 2.0, -0.7], torch.float64), ((1.0,), torch.float32), ([0.0, 4.0], torch.float32)):
    trunk, heads = torch.randn(len(weights) + 1, 4, generator=generator, dtype=dtype).tensor_split([1])
    trunk = trunk[0] + 1
    found = value_and_gradient(trunk, heads, weights)
    scores, c = heads @ trunk, torch.tensor(weights, dtype=dtype)
    expected = (c * scores**2).sum(), 2 * (c * scores) @ heads, 2 * torch.outer(c * scores, trunk)
    for name, one, other in zip(
        ("loss", "gradient of the trunk", "gradients of the heads"), found, expected, strict=True
    ):
        tasks = f"{len(weights)} {'tasks' if len(weights) > 1 else 'task'}"
        check_dtype(one, dtype, f"the {name} of {tasks}, which has the dtype of the losses")
        check_close(one, other, f"the {name} of {tasks} with unequal weights", rtol=1e-4, atol=1e-4)
### END HIDDEN TESTS

# %% [markdown]
# How much does a network that reads 19 of 20 digits see in them? Move each pixel by at most 3 of 16 gray
# values, in the worst direction.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-fgsm", "locked": true, "schema_version": 3, "solution": false, "task": false}
network, accuracy = train_network(few_y, p=0.5)
x, y = data.held_out_x, data.held_out_y
low, high = float((0 - data.mean) / data.std), float((16 - data.mean) / data.std)
inputs = x.clone().requires_grad_()
cross_entropy_soft(network(inputs), smooth_labels(y, 10, 0.0)).backward()
shares = []
for gray in range(5):
    with torch.no_grad():
        answers = network(fgsm(x, inputs.grad, gray / float(data.std), low, high)).argmax(dim=1)
        noise = torch.randn(x.shape, generator=generator)  # as large a step, in a random direction
        random_answers = network(fgsm(x, noise, gray / float(data.std), low, high)).argmax(dim=1)
    shares.append([float((found == y).double().mean()) for found in (answers, random_answers)])
    if gray == 3:
        fooled = answers
assert shares[0] == [accuracy, accuracy]
assert shares[3][0] < accuracy - 0.3 < shares[3][1]

chosen = ((fooled != y) & (network(x).argmax(dim=1) == y)).nonzero().flatten()[:8]
adversarial = fgsm(x, inputs.grad, 3 / float(data.std), low, high)
images = torch.cat([x[chosen], adversarial[chosen]]).detach().reshape(-1, 8, 8) * float(data.std) + float(data.mean)
labels = [str(int(t)) for t in y[chosen]] + [f"read as {int(t)}" for t in fooled[chosen]]
image_grid(
    images,
    labels,
    title=f"±3 of 16 gray values: {shares[0][0]:.0%} right becomes {shares[3][0]:.0%} (random signs: {shares[3][1]:.0%})",
    columns=8,
    limits=(0, 16),
)

# %% [markdown] task={"name": "splits", "minutes": 14, "difficulty": 2}
# ## Task 8. What you may look at
#
# Three sets, three jobs. The **training** set chooses the weights. The **validation** set chooses everything
# else: the penalty, the step at which you stop, the architecture. The **test** set is opened once, at the
# end. Whatever you choose with a set, that set is too optimistic about.
#
# Reading the three numbers. People misread 1 % of the images, the network makes 5 % errors on the training
# set and 8 % on the validation set. Then $5 - 1 = 4$ points are *avoidable bias*: train longer, use a larger
# network. And $8 - 5 = 3$ points are *variance*: more data, more regularization. Start with the larger one.
#
# With little data, one validation set is a lottery. **k-fold cross-validation** deals the examples into $k$
# folds; each fold is the validation set once, and the other $k - 1$ are for training. Report the mean over
# the folds. The folds share their training data, so their spread is no honest standard error. And whatever
# learns from data, such as a mean to subtract, is fitted within each fold's training part, or it leaks.
#
# Data often comes sorted by class. So both functions shuffle first.
#
# **Write** `three_way_split(n, fractions, generator)`. Each part has a size within one of $n$ times its
# fraction, and nothing is lost or used twice. Rounding each size down would lose examples; giving all the
# rest to the last part can be two too many.
#
# **Write** `k_fold(n, k, generator)`, a list of $k$ pairs (train, validation). The sizes of the validation
# parts differ by at most one.
#
# **Example.** 10 examples and $k = 3$: validation parts of 4, 3 and 3, in any order, and training parts of 6,
# 7 and 7.
#
# <details><summary>Hint 1: one shuffle</summary>
#
# `torch.randperm(n, generator=generator)` is the shuffled deck. Cut it, once; a second shuffle would deal
# some cards twice.
#
# </details>
# <details><summary>Hint 2: where to cut</summary>
#
# Cut at `round(n * f1)` and at `round(n * (f1 + f2))`: round the places of the cuts, not the sizes. For the
# folds there is `tensor_split`.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "splits", "locked": false, "schema_version": 3, "solution": true, "task": false}
def three_way_split(n, fractions, generator):
    """Shuffle the indices 0 to n − 1 and cut them into three parts.

    fractions: three numbers >= 0 that sum to 1; generator: where the shuffle comes from
    Returns (train, validation, test): integer tensors, of sizes within one of n times their fraction, that have each
    index once between them.
    """
    ### BEGIN SOLUTION
    order = torch.randperm(n, generator=generator)
    first, second = round(n * fractions[0]), round(n * (fractions[0] + fractions[1]))
    return order[:first], order[first:second], order[second:]
    ### END SOLUTION


def k_fold(n, k, generator):
    """Shuffle the indices 0 to n − 1 and deal them into k folds, 2 <= k <= n.

    generator: where the shuffle comes from
    Returns a list of k pairs (train, validation) of integer tensors. The validation parts are the folds: their sizes
    differ by at most one, and each index is in exactly one. The training part has all the others.
    """
    ### BEGIN SOLUTION
    folds = torch.randperm(n, generator=generator).tensor_split(k)
    return [(torch.cat([*folds[:i], *folds[i + 1 :]]), folds[i]) for i in range(k)]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "split-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Test: three parts.
@probe
def split_facts(n, fractions, seed):
    given = three_way_split(n, fractions, torch.Generator().manual_seed(seed))
    parts = [torch.as_tensor(part) for part in given]
    indices = [int(i) for part in parts for i in part]
    return {
        "has three parts": len(parts) == 3,
        "consists of integer tensors": all(map(torch.is_tensor, given))
        and all(not p.is_floating_point() and p.dim() == 1 for p in parts),
        "has sizes within one of n times the fraction": all(
            abs(len(part) - n * f) <= 1 + 1e-6 for part, f in zip(parts, fractions, strict=True)
        ),
        "loses nothing": set(indices) == set(range(n)),
        "uses nothing twice": len(set(indices)) == len(indices),
        "is shuffled": n < 40 or (indices != sorted(indices) and set(parts[0].tolist()) != set(range(len(parts[0])))),
    }


for n in (100, 7):
    for fact, holds in split_facts(n, (0.6, 0.2, 0.2), 1).items():
        check_true(holds, f"a split of {n} examples into 60, 20 and 20 % {fact}")
passed_visible("three_way_split")
### BEGIN HIDDEN TESTS
generator = case_generator()
seed = int(torch.randint(1 << 30, (), generator=generator))
thirds = (1 / 3, 1 / 3, 1 / 3)
for n, fractions in (
    (10, (0.19, 0.19, 0.62)),
    (10, (0.16, 0.16, 0.68)),
    (11, thirds),
    (101, (0.6, 0.2, 0.2)),
    (60, [0.1, 0.2, 0.7]),
    (40, (0.75, 0.25, 0.0)),
    (3, thirds),
    (1, thirds),
):
    what = " : ".join(f"{f:.2f}" for f in fractions)
    for ask in (split_facts, split_facts.here):
        for fact, holds in ask(n, fractions, seed).items():
            check_true(holds, f"a split of n = {n} in the proportions {what} {fact}")


@probe
def split_over_many_calls(seed):
    """Where ten examples land, over 200 calls with one generator."""
    generator, reached, together, apart = torch.Generator().manual_seed(seed), set(), set(), set()
    pairs = set(itertools.combinations(range(10), 2))
    for _ in range(200):
        parts = [sorted(part.tolist()) for part in three_way_split(10, (0.4, 0.2, 0.4), generator)]
        reached |= {(index, i) for i, part in enumerate(parts) for index in part}
        here = {pair for part in parts for pair in itertools.combinations(part, 2)}
        together, apart = together | here, apart | (pairs - here)
    return {
        "sends every example to each of the three parts": len(reached),
        "sends any two examples to the same part": len(together),
        "sends any two examples to different parts": len(apart),
    }


@probe
def split_counts(seed, calls):
    """How often each of ten examples lands in each part, and the mean size of each part."""
    generator, counts = torch.Generator().manual_seed(seed), torch.zeros(10, 3)
    for _ in range(calls):
        for i, part in enumerate(three_way_split(10, (0.4, 0.2, 0.4), generator)):
            counts[part.long(), i] += 1
    return counts, counts.sum(dim=0) / (10 * calls)


@probe
def split_draws(seed):
    def draw(generator):
        return [part.tolist() for part in three_way_split(30, (0.5, 0.3, 0.2), generator)]

    return facts_about_draws(draw, seed)


# In one call two examples are together with probability 13/45. An example misses a part of 20 % in 200 calls with
# probability 0.8²⁰⁰ = 4e-20; two are always apart with (32/45)²⁰⁰ = 3e-30, always together with (13/45)²⁰⁰ = 1e-108.
for fact, count in split_over_many_calls(seed).items():
    all_of_them = 30 if "every" in fact else 45
    cause = "Shuffle all examples before cutting."
    check_true(count == all_of_them, f"three_way_split, over many calls, {fact}", cause)
# 9/10 of this is χ² with 18 degrees of freedom: a uniform shuffle exceeds 90 once in 10⁹ submissions.
counts, shares = split_counts(seed, 1000)
chi_squared = float(((counts - 1000 * shares) ** 2 / (1000 * shares)).sum())
cause = "Some examples come into one part more often than others do: is the shuffle uniform?"
check_true(chi_squared < 90, "three_way_split sends every example equally often to each part", cause)
for draws in (split_draws, split_draws.here):
    for fact, holds in draws(seed).items():
        check_true(holds, f"three_way_split {fact}", CAUSES_OF_DRAWS[fact])
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "k-fold-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: folds.
@probe
def fold_facts(n, k, seed):
    folds = k_fold(n, k, torch.Generator().manual_seed(seed))
    held_out = [validation.tolist() for _, validation in folds]
    everyone = set(range(n))
    dealt = sorted(i for validation in held_out for i in validation)
    return {
        "has k pairs": len(folds) == k,
        "consists of integer tensors": all(not p.is_floating_point() and p.dim() == 1 for pair in folds for p in pair),
        "has validation parts whose sizes differ by at most one": max(map(len, held_out)) - min(map(len, held_out))
        <= 1,
        "leaves no example out of validation": set(dealt) == everyone,
        "has no example in two validation parts": len(set(dealt)) == len(dealt),
        "trains on nothing that it validates on": all(not set(t.tolist()) & set(v.tolist()) for t, v in folds),
        "trains on all that it does not validate on": all(
            sorted(t.tolist()) == sorted(everyone - set(v.tolist())) for t, v in folds
        ),
        "does not cut the examples in the order in which they come": n < 40
        or set(held_out[0]) != set(range(len(held_out[0]))),
        "does not deal every k-th example to a fold": n < 40 or len({i % k for i in held_out[0]}) > 1,
    }


# 11 of 42 examples are the first 11, or every fourth one, by a chance of 1 in 10⁹.
for n, k in ((10, 5), (42, 4), (7, 3)):
    for fact, holds in fold_facts(n, k, 0).items():
        check_true(holds, f"k_fold with {n} examples and {k} folds {fact}")
passed_visible("k_fold")
### BEGIN HIDDEN TESTS
generator = case_generator()
seed = int(torch.randint(1 << 30, (), generator=generator))
cases = ((11, 4), (6, 6), (9, 2), (103, 10), (14, 5))
for ask, (n, k) in itertools.product((fold_facts, fold_facts.here), cases):
    for fact, holds in ask(n, k, seed).items():
        check_true(holds, f"k_fold with {n} examples and {k} folds {fact}")


@probe
def folds_over_many_calls(seed):
    """Where ten examples land, over 150 calls with one generator."""
    generator, reached, together = torch.Generator().manual_seed(seed), set(), set()
    for _ in range(150):
        for i, (_, validation) in enumerate(k_fold(10, 3, generator)):
            reached |= {(index, i) for index in validation.tolist()}
            together |= set(itertools.combinations(sorted(validation.tolist()), 2))
    return {
        "sends every example to each of the folds": len(reached) == 30,
        "sends any two examples to the same fold": len(together) == 45,
    }


@probe
def fold_draws(seed):
    def draw(generator):
        return [[part.tolist() for part in pair] for pair in k_fold(30, 4, generator)]

    return facts_about_draws(draw, seed)


# Two examples are apart in 150 calls with probability (11/15)¹⁵⁰ = 6e-21.
for fact, holds in folds_over_many_calls(seed).items():
    check_true(holds, f"k_fold, over many calls, {fact}", "Shuffle all examples before dealing.")
for draws in (fold_draws, fold_draws.here):
    for fact, holds in draws(seed).items():
        check_true(holds, f"k_fold {fact}", CAUSES_OF_DRAWS[fact])
### END HIDDEN TESTS

# %% [markdown] task={"name": "tuning", "minutes": 14, "difficulty": 2}
# ## Task 9. Overfitting by hand
#
# Try $N$ ideas that do nothing, and compare each with your baseline by a test that raises a false alarm with
# probability 2.5 % (the upper tail). You will "improve" at least once with probability
#
# $$ 1 - (1 - 0.025)^N $$
#
# That is 40 % for 20 ideas, 92 % for 100. This is the *winner's curse*: the best of many is good **and**
# lucky, and the luck does not repeat. The formula holds for independent comparisons. If all are made against
# one noisy baseline, they are not independent, and the experiment below shows what then happens.
#
# How to search, then? A grid of 4 learning rates, 4 penalties and 3 widths has $4 \cdot 4 \cdot 3 = 48$
# configurations, but tries only 4 different learning rates. **Random search** tries 48, for the same price,
# and mostly one or two of the numbers matter (Bergstra and Bengio, 2012). A learning rate is drawn
# *log-uniformly*: the step from 0.001 to 0.01 is as large as the one from 0.1 to 1.
#
# $$ \log v \sim \text{uniform on } [\log \text{low},\, \log \text{high}] $$
#
# **Write** `winners_curse(trials, tail=0.025)` and `random_search(space, trials, generator)`. `space` says
# for each name how to draw: `("uniform", low, high)`, `("loguniform", low, high)` with the natural values as
# limits, or `("choice", values)`. Each value of each trial is drawn independently.
#
# **Example.** `random_search({"lr": ("loguniform", 1e-4, 1), "width": ("choice", [64, 128])}, 2, generator)`
# could return `[{"lr": 0.0031, "width": 128}, {"lr": 0.24, "width": 128}]`.
#
# <details><summary>Hint 1: a uniform number</summary>
#
# `u = torch.rand((), generator=generator).item()` is uniform on $[0, 1)$. Stretch it: `low + (high - low) * u`.
#
# </details>
# <details><summary>Hint 2: the other two</summary>
#
# For "loguniform" draw uniformly between `math.log(low)` and `math.log(high)` and take `math.exp`. For
# "choice" draw an index: `int(u * len(values))`. Return the value itself, whatever its type.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "tuning", "locked": false, "schema_version": 3, "solution": true, "task": false}
def winners_curse(trials, tail=0.025):
    """The probability that at least one of `trials` independent comparisons raises a false alarm.

    trials: an integer >= 0; tail: the probability of a false alarm in one comparison
    Returns a number between 0 and 1.
    """
    ### BEGIN SOLUTION
    return 1 - (1 - tail) ** trials
    ### END SOLUTION


def random_search(space, trials, generator):
    """Draw configurations, every value independently of all others.

    space: a dict from names to ("uniform", low, high), ("loguniform", low, high) with 0 < low < high, or
        ("choice", values), a list or tuple of anything, one of which is returned as it is
    trials: how many; generator: where all draws come from
    Returns a list of `trials` dicts, each with the names of space.
    """

    ### BEGIN SOLUTION
    def u():
        return torch.rand((), generator=generator, dtype=torch.float64).item()

    draw = {
        "uniform": lambda low, high: low + (high - low) * u(),
        "loguniform": lambda low, high: low * (high / low) ** u(),
        "choice": lambda values: values[int(u() * len(values))],
    }
    return [{name: draw[kind](*limits) for name, (kind, *limits) in space.items()} for _ in range(trials)]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "winners-curse-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Test: the winner's curse.
causes = {
    "The probabilities were added. Two alarms at once would count twice, and 100 ideas would give 250 %.": 0.5,
    "This is the probability that there is no false alarm at all.": 0.60,
}
check_close(winners_curse(20), 0.40, "the winner's curse of 20 trials", atol=0.005, rtol=0.0, causes=causes)
check_close(winners_curse(100), 0.92, "the winner's curse of 100 trials", atol=0.005, rtol=0.0)
check_close(winners_curse(1, 0.3), 0.3, "the winner's curse of a single trial with a tail of 0.3")
check_close(winners_curse(2, tail=0.5), 0.75, "the winner's curse of two trials with a tail of ½")
passed_visible("winners_curse")
### BEGIN HIDDEN TESTS
for trials, tail in ((3, 0.1), (5, 0.025), (59, 0.05), (7, 0.9)):
    # Over the first alarm: it comes at trial i after i quiet ones.
    expected = sum(tail * (1 - tail) ** i for i in range(trials))
    check_close(winners_curse(trials, tail=tail), expected, f"{trials} trials with a tail of {tail:g}", rtol=1e-5)
check_close(winners_curse(28), 0.508, "28 trials with the default tail", atol=5e-4, rtol=0.0)
check_close(winners_curse(0), 0.0, "no trial at all")
check_close(winners_curse(400, 0.005), 1 - 0.995**400, "four hundred trials with a small tail", rtol=1e-4)
expected = -math.expm1(10 * math.log1p(-1e-6))
check_close(winners_curse(10, 1e-6), expected, "ten trials with a tail of one in a million", rtol=1e-5, atol=0.0)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "random-search-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Test: random search.
@probe
def search_summary(space, names, cut, trials, seed):
    """Shares, of a uniform a, a log-uniform b and a choice c, coarse enough not to depend on the single draws."""
    a, b, c = names
    found = random_search(space, trials, torch.Generator().manual_seed(seed))
    first = torch.tensor([float(one[a]) for one in found], dtype=torch.float64)
    second = torch.tensor([float(one[b]) for one in found], dtype=torch.float64)
    third = [one[c] for one in found]
    values = list(space[c][1])
    ranks = torch.stack(
        [
            first,
            second.clamp(min=1e-9).log(),
            torch.tensor([float(values.index(v)) if v in values else -1.0 for v in third]),
        ]
    )
    ties = torch.corrcoef(torch.cat([ranks[:, 1:], ranks[:, :-1]])) - torch.eye(6)
    together, next_one = ties[:3, :3], ties[:3, 3:]
    (_, low_a, high_a), (_, low_b, high_b) = space[a], space[b]
    return {
        "trials": len(found),
        "names": sorted(found[0]),
        "in range": [
            bool(((first >= low_a - 1e-5 * abs(low_a)) & (first <= high_a + 1e-5 * abs(high_a))).all()),
            bool(((second >= low_b * (1 - 1e-5)) & (second <= high_b * (1 + 1e-5))).all()),
        ],
        "different values": [len(set(first.tolist())) > trials / 2, len(set(second.tolist())) > trials / 2],
        "below the cuts": [
            round(5 * (first < low_a + cut * (high_a - low_a)).double().mean().item()) / 5,
            round(5 * (second < low_b * (high_b / low_b) ** cut).double().mean().item()) / 5,
        ],
        "equal shares of the choice": all(abs(third.count(v) / trials - 1 / len(values)) < 0.07 for v in values),
        "types of the choice": sorted({type(v).__name__ for v in third}),
        "correlation": (2 * together.nan_to_num(1.0).abs().max()).round().item() / 2,
        "correlation with the next trial": (2 * next_one.nan_to_num(1.0).abs().max()).round().item() / 2,
        "repeats": bool(trials > 1 and first[0] == first[1]),
    }


def expect_search(space, names, cut, trials, seed, what, ask=search_summary):
    found = ask(space, names, cut, trials, seed)
    check_equal(found["trials"], trials, f"the number of trials, {what}")
    check_equal(found["names"], sorted(space), f"the names in a trial, {what}")
    check_true(
        not found["repeats"], f"the first two trials differ, {what}", "Draw anew for each trial, into a new dict."
    )
    for i, kind in enumerate(("uniform", "log-uniform")):
        check_true(found["in range"][i], f"all {kind} values are between low and high, {what}")
        check_true(found["different values"][i], f"the {kind} values differ from trial to trial, {what}")
        share = f"the share of {kind} values below {cut:.0%} of the way from low to high"
        if i == 1:
            share = f"the share of log-uniform values below {cut:.0%} of the way from log low to log high"
        check_close(found["below the cuts"][i], cut, f"{share}, {what}", rtol=1e-6)
    values = space[names[2]][1]
    cause = "Draw the index uniformly from 0 to len(values) − 1, both included."
    check_true(found["equal shares of the choice"], f"all values of the choice are drawn equally often, {what}", cause)
    kinds = sorted({type(v).__name__ for v in values})
    check_true(
        found["types of the choice"] == kinds, f"the types of the values chosen, {what}", "Return the value itself."
    )
    cause = "Draw every value by itself; one random number for several of them ties them together."
    check_true(found["correlation"] == 0.0, f"the values of one trial are independent, {what}", cause)
    cause = "Draw every value by itself, not as a change of the one before."
    check_true(
        found["correlation with the next trial"] == 0.0, f"a trial does not depend on the one before, {what}", cause
    )


space = {
    "dropout": ("uniform", 0.1, 0.6),
    "lr": ("loguniform", 1e-4, 1.0),
    "width": ("choice", [32, 64, 128, 256, 512]),
}
expect_search(space, ("dropout", "lr", "width"), 0.4, 1500, 0, "1,500 trials")
passed_visible("random_search")
### BEGIN HIDDEN TESTS
# A share of 1,500 draws is within 0.07 of its expectation, but for 1 case in 10⁸, and within 0.1 but for 1 in 10¹⁴; a
# correlation is within 0.25 but for 1 in 10²⁰.
generator = case_generator()
seed = int(torch.randint(1 << 30, (), generator=generator))
space = {"b": ("loguniform", 1e-6, 1e-2), "c": ("choice", ["relu", None, 3, 0.5, True]), "a": ("uniform", -4.0, 6.0)}
expect_search(space, ("a", "b", "c"), 0.6, 1500, seed, "names in another order")
space = {"a": ("uniform", 2, 10), "c": ("choice", (5, 2.5, 3)), "b": ("loguniform", 4, 7)}
for ask in (search_summary, search_summary.here):
    expect_search(space, ("a", "b", "c"), 0.2, 1500, seed, "whole numbers as limits", ask=ask)


@probe
def search_edges(seed):
    generator = torch.Generator().manual_seed(seed)
    pairs = random_search({"one": ("choice", [[1, 2], (3,)])}, 40, generator)
    kinds = [("uniform", 0.0, 1.0), ("loguniform", 1.0, 10.0), ("choice", ["a", "b", "c", "d"])]
    space = {f"{kind[0]} {which}": kind for kind in kinds for which in "xyz"}
    many = random_search(space, 60, generator)
    again = random_search({"x": ("choice", ["a", "b", "c"])}, 60, generator)
    xs = [one["x"] for one in again]
    return {
        "leaves the space as it is": space == {f"{kind[0]} {which}": kind for kind in kinds for which in "xyz"}
        and kinds == [("uniform", 0.0, 1.0), ("loguniform", 1.0, 10.0), ("choice", ["a", "b", "c", "d"])],
        "gives no trial if none is asked for": len(random_search({"x": ("uniform", 0, 1)}, 0, generator)) == 0,
        "returns lists and tuples as they are": all(one["one"] in ([1, 2], (3,)) for one in pairs),
        "draws two values of the same kind separately": all(
            any(one[f"{kind} x"] != one[f"{kind} y"] for one in many) for kind in ("uniform", "loguniform", "choice")
        ),
        "draws a choice with replacement": len(set(xs)) == 3
        and any(len(set(xs[i : i + 3])) < 3 for i in range(0, 60, 3)),
        "draws each trial from the whole range": all(
            len({int(60 * share(one[f"{kind} x"])) for one in many}) < 60
            for kind, share in (("uniform", float), ("loguniform", lambda value: math.log10(float(value))))
        ),
    }


@probe
def search_draws(seed):
    def draw(generator):
        space = {"a": ("uniform", 0.0, 1.0), "b": ("loguniform", 0.1, 10.0), "c": ("choice", list("abcdefgh"))}
        return [[float(one["a"]), float(one["b"]), one["c"]] for one in random_search(space, 12, generator)]

    return facts_about_draws(draw, seed)


# Sixty draws fall into sixty different sixtieths, or twenty times three into all three values, 1 time in 10¹³.
causes = {"draws each trial from the whole range": "Draw every value by itself, not one from each part of the range."}
for fact, holds in search_edges(seed).items():
    check_true(holds, f"random_search {fact}", causes.get(fact, ""))
for fact, holds in search_draws(seed).items():
    check_true(holds, f"random_search {fact}", CAUSES_OF_DRAWS[fact])
### END HIDDEN TESTS

# %% [markdown]
# Is the formula true? Simulate ideas that do nothing: each result is pure noise. Once each idea has a
# baseline of its own, once all share one.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-winners-curse", "locked": true, "schema_version": 3, "solution": false, "task": false}
generator = torch.Generator().manual_seed(0)
counts = [1, 2, 5, 10, 20, 50, 100]
ideas = torch.randn(20_000, 100, generator=generator)
baselines = torch.randn(20_000, 100, generator=generator)
alarm = math.sqrt(2) * 1.959964  # the 97.5 % point of the difference of two results
own = [float(((ideas - baselines)[:, :n].amax(dim=1) > alarm).double().mean()) for n in counts]
shared = [float(((ideas - baselines[:, :1])[:, :n].amax(dim=1) > alarm).double().mean()) for n in counts]
formula = [winners_curse(n) for n in counts]
luck = {n: float(ideas[:, :n].amax(dim=1).mean()) for n in (20, 100)}
for found, at_20, at_100 in ((own, 0.40, 0.92), (shared, 0.21, 0.40)):
    assert abs(found[counts.index(20)] - at_20) < 0.015
    assert abs(found[-1] - at_100) < 0.015
assert abs(luck[20] - 1.87) < 0.02
assert abs(luck[100] - 2.51) < 0.02
print(
    f"The best of 20 useless ideas lies {luck[20]:.2f} standard deviations above the mean, the best of 100 {luck[100]:.2f}."
)

figure = curves(
    {"a baseline for each idea": (counts, own), "one baseline for all": (counts, shared)},
    title=f"100 useless ideas: {own[-1]:.0%} find an “improvement”, {shared[-1]:.0%} with one baseline",
    xlabel="ideas tried",
    ylabel="probability of a false discovery",
    logx=True,
)
figure.axes[0].plot(counts, formula, "o", color="black", markersize=6, linestyle="none", label="1 − 0.975ᴺ")
figure.axes[0].legend()
figure

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-search", "locked": true, "schema_version": 3, "solution": false, "task": false}
# The same 48 trials, spent on a grid and at random. Only the learning rate matters much here, as it often does.
grid = list(itertools.product([1e-4, 1e-3, 1e-2, 1e-1], [0.0, 1e-4, 1e-3, 1e-2], [64, 128, 256]))
assert len(grid) == 4 * 4 * 3 == 48
space = {
    "lr": ("loguniform", 1e-4, 1e-1),
    "weight_decay": ("loguniform", 1e-5, 1e-2),
    "width": ("choice", [64, 128, 256]),
}
found = random_search(space, 48, torch.Generator().manual_seed(0))
assert len({lr for lr, _, _ in grid}) == 4
assert len({one["lr"] for one in found}) == 48
# 59 random trials hit the best 5 % of the space with a probability of 95 %.
assert winners_curse(58, tail=0.05) < 0.95 <= winners_curse(59, tail=0.05)
# People 1 %, training 5 %, validation 8 %: avoidable bias 4 points, variance 3.
human, train, validation = 1, 5, 8
assert (train - human, validation - train) == (4, 3)

figure, axes = panels(1, 2, title="48 trials: a grid tries 4 learning rates, random search 48")
trials_of = {
    "grid": [(lr, max(decay, 1e-5)) for lr, decay, _ in grid],
    "random": [(one["lr"], one["weight_decay"]) for one in found],
}
for (name, trials), panel in zip(trials_of.items(), axes[0], strict=True):
    panel.plot(*zip(*trials, strict=True), "o", color="#0072B2", linestyle="none", clip_on=False)
    panel.plot(
        [lr for lr, _ in trials], [4e-6] * 48, "|", color="#D55E00", markersize=12, linestyle="none", clip_on=False
    )
    panel.set(xscale="log", yscale="log", title=name, xlabel="learning rate", ylim=(4e-6, 2e-2), xlim=(8e-5, 1.3e-1))
axes[0, 0].set_ylabel("weight decay")
figure

# %% [markdown] task={"name": "questions", "minutes": 14, "difficulty": 2}
# ## Task 10. Two questions
#
# A few sentences each, in your own words. An instructor reads them.

# %% [markdown] nbgrader={"grade": false, "grade_id": "question-equivalence", "locked": true, "schema_version": 3, "solution": false, "task": false}
# **Question 1.** "Early stopping is the same as L2 regularization." Say in which setting this is exactly
# true, and what is different even there from one ridge regression with one $\alpha$. Which directions does
# early stopping leave almost unregularized, and which does it regularize most? Use the figure of Task 4.
#
# <details><summary>Hint 1: where to start</summary>
#
# What is assumed about the loss, about the start, and about the learning rate in the derivation of Task 4?
#
# </details>
# <details><summary>Hint 2: the figure</summary>
#
# Read the equivalent α at the left end and at the right end, for 20 steps of 0.05.
#
# </details>
#
# ### BEGIN MARK SCHEME
# - 1 point: exact for gradient descent from $w = 0$ on a quadratic loss (linear regression) with
#   $\eta\lambda < 1$; in a network only approximately, near a minimum.
# - 1 point: there is one $\alpha_i$ for each eigenvalue, not one for all; a single
#   $\alpha \approx 1/(\tau\eta)$ results only if $\tau\eta\lambda \ll 1$ for all.
# - 1 point: directions of large eigenvalue have $\alpha_i$ near 0, they are fitted first and left
#   unregularized; those of small eigenvalue have $\alpha_i \approx 1/(\tau\eta)$, which is large compared
#   with $\lambda$, and hardly move.
#
# "Both keep the weights small" alone gets no point.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "answer-equivalence", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# It is exact for gradient descent that starts at $w = 0$ on a quadratic loss, with a learning rate of
# $\eta\lambda < 1$ for every eigenvalue $\lambda$ of the Hessian. Even there it is not one ridge regression:
# each eigenvector has its own $\alpha_i$. In the figure $\alpha$ is about 1 for the small eigenvalues, which
# is $1/(\tau\eta)$, and falls to almost 0 for the large ones. Directions of large curvature are fitted within
# a few steps, so stopping leaves them as least squares would have them; directions of small curvature have
# hardly started, so they are shrunk most. One $\alpha$ for all appears only if $\tau\eta\lambda$ is small
# everywhere. For a network the loss is quadratic only near a minimum, and the start is not 0, so it is an
# approximation there.

# %% [markdown] nbgrader={"grade": false, "grade_id": "question-report", "locked": true, "schema_version": 3, "solution": false, "task": false}
# **Question 2.** A team trains with 100 configurations, keeps the one with the best validation accuracy,
# 91.3 %, and reports: "Our method improves on the baseline's 91.0 %; the difference is significant at the
# 2.5 % level." The inputs were standardized with the mean of all data before splitting. Name what is wrong, with a
# number where you can, and describe what they should have done.
#
# <details><summary>Hint 1: where to start</summary>
#
# How likely is such a "discovery" if all 100 configurations are as good as the baseline?
#
# </details>
# <details><summary>Hint 2: which set</summary>
#
# Which set chose the winner, which set was it reported on, and who has seen the mean?
#
# </details>
#
# ### BEGIN MARK SCHEME
# - 1 point: the winner's curse, with a number: $1 - 0.975^{100} = 0.92$ for independent comparisons, about
#   0.40 if they share one baseline; or: the best of 100 lies 2.5 standard deviations above the mean by luck
#   alone.
# - 1 point: the number was measured on the set that chose the configuration; they should open a test set
#   once, for the chosen one, and repeat both methods with several seeds (or give the baseline as many
#   trials).
# - 1 point: leakage: the mean must come from the training part alone, within each fold if they cross-validate.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "answer-report", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# If no configuration were better than the baseline, the best of 100 would still pass a 2.5 % test with a
# probability of $1 - 0.975^{100} = 92$ %, and of about 40 % if all are compared with the same run of the
# baseline. The best of 100 equal ones lies 2.5 standard deviations above their mean. So the 0.3 points may be
# luck. The 91.3 % are also measured on the set that chose the winner, which is optimistic. They should choose
# on the validation set, then open a test set once, for the chosen configuration and for the baseline, both
# with several seeds, and with as much tuning for the baseline. And the mean must be computed from the
# training part alone: computed from all data, it has let the held-out examples into the training.

# %% [markdown]
# ## What you have built
#
# Every method here limits how much the training data can say: a price on the weights, a stop, noise, missing
# units, soft labels. You know two exact bridges between them: noise on the inputs is ridge, and stopping
# early is ridge with an $\alpha$ for each direction. In PyTorch they are called `weight_decay`,
# `torch.nn.Dropout` and `label_smoothing`; you know now which convention each of them has. And you know the
# form of overfitting that no library prevents.
