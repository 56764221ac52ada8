# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   descent:
#     title: Vanishing and exploding gradients
#     budget: {cell_seconds: 30, call_seconds: 6}
# ---

# %% [markdown]
# # Vanishing and exploding gradients
#
# A network of thirty layers does not learn. Its code is right: a numerical gradient agrees with every derivative.
# Its learning rate is right. Yet the first layers hardly move, and after a small change of the weights everything
# is `nan`.
#
# The reason fits in one line. The gradient that reaches the first layer is a product with one matrix per layer,
#
# $$ \frac{\partial L}{\partial x} = J_1^\top J_2^\top \cdots J_L^\top\, \frac{\partial L}{\partial h_L}, $$
#
# and a product of thirty factors of size 0.5 is $10^{-9}$, of size 2 it is $10^{9}$. In this notebook you make that
# sentence exact. The size of a matrix is told by its *singular values* (tasks 1 to 3). You compute the matrices
# $J_\ell$ of a real network, the gradients that come out of them (tasks 4 to 6), and one number that says how fast
# they fade (task 7). Then you choose the weights so that nothing fades before training starts (task 8), and cut off
# what still explodes (task 9).
#
# **Conventions.** A network here is the plainest one possible: $h_0 = x$ is one input vector, and layer $\ell$
# computes
#
# $$ z_\ell = W_\ell\, h_{\ell - 1}, \qquad h_\ell = \varphi(z_\ell), $$
#
# without bias. *Every* layer has the activation $\varphi$, the last one too. `weights` is the list
# $W_1, \dots, W_L$, each `weight` of shape (out_features, in_features). `activation` is one of `"linear"`
# ($\varphi(z) = z$), `"sigmoid"`, `"tanh"`, `"relu"`. The slope of relu at 0 is 0. Norms without an index are
# Euclidean, $\|x\| = \sqrt{\sum_i x_i^2}$, for a matrix *Frobenius*: the same sum over all entries.
#
# **Rules.** Everything in `torch` and `numpy` is allowed, and an array is as good a result as a tensor. Automatic
# differentiation is too, but it does not show you why a gradient is small, and the products do. A result that is
# one number may be a float or a tensor without dimensions; where several are asked for, a list or a tuple. Matrices
# and clipped gradients have the dtype of the inputs, float32 or float64. No function may change its arguments.
#
# **How to work.** Write a function, run the cell below it, read what it says. The visible checks catch most
# mistakes. The grader adds hidden ones: other shapes, other dtypes, extreme values.

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
    passed_visible,
    unchanged,
)
from utils.data import photograph
from utils.plotting import curves, image_grid, loss_surface, panels, per_layer, spectra


# %% nbgrader={"grade": false, "grade_id": "activate", "locked": true, "schema_version": 3, "solution": false, "task": false}
def activate(z, activation):
    """h = φ(z), entry by entry, for "linear", "sigmoid", "tanh" and "relu". Yours to use."""
    if activation == "linear":
        return z
    return {"sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}[activation](z)


# %% [markdown] task={"name": "low-rank", "minutes": 18, "difficulty": 2}
# ## Task 1. Every matrix is a sum
#
# Any matrix $A$ with $m$ rows and $n$ columns can be written as a sum of simple ones, its *singular value
# decomposition* (SVD):
#
# $$
# \underset{(m, n)}{A} = U \Sigma V^\top = \sum_{i=1}^{\min(m, n)} \sigma_i\, \underset{(m)}{u_i}\, \underset{(n)}{v_i^\top},
# \qquad \sigma_1 \ge \sigma_2 \ge \dots \ge 0
# $$
#
# The $u_i$ have length 1 and are orthogonal to each other, and so are the $v_i$. So all information about size is
# in the *singular values* $\sigma_i$. (The sum does not care about the order of its terms; the largest first is a
# convention.) A term with a small $\sigma_i$ can be left out. Keep the first $k$ terms: no matrix of rank $k$ is
# nearer to $A$ (Eckart and Young, 1936). What is lost and what is kept can be read off the singular values alone,
# because $\|A\|^2 = \sum_i \sigma_i^2$.
#
# **Write** three functions.
#
# - `low_rank_approximation(a, k)`: the sum of the first $k$ terms, a matrix of the shape of `a`. Exactly $k$ terms,
#   also when several $\sigma_i$ are equal; none for $k = 0$, all for $k = \min(m, n)$.
# - `storage_cost(m, n, k)`: how many numbers the first $k$ terms need. Each is stored as one vector with $m$ and
#   one with $n$ entries; $\sigma_i$ is multiplied into one of them and costs nothing. For large $k$ this is more
#   than the $mn$ numbers of $A$ itself: then it saves nothing, but that is what it costs.
# - `energy_kept(singular_values, k)`: the share of $\|A\|^2$ in the first $k$ terms, between 0 (for $k = 0$) and 1.
#
# **Example.** The matrix $\begin{pmatrix} 3 & 4 & 1 \\ 3 & 4 & -1 \end{pmatrix}$ has $\sigma_1 = \sqrt{50}$ and
# $\sigma_2 = \sqrt 2$. Its best approximation of rank 1 is $\begin{pmatrix} 3 & 4 & 0 \\ 3 & 4 & 0 \end{pmatrix}$.
# It is stored in $1 \cdot (2 + 3) = 5$ numbers and keeps $50/52$ of the energy.
#
# <details><summary>Hint 1: where to start</summary>
#
# `u, s, vt = torch.linalg.svd(a, full_matrices=False)` gives $U$, the $\sigma_i$ (largest first) and $V^\top$: the *rows*
# of `vt` are the $v_i$.
#
# </details>
# <details><summary>Hint 2: the first k terms</summary>
#
# `u[:, :k]`, `s[:k]` and `vt[:k]` belong to them. `u[:, :k] * s[:k]` multiplies column $i$ by $\sigma_i$. A slice
# of length 0 is fine: the product of an $(m, 0)$ and a $(0, n)$ matrix is a matrix of zeros.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "low-rank", "locked": false, "schema_version": 3, "solution": true, "task": false}
def low_rank_approximation(a, k):
    """The best approximation of a matrix by one of rank k: the first k terms of its SVD.

    a: (m, n), wide, tall or square; k: integer, 0 <= k <= min(m, n)
    Returns a tensor of shape (m, n) and the dtype of a. Its rank is k, or the rank of a if that is smaller.
    """
    ### BEGIN SOLUTION
    u, s, vt = torch.linalg.svd(a, full_matrices=False)
    return (u[:, :k] * s[:k]) @ vt[:k]
    ### END SOLUTION


def storage_cost(m, n, k):
    """How many numbers k terms of an (m, n) matrix need: m + n each."""
    ### BEGIN SOLUTION
    return k * (m + n)
    ### END SOLUTION


def energy_kept(singular_values, k):
    """The share of the squared Frobenius norm in the first k terms.

    singular_values: (r,), largest first, not all 0; k: integer, 0 <= k <= r
    Returns a number from 0 to 1.
    """
    ### BEGIN SOLUTION
    squares = singular_values**2
    return squares[:k].sum() / squares.sum()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "low-rank-test", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
# Test: the best approximation of rank k.
wide = torch.tensor([[3.0, 4.0, 1.0], [3.0, 4.0, -1.0]])
rank_1 = torch.tensor([[3.0, 4.0, 0.0], [3.0, 4.0, 0.0]])
with unchanged(a=wide):
    approximation = low_rank_approximation(wide, 1)
residual = "This is what the approximation leaves out. Return the terms that are kept."
check_close(approximation, rank_1, "rank 1, a wide matrix", causes={residual: wide - rank_1})
check_close(low_rank_approximation(wide.T, 1), rank_1.T, "rank 1, a tall matrix")
check_close(low_rank_approximation(wide, 2), wide, "rank 2 of a matrix with two rows, which is the matrix itself")
check_close(low_rank_approximation(wide, 0), torch.zeros(2, 3), "rank 0, a matrix of zeros", atol=1e-5)
passed_visible("low_rank_approximation")
### BEGIN HIDDEN TESTS
generator = case_generator()


def matrix_with(singular_values, m, n, dtype):
    """A random matrix with the given singular values, min(m, n) of them."""
    r = len(singular_values)
    u = torch.linalg.qr(torch.randn(m, r, generator=generator, dtype=torch.float64))[0]
    v = torch.linalg.qr(torch.randn(n, r, generator=generator, dtype=torch.float64))[0]
    return ((u * torch.tensor(singular_values, dtype=torch.float64)) @ v.T).to(dtype)


def projected(a, k):
    """The rows of a projected onto the k leading eigenvectors of AᵀA."""
    a = a.double()
    v = torch.linalg.eigh(a.T @ a).eigenvectors.flip(1)[:, :k]
    return a @ v @ v.T


for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-4)):
    for m, n, kind in ((6, 5, "a tall matrix"), (5, 6, "a wide matrix"), (5, 5, "a square matrix")):
        a = matrix_with([5.0, 3.0, 2.0, 0.7, 2e-3 if dtype == torch.float64 else 0.3], m, n, dtype)
        for k in range(6):
            with unchanged(a=a):
                approximation = low_rank_approximation(a, k)
            check_shape(approximation, (m, n), f"the approximation of {kind}, which has its shape")
            check_dtype(approximation, dtype, f"the approximation of {kind}, which has its dtype")
            check_close(approximation, projected(a, k), f"rank {k} of {kind}", rtol=tolerance, atol=tolerance)

for m, n, kind in ((5, 5, "a multiple of an orthogonal matrix"), (6, 4, "a tall matrix"), (4, 6, "a wide matrix")):
    for k in (1, 2, 3):
        a = matrix_with([2.5] * min(m, n), m, n, torch.float64)
        approximation = torch.as_tensor(low_rank_approximation(a, k))
        check_shape(approximation, (m, n), f"the approximation of {kind} whose singular values are all equal")
        found = torch.linalg.svdvals(approximation.detach().double())
        expected = [2.5] * k + [0.0] * (min(m, n) - k)
        what = f"the singular values of the approximation, rank {k}, {kind} whose singular values are all equal"
        together = "Exactly k terms: a comparison of values keeps or drops all equal ones together."
        causes = {together: [2.5 if found[0] > 1 else 0.0] * min(m, n)}
        check_close(found, expected, what, rtol=1e-9, atol=1e-9, causes=causes)
        left = torch.linalg.norm(a - approximation.detach())
        what = f"the distance to the approximation, rank {k}, {kind} whose singular values are all equal"
        check_close(left, 2.5 * math.sqrt(min(m, n) - k), what, rtol=1e-9)

a = matrix_with([5e-8, 3e-8, 2e-8], 3, 4, torch.float64)
for k in (1, 2):
    what = f"rank {k} of a matrix with tiny entries"
    check_close(low_rank_approximation(a, k), projected(1e8 * a, k) / 1e8, what, rtol=1e-6, atol=1e-14)
a = matrix_with([3.0, 2.99, 1.0], 4, 3, torch.float64)
what = "rank 1 of a matrix whose two largest singular values are nearly equal"
check_close(low_rank_approximation(a, 1), projected(a, 1), what, rtol=1e-6, atol=1e-6)
a = matrix_with([3.0, 1.0, 0.0, 0.0], 5, 4, torch.float64)
check_close(low_rank_approximation(a, 3), a, "rank 3 of a matrix of rank 2, which is the matrix itself", atol=1e-9)
q = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))[0]
symmetric = q @ torch.diag(torch.tensor([-4.0, 2.0, 1.0], dtype=torch.float64)) @ q.T
expected = -4 * torch.outer(q[:, 0], q[:, 0])
check_close(
    low_rank_approximation(symmetric, 1), expected, "rank 1 of a matrix with eigenvalues -4, 2 and 1", atol=1e-9
)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "storage-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Test: how many numbers are stored.
causes = {
    "This is the size of the whole matrix. A term is stored as two vectors, and multiplied out when needed.": 15,
    "The singular value was counted, too. It is multiplied into one of the two vectors and costs nothing.": 9,
}
what = "the numbers stored for one term of a matrix with three rows and five columns"
check_close(storage_cost(3, 5, 1), 8, what, causes=causes)
check_close(storage_cost(10, 10, 4), 80, "the numbers stored for four terms of a matrix with ten rows and ten columns")
passed_visible("storage_cost")
### BEGIN HIDDEN TESTS
check_close(storage_cost(250, 236, 14), 6804, "the numbers stored for 14 terms of a matrix with 250 rows, 236 columns")
check_close(storage_cost(7, 4, 0), 0, "the numbers stored for no term")
check_close(storage_cost(400, 7000, 300), 2_220_000, "the numbers stored for 300 terms of a wide matrix")
check_close(storage_cost(4, 6, 4), 40, "the numbers stored for all four terms of a matrix with four rows, six columns")
what = "the numbers stored for eight terms of a matrix with ten rows and ten columns, more than it has entries"
check_close(storage_cost(10, 10, 8), 160, what)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "energy-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Test: the share of the energy.
singular_values = torch.tensor([3.0, 2.0, 1.0])
with unchanged(singular_values=singular_values):
    share = energy_kept(singular_values, 1)
causes = {"This is the share of the singular values themselves. The norm has their squares.": 0.5}
check_close(share, 9 / 14, "the share in the first of the singular values 3, 2, 1", causes=causes)
check_close(energy_kept(singular_values, 2), 13 / 14, "the share in the first two of the singular values 3, 2, 1")
check_close(energy_kept(singular_values, 0), 0.0, "the share in no term at all")
passed_visible("energy_kept")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype, tolerance in ((torch.float64, 1e-6), (torch.float32, 1e-5)):
    a = torch.randn(7, 5, generator=generator, dtype=torch.float64)
    u, s, vt = torch.linalg.svd(a, full_matrices=False)
    for k in range(6):
        kept = torch.linalg.norm((u[:, :k] * s[:k]) @ vt[:k])
        expected = (kept / torch.linalg.norm(a)) ** 2
        what = f"the share in {k} of five terms"
        check_close(energy_kept(s.to(dtype), k), expected, what, rtol=tolerance, atol=tolerance)
s = torch.full((4,), 0.5, dtype=torch.float64)
what = "the share in three of four equal singular values"
causes = {"Take the first k, whatever their values: a comparison of values keeps all equal ones.": 1.0}
check_close(energy_kept(s, 3), 0.75, what, causes=causes)
s = torch.tensor([2.0, 1.0, 0.0, 0.0], dtype=torch.float64)
check_close(energy_kept(s, 2), 1.0, "the share in the first two singular values when the others are 0")
check_close(energy_kept(1e-30 * s, 1), 0.8, "the share in the first of two tiny singular values")
### END HIDDEN TESTS

# %% [markdown]
# A photograph is a matrix, too. This one has 250 rows and 236 columns, so 59,000 values. It is cut from
# `china.jpg`, one of the two photographs that scikit-learn brings along, so nothing is downloaded (by
# danielbuechele on Flickr, [CC BY 2.0](https://creativecommons.org/licenses/by/2.0/); here in gray and scaled
# down).
#
# A photograph is smooth and full of straight lines, and its singular values fall quickly. Those of random numbers do
# not: the first is large, since the numbers have a mean, and after it there is nothing to leave out.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-low-rank", "locked": true, "schema_version": 3, "solution": false, "task": false}
image = photograph("china", gray=True, height=250)[0][:, 60:296].double()
noise = torch.rand(250, 236, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
assert image.numel() == 59_000, "The photograph should have 250 rows and 236 columns."
assert storage_cost(250, 236, 14) == 6_804, "14 terms of 250 + 236 numbers each are 6,804 numbers."

image_values, noise_values = torch.linalg.svdvals(image), torch.linalg.svdvals(noise)
assert energy_kept(image_values, 14) > 0.98 > energy_kept(noise_values, 14)

ranks = (1, 2, 4, 6, 8, 10, 14, 25, 50, 100)
labels = [f"k = {k}: {storage_cost(250, 236, k):,}" for k in ranks]
image_grid(
    [*(low_rank_approximation(image, k) for k in ranks), image, noise],
    [*labels, "original: 59,000", "noise: 59,000"],
    title=f"14 terms, 6,804 of 59,000 numbers, keep {float(energy_kept(image_values, 14)):.1%} of the energy",
    columns=4,
    limits=(0.0, 1.0),
    size=2.1,
)

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-spectrum", "locked": true, "schema_version": 3, "solution": false, "task": false}
figure = spectra(
    {"photograph": image_values, "random numbers": noise_values},
    title="A few terms carry a photograph, but not noise",
)
figure.axes[0].axvline(14, color="gray", linewidth=1)
figure.axes[0].text(17, 2e-3, "k = 14", color="dimgray")
figure

# %% [markdown] task={"name": "gains", "minutes": 10, "difficulty": 2}
# ## Task 2. How much a matrix can stretch
#
# The *gain* of a matrix in the direction of $x \ne 0$ is $\|Ax\| / \|x\|$. The SVD tells all gains at once.
# $V^\top$ and $U$ keep lengths, so only $\Sigma$ changes them. Write $x = \sum_i a_i v_i$ with all $n$ directions
# $v_i$ of the input space. Then
#
# $$
# \|Ax\|^2 = \sum_i \sigma_i^2\, a_i^2, \qquad \|x\|^2 = \sum_i a_i^2, \qquad\text{so}\qquad
# \sigma_{\min}\, \|x\| \;\le\; \|Ax\| \;\le\; \sigma_{\max}\, \|x\| .
# $$
#
# Equality holds on the right for $x = v_1$, and on the left for the $v_i$ of the smallest $\sigma_i$.
#
# Be careful with *wide* matrices. The sum has $n$ terms, one per *input* direction, and a matrix with $m < n$ rows
# has only $m$ singular values. For the other $n - m$ directions there is no output left: $Ax = 0$, whatever the
# listed singular values are.
#
# **Write** `gain_bounds(a)`, the smallest and the largest gain over all $x \ne 0$.
#
# **Example.** The shear $\begin{pmatrix} 1 & 1 \\ 0 & 1 \end{pmatrix}$ has gains from 0.618 to 1.618, although both
# of its eigenvalues are 1. The wide matrix of Task 1 has gains from 0 to $\sqrt{50}$, its transpose from $\sqrt 2$
# to $\sqrt{50}$.
#
# <details><summary>Hint 1: where to start</summary>
#
# `torch.linalg.svdvals(a)` gives the $\min(m, n)$ singular values, largest first.
#
# </details>
# <details><summary>Hint 2: wide matrices</summary>
#
# `rows, columns = a.shape`. Which of the two is larger when some direction must be lost?
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "gains", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gain_bounds(a):
    """The smallest and the largest of ‖Ax‖/‖x‖ over all x ≠ 0.

    a: (m, n), wide, tall or square, of any rank
    Returns (smallest, largest), two numbers; smallest is 0 for a wide matrix.
    """
    ### BEGIN SOLUTION
    singular_values = torch.linalg.svdvals(a)
    rows, columns = a.shape
    smallest = 0.0 if rows < columns else singular_values[-1]
    return smallest, singular_values[0]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "gains-test", "locked": true, "points": 10, "schema_version": 3, "solution": false, "task": false}
# Test: the bounds of the gain.
shear = torch.tensor([[1.0, 1.0], [0.0, 1.0]])
with unchanged(a=shear):
    bounds = gain_bounds(shear)
causes = {"These are the eigenvalues. The gain is bounded by the singular values.": [1.0, 1.0]}
golden = (math.sqrt(5.0) + 1) / 2
check_close(bounds, [golden - 1, golden], "(smallest, largest) gain of a shear", causes=causes)
wide = torch.tensor([[3.0, 4.0, 1.0], [3.0, 4.0, -1.0]])
tall = [math.sqrt(2.0), math.sqrt(50.0)]
check_close(gain_bounds(wide.T), tall, "(smallest, largest) gain of a tall matrix", rtol=1e-3)
causes = {"The smallest listed singular value is no bound here: some x ≠ 0 has Ax = 0. Which?": tall}
what = "(smallest, largest) gain of a wide matrix"
check_close(gain_bounds(wide), [0.0, tall[1]], what, rtol=1e-3, atol=0.01, causes=causes)
passed_visible("gain_bounds")
### BEGIN HIDDEN TESTS
generator = case_generator()
kinds = ((5, 3, "a tall matrix"), (3, 5, "a wide matrix"), (4, 4, "a square matrix"), (1, 4, "a single row"))
# The root of an eigenvalue of AᵀA has half the digits where it is 0: 1e-8 in float64, 1e-3 in float32.
for dtype, tolerance in ((torch.float64, 1e-6), (torch.float32, 1e-2)):
    for m, n, kind in (*kinds, (4, 1, "a single column")):
        r = min(m, n)
        u = torch.linalg.qr(torch.randn(m, r, generator=generator, dtype=torch.float64))[0]
        v = torch.linalg.qr(torch.randn(n, r, generator=generator, dtype=torch.float64))[0]
        s = 0.4 + 3 * torch.rand(r, generator=generator, dtype=torch.float64)
        a = ((u * s) @ v.T).to(dtype)
        with unchanged(a=a):
            bounds = gain_bounds(a)
        expected = [0.0 if m < n else s.min(), s.max()]
        what = f"(smallest, largest) gain of {kind}"
        check_close(bounds, expected, what, rtol=tolerance, atol=tolerance)

u = torch.linalg.qr(torch.randn(5, 2, generator=generator, dtype=torch.float64))[0]
v = torch.linalg.qr(torch.randn(4, 2, generator=generator, dtype=torch.float64))[0]
deficient = 2 * torch.outer(u[:, 0], v[:, 0]) + torch.outer(u[:, 1], v[:, 1])
for rows, kind in ((5, "tall"), (4, "square")):
    what = f"(smallest, largest) gain of a {kind} matrix of rank 2 with four columns"
    largest = torch.linalg.norm(deficient[:rows], ord=2)
    check_close(gain_bounds(deficient[:rows]), [0.0, largest], what, rtol=1e-6, atol=1e-6)
q = torch.linalg.qr(torch.randn(5, 5, generator=generator, dtype=torch.float64))[0]
check_close(gain_bounds(q), [1.0, 1.0], "(smallest, largest) gain of an orthogonal matrix", rtol=1e-6)
check_close(gain_bounds(-3 * q[:, :3]), [3.0, 3.0], "(smallest, largest) gain of three orthogonal columns", rtol=1e-6)
what = "(smallest, largest) gain of a tiny multiple of an orthogonal matrix"
check_close(gain_bounds(1e-50 * q), [1e-50, 1e-50], what, rtol=1e-6, atol=0.0)
diagonal = torch.diag(torch.tensor([2.0, -3.0, 1e-3], dtype=torch.float64))
what = "(smallest, largest) gain of a symmetric matrix with eigenvalues 2, -3 and 0.001"
check_close(gain_bounds(diagonal), [1e-3, 3.0], what, rtol=1e-6)
zeros = torch.zeros(3, 2, dtype=torch.float64)
check_close(gain_bounds(zeros), [0.0, 0.0], "(smallest, largest) gain of a matrix of zeros")
### END HIDDEN TESTS

# %% [markdown]
# The bounds hold for all directions, and each is reached in one. The directions that a random vector takes lie in
# between.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-gains", "locked": true, "schema_version": 3, "solution": false, "task": false}
matrix = torch.tensor([[1.0, 1.0], [0.0, 1.0]], dtype=torch.float64)
angles = torch.linspace(0, 180, 361, dtype=torch.float64)
directions = torch.stack([torch.deg2rad(angles).cos(), torch.deg2rad(angles).sin()])
gains = (matrix @ directions).norm(dim=0)
smallest, largest = (float(bound) for bound in gain_bounds(matrix))
assert smallest - 1e-9 <= gains.min() < 1.001 * smallest, "The smallest gain should be the smallest singular value."
assert 0.999 * largest < gains.max() <= largest + 1e-9, "The largest gain should be the largest singular value."

figure = curves(
    {
        "gain in this direction": (angles, gains),
        "largest singular value": (angles, torch.full_like(angles, largest)),
        "smallest singular value": (angles, torch.full_like(angles, smallest)),
    },
    title=f"A shear stretches by {smallest:.3f} to {largest:.3f}",
    xlabel="direction of x in degrees",
    ylabel="‖Ax‖ / ‖x‖",
)
figure.axes[0].set_xticks(range(0, 181, 45))
figure.axes[0].set_ylim(0.4, 2.25)
figure

# %% [markdown] task={"name": "products", "minutes": 8, "difficulty": 1}
# ## Task 3. A product of matrices
#
# A deep network without activations is a product. The input meets $A_1$ first, so $A_1$ stands on the *right*:
#
# $$ \underset{(m_L, m_0)}{P} = A_L \cdots A_2\, A_1, \qquad A_\ell \text{ of shape } (m_\ell, m_{\ell-1}) $$
#
# If every factor has a largest gain below 1, the product shrinks every vector, exponentially in $L$. If every
# factor has a smallest gain above 1, it stretches every vector. That is the vanishing and the exploding gradient.
# The bounds of the factors multiply,
#
# $$ \prod_\ell \sigma_{\min}(A_\ell) \;\le\; \frac{\|Px\|}{\|x\|} \;\le\; \prod_\ell \sigma_{\max}(A_\ell), $$
#
# where $\sigma_{\min}(A_\ell)$ means the smallest *gain*, 0 for a wide factor. But these are *not* the bounds of
# the product: what one factor stretches the next may shrink. Two shears can undo each other.
#
# **Write** `product_gain_bounds(matrices)`: the smallest and the largest gain of the product itself. `matrices` is
# the list $A_1, \dots, A_L$, the one that is applied first comes first. Neighbouring shapes fit, and that is all
# you know of them: one factor can be wide, the next tall.
#
# **Example.** For $A_1 = \begin{pmatrix} 1 & 1 \\ 0 & 1 \end{pmatrix}$ and
# $A_2 = \begin{pmatrix} 1 & -1 \\ 0 & 1 \end{pmatrix}$ the product is the identity, with both bounds 1. The
# products of the factors' own bounds are 0.38 and 2.62.
#
# <details><summary>Hint 1: where to start</summary>
#
# Multiply first, then ask `gain_bounds` of the result.
#
# </details>
# <details><summary>Hint 2: the order</summary>
#
# Start with `product = matrices[0]`. Each further matrix is applied to what is there, from the left:
# `matrix @ product`.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "products", "locked": false, "schema_version": 3, "solution": true, "task": false}
def product_gain_bounds(matrices):
    """The smallest and the largest gain of the product A_L … A_1.

    matrices: list of L >= 1 tensors, A_1 (applied first) to A_L, A_l of shape (m_l, m_(l-1))
    Returns (smallest, largest), two numbers, as gain_bounds does.
    """
    ### BEGIN SOLUTION
    product = matrices[0]
    for matrix in matrices[1:]:
        product = matrix @ product
    return gain_bounds(product)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "products-test", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
# Test: the gains of a product.
first, second = torch.tensor([[1.0, 1.0], [0.0, 1.0]]), torch.tensor([[1.0, -1.0], [0.0, 1.0]])
own = "These are the products of the factors' own bounds. The product's bounds lie between them."
golden = (math.sqrt(5.0) + 1) / 2
with unchanged(matrices=[first, second]):
    bounds = product_gain_bounds([first, second])
check_close(bounds, [1.0, 1.0], "two shears that undo each other", causes={own: [(golden - 1) ** 2, golden**2]})
first, second = torch.tensor([[1.0, 0.0], [0.0, 2.0]]), torch.tensor([[0.0, 1.0], [0.0, 0.0]])
order = "This is A_1 A_2, but A_1 is applied first: it stands on the right."
check_close(product_gain_bounds([first, second]), [0.0, 2.0], "A_2 A_1, two matrices", causes={order: [0.0, 1.0]})
bounds = product_gain_bounds([2 * torch.eye(2), 3 * torch.eye(2), 5 * torch.eye(2)])
check_close(bounds, [30.0, 30.0], "three multiples of the identity")
passed_visible("product_gain_bounds")
### BEGIN HIDDEN TESTS
generator = case_generator()


def expected_bounds(matrices):
    """From the eigenvalues of PᵀP, all of them: as many as P has columns."""
    vectors = torch.eye(matrices[0].shape[1], dtype=torch.float64)
    for matrix in matrices:
        vectors = torch.einsum("ij,jk->ik", matrix.double(), vectors)
    squares = torch.linalg.eigvalsh(vectors.T @ vectors).clamp(min=0)
    return squares[0].sqrt(), squares[-1].sqrt()


cases = (
    ((4, 4, 4, 4, 4, 4), "five square matrices"),
    ((2, 3, 5), "a product that is tall"),
    ((5, 4, 2), "a product that is wide"),
    ((3, 4, 2), "a product that is wide, of a tall and a wide matrix"),
    ((3, 2, 3), "a product of a wide and a tall matrix"),
    ((2, 3, 2), "a product of a tall and a wide matrix"),
    ((3, 5, 1, 4), "three matrices with a layer of one unit between them"),
    ((5, 5, 2, 6, 5), "four matrices with a narrow layer between them"),
    ((4, 3), "a single wide matrix"),
    ((3, 4), "a single tall matrix"),
)
for dtype, tolerance in ((torch.float64, 1e-6), (torch.float32, 2e-3)):
    for widths, kind in cases:
        matrices = [
            torch.randn(m, n, generator=generator, dtype=torch.float64).to(dtype) for n, m in itertools.pairwise(widths)
        ]
        with unchanged(matrices=matrices):
            bounds = product_gain_bounds(matrices)
        expected = expected_bounds(matrices)
        scale = float(expected[1])
        check_close(bounds, expected, f"(smallest, largest) gain of {kind}", rtol=tolerance, atol=tolerance * scale)
q = torch.linalg.qr(torch.randn(3, 3, generator=generator, dtype=torch.float64))[0]
bounds = product_gain_bounds([2e-30 * q, 3e-30 * q])
check_close(bounds, [6e-60, 6e-60], "(smallest, largest) gain of a product of tiny matrices", rtol=1e-6, atol=0.0)
### END HIDDEN TESTS

# %% [markdown]
# How loose are the bounds of the factors? Take Gaussian matrices with variance $1/n$, so that lengths stay about
# the same on average. The largest singular value of one such matrix is close to 2. Five of them could stretch a
# vector by $2^5 = 32$. They do not: the directions do not line up, and random matrix theory says that $L$ factors
# stretch by about $\sqrt{(L+1)^{L+1}/L^L}$ at most, 3.9 for five (Penson and Życzkowski, 2011).

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-product-bounds", "locked": true, "schema_version": 3, "solution": false, "task": false}
generator = torch.Generator().manual_seed(0)
width, depths = 200, range(1, 11)
matrices = [torch.randn(width, width, generator=generator, dtype=torch.float64) / math.sqrt(width) for _ in depths]
own = torch.tensor([[float(bound) for bound in gain_bounds(matrix)] for matrix in matrices]).cumprod(dim=0)
true = torch.tensor([[float(bound) for bound in product_gain_bounds(matrices[:depth])] for depth in depths])
theory = [math.sqrt((depth + 1) ** (depth + 1) / depth**depth) for depth in depths]
assert abs(true[4, 1] - theory[4]) < 0.3, "Five Gaussian factors stretch by about 3.9 at most."
assert (true[1:, 1] < own[1:, 1]).all(), "The factors' upper bounds are looser."
assert (true[1:, 0] > own[1:, 0]).all(), "The factors' lower bounds are looser."

figure, axes = panels(1, 2, title="The bounds of the factors are far from the bounds of their product")
for column, (panel, name) in enumerate(zip(axes[0], ("smallest", "largest"), strict=True)):
    lines = {
        "product of the factors' bounds": (depths, own[:, column]),
        "bound of the product": (depths, true[:, column]),
    }
    if name == "largest":
        lines["theory"] = (depths, theory)
    curves(lines, title=f"The {name} gain", xlabel="number of factors", ylabel="‖Px‖ / ‖x‖", logy=True, axes=panel)
axes[0, 0].get_legend().remove()  # the names are those of the panel beside it
axes[0, 1].set_ylim(1, 3e4)
figure

# %% [markdown] task={"name": "layer-jacobian", "minutes": 12, "difficulty": 2}
# ## Task 4. The matrix of one layer
#
# A layer with an activation is not a matrix. But a small change of its input changes its output by a matrix, the *Jacobian*.
# The chain rule for $h = \varphi(z)$ and $z = W x$ gives
#
# $$ \underset{(m, n)}{J} = \frac{\partial h}{\partial x} = \operatorname{diag}\big(\varphi'(z)\big)\, \underset{(m, n)}{W} $$
#
# The slope $\varphi'(z_i)$ belongs to output $i$, so it multiplies *row* $i$ of the weight.
#
# | | $\varphi'(z)$ | range |
# |---|---|---|
# | linear | $1$ | 1 |
# | sigmoid | $\sigma(z)\,(1 - \sigma(z))$ | at most $1/4$, at $z = 0$ |
# | tanh | $1 - \tanh^2 z$ | at most $1$, at $z = 0$ |
# | relu | $1$ if $z > 0$, else $0$ | 0 or 1 |
#
# Look at the last column. Thirty sigmoid layers multiply the gradient by at most $4^{-30} \approx 10^{-18}$ times
# what the weights do. (Lecture slides often say that tanh and sigmoid both have slopes below 1. The slope of tanh *is*
# 1 at 0: for small signals a tanh network behaves like a linear one.)
#
# **Write** `layer_jacobian(weight, preactivation, activation)`. `preactivation` is $z$ itself, already computed; it
# may be $\pm 1000$, and the slope is then still a number.
#
# **Example.** For relu, $W = \begin{pmatrix} 1 & 2 \\ 3 & 4 \\ 5 & 6 \end{pmatrix}$ and $z = (\tfrac12, -1, 0)$:
# $J = \begin{pmatrix} 1 & 2 \\ 0 & 0 \\ 0 & 0 \end{pmatrix}$. The slope of the sigmoid at $z = \ln 3$ is $3/16$,
# since $\sigma(\ln 3) = 3/4$.
#
# <details><summary>Hint 1: where to start</summary>
#
# Compute the vector of slopes first; `torch.sigmoid` and `torch.tanh` are safe for large numbers, and the slope is
# written with them.
#
# </details>
# <details><summary>Hint 2: rows</summary>
#
# `slope[:, None]` has shape (m, 1). Multiplied with the weight it scales the rows; `slope` alone would scale the
# columns.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "layer-jacobian", "locked": false, "schema_version": 3, "solution": true, "task": false}
def layer_jacobian(weight, preactivation, activation):
    """The Jacobian ∂h/∂x of the layer h = φ(W x).

    weight: (out_features, in_features); preactivation: (out_features,), z = W x
    activation: "linear", "sigmoid", "tanh" or "relu", whose slope at 0 is 0
    Returns a tensor of shape (out_features, in_features), finite also for preactivations of ±1000.
    """
    ### BEGIN SOLUTION
    slopes = {
        "linear": torch.ones_like(preactivation),
        "sigmoid": torch.sigmoid(preactivation) * torch.sigmoid(-preactivation),
        "tanh": 1 - torch.tanh(preactivation) ** 2,
        "relu": (preactivation > 0).to(weight.dtype),
    }
    return slopes[activation][:, None] * weight
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "layer-jacobian-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Test: one layer, linear and relu.
square, preactivation = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([2.0, -3.0])
columns = "Columns were switched off. The slope belongs to an output, so to a row."
causes = {columns: [[1.0, 0.0], [3.0, 0.0]]}
jacobian = layer_jacobian(square, preactivation, "relu")
check_close(jacobian, [[1.0, 2.0], [0.0, 0.0]], "two inputs and two outputs, relu", causes=causes)
weight = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
preactivation = torch.tensor([0.5, -1.0, 0.0])
with unchanged(weight=weight, preactivation=preactivation):
    jacobian = layer_jacobian(weight, preactivation, "relu")
causes = {"The slope of relu at 0 is 0.": [[1.0, 2.0], [0.0, 0.0], [5.0, 6.0]]}
check_close(jacobian, [[1.0, 2.0], [0.0, 0.0], [0.0, 0.0]], "the Jacobian of the example, relu", causes=causes)
check_close(
    layer_jacobian(weight, preactivation, "linear"), weight, "the Jacobian of a linear layer, the weight itself"
)
passed_visible("layer_jacobian, linear and relu")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype in (torch.float64, torch.float32):
    for m, n, kind in (
        (5, 3, "3 inputs and 5 outputs"),
        (3, 5, "5 inputs and 3 outputs"),
        (4, 4, "4 of each"),
        (1, 3, "3 inputs and a single output"),
    ):
        weight = torch.randn(m, n, generator=generator, dtype=dtype)
        preactivation = 2 * torch.randn(m, generator=generator, dtype=dtype)
        preactivation[:5] = torch.tensor([1e-9, 0.0, -1e-9, 1000.0, -1000.0])[:m]
        for activation in ("linear", "relu"):
            with unchanged(weight=weight, preactivation=preactivation):
                jacobian = layer_jacobian(weight, preactivation, activation)
            expected = weight.clone()
            if activation == "relu":
                expected[preactivation <= 0] = 0.0
            what = f"the Jacobian of a layer with {kind}, {activation}"
            check_shape(jacobian, (m, n), what)
            check_dtype(jacobian, dtype, what)
            check_close(jacobian, expected, what)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "layer-jacobian-smooth-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Test: one layer, sigmoid and tanh.
weight = torch.tensor([[16.0, 32.0], [1.0, 2.0], [4.0, 8.0]])
preactivation = torch.tensor([math.log(3.0), 1000.0, 0.0])
with unchanged(weight=weight, preactivation=preactivation):
    jacobian = layer_jacobian(weight, preactivation, "sigmoid")
check_close(jacobian, [[3.0, 6.0], [0.0, 0.0], [1.0, 2.0]], "slopes 3/16, 0 and 1/4 of the sigmoid", atol=1e-6)
preactivation = torch.tensor([math.log(2.0), -1000.0, 0.0])
jacobian = layer_jacobian(weight, preactivation, "tanh")
expected = [[0.64 * 16, 0.64 * 32], [0.0, 0.0], [4.0, 8.0]]
check_close(jacobian, expected, "slopes 0.64, 0 and 1 of tanh", atol=1e-5)
passed_visible("layer_jacobian, sigmoid and tanh")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-5)):
    for m, n, kind in (
        (5, 3, "3 inputs and 5 outputs"),
        (3, 5, "5 inputs and 3 outputs"),
        (4, 4, "4 of each"),
        (1, 3, "3 inputs and a single output"),
    ):
        weight = torch.randn(m, n, generator=generator, dtype=dtype)
        x = 3 * torch.randn(n, generator=generator, dtype=dtype)  # small slopes, too
        for activation, function in (("sigmoid", torch.sigmoid), ("tanh", torch.tanh)):
            preactivation = weight @ x
            with unchanged(weight=weight, preactivation=preactivation):
                jacobian = layer_jacobian(weight, preactivation, activation)
            double = weight.double()
            expected = torch.autograd.functional.jacobian(lambda v, f=function, w=double: f(w @ v), x.double())
            what = f"the Jacobian of a layer with {kind}, {activation}"
            check_shape(jacobian, (m, n), what)
            check_dtype(jacobian, dtype, what)
            check_close(jacobian, expected, what, rtol=10 * tolerance, atol=tolerance)
    preactivation = torch.tensor([-1000.0, 1000.0, -300.0, 30.0], dtype=dtype)
    for activation in ("sigmoid", "tanh"):
        jacobian = layer_jacobian(torch.ones(4, 2, dtype=dtype), preactivation, activation)
        what = f"the Jacobian of saturated units, {activation}, preactivations up to ±1000"
        check_close(jacobian, torch.zeros(4, 2), what, atol=tolerance)
### END HIDDEN TESTS

# %% [markdown] task={"name": "network-jacobian", "minutes": 12, "difficulty": 2}
# ## Task 5. The matrix of the whole network
#
# The chain rule multiplies the Jacobians of the layers, the first one on the right:
#
# $$ \underset{(n_L, n_0)}{J} = \frac{\partial h_L}{\partial x} = J_L \cdots J_2\, J_1,
# \qquad J_\ell = \operatorname{diag}\big(\varphi'(z_\ell)\big)\, W_\ell $$
#
# Each $J_\ell$ depends on $z_\ell$, so on the signal that *arrives* at layer $\ell$: follow $h$ forward while you
# multiply.
#
# **Write** `network_jacobian(weights, x, activation)` for one input vector `x`. Remember that the last layer has
# the activation too.
#
# **Example.** With relu, $x = (1, 1)$, $W_1 = \begin{pmatrix} 1 & 2 \\ 0 & 1 \\ -1 & 0 \end{pmatrix}$ and
# $W_2 = (1\;\, 0\;\, 4)$: $z_1 = (3, 1, -1)$ and $h_1 = (3, 1, 0)$, so $z_2 = 3$ and
# $J = (1\;\, 0\;\, 4) \begin{pmatrix} 1 & 2 \\ 0 & 1 \\ 0 & 0 \end{pmatrix} = (1\;\, 2)$.
#
# <details><summary>Hint 1: where to start</summary>
#
# Begin with the identity, the Jacobian of no layer at all. One pass of a loop over `weights` computes $z$,
# multiplies by the layer's Jacobian and computes $h$.
#
# </details>
# <details><summary>Hint 2: the order</summary>
#
# `jacobian = layer_jacobian(weight, z, activation) @ jacobian`, then `h = activate(z, activation)`.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "network-jacobian", "locked": false, "schema_version": 3, "solution": true, "task": false}
def network_jacobian(weights, x, activation):
    """The Jacobian ∂h_L/∂x of a network at one input vector.

    weights: list of L >= 1 tensors, W_l of shape (n_l, n_(l-1)), first layer first; x: (n_0,)
    activation: as in layer_jacobian, after every layer
    Returns a tensor of shape (n_L, n_0).
    """
    ### BEGIN SOLUTION
    h, jacobian = x, torch.eye(len(x), dtype=x.dtype)
    for weight in weights:
        z = weight @ h
        jacobian = layer_jacobian(weight, z, activation) @ jacobian
        h = activate(z, activation)
    return jacobian
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "network-jacobian-test", "locked": true, "points": 11, "schema_version": 3, "solution": false, "task": false}
# Test: the Jacobian of a network.
first, second = torch.tensor([[1.0, 2.0], [0.0, 1.0], [-1.0, 0.0]]), torch.tensor([[1.0, 0.0, 4.0]])
x = torch.tensor([1.0, 1.0])
with unchanged(weights=[first, second], x=x):
    jacobian = network_jacobian([first, second], x, "relu")
check_close(jacobian, [[1.0, 2.0]], "the Jacobian of the example, two relu layers")
first, second = torch.tensor([[1.0, 0.5], [0.0, -1.0]]), torch.tensor([[0.5, 1.0], [2.0, 0.0]])
product = second @ first
check_close(network_jacobian([first, second], x, "linear"), product, "two linear layers, the product of the weights")
numerical = torch.autograd.functional.jacobian(lambda v: torch.tanh(second @ torch.tanh(first @ v)), x)
check_close(network_jacobian([first, second], x, "tanh"), numerical, "two tanh layers, by automatic differentiation")
passed_visible("network_jacobian")
### BEGIN HIDDEN TESTS
generator = case_generator()
functions = {"linear": lambda z: z, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}


def expected_jacobian(weights, x, activation):
    def forward(h):
        for weight in weights:
            h = functions[activation](weight.double() @ h)
        return h

    return torch.autograd.functional.jacobian(forward, x.double())


cases = (
    ((3, 5, 4, 2), "three layers that get narrower"),
    ((1, 4, 3, 5), "three layers that get wider, one input"),
    ((4, 4, 4), "two square layers"),
    ((4, 4, 4), "two other square layers"),
    ((4, 4, 4, 4, 4), "four square layers"),
    ((3, 5), "a single layer"),
)
for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-4)):
    for widths, kind in cases:
        weights = [1.2 * torch.randn(m, n, generator=generator, dtype=dtype) for n, m in itertools.pairwise(widths)]
        x = torch.randn(widths[0], generator=generator, dtype=dtype)
        if dtype == torch.float32:  # sums of quarters are exact, so rounding moves no z of relu across 0
            weights, x = [(4 * weight).round() / 4 for weight in weights], (4 * x).round() / 4
        for activation in functions:
            with unchanged(weights=weights, x=x):
                jacobian = network_jacobian(weights, x, activation)
            expected = expected_jacobian(weights, x, activation)
            scale = max(1.0, float(expected.abs().max()))
            what = f"the Jacobian of {kind}, {activation}"
            check_shape(jacobian, (widths[-1], widths[0]), what)
            check_dtype(jacobian, dtype, what)
            check_close(jacobian, expected, what, rtol=tolerance, atol=tolerance * scale)

weights = [torch.randn(3, 3, generator=generator, dtype=torch.float64) for _ in range(2)]
zeros = torch.zeros(3, dtype=torch.float64)
what = "the Jacobian of a relu network at x = 0, where every slope is 0"
check_close(network_jacobian(weights, zeros, "relu"), torch.zeros(3, 3), what)
weights, x = [1e-5 * weight for weight in (*weights, *weights)], 1 + zeros
expected = expected_jacobian(weights, x, "tanh")
what = "the Jacobian of four layers with tiny weights, tanh"
check_close(network_jacobian(weights, x, "tanh"), expected, what, rtol=1e-6, atol=0.0)
### END HIDDEN TESTS

# %% [markdown]
# ### What depth does to the singular values
#
# Look at the singular values of the end-to-end Jacobian as a network gets deeper, for two ways to draw square
# weights. *Gaussian*: independent entries with variance $1/n$. Their mean square singular value stays 1, so on
# average nothing is lost. *Orthogonal*: every singular value of every factor is 1, and so is every one of the
# product.
#
# The average hides what happens. The largest singular value of the Gaussian product grows slowly, the *median*
# collapses: almost all directions die, a few survive. Orthogonal weights keep all of them. That is why they are
# worth having (Saxe et al., 2014). With tanh, whose slope is below 1 away from 0, both lose something, and the
# Gaussian weights far more.


# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-depth", "locked": true, "schema_version": 3, "solution": false, "task": false}
def gaussian_weight(n, generator):
    return torch.randn(n, n, generator=generator, dtype=torch.float64) / math.sqrt(n)


def orthogonal_weight(n, generator):
    q, r = torch.linalg.qr(torch.randn(n, n, generator=generator, dtype=torch.float64))
    return q * torch.sign(torch.diagonal(r))


generator = torch.Generator().manual_seed(0)
n, depth = 100, 20
x = torch.randn(n, generator=generator, dtype=torch.float64)
draws = {"Gaussian": gaussian_weight, "orthogonal": orthogonal_weight}
weights = {name: [draw(n, generator) for _ in range(depth)] for name, draw in draws.items()}


def spectrum_by_depth(layers, activation):
    return torch.stack([torch.linalg.svdvals(network_jacobian(layers[:d], x, activation)) for d in range(1, depth + 1)])


values = {
    activation: {name: spectrum_by_depth(layers, activation) for name, layers in weights.items()}
    for activation in ("linear", "tanh")
}
collapsed = values["linear"]["Gaussian"][-1].median().item()
mean_square = (values["linear"]["Gaussian"][-1] ** 2).mean().item()
assert collapsed < 1e-2, "The median of the Gaussian product should collapse."
assert 0.2 < mean_square < 5, "The mean square of the Gaussian product should stay near 1."
assert torch.allclose(values["linear"]["orthogonal"], torch.ones(()).double()), "Orthogonal products stay at 1."

figure, axes = panels(1, 2, title=f"20 Gaussian layers: the median gain is {collapsed:.0e}; 20 orthogonal layers: 1")
for panel, (activation, lines) in zip(axes[0], values.items(), strict=True):
    per_layer(lines, title=f"φ {activation}: median, range", ylabel="singular value of ∂h/∂x", axes=panel)
    panel.set_xlabel("number of layers")
    panel.set_ylim(1e-9, 20)
    panel.set_xticks(range(0, 21, 5))
figure

# %% [markdown] task={"name": "gradient-norms", "minutes": 18, "difficulty": 3}
# ## Task 6. The gradient of every layer
#
# What training sees are the gradients of the weights. Let $g = \partial L / \partial h_L$ be given. Going backward,
# with $\delta_\ell = \partial L/\partial z_\ell$:
#
# $$
# \delta_\ell = \varphi'(z_\ell) \odot \frac{\partial L}{\partial h_\ell}, \qquad
# \frac{\partial L}{\partial W_\ell} = \underset{(n_\ell)}{\delta_\ell}\; \underset{(n_{\ell-1})}{h_{\ell-1}^\top}, \qquad
# \frac{\partial L}{\partial h_{\ell-1}} = W_\ell^\top\, \delta_\ell
# $$
#
# So the gradient of a weight is the error that comes back to the layer's output times the signal that came in. It
# is small when either is.
#
# **Write** `gradient_norms(weights, x, grad_output, activation)`: the Frobenius norms of
# $\partial L/\partial W_1, \dots, \partial L/\partial W_L$, the first layer first. `grad_output` is $g$, the
# gradient with respect to $h_L$, *after* the last activation.
#
# Norms down to $10^{-150}$ must come out right: in a deep network they are the very thing we want to see. So no
# "$+10^{-12}$" anywhere and no detour through float32, in which nothing but 0 is smaller than $10^{-45}$.
#
# **Example.** One unit per layer, linear, $W_1 = (2)$, $W_2 = (3)$, $x = 5$, $g = 1$:
# $\partial L/\partial W_2 = h_1 = 10$ and $\partial L/\partial W_1 = 3 \cdot 5 = 15$. The result is `[15.0, 10.0]`.
#
# <details><summary>Hint 1: where to start</summary>
#
# Go forward once and keep, for every layer, its weight, the signal that came in ($h_{\ell-1}$) and $z_\ell$. Then
# go through this list backward.
#
# </details>
# <details><summary>Hint 2: what you have already</summary>
#
# $\operatorname{diag}(\varphi'(z))$ is the Jacobian of a layer whose weight is the identity. And the norm of
# $\delta h^\top$ is the norm of `torch.outer(delta, h)`, or $\|\delta\| \cdot \|h\|$.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "gradient-norms", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradient_norms(weights, x, grad_output, activation):
    """The Frobenius norms of ∂L/∂W_1, …, ∂L/∂W_L for one input vector.

    weights: list of L >= 1 tensors, W_l of shape (n_l, n_(l-1)), first layer first; x: (n_0,)
    grad_output: (n_L,), the gradient of the loss with respect to h_L, the output of the last activation
    Returns L numbers, first layer first: a tensor of shape (L,) or a list. Right down to 1e-150 in float64.
    """
    ### BEGIN SOLUTION
    h, layers = x, []
    for weight in weights:
        z = weight @ h
        layers.append((weight, h, z))
        h = activate(z, activation)
    grad_h, norms = grad_output, []
    for weight, h_in, z in reversed(layers):
        slopes = layer_jacobian(torch.eye(len(z), dtype=z.dtype), z, activation)
        delta = slopes @ grad_h
        norms.insert(0, torch.linalg.norm(torch.outer(delta, h_in)))
        grad_h = weight.T @ delta
    return torch.stack(norms)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "gradient-norms-test", "locked": true, "points": 9, "schema_version": 3, "solution": false, "task": false}
# Test: the norms of the gradients.
one, two, three, five = (torch.tensor([float(number)]) for number in (1, 2, 3, 5))
weights = [two[None], three[None]]
with unchanged(weights=weights, x=five, grad_output=one):
    norms = gradient_norms(weights, five, one, "linear")
check_shape(norms, (2,), "the norms of two layers")
causes = {"The values are those of the layers in reverse: the first layer comes first.": [10.0, 15.0]}
check_close(norms, [15.0, 10.0], "the norms of the example, two linear layers of one unit", causes=causes)


def norms_by_autograd(weights, x, grad_output, function):
    weights = [weight.clone().requires_grad_() for weight in weights]
    h = x
    for weight in weights:
        h = function(weight @ h)
    return [gradient.norm() for gradient in torch.autograd.grad(h, weights, grad_output)]


weights = [torch.tensor([[1.0, 0.5], [0.0, -1.0]]), torch.tensor([[0.5, 1.0], [2.0, 0.0]])]
x, grad_output = torch.tensor([0.5, -1.0]), torch.tensor([1.0, 2.0])
norms = gradient_norms(weights, x, grad_output, "tanh")
expected = norms_by_autograd(weights, x, grad_output, torch.tanh)
check_close(norms, expected, "the norms of two tanh layers, by automatic differentiation")
passed_visible("gradient_norms")
### BEGIN HIDDEN TESTS
generator = case_generator()
functions = {"linear": lambda z: z, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}
cases = (
    ((3, 5, 4, 2), "three layers that get narrower"),
    ((2, 4, 3, 5), "three layers that get wider"),
    ((4, 4, 4), "two square layers"),
    ((4, 4, 4), "two other square layers"),
    ((4, 4, 4, 4, 4, 4), "five square layers"),
    ((3, 5), "a single layer"),
)
for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-3)):
    for widths, kind in cases:
        weights = [1.2 * torch.randn(m, n, generator=generator, dtype=dtype) for n, m in itertools.pairwise(widths)]
        x = torch.randn(widths[0], generator=generator, dtype=dtype)
        if dtype == torch.float32:  # sums of quarters are exact, so rounding moves no z of relu across 0
            weights, x = [(4 * weight).round() / 4 for weight in weights], (4 * x).round() / 4
        grad_output = torch.randn(widths[-1], generator=generator, dtype=dtype)
        for activation, function in functions.items():
            with unchanged(weights=weights, x=x, grad_output=grad_output):
                norms = gradient_norms(weights, x, grad_output, activation)
            double = [weight.double() for weight in weights]
            expected = [float(norm) for norm in norms_by_autograd(double, x.double(), grad_output.double(), function)]
            what = f"the norms of {kind}, {activation}"
            check_shape(norms, (len(weights),), what)
            check_close(norms, expected, what, rtol=tolerance, atol=tolerance * max(expected))

weights = [torch.randn(3, 3, generator=generator, dtype=torch.float64) for _ in range(2)]
ones = torch.ones(3, dtype=torch.float64)
norms = gradient_norms(weights, 0 * ones, ones, "relu")
check_close(norms, [0.0, 0.0], "the norms of a relu network at x = 0, where every gradient is 0")
weights = [torch.tensor([[1.0, -1.0], [1.0, 1.0]]), torch.tensor([[1.0, 2.0], [3.0, -1.0]])]
norms = gradient_norms(weights, torch.ones(2), torch.ones(2), "relu")
check_close(norms, [8**0.5, 2.0], "the norms of a relu network with a unit at z = 0")
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "tiny-gradients-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: tiny gradients.
tiny = [torch.full((2, 2), 1e-15, dtype=torch.float64) for _ in range(4)]
ones = torch.ones(2, dtype=torch.float64)
norms = gradient_norms(tiny, ones, ones, "linear")
check_close(norms, [1.6e-44] * 4, "the norms of four linear layers with weights of 1e-15", rtol=1e-6, atol=0.0)
passed_visible("gradient_norms, tiny gradients")
### BEGIN HIDDEN TESTS
generator = case_generator()


def scaled_norms(weights, x, grad_output, function):
    """By automatic differentiation; each gradient is divided by its largest entry before it is squared."""
    weights = [weight.clone().requires_grad_() for weight in weights]
    h = x
    for weight in weights:
        h = function(weight @ h)
    gradients = torch.autograd.grad(h, weights, grad_output)
    return [float(g.abs().max() * (g / g.abs().max()).norm()) for g in gradients]


for activation, function, scale in (
    ("sigmoid", torch.sigmoid, 1e-6),
    ("tanh", torch.tanh, 2.2e-7),
    ("linear", lambda z: z, 2.2e-7),
):
    weights = []
    for n, m in itertools.pairwise((3, 5, 4) * 8):
        q = torch.linalg.qr(torch.randn(max(m, n), min(m, n), generator=generator, dtype=torch.float64))[0]
        weights.append(scale * (q if m >= n else q.T))
    x = 1 + torch.rand(3, generator=generator, dtype=torch.float64)
    grad_output = 1 + torch.rand(4, generator=generator, dtype=torch.float64)
    with unchanged(weights=weights, x=x, grad_output=grad_output):
        norms = gradient_norms(weights, x, grad_output, activation)
    expected = scaled_norms(weights, x, grad_output, function)
    check_close(norms, expected, f"norms down to 1e-150, 23 layers, {activation}", rtol=1e-7, atol=0.0)
### END HIDDEN TESTS

# %% [markdown] task={"name": "slope", "minutes": 8, "difficulty": 1}
# ## Task 7. One number for all layers
#
# If every layer multiplies the gradient by about the same factor, its norm is exponential in the layer index, and
# the logarithm of the norm is a straight line. Its slope $s$ sums up the network:
#
# $$
# \ln \left\| \frac{\partial L}{\partial W_\ell} \right\| \approx c + s\, \ell, \qquad
# s = \frac{\sum_\ell (\ell - \bar\ell)(y_\ell - \bar y)}{\sum_\ell (\ell - \bar\ell)^2}
# \quad\text{with}\quad y_\ell = \ln \left\| \frac{\partial L}{\partial W_\ell} \right\|
# $$
#
# This is the least-squares line through *all* layers; the two ends alone would let one odd layer decide. $s > 0$:
# the gradient is larger at the end than at the start, it *vanishes* on its way back, by $e^{-s}$ per layer.
# $s < 0$: it *explodes* on its way back. $s = 0$: all layers get gradients of the same size.
#
# **Write** `log_norm_slope(norms)`. The logarithm is the natural one. Does it matter whether you count the layers
# from 0 or from 1?
#
# **Example.** The norms 0.01, 0.1, 1 have slope $\ln 10 \approx 2.30$: each layer back costs a factor of 10. The
# norms $1, e, 1, e^3$ have slope 0.8.
#
# <details><summary>Hint 1: where to start</summary>
#
# `y = torch.log(norms)` and `layers = torch.arange(len(norms), dtype=torch.float64)`.
#
# </details>
# <details><summary>Hint 2: the formula</summary>
#
# Subtract the mean from `layers`. Then the mean of `y` no longer matters: two sums are left.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "slope", "locked": false, "schema_version": 3, "solution": true, "task": false}
def log_norm_slope(norms):
    """The least-squares slope of ln(norm) against the layer index.

    norms: (L,) tensor of L >= 2 positive numbers, float64, down to 1e-150, first layer first
    Returns a number: the change of ln(norm) from one layer to the next.
    """
    ### BEGIN SOLUTION
    logs = torch.log(torch.as_tensor(norms, dtype=torch.float64))
    layers = torch.arange(len(logs), dtype=torch.float64)
    layers = layers - layers.mean()
    return layers @ logs / (layers @ layers)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "slope-test", "locked": true, "points": 7, "schema_version": 3, "solution": false, "task": false}
# Test: the slope of the logarithms.
norms = torch.tensor([0.01, 0.1, 1.0], dtype=torch.float64)
with unchanged(norms=norms):
    slope = log_norm_slope(norms)
causes = {
    "The logarithm has base 10 here. Use the natural one.": 1.0,
    "This is the factor per layer, not the slope.": 10.0,
}
check_close(slope, math.log(10.0), "the slope of the norms 0.01, 0.1 and 1", rtol=1e-6, causes=causes)
norms = torch.tensor([0.0, 1.0, 0.0, 3.0], dtype=torch.float64).exp()
causes = {"This is the line through the first and the last point. All points count.": 1.0}
check_close(log_norm_slope(norms), 0.8, "the slope of the norms 1, e, 1 and e³", rtol=1e-6, causes=causes)
check_close(log_norm_slope(norms.flip(0)), -0.8, "the slope of the norms e³, 1, e and 1", rtol=1e-6)
passed_visible("log_norm_slope")
### BEGIN HIDDEN TESTS
generator = case_generator()
for count, spread, kind in (
    (2, 1, "two layers"),
    (7, 60, "seven layers, some large and some tiny"),
    (30, 1, "thirty layers"),
):
    logs = spread * torch.randn(count, generator=generator, dtype=torch.float64)
    layers = torch.stack([torch.arange(1.0, count + 1), torch.ones(count)], dim=1).double()
    expected = torch.linalg.lstsq(layers, logs[:, None]).solution[0, 0]
    check_close(log_norm_slope(logs.exp()), expected, f"the slope of random norms, {kind}", rtol=1e-5, atol=1e-6)

logs = -345 + 11 * torch.arange(30, dtype=torch.float64)
check_close(log_norm_slope(logs.exp()), 11.0, "norms from 1e-150 up, thirty layers", rtol=1e-6)
check_close(log_norm_slope(logs.exp().flip(0)), -11.0, "norms down to 1e-150, thirty layers", rtol=1e-6)
same = torch.full((5,), 3e-4, dtype=torch.float64)
check_close(log_norm_slope(same), 0.0, "five equal norms", atol=1e-6)
logs = -345 + 1e-4 * torch.arange(5, dtype=torch.float64)
check_close(log_norm_slope(logs.exp()), 1e-4, "five norms near 1e-150 that hardly differ", rtol=1e-4, atol=0.0)
### END HIDDEN TESTS

# %% [markdown] task={"name": "critical", "minutes": 10, "difficulty": 2}
# ## Task 8. Neither fade nor grow
#
# Can all this be prevented before training starts? Draw the weights independently with mean 0 and standard
# deviation $\sigma_w$. One layer with `fan_in` inputs turns the second moment $q = \mathbb E[h^2]$ of its inputs
# into
#
# $$ \mathbb E[z^2] = \text{fan\_in} \cdot \sigma_w^2 \cdot q . $$
#
# The *critical* $\sigma_w$ keeps the second moment of the activations, $\mathbb E[\varphi(z)^2] = q$. It depends on
# the activation:
#
# - **linear**: $\mathbb E[\varphi(z)^2] = \mathbb E[z^2]$.
# - **relu**: $z$ is as often negative as positive, and the negative half is set to 0. What remains of
#   $\mathbb E[z^2]$?
# - **tanh**, for small signals: $\tanh z \approx z$, with slope 1.
#
# A smaller $\sigma_w$ makes the signal fade from layer to layer, a larger one makes it grow, and the gradient on
# its way back meets the same factor, so long as the widths are equal. Why the second *moment* and not the variance?
# After relu the mean is not 0, and the next layer's $\mathbb E[z^2]$ contains all of $\mathbb E[h^2]$.
#
# **Write** `critical_weight_std(fan_in, activation)` for `"linear"`, `"relu"` and `"tanh"`. (The sigmoid has none
# worth having: its slope is at most $1/4$, so weights four times as large would be needed, and they saturate it.)
#
# **Example.** For 100 inputs and a linear layer: 0.1.
#
# <details><summary>Hint 1: where to start</summary>
#
# Set $\text{fan\_in} \cdot \sigma_w^2 \cdot q = q$ for the linear layer and solve for $\sigma_w$.
#
# </details>
# <details><summary>Hint 2: relu</summary>
#
# Half of $\mathbb E[z^2]$ remains. So the weights have to bring twice as much.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "critical", "locked": false, "schema_version": 3, "solution": true, "task": false}
def critical_weight_std(fan_in, activation):
    """The standard deviation of independent weights of mean 0 that keeps the second moment E[h²] from layer to layer.

    fan_in: positive integer, the number of inputs of a unit
    activation: "linear" or "relu" (exact for symmetric weights), "tanh" (in the limit of small signals)
    Returns a number.
    """
    ### BEGIN SOLUTION
    needed = {"linear": 1.0, "tanh": 1.0, "relu": 2.0}[activation]
    return math.sqrt(needed / fan_in)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "critical-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Test: the critical standard deviation.
variance = "This is the variance of the weights. Return their standard deviation."
check_close(critical_weight_std(100, "linear"), 0.1, "100 inputs, linear", causes={variance: 0.01})
check_close(critical_weight_std(50, "relu"), 0.2, "50 inputs, relu", causes={variance: 0.04})
check_close(critical_weight_std(25, "tanh"), 0.2, "25 inputs, tanh, small signals", causes={variance: 0.04})
passed_visible("critical_weight_std")
### BEGIN HIDDEN TESTS
# With fan_in · std² the second moment of z is that of its inputs; E[relu(z)²] is half of it, tanh(z)² is about z².
for fan_in, kind in ((1, "a single input"), (3, "a few inputs"), (400, "many inputs")):
    for activation, half in (("linear", 1.0), ("relu", 0.5), ("tanh", 1.0)):
        std = critical_weight_std(fan_in, activation)
        check_close(
            float(std) ** 2 * fan_in * half, 1.0, f"the factor of the second moment, {activation}, {kind}", rtol=1e-6
        )
### END HIDDEN TESTS

# %% [markdown]
# ### Nine networks
#
# Thirty layers of 200 units, and weights with 0.5, 1 and 2 times the critical standard deviation (for the sigmoid
# that of a linear layer). Before you run the cell: what slope do you expect for relu with half the critical
# weights?


# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-slopes", "locked": true, "schema_version": 3, "solution": false, "task": false}
def random_weights(n, depth, std, generator):
    return [std * torch.randn(n, n, generator=generator, dtype=torch.float64) for _ in range(depth)]


generator = torch.Generator().manual_seed(0)
n, depth = 200, 30
x, grad_output = torch.randn(2, n, generator=generator, dtype=torch.float64)
slopes, levels = {}, {}
figure, axes = panels(
    1, 3, title="Sigmoid fades layer by layer; relu keeps all layers alike, at a level that its gain decides"
)
for panel, activation in zip(axes[0], ("sigmoid", "tanh", "relu"), strict=True):
    lines = {}
    for gain in (0.5, 1.0, 2.0):
        std = gain * float(critical_weight_std(n, "linear" if activation == "sigmoid" else activation))
        weights = random_weights(n, depth, std, generator)
        norms = torch.as_tensor(gradient_norms(weights, x, grad_output, activation), dtype=torch.float64)
        slopes[activation, gain], levels[activation, gain] = float(log_norm_slope(norms)), float(norms[0])
        lines[f"gain {gain:g}: slope {slopes[activation, gain]:+.2f}"] = norms
    per_layer(lines, title=activation, ylabel="norm of ∂L/∂W", axes=panel)
    panel.set_ylim(1e-28, 1e14)
    panel.legend(loc="upper left" if activation == "sigmoid" else "lower left", frameon=False)

assert all(slopes["sigmoid", gain] > 0.5 for gain in (0.5, 1.0, 2.0)), "Every sigmoid network fades."
assert slopes["sigmoid", 1.0] > math.log(4), "A slope of at most 1/4 costs at least ln 4 = 1.39 per layer at gain 1."
assert all(abs(slopes["relu", gain]) < 0.1 for gain in (0.5, 1.0, 2.0)), "The slope of relu is near 0 at every gain."
assert levels["relu", 0.5] < 1e-5 < 1 < levels["relu", 1.0] < 1e5 < levels["relu", 2.0], (
    "Its level depends on the gain."
)
assert abs(slopes["tanh", 1.0]) < 0.1, "At the critical gain, tanh keeps the gradient."
assert slopes["tanh", 2.0] < -0.1, "Above the critical gain, tanh explodes on its way back."
figure

# %% [markdown]
# Three different illnesses. The *sigmoid* fades: its slopes are at most 1/4, and its signal does not fade along
# with its error, since $\sigma(0) = \frac12$. *relu* has slope 0 at every gain, and is healthy at one only: forward
# the signal $h_\ell$ changes by the gain $g$ per layer, backward the error $\delta_\ell$ does too, and
# $\partial L / \partial W_\ell = \delta_\ell h_{\ell-1}^\top$ gets $g^{L-1}$ wherever the layer is. So does *tanh*
# with small weights, being nearly linear there. With large weights it saturates forward, so the signal stays
# bounded, and yet its error grows on the way back. Look at the slope *and* at the level.
#
# ### Remedies
#
# Weights of the right size and an activation with slope 1 are two. Others: optimizers that divide each gradient by
# its own size (Adam), normalization between the layers, gates in recurrent networks (LSTM), and the *residual
# connection*, $h_\ell = h_{\ell-1} + \varphi(W_\ell h_{\ell-1})$. Its Jacobian is
# $I + \operatorname{diag}(\varphi') W_\ell$: if the second term vanishes, the identity stays.


# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-residual", "locked": true, "schema_version": 3, "solution": false, "task": false}
def residual_gradient_norms(weights, x, grad_output, activation):
    """As gradient_norms, for layers h + φ(W h)."""
    h, layers = x, []
    for weight in weights:
        z = weight @ h
        layers.append((weight, h, z))
        h = h + activate(z, activation)
    grad_h, norms = grad_output, []
    for weight, h_in, z in reversed(layers):
        delta = layer_jacobian(torch.eye(len(z), dtype=z.dtype), z, activation) @ grad_h
        norms.insert(0, float(delta.norm() * h_in.norm()))
        grad_h = grad_h + weight.T @ delta
    return torch.tensor(norms, dtype=torch.float64)


generator = torch.Generator().manual_seed(0)
figure, axes = panels(1, 2, title="A residual connection keeps every layer's gradient alive")
for panel, activation, gain in zip(axes[0], ("sigmoid", "tanh"), (1.0, 0.5), strict=True):
    weights = random_weights(n, depth, gain / math.sqrt(n), generator)
    plain = torch.as_tensor(gradient_norms(weights, x, grad_output, activation), dtype=torch.float64)
    residual = residual_gradient_norms(weights, x, grad_output, activation)
    assert plain[0] < 1e-5, "The plain network should vanish."
    assert residual[0] > 1, "The residual network should not."
    assert abs(float(log_norm_slope(residual))) < 0.1, "Residual layers should get similar gradients."
    per_layer(
        {"plain": plain, "residual": residual}, title=f"{activation}, gain {gain:g}", ylabel="norm of ∂L/∂W", axes=panel
    )
figure

# %% [markdown] task={"name": "clipping", "minutes": 14, "difficulty": 2}
# ## Task 9. Clip what explodes
#
# A gradient that explodes is not just large. In the figure after this task it is about 0.1 on a slope, and more
# than 10 on the cliff at its end. One step from there throws the parameters onto a plateau where it is below
# $10^{-3}$, and all the work so far is lost. *Clipping* limits the step and leaves the rest alone.
#
# *By norm*. All gradients of a network together are one long vector $g$, with one *global* norm, and if it is
# longer than $c$ (`max_norm`) it is shortened to $c$:
#
# $$ \|g\| = \sqrt{\textstyle\sum_j \|g_j\|^2}, \qquad g_j \;\leftarrow\; g_j \cdot \min\!\left(1, \frac{c}{\|g\|}\right) $$
#
# All $g_j$ get the same factor, so the direction stays. The factor is never above 1: a small gradient is not
# amplified. And if $g = 0$, it stays 0.
#
# *By value*. Every entry is limited to $[-c, c]$ on its own. That is simpler, and changes the direction.
#
# **Write** `clip_grad_norm(grads, max_norm)`, which returns the clipped gradients and the norm *before* clipping
# (worth a plot in every training run), and `clip_grad_value(grads, limit)`. `grads` is a list or a tuple of tensors
# of any shapes, also without dimensions. The arguments stay as they are: return new tensors (where nothing is
# clipped, the given ones will do). The norm of float64 gradients can be as
# large as $10^{150}$ (and is a number then, not `inf`).
#
# **Example.** The gradients $(3, 0)$ and $(4)$ have the global norm 5. With $c = 1$ they become $(0.6, 0)$ and
# $(0.8)$; with $c = 10$ they stay. By value with limit 1, $(3, 0)$ and $(-4)$ become $(1, 0)$ and $(-1)$.
#
# <details><summary>Hint 1: where to start</summary>
#
# The norm first: flatten all gradients, join them with `torch.cat`, and take the norm of the long vector.
#
# </details>
# <details><summary>Hint 2: one factor for all cases</summary>
#
# $c / \max(c, \|g\|)$ is 1 for small gradients, $c / \|g\|$ for large ones, and never divides by 0. (PyTorch's
# `clip_grad_norm_` divides by $\|g\| + 10^{-6}$ instead, and clips a hair more. That is fine here, too.)
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "clipping", "locked": false, "schema_version": 3, "solution": true, "task": false}
def clip_grad_norm(grads, max_norm):
    """Scale all gradients by min(1, max_norm / ‖g‖), where ‖g‖ is their global norm.

    grads: list or tuple of tensors of any shapes, transposed ones too, at least one, not changed
    max_norm: positive number
    Returns (clipped, norm_before): a list of tensors of the shapes and dtypes of grads, and the
    global norm of grads.
    R. Pascanu, T. Mikolov and Y. Bengio, On the difficulty of training recurrent neural networks (2013).
    """
    ### BEGIN SOLUTION
    # float32 would overflow when it squares entries above 1e19.
    norm = torch.cat([grad.flatten().double() for grad in grads]).norm().item()
    scale = max_norm / max(max_norm, norm)
    return [scale * grad for grad in grads], norm
    ### END SOLUTION


def clip_grad_value(grads, limit):
    """Limit every entry of every gradient to [-limit, limit].

    grads: list or tuple of tensors of any shapes, transposed ones too, not changed; limit: positive number
    Returns a list of tensors of the shapes and dtypes of grads.
    """
    ### BEGIN SOLUTION
    return [grad.clamp(-limit, limit) for grad in grads]
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "clip-norm-test", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
# Test: clipping by norm.
grads = [torch.tensor([3.0, 0.0]), torch.tensor([4.0])]
with unchanged(grads=grads):
    clipped, norm = clip_grad_norm(grads, 1.0)
after = "This is the norm after clipping. Return the one before: it tells whether anything was clipped."
each = "Each tensor was clipped on its own. The norm is that of all gradients together."
added = "The norms of the two tensors were added. It is their squares that add: take the root of the sum of squares."
check_close(norm, 5.0, "the global norm of (3, 0) and (4)", rtol=1e-6, causes={after: 1.0, added: 7.0})
expected = [torch.tensor([0.6, 0.0]), torch.tensor([0.8])]
causes = {each: [torch.tensor([1.0, 0.0]), torch.tensor([1.0])]}
check_close(clipped, expected, "(3, 0) and (4), clipped to norm 1", causes=causes)
clipped, norm = clip_grad_norm(grads, 10.0)
causes = {"The gradients were amplified. Shorter ones than max_norm stay as they are.": [2 * grad for grad in grads]}
check_close(clipped, grads, "(3, 0) and (4), clipped to norm 10: nothing to do", causes=causes)
check_close(norm, 5.0, "the norm before clipping when nothing is clipped", rtol=1e-6)
clipped, norm = clip_grad_norm([torch.zeros(2)], 1.0)
check_close(clipped, [torch.zeros(2)], "gradients of 0, which stay 0")
check_close(norm, 0.0, "the norm of gradients of 0")
passed_visible("clip_grad_norm")
### BEGIN HIDDEN TESTS
generator = case_generator()
shapes = ((3, 4), (5,), (), (2, 1, 3))


def draw(dtype, norm):
    """Gradients of several shapes with a given global norm."""
    grads = [torch.randn(shape, generator=generator, dtype=torch.float64) for shape in shapes]
    total = math.sqrt(sum(float((grad**2).sum()) for grad in grads))
    return [(norm / total * grad).to(dtype) for grad in grads]


for dtype, tolerance in ((torch.float64, 1e-6), (torch.float32, 1e-4)):
    for norm_before, max_norm, kind in (
        (20.0, 3.0, "a large gradient"),
        (1.5, 3.0, "a small gradient"),
        (50.0, 49.9, "a gradient a little above the limit"),
        (50.0, 50.1, "a gradient a little below the limit"),
    ):
        grads = draw(dtype, norm_before)
        with unchanged(grads=grads):
            clipped, norm = clip_grad_norm(grads, max_norm)
        check_close(norm, norm_before, f"the norm before clipping, {kind}", rtol=tolerance)
        factor = min(1.0, max_norm / norm_before)
        check_equal(len(clipped), len(grads), "the number of clipped gradients")
        for found, grad in zip(clipped, grads, strict=True):
            check_shape(found, tuple(grad.shape), f"a clipped gradient, which keeps its shape, {kind}")
            check_dtype(found, dtype, f"a clipped gradient, which keeps its dtype, {kind}")
            what = f"the clipped gradients, {kind}, four tensors"
            check_close(found, factor * grad.double(), what, rtol=tolerance, atol=tolerance)

grads = (torch.tensor([[3.0, 0.0]], dtype=torch.float64), torch.tensor(-4.0, dtype=torch.float64))
clipped, norm = clip_grad_norm(grads, 5.0)
check_close(clipped, list(grads), "gradients in a tuple with a norm exactly at the limit", rtol=1e-6)
check_close(norm, 5.0, "the norm of gradients exactly at the limit", rtol=1e-6)
zeros = [torch.zeros(2, 2, dtype=torch.float64), torch.zeros((), dtype=torch.float64)]
clipped, norm = clip_grad_norm(zeros, 0.5)
check_close([clipped, norm], [zeros, 0.0], "gradients of 0 and their norm")
clipped, norm = clip_grad_norm([torch.tensor([[3.0], [4.0]], dtype=torch.float64)], 1.0)
check_close([clipped, norm], [[torch.tensor([[0.6], [0.8]])], 5.0], "a single gradient and its norm", rtol=1e-6)

for size, kind in ((1e150, "1e150"), (1e100, "1e100"), (1e20, "1e20")):
    grads = draw(torch.float64, size)
    with unchanged(grads=grads):
        clipped, norm = clip_grad_norm(grads, 2.0)
    check_close(norm, size, f"the norm before clipping, a norm of {kind}", rtol=1e-6)
    check_close(clipped, [2.0 / size * grad for grad in grads], f"gradients with a norm of {kind}, clipped", rtol=1e-6)
grads = [torch.randn(4, 3, generator=generator).T, torch.randn(5, generator=generator, dtype=torch.float64)]
clipped, norm = clip_grad_norm(grads, 0.5)
expected = math.sqrt(sum(float((grad.double() ** 2).sum()) for grad in grads))
check_close(norm, expected, "the norm of a transposed gradient in float32 and one in float64", rtol=1e-5)
for found, grad in zip(clipped, grads, strict=True):
    check_dtype(found, grad.dtype, "each clipped gradient keeps its dtype, one of them float32 and one float64")
    factor = min(1.0, 0.5 / expected)
    check_close(found, factor * grad, "a transposed gradient in float32 and one in float64, clipped", rtol=1e-4)
grads = draw(torch.float64, 1e-12)
clipped, norm = clip_grad_norm(grads, 2.0)
check_close(norm, 1e-12, "the norm before clipping, tiny gradients", rtol=1e-6, atol=0.0)
for found, grad in zip(clipped, grads, strict=True):
    check_close(found, grad, "tiny gradients, which stay as they are", rtol=1e-6, atol=0.0)
grads = [torch.full((4,), 1.0, dtype=torch.float64), torch.full((4,), 2.0, dtype=torch.float64)]
clipped, norm = clip_grad_norm(grads, 4.0)
check_close(norm, math.sqrt(20.0), "the norm of four ones and four twos", rtol=1e-6)
expected = [grad * (4.0 / math.sqrt(20.0)) for grad in grads]
check_close(clipped, expected, "two gradients, each shorter than the limit, longer together", rtol=1e-6)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "clip-value-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: clipping by value.
grads = [torch.tensor([3.0, 0.0]), torch.tensor([-4.0])]
with unchanged(grads=grads):
    clipped = clip_grad_value(grads, 1.0)
causes = {"Only one side was limited. The limits are -1 and 1.": [torch.tensor([1.0, 0.0]), torch.tensor([-4.0])]}
check_close(clipped, [torch.tensor([1.0, 0.0]), torch.tensor([-1.0])], "(3, 0) and (-4), limited to 1", causes=causes)
clipped = clip_grad_value([torch.tensor([0.5, -0.25, 2.0])], 1.0)
check_close(clipped, [torch.tensor([0.5, -0.25, 1.0])], "(0.5, -0.25, 2), limited to 1: what is within stays")
passed_visible("clip_grad_value")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype in (torch.float64, torch.float32):
    for limit, kind in ((0.3, "a small limit"), (1.5, "a large limit"), (100.0, "a limit above all entries")):
        grads = [torch.randn(shape, generator=generator, dtype=dtype) for shape in ((3, 4), (5,), (), (2, 1, 3))]
        with unchanged(grads=grads):
            clipped = clip_grad_value(grads, limit)
        check_equal(len(clipped), len(grads), "the number of clipped gradients")
        for found, grad in zip(clipped, grads, strict=True):
            expected = torch.where(grad.abs() > limit, limit * grad.sign(), grad)
            check_shape(found, tuple(grad.shape), f"a clipped gradient, which keeps its shape, {kind}")
            check_dtype(found, dtype, f"a clipped gradient, which keeps its dtype, {kind}")
            what = f"gradients of both signs, {kind}"
            check_close(found, expected, what, rtol=1e-12 if dtype == torch.float64 else 1e-6)
grads = (torch.tensor(-7e8, dtype=torch.float64), torch.tensor([[2.5, -2.5], [1.0, -9.0]]).T)
expected = [torch.tensor(-2.5), torch.tensor([[2.5, 1.0], [-2.5, -2.5]])]
what = "gradients in a tuple, one of them transposed, some entries exactly at the limit"
clipped = clip_grad_value(grads, 2.5)
check_close(clipped, expected, what)
for found, grad in zip(clipped, grads, strict=True):
    check_dtype(found, grad.dtype, "each clipped gradient keeps its dtype, one of them float64 and one float32")
### END HIDDEN TESTS

# %% [markdown]
# ### The cliff
#
# Here is the smallest network that has one: a single sigmoid unit, applied fifty times with the same weight and
# bias, $h_t = \sigma(w\, h_{t-1} + b)$, and the loss $(h_{50} - 0.7)^2$ (after Pascanu, Mikolov and Bengio, 2013).
# The same factor $w\, \sigma'$ is multiplied fifty times. Where it stays below 1 the loss changes gently; where it
# is above 1 there is a wall.


# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-cliff", "locked": true, "schema_version": 3, "solution": false, "task": false}
def cliff_loss(point):
    """point: (..., 2), weight and bias."""
    h = torch.full_like(point[..., 0], 0.5)
    for _ in range(50):
        h = torch.sigmoid(point[..., 0] * h + point[..., 1])
    return (h - 0.7) ** 2


def descend(max_norm, *, lr=0.5, steps=300):
    point, path, norms = torch.tensor([6.5, -3.0], dtype=torch.float64), [], []
    path.append(point)
    for _ in range(steps):
        variable = point.clone().requires_grad_()
        (clipped,), norm = clip_grad_norm(torch.autograd.grad(cliff_loss(variable), variable), max_norm)
        point = point - lr * clipped
        path.append(point)
        norms.append(float(norm))
    return torch.stack(path), norms


thrown, thrown_norms = descend(max_norm=1e9)
clipped, _ = descend(max_norm=0.1)
end_thrown, end_clipped = float(cliff_loss(thrown[-1])), float(cliff_loss(clipped[-1]))
assert end_thrown > 0.3, "Without clipping, the cliff should throw the parameters away."
assert end_clipped < 0.01, "Clipping should save the descent."
assert max(thrown_norms) > 10 > 100 * thrown_norms[0], "The gradient on the cliff is huge."
assert thrown_norms[-1] < 1e-3, "Where the parameters land, the loss is a plateau."

figure, axes = panels(
    1, 2, title="One step on the cliff throws the parameters away; clipped, they go on", size=(5.4, 4.2)
)
loss_surface(
    cliff_loss,
    {f"not clipped: ends at {end_thrown:.2f}": thrown, f"clipped to 0.1: ends at {end_clipped:.3f}": clipped},
    title="The loss over weight and bias",
    xlim=(1.0, 7.5),
    ylim=(-8.5, -0.5),
    labels=("weight w", "bias b"),
    levels=torch.linspace(0, 0.5, 21).tolist(),
    axes=axes[0, 0],
)
bias = torch.linspace(-3.5, -1.5, 2001, dtype=torch.float64)
curves(
    {f"w = {w:g}": (bias, cliff_loss(torch.stack([torch.full_like(bias, w), bias], dim=1))) for w in (4.5, 5.0, 5.5)},
    title="Cuts through it: a slope, then a wall",
    xlabel="bias b",
    ylabel="loss",
    axes=axes[0, 1],
)
axes[0, 1].set_xticks([-3.5, -3.0, -2.5, -2.0, -1.5])
figure

# %% [markdown] task={"name": "questions", "minutes": 10, "difficulty": 2}
# ## Task 10. Two questions
#
# A few sentences each, in your own words. An instructor reads them.

# %% [markdown] nbgrader={"grade": false, "grade_id": "question-orthogonal", "locked": true, "schema_version": 3, "solution": false, "task": false}
# **Question 1.** A slide says: "If $A$ is orthogonal, its singular values are greater than 0." That is true, and
# misses the point. What are the singular values of an orthogonal matrix, and what does it do to lengths? What does
# "all listed singular values are greater than 0" really mean, and does it imply $\|Ax\| > 0$ for all $x \ne 0$ when
# $A$ is wide? Finally: why do orthogonal weights keep the gradient in a linear network of any depth, and what takes
# this away when the activation is relu?
#
# <details><summary>Hint 1: where to start</summary>
#
# What is $A^\top A$ for an orthogonal matrix, and what has it to do with the singular values?
#
# </details>
# <details><summary>Hint 2: relu</summary>
#
# Write down the Jacobian of one layer. Which of its two factors is orthogonal?
#
# </details>
#
# ### BEGIN MARK SCHEME
# - 1 point: a square matrix is orthogonal exactly if *all* its singular values are 1; it keeps every length. All
#   greater than 0 means full rank, no more: such a matrix may shrink by any factor.
# - 1 point: a wide matrix of full rank still has a null space, $n - m$ dimensions of it, so $\|Ax\| = 0$ for some
#   $x \ne 0$.
# - 1 point: a product of orthogonal matrices is orthogonal, so the gradient keeps its length at any depth. With
#   relu the Jacobian is $\operatorname{diag}(\varphi') W$, and the diagonal factor has zeros (about half of them):
#   directions are lost in every layer.
#
# An answer that only says "the gains are between the smallest and the largest singular value" gets at most 1.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "answer-orthogonal", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# For an orthogonal matrix $A^\top A = I$, so all singular values are exactly 1 and every length is kept. "All
# greater than 0" only says that the matrix has full rank: $10^{-9} I$ is an example. A wide matrix has fewer
# singular values than input directions, so even with full rank it maps some $x \ne 0$ to 0. A product of orthogonal
# matrices is orthogonal, so in a linear network the gradient keeps its norm at any depth. With relu a layer's
# Jacobian is $\operatorname{diag}(\varphi'(z)) W$, and the diagonal has zeros for the units that are off. This
# factor is not orthogonal: it deletes about half of the directions, in every layer anew.

# %% [markdown] nbgrader={"grade": false, "grade_id": "question-level", "locked": true, "schema_version": 3, "solution": false, "task": false}
# **Question 2.** In your run of "nine networks", relu with half the critical weights has a slope of about 0. Why
# does every layer get the same gradient, and how large is it compared with the one at gain 1, for $L$ layers? Is
# this network healthy? Say for each of three remedies whether it helps here, and why: gradient clipping, critical
# weights, residual connections.
#
# <details><summary>Hint 1: where to start</summary>
#
# $\partial L/\partial W_\ell = \delta_\ell\, h_{\ell-1}^\top$. How often has the signal been multiplied by the gain
# when it arrives at layer $\ell$, how often the error?
#
# </details>
# <details><summary>Hint 2: clipping</summary>
#
# What does clipping do with a gradient that is too small?
#
# </details>
#
# ### BEGIN MARK SCHEME
# - 1 point: $\|h_{\ell-1}\|$ contains the gain $g$ about $\ell - 1$ times, $\|\delta_\ell\|$ contains it $L - \ell$
#   times; the product has $g^{L-1}$, which does not depend on $\ell$ (here $0.5^{29} \approx 2 \cdot 10^{-9}$ times
#   the value at gain 1; the figure shows about that).
# - 1 point: not healthy: all gradients are tiny, and so is the output, which hardly depends on the input. The slope
#   alone does not show it; the level does.
# - 1 point: clipping does not help, it never makes a gradient larger; critical weights do, since $g = 1$; residual
#   connections do, since the identity in $I + \operatorname{diag}(\varphi') W$ stays when the second term is small.
#
# An exponent that is off by one ($g^L$) is fine.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "answer-level", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# relu keeps factors, so with gain $g$ the signal that arrives at layer $\ell$ has been multiplied by $g$ about
# $\ell - 1$ times, and the error that comes back to it $L - \ell$ times. The gradient is the product of the two, so
# it contains $g^{L-1}$ in every layer: the slope is 0, and with $g = 0.5$ and $L = 30$ all gradients are about
# $2 \cdot 10^{-9}$ times those at gain 1. The network is not healthy: nothing learns, and its output is almost 0
# whatever the input is. Clipping does not help, since it only makes gradients shorter. Critical weights help: they
# make $g = 1$. Residual connections help too: when $\operatorname{diag}(\varphi') W$ is small the identity remains,
# in both directions.

# %% [markdown]
# ## What you have built
#
# You can say how much a matrix stretches, compute the matrix of a network, measure its gradients layer by layer,
# sum them up in a slope and a level, choose weights that keep both, and clip what still explodes. How to draw such
# weights, uniform, normal or orthogonal, for convolutions too, is the subject of the assignment on initialization.
