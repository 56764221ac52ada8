# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   descent:
#     title: Backpropagation by hand
#     budget: {cell_seconds: 30, call_seconds: 10}
# ---

# %% [markdown]
# # Backpropagation by hand
#
# At the end of this notebook you train a network on handwritten digits, and every derivative in it is yours.
#
# The story starts with one neuron, $\hat y = \sigma(z)$ with $z = w x + b$, and one squared error
# $\ell = (\hat y - t)^2$. The chain rule multiplies the derivatives along the path from $\ell$ back to $w$:
#
# $$
# \frac{\partial \ell}{\partial w}
# = \underbrace{2(\hat y - t)}_{\partial \ell / \partial \hat y} \cdot
#   \underbrace{\hat y (1 - \hat y)}_{\partial \hat y / \partial z} \cdot
#   \underbrace{x}_{\partial z / \partial w}
# $$
#
# Read it from left to right: we start at the loss and walk *backwards*. Each step takes the gradient with
# respect to its output and returns the gradient with respect to its input. That is all of backpropagation.
# What remains is to do it with matrices, to do it in the right order when paths meet, and never to trust a
# derivative that nothing has checked.
#
# **Conventions.** A batch of $N$ examples is a matrix with one example per row. A `weight` has shape
# (out_features, in_features). Losses are means over the batch. The slope of relu at 0 is 0. `grad_y` means
# $\partial L/\partial y$, the gradient of the final loss $L$ with respect to `y`; it has the shape of `y`.
#
# **Rules.** Library functions such as `torch.sigmoid` or `torch.log_softmax` are allowed. Automatic
# differentiation (`requires_grad`, `.backward()` of a tensor, `torch.autograd`, `torch.func`, `torch.nn.Linear`)
# and `torch.optim` are not: here you are the engine. A result that is one number may be a float or a tensor
# without dimensions. A function may work in place if its arguments, a cache included, are, when it returns,
# what they were before. Results have the dtype of the inputs, float32 or float64. An input may have any memory
# layout (a transpose, for instance). The checks read your code: use torch, NumPy and plain Python, and write out
# the functions that you call: a dict of them, and no `globals()`.
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
    check_not_used,
    check_shape,
    check_true,
    passed_visible,
    probe,
    unchanged,
)
from utils.data import digits
from utils.plotting import curves, panels

# %% nbgrader={"grade": false, "grade_id": "rules", "locked": true, "schema_version": 3, "solution": false, "task": false}
# What the checks look for in your functions: these would do the work for you, and the last would hide what does.
AUTOGRAD = (
    "torch.autograd",
    "torch.func",
    "torch._functorch",
    "functorch",
    "torch.optim",
    "torch.nn.Parameter",
    "torch.nn.parameter",
    "requires_grad",
    "requires_grad_",
    "torch.nn.Linear",
    ".backward",
    "globals",
)

# %% [markdown] task={"name": "numerical-gradient", "minutes": 10, "difficulty": 1}
# ## Task 1. A derivative without calculus
#
# Before you derive anything, build the instrument that will tell you whether the derivation is right. It
# needs nothing but the function itself. Move one coordinate of $x$ a little to both sides, leave the others
# alone, and look at what $f$ does:
#
# $$
# \frac{\partial f}{\partial x_i} \approx \frac{f(x + \varepsilon e_i) - f(x - \varepsilon e_i)}{2 \varepsilon}
# $$
#
# This is the *central* difference. Its error shrinks like $\varepsilon^2$; that of the one-sided
# $(f(x + \varepsilon e_i) - f(x))/\varepsilon$ only like $\varepsilon$.
#
# **Write** `numerical_gradient(f, x, eps)`. `f` takes a tensor of the shape and dtype of `x` and returns one
# number (a float or a 0-d tensor). `x` can have any shape, and can be a view such as a transpose. It must end
# exactly as it was: if you change it in place, save the old value and put it back, since adding and then
# subtracting `eps` does not return to the same float.
#
# **Write** `relative_error(a, b)`, the number by which two gradients of the same shape are compared. The
# floor $10^{-8}$ is there for two zeros, which agree:
#
# $$ \max_i \frac{|a_i - b_i|}{\max(10^{-8},\; |a_i| + |b_i|)} $$
#
# **Example.** For $f(x) = x_1^2 + x_2^2$ at $x = (1, 3)$ the gradient is $(2, 6)$. The relative error of $(2,
# 6)$ and $(2, 2)$ is $4/8 = 0.5$.
#
# <details><summary>Hint 1: where to start</summary>
#
# Loop over the coordinates. For each one, make a tensor that is zero everywhere except for `eps` at this
# coordinate.
#
# </details>
# <details><summary>Hint 2: any shape</summary>
#
# Number the coordinates from 0 to `x.numel() - 1`. Build the step as a flat vector, then `reshape` it to the
# shape of `x`. Collect the slopes in a list and reshape at the end.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "numerical-gradient", "locked": false, "schema_version": 3, "solution": true, "task": false}
def numerical_gradient(f, x, eps=1e-6):
    """The gradient of a scalar function by central differences.

    f: takes a tensor like x, returns a float or a 0-d tensor
    x: tensor of any shape, a view included; unchanged when the function returns
    eps: the distance to each side
    Returns a tensor of the shape and dtype of x.
    """
    ### BEGIN SOLUTION
    slopes = []
    for i in range(x.numel()):
        step = torch.zeros(x.numel(), dtype=x.dtype)
        step[i] = eps
        step = step.reshape(x.shape)
        slopes.append((f(x + step) - f(x - step)) / (2 * eps))
    return torch.tensor(slopes, dtype=x.dtype).reshape(x.shape)
    ### END SOLUTION


def relative_error(a, b):
    """The largest of |a - b| / max(1e-8, |a| + |b|) over all entries; a and b have the same shape."""
    ### BEGIN SOLUTION
    return ((a - b).abs() / (a.abs() + b.abs()).clamp(min=1e-8)).max()
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "numerical-gradient-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Test: the numerical gradient.
@probe
def gradient_of_sum_of_squares(x):
    return numerical_gradient(lambda point: (point**2).sum(), x)


x = torch.tensor([[1.0, -2.0, 0.5], [3.0, 0.0, -1.0]], dtype=torch.float64)
with unchanged(x=x):
    gradient = gradient_of_sum_of_squares(x)
check_shape(gradient, (2, 3), "the gradient, which has the shape of x")
check_close(gradient, 2 * x, "the gradient of the sum of squares, which is 2x", atol=1e-7)
check_not_used(numerical_gradient, AUTOGRAD)
passed_visible("numerical_gradient")
### BEGIN HIDDEN TESTS
generator = case_generator()


@probe
def gradient_of_cubic(coefficients, x, eps):
    # einsum wants what f was promised: a point of the shape and dtype of x
    return numerical_gradient(lambda point: torch.einsum("ijk,ijk->", coefficients, point**3), x, eps)


@probe
def farthest_point(x, settings):
    """How far from x the function is asked for its value."""
    start, distances = x.clone(), []

    def constant(point):
        distances.append(float((point - start).abs().max()))
        return 1.0

    numerical_gradient(constant, x, **settings)
    return max(distances)


@probe
def gradient_of_cubed_product(x):
    return numerical_gradient(lambda point: point.prod().item() ** 3, x)


@probe
def gradient_at_a_transpose(coefficients, base):
    gradient = numerical_gradient(lambda point: (coefficients * point**2).sum(), base.t())
    return gradient, base


# The central difference of c x³ is exactly 3 c x² + c eps², so a wide step shows which difference was taken.
for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-3)):
    x = torch.rand(3, 1, 2, generator=generator, dtype=dtype) + 1
    coefficients = torch.rand(3, 1, 2, generator=generator, dtype=dtype) + 0.5
    for eps in (0.1, 0.25):
        with unchanged(x=x):
            gradient = gradient_of_cubic(coefficients, x, eps)
        expected = coefficients * (3 * x**2 + eps**2)
        check_shape(gradient, (3, 1, 2), "the gradient at an x with three dimensions")
        check_dtype(gradient, dtype, "the gradient, which has the dtype of x")
        check_close(gradient, expected, "the central difference of c x³ with a wide step", rtol=tolerance)

x = torch.rand(4, generator=generator, dtype=torch.float64) + 1
gradient = gradient_of_cubed_product(x)
what = "the gradient of the cubed product of all coordinates, with the default eps and an f that returns a float"
check_close(gradient, 3 * x.prod() ** 3 / x, what, rtol=3e-8)

for settings, eps in (({}, 1e-6), ({"eps": 1e-7}, 1e-7)):
    what = f"how far from x the function is asked, eps = {eps:g}{', the default' * (not settings)}"
    cause = "Move the coordinate by eps to both sides, whatever eps is; its default is 1e-6."
    check_true(abs(float(farthest_point(x, settings)) / eps - 1) < 1e-4, what, cause)

x = torch.tensor(3.0, dtype=torch.float64)
check_shape(gradient_of_sum_of_squares(x), (), "the gradient at an x without dimensions")
check_close(gradient_of_sum_of_squares(x), 6.0, "the gradient of x² at an x without dimensions", rtol=1e-7)

base = torch.randn(2, 3, generator=generator, dtype=torch.float64)
coefficients = torch.rand(3, 2, generator=generator, dtype=torch.float64) + 1
before = base.clone()
gradient, base = gradient_at_a_transpose(coefficients, base)
check_close(gradient, 2 * coefficients * before.t(), "the gradient at an x that is a transpose", atol=1e-6)
check_equal(base, before, "the memory that a transposed x shares, after numerical_gradient")
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "relative-error-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: the relative error.
a, b = torch.tensor([2.0, 6.0]), torch.tensor([2.0, 2.0])
check_close(relative_error(a, b), 0.5, "the relative error of (2, 6) and (2, 2)")
check_close(relative_error(torch.zeros(3), torch.zeros(3)), 0.0, "the relative error of two zero gradients")
passed_visible("relative_error")
### BEGIN HIDDEN TESTS
check_close(relative_error(b, a), 0.5, "the relative error with the arguments swapped")
a, b = torch.tensor([1.0, -3.0, 0.5]), torch.tensor([1.0, 1.0, 0.5])
check_close(relative_error(a, b), 1.0, "the relative error of two numbers of opposite sign")
a, b = torch.tensor([3e-9, 5.0], dtype=torch.float64), torch.tensor([1e-9, 5.0], dtype=torch.float64)
check_close(relative_error(a, b), 0.2, "the relative error of two numbers below the floor")
a, b = torch.tensor([3e-3], dtype=torch.float64), torch.tensor([1e-3], dtype=torch.float64)
check_close(relative_error(a, b), 0.5, "the relative error of two small numbers above the floor")
a, b = torch.tensor([1.0], dtype=torch.float64), torch.tensor([1.0 + 2e-9], dtype=torch.float64)
check_close(relative_error(a, b), 1e-9, "the relative error of two numbers that hardly differ", rtol=1e-4, atol=0.0)
generator = case_generator()
a = torch.randn(3, 2, 4, generator=generator, dtype=torch.float64)
b = a + 0.1 * torch.randn(3, 2, 4, generator=generator, dtype=torch.float64)
expected = max(abs(p - q) / max(1e-8, abs(p) + abs(q)) for p, q in zip(a.flatten(), b.flatten(), strict=True))
with unchanged(a=a, b=b):
    check_close(relative_error(a, b), expected, "the relative error of two tensors with three dimensions")
### END HIDDEN TESTS

# %% [markdown]
# With an instrument in hand, test the neuron of the introduction. Then see how small `eps` should be: too
# wide and the formula is wrong, too narrow and rounding wins.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-step-size", "locked": true, "schema_version": 3, "solution": false, "task": false}
weights = torch.linspace(-2.0, 2.0, 21, dtype=torch.float64)
x, b, t = 1.5, -0.3, 1.0


def neuron_losses(w):
    return ((torch.sigmoid(w * x + b) - t) ** 2).sum()


y = torch.sigmoid(weights * x + b)
exact = 2 * (y - t) * y * (1 - y) * x  # the chain rule of the introduction
steps = torch.logspace(-13, -1, 25).tolist()
central = [relative_error(numerical_gradient(neuron_losses, weights, eps), exact) for eps in steps]
units = torch.eye(len(weights), dtype=torch.float64)
one_sided = [
    relative_error(torch.stack([neuron_losses(weights + eps * e) - neuron_losses(weights) for e in units]) / eps, exact)
    for eps in steps
]
assert min(central) < 1e-8, "The numerical gradient should agree with the chain rule to eight digits at its best step."

best = steps[central.index(min(central))]
curves(
    {"central": (steps, central), "one-sided": (steps, one_sided)},
    title=f"Two sides reach {min(central):.0e} at eps {best:.0e}, one side {min(one_sided):.0e}",
    xlabel="eps",
    ylabel="largest relative error",
    logx=True,
    logy=True,
)

# %% [markdown] task={"name": "linear", "minutes": 12, "difficulty": 2}
# ## Task 2. A linear layer
#
# One neuron becomes a layer when the weights become a matrix, and one example becomes a batch when $x$
# becomes a matrix. With $N$ examples, $I$ inputs and $O$ outputs:
#
# $$
# \underset{(N, O)}{Y} = \underset{(N, I)}{X}\, \underset{(I, O)}{W^\top} + \underset{(O)}{b}
# $$
#
# The layer above hands you $G = \partial L / \partial Y$, of shape $(N, O)$. The chain rule gives three
# gradients, each of the shape of the thing it belongs to:
#
# $$
# \frac{\partial L}{\partial X} = G W, \qquad
# \frac{\partial L}{\partial W} = G^\top X, \qquad
# \frac{\partial L}{\partial b_o} = \sum_{n=1}^{N} G_{no}
# $$
#
# The sum over the batch is not a rule to remember. Every example uses the same weight and the same bias, so
# both receive a contribution from each. No division by $N$ here: the mean is taken once, in the loss, and $G$
# already contains it.
#
# **Write** `linear_forward` and `linear_backward`. The `cache` is whatever your backward pass needs from the
# forward pass: a tuple, a dict, any object. It must belong to its own forward pass, because a network runs
# many layers forward before it runs the first one backward.
#
# **Example.** $x = (1, 2)$, $W = (3\;\,4)$ and $b = 5$ give $y = 16$. With $G = 1$: $\partial L/\partial x =
# (3, 4)$, $\partial L/\partial W = (1\;\,2)$, $\partial L/\partial b = 1$.
#
# <details><summary>Hint 1: where to start</summary>
#
# Write the shape under each matrix. There is only one way to multiply $G$, of shape $(N, O)$, with $X$, of
# shape $(N, I)$, into something of shape $(O, I)$.
#
# </details>
# <details><summary>Hint 2: what to keep</summary>
#
# The gradient of the weight needs `x`, the gradient of `x` needs `weight`. Return both as the cache.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "linear", "locked": false, "schema_version": 3, "solution": true, "task": false}
def linear_forward(x, weight, bias):
    """A linear layer, y = x Wᵀ + b.

    x: (N, in_features); weight: (out_features, in_features); bias: (out_features,)
    Returns (y, cache): y of shape (N, out_features), and what linear_backward needs.
    """
    ### BEGIN SOLUTION
    return x @ weight.T + bias, (x, weight)
    ### END SOLUTION


def linear_backward(grad_y, cache):
    """The gradients of a linear layer.

    grad_y: (N, out_features), the gradient with respect to y; cache: from linear_forward
    Returns (grad_x, grad_weight, grad_bias), of the shapes of x, weight and bias.
    """
    ### BEGIN SOLUTION
    x, weight = cache
    return grad_y @ weight, grad_y.T @ x, grad_y.sum(dim=0)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "linear-forward-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: the linear layer, forward.
@probe
def linear_output(x, weight, bias):
    return linear_forward(x, weight, bias)[0]


y = linear_output(torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]), torch.tensor([5.0]))
check_close(y, [[16.0]], "y for one example, two inputs and one output")
x, weight = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 10.0], [0.0, -1.0]])
y = linear_output(x, weight, torch.tensor([0.5, 0.0]))
check_close(y, [[21.5, -2.0], [43.5, -4.0]], "y for two examples, two inputs and two outputs")
check_not_used(linear_forward, AUTOGRAD)
passed_visible("linear_forward")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype, tolerance, outputs in ((torch.float64, 1e-12, 5), (torch.float32, 1e-5, 5), (torch.float64, 1e-12, 1)):
    x = torch.randn(4, 3, generator=generator, dtype=dtype)
    weight = torch.randn(outputs, 3, generator=generator, dtype=dtype)
    bias = torch.randn(outputs, generator=generator, dtype=dtype)
    with unchanged(x=x, weight=weight, bias=bias):
        y = linear_output(x, weight, bias)
    expected = torch.einsum("ni,oi->no", x.double(), weight.double()) + bias.double()
    what = f"y for 4 examples, 3 inputs and {outputs} output{'s' * (outputs > 1)}"
    check_shape(y, (4, outputs), what)
    check_dtype(y, dtype, "y, which has the dtype of x")
    check_close(y, expected, what, rtol=tolerance, atol=tolerance)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "linear-backward-test", "locked": true, "points": 7, "schema_version": 3, "solution": false, "task": false}
# Test: the linear layer, backward.
@probe
def linear_gradients(x, weight, bias, grad_y):
    _, cache = linear_forward(x, weight, bias)
    return linear_backward(grad_y, cache)


example = linear_gradients(
    torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0, 4.0]]), torch.tensor([5.0]), torch.tensor([[1.0]])
)
x, weight = torch.tensor([[1.0, 2.0], [3.0, 4.0]]), torch.tensor([[1.0, 10.0], [0.0, -1.0]])
grad_x, grad_weight, grad_bias = linear_gradients(x, weight, torch.zeros(2), torch.tensor([[1.0, 0.0], [2.0, 1.0]]))
check_close(example, [[[3.0, 4.0]], [[1.0, 2.0]], [1.0]], "the gradients of x, weight and bias in the example")
check_close(grad_x, [[1.0, 10.0], [2.0, 19.0]], "the gradient of x, two examples")
check_close(grad_weight, [[7.0, 10.0], [3.0, 4.0]], "the gradient of the weight, two examples")
check_close(grad_bias, [3.0, 1.0], "the gradient of the bias, two examples")
check_not_used(linear_backward, AUTOGRAD)
passed_visible("linear_backward")
### BEGIN HIDDEN TESTS
generator = case_generator()


@probe
def gradients_of_two_passes(first, second, grad_first, grad_second):
    _, cache_first = linear_forward(*first)
    _, cache_second = linear_forward(*second)
    _, cache_third = linear_forward(first[0], *second[1:])
    caches = cache_first, cache_second, cache_third, cache_first
    passes = zip((grad_first, grad_second, grad_second, grad_first), caches, strict=True)
    return [linear_backward(grad_y, cache) for grad_y, cache in passes]


def expected_gradients(x, weight, bias, grad_y):
    inputs = [tensor.double().clone().requires_grad_() for tensor in (x, weight, bias)]
    output = torch.nn.functional.linear(*inputs)
    return torch.autograd.grad((output * grad_y.double()).sum(), inputs)


for dtype, tolerance, outputs in ((torch.float64, 1e-12, 5), (torch.float32, 1e-5, 5), (torch.float64, 1e-12, 1)):
    x = torch.randn(4, 3, generator=generator, dtype=dtype)
    weight = torch.randn(outputs, 3, generator=generator, dtype=dtype)
    bias = torch.randn(outputs, generator=generator, dtype=dtype)
    grad_y = torch.randn(outputs, 4, generator=generator, dtype=dtype).T
    with unchanged(x=x, weight=weight, bias=bias, grad_y=grad_y):
        gradients = linear_gradients(x, weight, bias, grad_y)
    names = ("x", "weight", "bias")
    for name, actual, expected in zip(names, gradients, expected_gradients(x, weight, bias, grad_y), strict=True):
        what = f"the gradient of {name}, 4 examples, 3 inputs and {outputs} output{'s' * (outputs > 1)}"
        check_shape(actual, tuple(expected.shape), what)
        check_dtype(actual, dtype, what)
        check_close(actual, expected, what, rtol=tolerance, atol=tolerance)

first = [torch.randn(*shape, generator=generator) for shape in ((2, 3), (4, 3), (4,))]
second = [torch.randn(*shape, generator=generator) for shape in ((2, 3), (4, 3), (4,))]
grad_first, grad_second = torch.randn(2, 4, generator=generator), torch.randn(2, 4, generator=generator)
*each, again = gradients_of_two_passes(first, second, grad_first, grad_second)
passes = (*first, grad_first), (*second, grad_second), (first[0], *second[1:], grad_second)
expected = [expected_gradients(*pass_) for pass_ in passes]
for actual, wanted in zip(each, expected, strict=True):
    for name, actual_one, wanted_one in zip(names, actual, wanted, strict=True):
        what = f"the gradient of {name}, three forward passes before the first backward pass"
        check_close(actual_one, wanted_one, what, rtol=1e-5, atol=1e-5)
check_close(again, each[0], "a second backward pass with the same cache gives the same gradients")
### END HIDDEN TESTS

# %% [markdown] task={"name": "activations", "minutes": 14, "difficulty": 1}
# ## Task 3. What stands between the layers
#
# Two linear layers in a row are one linear layer. What makes a network more than that is a function applied
# to each number on its own. Its Jacobian is diagonal, so the backward pass is one multiplication, entry by
# entry:
#
# $$ \frac{\partial L}{\partial x} = \frac{\partial L}{\partial y} \odot \varphi'(x) $$
#
# | | $\varphi(x)$ | $\varphi'(x)$ | range of the slope |
# |---|---|---|---|
# | relu | $\max(0, x)$ | $1$ if $x > 0$, else $0$ | 0 or 1 |
# | sigmoid | $1 / (1 + e^{-x})$ | $y\,(1 - y)$ | at most $1/4$ |
# | tanh | $(e^{x} - e^{-x})/(e^{x} + e^{-x})$ | $1 - y^2$ | at most $1$, only at $x = 0$ |
#
# Two of the slopes are written with the output $y$, which the forward pass has already computed. Remember
# these ranges: a product of thirty slopes of at most $1/4$ is the vanishing gradient of a later chapter.
#
# **Write** three pairs of functions. `x`, `y` and the gradients all have the same shape, whichever it is, and any
# memory layout (a transpose, for instance). The sigmoid and its slope must be finite at $x = \pm 1000$, where
# $e^{|x|}$ is not; so must tanh.
#
# **Example.** relu of $(-1, 0, 0.5)$ is $(0, 0, 0.5)$, and a `grad_y` of $(5, 5, 5)$ becomes $(0, 0, 5)$. At
# $x = 0$ the slope of the sigmoid is $1/4$, that of tanh is $1$.
#
# <details><summary>Hint 1: what to keep</summary>
#
# For relu, keep where `x > 0`. For the other two, keep `y`.
#
# </details>
# <details><summary>Hint 2: large numbers</summary>
#
# `torch.sigmoid` and `torch.tanh` are safe and allowed. By hand: $\sigma(x) = \tfrac12 (1 + \tanh
# \tfrac{x}{2})$, or use $e^{-|x|}$, which cannot overflow. Then compute the slope from $y$.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "activations", "locked": false, "schema_version": 3, "solution": true, "task": false}
def relu_forward(x):
    """max(0, x), entry by entry. Returns (y, cache)."""
    ### BEGIN SOLUTION
    return x.clamp(min=0), x > 0
    ### END SOLUTION


def relu_backward(grad_y, cache):
    """The gradient with respect to x, of the shape of x; the slope at x = 0 is 0."""
    ### BEGIN SOLUTION
    return grad_y * cache
    ### END SOLUTION


def sigmoid_forward(x):
    """1 / (1 + exp(-x)), entry by entry, without overflow. Returns (y, cache)."""
    ### BEGIN SOLUTION
    y = (1 + torch.tanh(x / 2)) / 2
    return y, y
    ### END SOLUTION


def sigmoid_backward(grad_y, cache):
    """The gradient with respect to x, of the shape of x."""
    ### BEGIN SOLUTION
    return grad_y * cache * (1 - cache)
    ### END SOLUTION


def tanh_forward(x):
    """tanh(x), entry by entry, without overflow. Returns (y, cache)."""
    ### BEGIN SOLUTION
    y = torch.tanh(x)
    return y, y
    ### END SOLUTION


def tanh_backward(grad_y, cache):
    """The gradient with respect to x, of the shape of x."""
    ### BEGIN SOLUTION
    return grad_y * (1 - cache**2)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "relu-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: relu.
@probe
def relu_both_ways(x, grad_y):
    y, cache = relu_forward(x)
    return y, relu_backward(grad_y, cache)


x, grad_y = torch.tensor([-1.0, 0.0, 0.5]), torch.tensor([5.0, 5.0, 5.0])
with unchanged(x=x, grad_y=grad_y):
    y, grad_x = relu_both_ways(x, grad_y)
check_close(y, [0.0, 0.0, 0.5], "relu of (-1, 0, 0.5)")
check_close(grad_x, [0.0, 0.0, 5.0], "the gradient of relu at (-1, 0, 0.5)")
check_not_used(relu_forward, AUTOGRAD)
check_not_used(relu_backward, AUTOGRAD)
passed_visible("relu_forward and relu_backward")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype in (torch.float64, torch.float32):
    x = torch.randn(2, 4, 3, generator=generator, dtype=dtype).transpose(0, 2)
    x[0, 0, 0], x[1, 2, 1], x[1, 0, 0], x[1, 0, 1] = 0.0, 0.01, 1e-20, 1000.0
    grad_y = torch.randn(4, 3, 2, generator=generator, dtype=dtype).transpose(0, 1)
    with unchanged(x=x, grad_y=grad_y):
        y, grad_x = relu_both_ways(x, grad_y)
    check_dtype(y, dtype, "relu, which has the dtype of x")
    check_dtype(grad_x, dtype, "the gradient of relu, which has the dtype of x")
    check_close(y, torch.where(x > 0, x, 0.0), "relu of positive, negative and zero numbers")
    check_close(grad_x, torch.where(x > 0, grad_y, 0.0), "the gradient of relu at positive, negative and zero numbers")


@probe
def relu_after_another_pass(x, grad_y):
    _, cache = relu_forward(x)
    relu_forward(-x)
    return relu_backward(grad_y, cache), relu_backward(grad_y, cache)


grad_x, again = relu_after_another_pass(x, grad_y)
what = "the gradient of relu when another forward pass came before the backward pass"
check_close(grad_x, torch.where(x > 0, grad_y, 0.0), what)
check_close(again, grad_x, "a second backward pass with the same cache gives the same gradient")
y, grad_x = relu_both_ways(torch.tensor(2.0), torch.tensor(3.0))
check_close([y, grad_x], [2.0, 3.0], "relu and its gradient at an x without dimensions")
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "sigmoid-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: the sigmoid.
@probe
def sigmoid_both_ways(x, grad_y):
    y, cache = sigmoid_forward(x)
    return y, sigmoid_backward(grad_y, cache)


x, grad_y = torch.tensor([0.0, math.log(3.0)]), torch.tensor([1.0, 16.0])
with unchanged(x=x, grad_y=grad_y):
    y, grad_x = sigmoid_both_ways(x, grad_y)
check_close(y, [0.5, 0.75], "the sigmoid of 0 and log 3")
check_close(grad_x, [0.25, 3.0], "the gradient of the sigmoid at 0 and log 3")
y, grad_x = sigmoid_both_ways(torch.tensor([-1000.0, 1000.0]), torch.ones(2))
check_close(y, [0.0, 1.0], "the sigmoid of -1000 and 1000")
check_close(grad_x, [0.0, 0.0], "the gradient of the sigmoid at -1000 and 1000")
check_not_used(sigmoid_forward, AUTOGRAD)
check_not_used(sigmoid_backward, AUTOGRAD)
passed_visible("sigmoid_forward and sigmoid_backward")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
    x = 3 * torch.randn(2, 4, 3, generator=generator, dtype=dtype).transpose(0, 2)
    x[1, 0, 0], x[1, 0, 1] = -1000.0, 1000.0
    grad_y = torch.randn(4, 3, 2, generator=generator, dtype=dtype).transpose(0, 1)
    with unchanged(x=x, grad_y=grad_y):
        y, grad_x = sigmoid_both_ways(x, grad_y)
    exact = torch.sigmoid(x.double())
    check_dtype(y, dtype, "the sigmoid, which has the dtype of x")
    check_dtype(grad_x, dtype, "the gradient of the sigmoid, which has the dtype of x")
    check_close(y, exact, "the sigmoid of numbers up to ±1000", atol=tolerance)
    expected = grad_y.double() * exact * (1 - exact)
    check_close(grad_x, expected, "the gradient of the sigmoid at numbers up to ±1000", atol=tolerance)


@probe
def sigmoid_after_another_pass(x, grad_y):
    _, cache = sigmoid_forward(x)
    sigmoid_forward(x / 2)
    return sigmoid_backward(grad_y, cache), sigmoid_backward(grad_y, cache)


grad_x, again = sigmoid_after_another_pass(x, grad_y)
what = "the gradient of the sigmoid when another forward pass came before the backward pass"
check_close(grad_x, expected, what, atol=tolerance)
check_close(again, grad_x, "a second backward pass with the same cache gives the same gradient")
y, grad_x = sigmoid_both_ways(torch.tensor(0.0), torch.tensor(8.0))
check_close([y, grad_x], [0.5, 2.0], "the sigmoid and its gradient at an x without dimensions")
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "tanh-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: tanh.
@probe
def tanh_both_ways(x, grad_y):
    y, cache = tanh_forward(x)
    return y, tanh_backward(grad_y, cache)


x, grad_y = torch.tensor([0.0, math.log(2.0)]), torch.tensor([1.0, 25.0])
with unchanged(x=x, grad_y=grad_y):
    y, grad_x = tanh_both_ways(x, grad_y)
check_close(y, [0.0, 0.6], "tanh of 0 and log 2")
check_close(grad_x, [1.0, 16.0], "the gradient of tanh at 0 and log 2")
check_not_used(tanh_forward, AUTOGRAD)
check_not_used(tanh_backward, AUTOGRAD)
passed_visible("tanh_forward and tanh_backward")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
    x = 2 * torch.randn(2, 4, 3, generator=generator, dtype=dtype).transpose(0, 2)
    x[1, 0, 0], x[1, 0, 1] = -1000.0, 1000.0
    grad_y = torch.randn(4, 3, 2, generator=generator, dtype=dtype).transpose(0, 1)
    with unchanged(x=x, grad_y=grad_y):
        y, grad_x = tanh_both_ways(x, grad_y)
    exact = torch.tanh(x.double())
    check_dtype(y, dtype, "tanh, which has the dtype of x")
    check_dtype(grad_x, dtype, "the gradient of tanh, which has the dtype of x")
    check_close(y, exact, "tanh of numbers up to ±1000", atol=tolerance)
    expected = grad_y.double() * (1 - exact**2)
    check_close(grad_x, expected, "the gradient of tanh at numbers up to ±1000", atol=tolerance)


@probe
def tanh_after_another_pass(x, grad_y):
    _, cache = tanh_forward(x)
    tanh_forward(x / 2)
    return tanh_backward(grad_y, cache), tanh_backward(grad_y, cache)


grad_x, again = tanh_after_another_pass(x, grad_y)
what = "the gradient of tanh when another forward pass came before the backward pass"
check_close(grad_x, expected, what, atol=tolerance)
check_close(again, grad_x, "a second backward pass with the same cache gives the same gradient")
y, grad_x = tanh_both_ways(torch.tensor(0.0), torch.tensor(8.0))
check_close([y, grad_x], [0.0, 8.0], "tanh and its gradient at an x without dimensions")
### END HIDDEN TESTS

# %% [markdown] task={"name": "cross-entropy", "minutes": 14, "difficulty": 2}
# ## Task 4. From scores to a loss
#
# The last layer gives each example $K$ scores, the logits $z_{n1}, \dots, z_{nK}$. Softmax makes them
# probabilities, and the cross-entropy asks how much of it fell on the right class $t_n$:
#
# $$
# p_{nk} = \frac{e^{z_{nk}}}{\sum_{j=1}^{K} e^{z_{nj}}}, \qquad
# L = -\frac1N \sum_{n=1}^{N} \log p_{n t_n}, \qquad
# \frac{\partial L}{\partial z_{nk}} = \frac{1}{N} \left( p_{nk} - \mathbb 1[k = t_n] \right)
# $$
#
# Two complicated functions, and one simple gradient: what was predicted minus what was true. Each row of it
# sums to 0. The $1/N$ comes from the mean, and this is the only place of the whole backward pass where it
# enters.
#
# In floating point $e^{1000}$ is infinite and $\log e^{-1000}$ is $\log 0$. Subtract the largest logit of
# each row, which changes no probability, and stay with logarithms:
#
# $$ \log p_{nk} = (z_{nk} - m_n) - \log \sum_{j} e^{z_{nj} - m_n}, \qquad m_n = \max_j z_{nj} $$
#
# **Write** `softmax_cross_entropy(logits, target)`, which returns the loss and its gradient. It must be
# finite and right for logits of $\pm 10^4$, also when rows differ by as much.
#
# **Example.** Logits $(0, 0)$ with target 0: the loss is $\log 2 \approx 0.693$ and the gradient $(-\tfrac12,
# \tfrac12)$. With $K$ equal logits the loss is $\log K$: this is what an untrained network should show.
#
# <details><summary>Hint 1: picking one entry per row</summary>
#
# `log_p[torch.arange(N), target]` takes from row $n$ the column `target[n]`. `log_p[:, target]` is something
# else: an $N \times N$ matrix.
#
# </details>
# <details><summary>Hint 2: the gradient</summary>
#
# Compute `log_p` first, of shape $(N, K)$. Its exponential is the matrix of probabilities. Subtract 1 at $N$
# places, divide by $N$.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "cross-entropy", "locked": false, "schema_version": 3, "solution": true, "task": false}
def softmax_cross_entropy(logits, target):
    """The mean cross-entropy of softmax(logits), and its gradient.

    logits: (N, K); target: (N,), integers from 0 to K - 1
    Returns (loss, grad_logits): one number, and a tensor of shape (N, K).
    """
    ### BEGIN SOLUTION
    shifted = logits - logits.max(dim=1, keepdim=True).values
    log_p = shifted - shifted.exp().sum(dim=1, keepdim=True).log()
    rows = torch.arange(len(target))
    grad_logits = log_p.exp()
    grad_logits[rows, target] -= 1
    return -log_p[rows, target].mean(), grad_logits / len(target)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "cross-entropy-loss-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: the loss.
loss, _ = softmax_cross_entropy(torch.zeros(1, 2), torch.tensor([0]))
check_close(loss, math.log(2), "the loss of two equal logits")
logits = torch.tensor([[0.0, math.log(3.0)], [math.log(7.0), 0.0], [0.0, 0.0]])
with unchanged(logits=logits):
    loss, _ = softmax_cross_entropy(logits, torch.tensor([1, 1, 0]))
check_close(loss, (math.log(4 / 3) + math.log(8) + math.log(2)) / 3, "the loss of three examples and two classes")
check_not_used(softmax_cross_entropy, AUTOGRAD)
passed_visible("softmax_cross_entropy, the loss")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-4)):
    logits = 2 * torch.randn(5, 3, generator=generator, dtype=dtype)
    target = torch.randint(3, (5,), generator=generator)
    target[0] = 2  # the single example below has the last class, and no example the others
    with unchanged(logits=logits, target=target):
        loss, _ = softmax_cross_entropy(logits, target)
    probabilities = torch.softmax(logits.double(), dim=1)
    expected = -sum(math.log(row[t]) for row, t in zip(probabilities, target, strict=True)) / 5
    check_close(loss, expected, "the loss of 5 examples and 3 classes", rtol=tolerance, atol=tolerance)
    loss, _ = softmax_cross_entropy(logits[:1], target[:1])
    expected = -math.log(probabilities[0, target[0]])
    check_close(loss, expected, "the loss of a single example", rtol=tolerance, atol=tolerance)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "cross-entropy-gradient-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Test: the gradient.
_, grad_logits = softmax_cross_entropy(torch.zeros(1, 2), torch.tensor([0]))
check_close(grad_logits, [[-0.5, 0.5]], "the gradient at two equal logits")
logits = torch.tensor([[0.0, math.log(3.0)], [math.log(7.0), 0.0], [0.0, 0.0]])
_, grad_logits = softmax_cross_entropy(logits, torch.tensor([1, 1, 0]))
expected = torch.tensor([[0.25, -0.25], [0.875, -0.875], [-0.5, 0.5]]) / 3
check_close(grad_logits, expected, "the gradient for three examples and two classes")
passed_visible("softmax_cross_entropy, the gradient")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
    logits = 2 * torch.randn(3, 5, generator=generator, dtype=dtype).T
    target = torch.tensor([2, 0, 2, 1, 2])[torch.randperm(5, generator=generator)]
    with unchanged(logits=logits, target=target):
        _, grad_logits = softmax_cross_entropy(logits, target)
    inputs = logits.double().clone().requires_grad_()
    (expected,) = torch.autograd.grad(torch.nn.functional.cross_entropy(inputs, target), [inputs])
    check_shape(grad_logits, (5, 3), "the gradient for 5 examples and 3 classes")
    check_dtype(grad_logits, dtype, "the gradient, which has the dtype of the logits")
    check_close(grad_logits, expected, "the gradient for 5 examples and 3 classes", atol=tolerance)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "cross-entropy-stable-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: large logits.
loss, grad_logits = softmax_cross_entropy(torch.tensor([[1000.0, 0.0], [0.0, 1000.0]]), torch.tensor([0, 0]))
check_close(loss, 500.0, "the loss at logits of 0 and 1000")
check_close(grad_logits, [[0.0, 0.0], [-0.5, 0.5]], "the gradient at logits of 0 and 1000")
passed_visible("softmax_cross_entropy at large logits")
### BEGIN HIDDEN TESTS
generator = case_generator()
order = torch.randperm(3, generator=generator)
for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
    logits = torch.tensor([1e4, -1e4, 0.0], dtype=dtype)[order].repeat(3, 1)
    loss, grad_logits = softmax_cross_entropy(logits, torch.arange(3))
    expected = torch.zeros(3, 3, dtype=dtype)
    expected[:, logits[0].argmax()] = 1 / 3
    expected -= torch.eye(3, dtype=dtype) / 3
    check_close(loss, 1e4, "the loss at logits of ±10,000", rtol=tolerance)
    check_close(grad_logits, expected, "the gradient at logits of ±10,000", atol=tolerance)

    # Rows that lie far from each other: the largest logit is a matter of each row.
    small = torch.randn(4, 3, generator=generator, dtype=dtype)
    offset = torch.tensor([[1e4], [-1e4], [0.0], [-1e4]], dtype=dtype)
    logits, target = small + offset, torch.tensor([2, 0, 1, 1])
    exact = logits.double() - offset.double()
    rounding = 1e-7 if dtype == torch.float64 else 1e-2
    loss, grad_logits = softmax_cross_entropy(logits, target)
    expected = torch.nn.functional.cross_entropy(exact, target)
    check_close(loss, expected, "the loss when some rows are around 10,000 and others around -10,000", atol=rounding)
    expected = (torch.softmax(exact, dim=1) - torch.nn.functional.one_hot(target, 3)) / 4
    what = "the gradient when some rows are around 10,000 and others around -10,000"
    check_close(grad_logits, expected, what, atol=rounding)
### END HIDDEN TESTS

# %% [markdown] task={"name": "mlp", "minutes": 14, "difficulty": 2}
# ## Task 5. A whole network
#
# Put the pieces in a row. With $\ell$ layers, activation $\varphi$ between them, and none after the last:
#
# $$
# H_0 = X, \qquad
# Z_i = H_{i-1} W_i^\top + b_i, \qquad
# H_i = \varphi(Z_i) \;\; (i < \ell), \qquad
# L = \mathrm{CE}(Z_\ell, t)
# $$
#
# Forward, every step keeps its cache. Backward, the gradient goes through the same steps in reverse, and each
# step takes the cache that it left on the way:
#
# $$
# \frac{\partial L}{\partial Z_\ell} \;\to\; \frac{\partial L}{\partial W_\ell}, \frac{\partial L}{\partial b_\ell},
# \frac{\partial L}{\partial H_{\ell-1}} \;\to\; \frac{\partial L}{\partial Z_{\ell-1}} \;\to\; \dots
# $$
#
# **Write** `mlp_loss_and_gradients`, for any number of layers, one included. `parameters` is a list of
# (weight, bias), first layer first; `gradients` is built alike. `activation` is `"relu"`, `"sigmoid"` or
# `"tanh"`. Use your functions of the tasks above, or plain tensor operations.
#
# **Example.** A network of two layers with 4 inputs, 5 hidden units and 3 classes has parameters of the
# shapes $((5, 4), (5,))$ and $((3, 5), (3,))$. So have the gradients.
#
# <details><summary>Hint 1: where to start</summary>
#
# In the forward loop, append the caches to a list. In the backward loop, `pop` them from its end: the order
# comes out right by itself.
#
# </details>
# <details><summary>Hint 2: three activations without three branches</summary>
#
# A dict from the name to a pair of functions: `{"relu": (relu_forward, relu_backward), ...}`.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "mlp", "locked": false, "schema_version": 3, "solution": true, "task": false}
def mlp_loss_and_gradients(parameters, x, target, activation="relu"):
    """The loss of a multi-layer perceptron, and its gradient for every parameter.

    parameters: list of (weight, bias) of shapes (out, in) and (out,), from the first layer to the last
    x: (N, in of the first layer); target: (N,), integers
    activation: "relu", "sigmoid" or "tanh", after every layer but the last
    Returns (loss, gradients): the mean cross-entropy, and a list of (grad_weight, grad_bias) like parameters.
    """
    ### BEGIN SOLUTION
    forward, backward = {
        "relu": (relu_forward, relu_backward),
        "sigmoid": (sigmoid_forward, sigmoid_backward),
        "tanh": (tanh_forward, tanh_backward),
    }[activation]

    hidden, caches = x, []
    for weight, bias in parameters[:-1]:
        scores, linear_cache = linear_forward(hidden, weight, bias)
        hidden, activation_cache = forward(scores)
        caches.append((linear_cache, activation_cache))
    logits, last_cache = linear_forward(hidden, *parameters[-1])
    loss, grad = softmax_cross_entropy(logits, target)

    grad, *last_gradients = linear_backward(grad, last_cache)
    gradients = [tuple(last_gradients)]
    for linear_cache, activation_cache in reversed(caches):
        grad = backward(grad, activation_cache)
        grad, grad_weight, grad_bias = linear_backward(grad, linear_cache)
        gradients.insert(0, (grad_weight, grad_bias))
    return loss, gradients
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "mlp-loss-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: the loss of a network.
x, target = torch.tensor([[1.0, -2.0], [-3.0, 0.5], [0.5, 1.0]]), torch.tensor([0, 1, 0])
first = torch.tensor([[1.0, -1.0], [0.5, 2.0]]), torch.tensor([0.0, 0.5])
last = torch.tensor([[-1.0, 1.0], [2.0, 0.0]]), torch.tensor([1.0, -1.0])
cross_entropy = torch.nn.functional.cross_entropy
loss, _ = mlp_loss_and_gradients([first], x, target)
check_close(
    loss, cross_entropy(x @ first[0].T + first[1], target), "the loss of a single layer, which has no activation"
)
for name in ("relu", "sigmoid", "tanh"):
    hidden = getattr(torch, name)(x @ first[0].T + first[1])
    loss, _ = mlp_loss_and_gradients([first, last], x, target, name)
    expected = cross_entropy(hidden @ last[0].T + last[1], target)
    check_close(loss, expected, f"the loss of two layers with {name} between them and none after the last")
check_not_used(mlp_loss_and_gradients, AUTOGRAD)
passed_visible("mlp_loss_and_gradients, the loss")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-4)):
    widths = (4, 6, 3, 5, 3)
    parameters = [
        (
            torch.randn(n_out, n_in, generator=generator, dtype=dtype),
            torch.randn(n_out, generator=generator, dtype=dtype),
        )
        for n_in, n_out in itertools.pairwise(widths)
    ]
    x = torch.randn(7, 4, generator=generator, dtype=dtype)
    target = torch.randint(3, (7,), generator=generator)
    for name in ("relu", "sigmoid", "tanh"):
        hidden = x.double()
        for weight, bias in parameters[:-1]:
            hidden = getattr(torch, name)(hidden @ weight.double().T + bias.double())
        expected = cross_entropy(hidden @ parameters[-1][0].double().T + parameters[-1][1].double(), target)
        loss, _ = mlp_loss_and_gradients(parameters, x, target, activation=name)
        check_close(loss, expected, f"the loss of four layers with {name}", rtol=tolerance)
    by_default, _ = mlp_loss_and_gradients(parameters, x, target)
    with_relu, _ = mlp_loss_and_gradients(parameters, x, target, activation="relu")
    check_equal(by_default, with_relu, "the activation is relu unless another is asked for")
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "mlp-relu-gradients-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Test: the gradients of a network with relu. (The test may use automatic differentiation. You may not.)
def check_gradients(gradients, parameters, x, target, activation, tolerance):
    """Compare with automatic differentiation, one tensor at a time."""
    tensors = [tensor.double().clone().requires_grad_() for layer in parameters for tensor in layer]
    hidden = x.double()
    for weight, bias in zip(tensors[:-2:2], tensors[1:-2:2], strict=True):
        hidden = getattr(torch, activation)(hidden @ weight.T + bias)
    loss = torch.nn.functional.cross_entropy(hidden @ tensors[-2].T + tensors[-1], target)
    network = f"a network of {len(parameters)} layer(s) with {activation}"
    check_equal([len(layer) for layer in gradients], [2] * len(parameters), f"a pair of gradients per layer, {network}")
    found = [gradient for layer in gradients for gradient in layer]
    for i, (gradient, expected) in enumerate(zip(found, torch.autograd.grad(loss, tensors), strict=True)):
        what = f"the gradient of the {('weight', 'bias')[i % 2]} of layer {i // 2 + 1}, {network}"
        check_close(gradient, expected, what, rtol=tolerance, atol=tolerance)


x, target = torch.tensor([[1.0, -2.0, 0.0], [-3.0, 0.5, 1.0]]), torch.tensor([0, 1])
first = torch.tensor([[1.0, -1.0, 0.5], [0.5, 2.0, 1.0]]), torch.tensor([0.0, 0.5])
last = torch.tensor([[-1.0, 1.0], [2.0, 0.0]]), torch.tensor([1.0, -1.0])
_, gradients = mlp_loss_and_gradients([last], x[:, :2], target)
check_gradients(gradients, [last], x[:, :2], target, "relu", 1e-5)
with unchanged(first=first, last=last, x=x, target=target):
    _, gradients = mlp_loss_and_gradients([first, last], x, target)
check_gradients(gradients, [first, last], x, target, "relu", 1e-5)
passed_visible("mlp_loss_and_gradients, the gradients with relu")
### BEGIN HIDDEN TESTS
generator = case_generator()
# In float64: in float32 the slope of a relu whose input is almost 0 would depend on the order of additions.
for examples, widths in ((7, (5, 3)), (7, (5, 5, 5, 3)), (7, (3, 5, 4, 6, 2)), (1, (4, 4, 3))):
    parameters = [
        (
            torch.randn(n_out, n_in, generator=generator, dtype=torch.float64) / 2,
            torch.randn(n_out, generator=generator, dtype=torch.float64) / 2,
        )
        for n_in, n_out in itertools.pairwise(widths)
    ]
    if examples == 1:
        parameters = [list(layer) for layer in parameters]  # a pair may be a list, as it is on the ladder
    x = torch.randn(examples, widths[0], generator=generator, dtype=torch.float64)
    target = torch.randint(widths[-1], (examples,), generator=generator)
    with unchanged(parameters=parameters, x=x, target=target):
        _, gradients = mlp_loss_and_gradients(parameters, x, target, activation="relu")
    check_gradients(gradients, parameters, x, target, "relu", 1e-9)
    check_dtype(gradients[0][0], torch.float64, "the gradients, which have the dtype of the parameters")
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "mlp-smooth-gradients-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: the gradients of a network with sigmoid or tanh.
def check_gradients(gradients, parameters, x, target, activation, tolerance):
    """Compare with automatic differentiation, one tensor at a time."""
    tensors = [tensor.double().clone().requires_grad_() for layer in parameters for tensor in layer]
    hidden = x.double()
    for weight, bias in zip(tensors[:-2:2], tensors[1:-2:2], strict=True):
        hidden = getattr(torch, activation)(hidden @ weight.T + bias)
    loss = torch.nn.functional.cross_entropy(hidden @ tensors[-2].T + tensors[-1], target)
    network = f"a network of {len(parameters)} layer(s) with {activation}"
    check_equal([len(layer) for layer in gradients], [2] * len(parameters), f"a pair of gradients per layer, {network}")
    found = [gradient for layer in gradients for gradient in layer]
    for i, (gradient, expected) in enumerate(zip(found, torch.autograd.grad(loss, tensors), strict=True)):
        what = f"the gradient of the {('weight', 'bias')[i % 2]} of layer {i // 2 + 1}, {network}"
        check_close(gradient, expected, what, rtol=tolerance, atol=tolerance)


x, target = torch.tensor([[1.0, -2.0, 0.0], [-3.0, 0.5, 1.0]]), torch.tensor([0, 1])
first = torch.tensor([[1.0, -1.0, 0.5], [0.5, 2.0, 1.0]]), torch.tensor([0.0, 0.5])
last = torch.tensor([[-1.0, 1.0], [2.0, 0.0]]), torch.tensor([1.0, -1.0])
for name in ("sigmoid", "tanh"):
    _, gradients = mlp_loss_and_gradients([first, last], x, target, name)
    check_gradients(gradients, [first, last], x, target, name, 1e-5)
passed_visible("mlp_loss_and_gradients, the gradients with sigmoid and tanh")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype, tolerance in ((torch.float64, 1e-9), (torch.float32, 1e-4)):
    widths = (3, 5, 5, 6, 2)
    parameters = [
        (
            torch.randn(n_out, n_in, generator=generator, dtype=dtype),
            torch.randn(n_out, generator=generator, dtype=dtype),
        )
        for n_in, n_out in itertools.pairwise(widths)
    ]
    x = torch.randn(7, 3, generator=generator, dtype=dtype)
    target = torch.randint(2, (7,), generator=generator)
    for name in ("sigmoid", "tanh"):
        with unchanged(parameters=parameters, x=x, target=target):
            _, gradients = mlp_loss_and_gradients(parameters, x, target, activation=name)
        check_gradients(gradients, parameters, x, target, name, tolerance)
        check_dtype(gradients[0][0], dtype, "the gradients, which have the dtype of the parameters")
### END HIDDEN TESTS

# %% [markdown] task={"name": "unbroadcast", "minutes": 8, "difficulty": 2}
# ## Task 6. What broadcasting does backward
#
# When a bias of shape $(O,)$ is added to a matrix of shape $(N, O)$, it is copied $N$ times without anyone
# saying so. A copy in the forward pass is a sum in the backward pass: whatever was used in several places
# collects a gradient from each. You met this rule in `grad_y.sum(dim=0)`. Here it is for every shape.
#
# Broadcasting lines the shapes up at the *right*. It adds missing dimensions on the left, and stretches
# dimensions of size 1. Backward: sum over the dimensions that were added, and sum over those that were
# stretched, keeping them with size 1.
#
# **Write** `unbroadcast(grad, shape)`: `grad` has the shape after broadcasting, the result has `shape`, the
# one before.
#
# **Example.**
#
# | shape before | shape of `grad` | sum over |
# |---|---|---|
# | $(3,)$ | $(2, 3)$ | the first dimension, which was added |
# | $(2, 1)$ | $(2, 3)$ | the second, which was stretched; it stays, with size 1 |
# | $(3, 1)$ | $(5, 3, 4)$ | the first and the last |
# | $()$ | $(2, 3)$ | everything |
#
# <details><summary>Hint 1: where to start</summary>
#
# First the added dimensions: while `grad` has more dimensions than `shape`, sum over the first one.
#
# </details>
# <details><summary>Hint 2: the stretched ones</summary>
#
# Both now have equally many dimensions. Where `shape` says 1, use `sum(dim=i, keepdim=True)`.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "unbroadcast", "locked": false, "schema_version": 3, "solution": true, "task": false}
def unbroadcast(grad, shape):
    """Sum a gradient back to the shape that was broadcast.

    grad: tensor of a shape to which `shape` broadcasts; shape: tuple of ints or torch.Size, () included
    Returns a tensor of shape `shape`.
    """
    ### BEGIN SOLUTION
    while grad.ndim > len(shape):
        grad = grad.sum(dim=0)
    for i, size in enumerate(shape):
        if size == 1:
            grad = grad.sum(dim=i, keepdim=True)
    return grad
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "unbroadcast-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Test: unbroadcast.
grad = torch.tensor([[1.0, 2.0, 3.0], [10.0, 20.0, 30.0]])
with unchanged(grad=grad):
    same = unbroadcast(grad, (2, 3))
check_close(same, grad, "from (2, 3) to (2, 3): nothing was broadcast")
check_close(unbroadcast(grad, (3,)), [11.0, 22.0, 33.0], "from (2, 3) to (3,)")
check_close(unbroadcast(grad, (2, 1)), [[6.0], [60.0]], "from (2, 3) to (2, 1)")
check_close(unbroadcast(grad, ()), 66.0, "from (2, 3) to ()")
check_not_used(unbroadcast, AUTOGRAD)
passed_visible("unbroadcast")
### BEGIN HIDDEN TESTS
generator = case_generator()
cases = [
    ((5, 3, 4), (3, 1)),
    ((5, 3, 4), (4,)),
    ((5, 3, 4), (1,)),
    ((5, 3, 4), (1, 1, 4)),
    ((5, 3, 4), (5, 1, 1)),
    ((5, 3, 4), ()),
    ((3, 3), (1, 3)),
    ((3, 3), (3, 1)),
    ((3, 3), (3,)),
    ((1, 4), (1, 4)),
    ((1, 4), (4,)),
    ((2, 1, 4), (1, 4)),
    ((2, 3, 4, 5), (4, 1)),
    ((2, 3, 4, 5), (3, 1, 5)),
    ((0, 3), (0, 3)),
    ((0, 3), (1, 3)),
]
for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
    for large, small in cases:
        grad = torch.randn(large[::-1], generator=generator, dtype=dtype).permute(*reversed(range(len(large))))
        inputs = torch.zeros(small, dtype=torch.float64, requires_grad=True)
        (expected,) = torch.autograd.grad((inputs.expand(large) * grad.double()).sum(), [inputs])
        with unchanged(grad=grad):
            result = unbroadcast(grad, small if dtype == torch.float64 else torch.Size(small))
        what = f"from {large} to {small}"
        check_shape(result, small, what)
        check_dtype(result, dtype, f"{what}, which keeps the dtype of grad")
        check_close(result, expected, what, rtol=tolerance, atol=10 * tolerance)
### END HIDDEN TESTS

# %% [markdown] task={"name": "engine", "minutes": 26, "difficulty": 3}
# ## Task 7. An engine that does it for you
#
# So far you knew the network and wrote its backward pass. An autograd engine writes it for any expression:
# while you compute, it records a graph; when you ask, it walks the graph backward.
#
# A `Value` is a node. It holds a number, its gradient, and its *parents*: the nodes it was computed from,
# each with the derivative of this node with respect to that parent. For $v = a \cdot b$:
#
# $$
# \text{parents of } v = \left( \left(a,\; \tfrac{\partial v}{\partial a} = b\right),\; \left(b,\; \tfrac{\partial v}{\partial b} = a\right) \right)
# $$
#
# `backward()` on a node $L$ gives every node $v$ below it $\partial L / \partial v$: start with $\partial
# L/\partial L = 1$; each node sends to each parent its own gradient times the derivative, and a parent *adds
# up* what it receives, because a node that was used twice has two paths to the loss.
#
# **The order matters.** A node may send only after it has received from everything that uses it. In
#
# $$ b = a + 1, \qquad c = b \cdot b, \qquad L = b + c $$
#
# $b$ hears directly from $L$, and again, later, from $c$. If it sends after the first message, $a$ gets too
# little; if it sends twice all that it has, $a$ gets too much. An order in which each node stands after
# everything that uses it is a *topological* order of the graph.
#
# **Write** the operations and `backward`. The constructor is given; you may change it as long as
# `Value(data)` works and has `.data` and `.grad` (0.0 at first).
#
# - `+ - * / **`, unary minus, `exp()`, `log()`, `tanh()`, `relu()`. Exponents are plain numbers. In `+ - * /`
#   the other side may be a plain number, on the left or on the right: Python calls `__radd__` for `2 + v`,
#   `__rsub__` for `2 - v`.
# - `backward()` *adds* to `.grad`. A second call on the same graph without zeroing adds the same gradients to
#   the leaves once more (a leaf is a `Value` that you created; what it does to the nodes in between is up to
#   you).
# - A chain of 10,000 operations must work (Python stops a recursion after about 1,000 calls), and so must
#   fifty doublings `x = x + x`, which have $2^{50}$ paths but only 51 nodes: visit nodes, not paths.
#
# **Example.** $a = 2$, $b = 3$, $L = a \cdot b + a$: $L = 8$, $\partial L / \partial a = b + 1 = 4$,
# $\partial L/\partial b = 2$.
#
# <details><summary>Hint 1: the operations</summary>
#
# `a * b` is `Value(a.data * b.data, ((a, b.data), (b, a.data)))`. Subtraction and division need no calculus
# of their own: $a - b = a + (-b)$ and $a / b = a \cdot b^{-1}$.
#
# </details>
# <details><summary>Hint 2: a topological order without recursion</summary>
#
# Count for each node below $L$ how many times it is used as a parent. Keep a list of nodes that wait for
# nobody: at first only $L$. Take a node from it, send to its parents, and lower the count of each; a parent
# whose count reaches 0 joins the list. Count first, in a separate loop that looks at each node once (a set of
# `id(node)`).
#
# </details>
# <details><summary>Hint 3: a second call</summary>
#
# Collect the gradients of this call in a dict of your own, by `id(node)`. Add them to `.grad` when a node is
# done.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "engine", "locked": false, "schema_version": 3, "solution": true, "task": false}
class Value:
    """A number that remembers how it was computed, and the derivative of the result with respect to it.

    data: the number; parents: pairs (Value, derivative of this node with respect to it); grad: what backward() added
    """

    def __init__(self, data, parents=()):
        self.data = data
        self.grad = 0.0
        self.parents = parents

    def __repr__(self):
        return f"Value(data={self.data}, grad={self.grad})"

    def __add__(self, other):
        """self + other; other is a Value or a number."""
        ### BEGIN SOLUTION
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))
        ### END SOLUTION

    def __mul__(self, other):
        """self * other; other is a Value or a number."""
        ### BEGIN SOLUTION
        other = other if isinstance(other, Value) else Value(other)
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))
        ### END SOLUTION

    def __pow__(self, exponent):
        """self ** exponent; exponent is a number."""
        ### BEGIN SOLUTION
        return Value(self.data**exponent, ((self, exponent * self.data ** (exponent - 1)),))
        ### END SOLUTION

    def __neg__(self):
        """-self"""
        ### BEGIN SOLUTION
        return self * -1
        ### END SOLUTION

    def __sub__(self, other):
        """self - other; other is a Value or a number."""
        ### BEGIN SOLUTION
        return self + -other
        ### END SOLUTION

    def __truediv__(self, other):
        """self / other; other is a Value or a number."""
        ### BEGIN SOLUTION
        return self * other**-1
        ### END SOLUTION

    def __radd__(self, number):
        """number + self"""
        ### BEGIN SOLUTION
        return self + number
        ### END SOLUTION

    def __rmul__(self, number):
        """number * self"""
        ### BEGIN SOLUTION
        return self * number
        ### END SOLUTION

    def __rsub__(self, number):
        """number - self"""
        ### BEGIN SOLUTION
        return -self + number
        ### END SOLUTION

    def __rtruediv__(self, number):
        """number / self"""
        ### BEGIN SOLUTION
        return self**-1 * number
        ### END SOLUTION

    def exp(self):
        """e to the power of self."""
        ### BEGIN SOLUTION
        result = math.exp(self.data)
        return Value(result, ((self, result),))
        ### END SOLUTION

    def log(self):
        """The natural logarithm of self, which is positive."""
        ### BEGIN SOLUTION
        return Value(math.log(self.data), ((self, 1 / self.data),))
        ### END SOLUTION

    def tanh(self):
        """The hyperbolic tangent of self."""
        ### BEGIN SOLUTION
        result = math.tanh(self.data)
        return Value(result, ((self, 1 - result**2),))
        ### END SOLUTION

    def relu(self):
        """max(0, self); the slope at 0 is 0."""
        ### BEGIN SOLUTION
        return Value(max(0.0, self.data), ((self, float(self.data > 0)),))
        ### END SOLUTION

    def backward(self):
        """Add to the .grad of every node below, and of this one, the derivative of this node with respect to it."""
        ### BEGIN SOLUTION
        uses = {}
        pending = [self]
        while pending:
            for parent, _ in pending.pop().parents:
                if id(parent) not in uses:
                    uses[id(parent)] = 0
                    pending.append(parent)
                uses[id(parent)] += 1

        received = {id(self): 1.0}
        ready = [self]
        while ready:
            node = ready.pop()
            node.grad += received[id(node)]
            for parent, derivative in node.parents:
                received[id(parent)] = received.get(id(parent), 0.0) + derivative * received[id(node)]
                uses[id(parent)] -= 1
                if uses[id(parent)] == 0:
                    ready.append(parent)
        ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "engine-operations-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Test: the operations between Values.
@probe
def example():
    a, b = Value(2.0), Value(3.0)
    loss = a * b + a
    before = a.grad
    loss.backward()
    return before, loss.data, a.grad, b.grad


@probe
def each_operation(a, b):
    """For each operation: its result, and the derivative with respect to a and b."""
    operations = [
        lambda a, b: a + b,
        lambda a, b: a - b,
        lambda a, b: a * b,
        lambda a, b: a / b,
        lambda a, b: -a,
        lambda a, b: a**2,
        lambda a, b: a**3,
        lambda a, b: b**-1.5,
        lambda a, b: a.exp(),
        lambda a, b: b.log(),
        lambda a, b: a.tanh(),
        lambda a, b: a.relu(),
    ]
    results = []
    for operation in operations:
        left, right = Value(a), Value(b)
        result = operation(left, right)
        result.backward()
        results.append((float(result.data), float(left.grad), float(right.grad)))
    return results


NAMES = ("a + b", "a - b", "a * b", "a / b", "-a", "a ** 2", "a ** 3", "b ** -1.5", "exp", "log", "tanh", "relu")


def derivatives(a, b):
    return [
        (a + b, 1, 1),
        (a - b, 1, -1),
        (a * b, b, a),
        (a / b, 1 / b, -a / b**2),
        (-a, -1, 0),
        (a**2, 2 * a, 0),
        (a**3, 3 * a**2, 0),
        (b**-1.5, 0, -1.5 * b**-2.5),
        (math.exp(a), math.exp(a), 0),
        (math.log(b), 0, 1 / b),
        (math.tanh(a), 1 - math.tanh(a) ** 2, 0),
        (max(a, 0.0), float(a > 0), 0),
    ]


before, loss, grad_a, grad_b = example()
check_close(before, 0.0, "a.grad before backward")
check_close(loss, 8.0, "a * b + a")
check_close(grad_a, 4.0, "the derivative of a * b + a with respect to a")
check_close(grad_b, 2.0, "the derivative of a * b + a with respect to b")
for a, b in ((-1.5, 0.5), (0.5, 2.0)):
    for name, actual, expected in zip(NAMES, each_operation(a, b), derivatives(a, b), strict=True):
        check_close(actual, expected, f"(result, derivative by a, derivative by b) of {name} at a = {a}, b = {b}")
check_not_used(Value, AUTOGRAD)
passed_visible("Value, its operations")
### BEGIN HIDDEN TESTS
generator = case_generator()
for sign in (1, -1):
    a = sign * (0.5 + torch.rand((), generator=generator, dtype=torch.float64).item())
    b = 0.5 + torch.rand((), generator=generator, dtype=torch.float64).item()
    for name, actual, expected in zip(NAMES, each_operation(a, b), derivatives(a, b), strict=True):
        check_close(actual, expected, f"(result, derivative by a, derivative by b) of {name}", rtol=1e-9, atol=1e-12)
for name, actual, expected in zip(NAMES, each_operation(0.0, 2.0), derivatives(0.0, 2.0), strict=True):
    check_close(actual, expected, f"(result, derivative by a, derivative by b) of {name} at a = 0, b = 2")
for name, actual, expected in zip(NAMES, each_operation(12, 2), derivatives(12, 2), strict=True):
    check_close(actual, expected, f"(result, derivative by a, derivative by b) of {name} at two whole numbers")
for name, actual, expected in zip(NAMES, each_operation(300.0, 1e-7), derivatives(300.0, 1e-7), strict=True):
    what = f"(result, derivative by a, derivative by b) of {name} at a = 300, b = 1e-7, where nothing need be clipped"
    check_close(actual, expected, what, rtol=1e-9, atol=1e-12)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "engine-numbers-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: plain numbers on either side.
@probe
def with_a_number(a, number):
    """For each operation with a number: its result, and the derivative with respect to a."""
    operations = [
        lambda a: a + number,
        lambda a: number + a,
        lambda a: a - number,
        lambda a: number - a,
        lambda a: a * number,
        lambda a: number * a,
        lambda a: a / number,
        lambda a: number / a,
    ]
    results = []
    for operation in operations:
        leaf = Value(a)
        result = operation(leaf)
        result.backward()
        results.append((float(result.data), float(leaf.grad)))
    return results


NAMES = ("a + 5", "5 + a", "a - 5", "5 - a", "a * 5", "5 * a", "a / 5", "5 / a")
EXPECTED = [(7, 1), (7, 1), (-3, 1), (3, -1), (10, 5), (10, 5), (0.4, 0.2), (2.5, -1.25)]
for name, actual, expected in zip(NAMES, with_a_number(2.0, 5), EXPECTED, strict=True):
    check_close(actual, expected, f"(result, derivative) of {name} at a = 2")
passed_visible("Value with plain numbers")
### BEGIN HIDDEN TESTS
generator = case_generator()
a, n = (0.5 + torch.rand(2, generator=generator, dtype=torch.float64)).tolist()
names = [name.replace("5", "number") for name in NAMES]
for number in (n, -3, a):
    results = (a + number, number + a, a - number, number - a, a * number, number * a, a / number, number / a)
    slopes = (1, 1, 1, -1, number, number, 1 / number, -number / a**2)
    for name, actual, result, slope in zip(names, with_a_number(a, number), results, slopes, strict=True):
        check_close(actual, (result, slope), f"(result, derivative) of {name}", rtol=1e-9)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "engine-shared-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: nodes that are used more than once.
@probe
def shared_nodes(number):
    """The derivative with respect to the leaf of expressions in which nodes meet again."""
    expressions = [
        lambda a: a * a,
        lambda a: (a + 1) * (a + 1),
        lambda b: b + b * b,
        lambda b: b * b + b,
    ]
    gradients = []
    for i, expression in enumerate(expressions):
        leaf = Value(number)
        start = leaf if i < 2 else leaf * 3
        expression(start).backward()
        gradients.append(float(leaf.grad))
    return gradients


square, product, early, late = shared_nodes(2.0)
check_close(square, 4.0, "the derivative of a * a at a = 2")
check_close(product, 6.0, "the derivative of (a + 1) * (a + 1) at a = 2")
check_close(early, 39.0, "the derivative of b + b * b at a = 2, with b = 3 a")
check_close(late, 39.0, "the derivative of b * b + b at a = 2, with b = 3 a")
passed_visible("Value, shared nodes")
### BEGIN HIDDEN TESTS
generator = case_generator()


@probe
def run_program(leaves, program):
    """Build the graph of a program, a list of (method, indices of nodes); return its result and the leaves' gradients."""
    nodes = [Value(number) for number in leaves]
    for method, *indices in program:
        first, *others = (nodes[i] for i in indices)
        nodes.append(getattr(first, method)(*others))
    nodes[-1].backward()
    return float(nodes[-1].data), [float(node.grad) for node in nodes[: len(leaves)]]


def expected_of_program(leaves, program):
    inputs = [torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in leaves]
    nodes = list(inputs)
    for method, *indices in program:
        first, *others = (nodes[i] for i in indices)
        nodes.append(getattr(first, method)(*others))
    gradients = torch.autograd.grad(nodes[-1], inputs, allow_unused=True)
    return nodes[-1].item(), [0.0 if gradient is None else gradient.item() for gradient in gradients]


def check_program(leaves, program, what):
    result, gradients = run_program(leaves, program)
    expected, expected_gradients = expected_of_program(leaves, program)
    check_close(result, expected, f"the result of {what}", rtol=1e-9)
    check_close(gradients, expected_gradients, f"the derivatives of {what}", rtol=1e-9, atol=1e-9)


# Node 0 is the leaf; the shared node 1 is used at once and through one or two more nodes.
shortcuts = {
    "a shared node with paths of unequal length, the short one first": ("__add__", 1, 3),
    "a shared node with paths of unequal length, the long one first": ("__add__", 3, 1),
    "a product of a short and a long path": ("__mul__", 1, 3),
    "a product of a long and a short path": ("__mul__", 3, 1),
}
number = 0.5 + torch.rand((), generator=generator, dtype=torch.float64).item()
for what, last in shortcuts.items():
    check_program([number], [("exp", 0), ("tanh", 1), ("__mul__", 2, 2), last], what)
    check_program(
        [number], [("exp", 0), ("tanh", 1), ("__mul__", 2, 1), last, ("__mul__", 4, 1)], what + ", used again"
    )


@probe
def gradients_on_the_way(number):
    leaf = Value(number)
    shared = leaf * 3
    square = shared * shared
    loss = square + shared
    loss.backward()
    return [float(node.grad) for node in (loss, square, shared, leaf)]


check_close(
    gradients_on_the_way(number),
    [1.0, 1.0, 6 * number + 1, 18 * number + 3],
    "the gradients of all nodes, the loss and those between it and the leaf included",
    rtol=1e-9,
)

# Two leaves that hold equal numbers are two nodes.
check_program([number, number], [("__mul__", 0, 0), ("__mul__", 1, 2)], "two leaves with equal numbers")

# Random graphs; every number goes through tanh before it is used again, so none grows.
for _ in range(5):
    leaves = (2 * torch.rand(3, generator=generator, dtype=torch.float64) - 1).tolist()
    small, program = [0, 1, 2], []
    for node in range(3, 19, 2):
        method = ("__add__", "__mul__", "__sub__")[torch.randint(3, (), generator=generator)]
        first, second = (small[-4:][i] for i in torch.randint(min(4, len(small)), (2,), generator=generator))
        program += [(method, first, second), ("tanh", node)]
        small.append(node + 1)
    program += [("__add__", 18, 17), ("__add__", 16, 19), ("__mul__", 20, 14)]
    check_program(leaves, program, "a random expression of three leaves")
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "engine-second-call-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Test: backward adds.
@probe
def backward_twice(number):
    leaf = Value(number)
    shared = leaf * 3
    loss = shared + shared * shared
    loss.backward()
    once = float(leaf.grad)
    loss.backward()
    return once, float(leaf.grad)


once, twice = backward_twice(2.0)
check_close(once, 39.0, "the derivative of b + b * b at a = 2, with b = 3 a")
check_close(twice, 78.0, "a.grad after a second call of backward, which adds the same again")
passed_visible("Value, a second call of backward")
### BEGIN HIDDEN TESTS
generator = case_generator()


@probe
def two_losses(first, second):
    """Two losses on one graph, backward on both; a third one only on a leaf."""
    a, b = Value(first), Value(second)
    shared = a * b
    (shared.tanh() + a).backward()
    (shared * shared + b).backward()
    a.backward()
    return float(a.grad), float(b.grad)


@probe
def three_times(number):
    leaf = Value(number)
    middle = (leaf * leaf).exp()
    loss = middle * leaf + middle
    for _ in range(3):
        loss.backward()
    return float(leaf.grad)


a, b = torch.randn(2, generator=generator, dtype=torch.float64).tolist()
slope = 1 - math.tanh(a * b) ** 2
expected = (slope * b + 1 + 2 * a * b * b + 1, slope * a + 2 * a * a * b + 1)
check_close(
    two_losses(a, b), expected, "the gradients of two leaves after backward on three losses", rtol=1e-9, atol=1e-9
)
expected = 3 * math.exp(a * a) * (1 + 2 * a * a + 2 * a)
check_close(three_times(a), expected, "the gradient after three calls of backward", rtol=1e-9, atol=1e-9)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "engine-chain-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Test: long chains.
@probe
def chain(number, length):
    leaf = node = Value(number)
    for _ in range(length):
        node = node + 1
    node.backward()
    return float(node.data), float(leaf.grad)


check_close(chain(0.5, 2000), (2000.5, 1.0), "(result, derivative) of a chain of 2,000 additions")
passed_visible("Value on long chains")
### BEGIN HIDDEN TESTS
check_close(chain(0.5, 10_000), (10_000.5, 1.0), "(result, derivative) of a chain of 10,000 additions")
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "engine-paths-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Test: many paths through few nodes.
@probe
def doublings(number, times):
    leaf = node = Value(number)
    for _ in range(times):
        node = node + node
    node.backward()
    return float(node.data), float(leaf.grad)


check_close(doublings(1.0, 10), (2.0**10, 2.0**10), "(result, derivative) of ten doublings x = x + x")
passed_visible("Value on graphs with many paths")
### BEGIN HIDDEN TESTS
check_close(doublings(1.0, 50), (2.0**50, 2.0**50), "(result, derivative) of fifty doublings x = x + x")
### END HIDDEN TESTS

# %% [markdown] task={"name": "jacobian-products", "minutes": 10, "difficulty": 2}
# ## Task 8. The matrix that is never there
#
# The Jacobian $J$ of a function from $\mathbb R^n$ to $\mathbb R^m$ has $m \times n$ entries. Backpropagation
# multiplies with it and never builds it. Every backward function above is a *vector-Jacobian product* (VJP)
# $u \mapsto J^\top u$: from the outputs to the inputs, one pass per output, which is why it suits a single
# loss. Its mirror image is the *Jacobian-vector product* (JVP) $v \mapsto J v$: from the inputs to the
# outputs, one pass per input.
#
# The Jacobian of softmax at probabilities $p$ is $J = \operatorname{diag}(p) - p\,p^\top$. With 60,000
# classes, as in a language model with a large vocabulary, it has $3.6 \cdot 10^9$ entries *per example*.
# The product with a vector needs one sum:
#
# $$
# \underset{(K)}{J^\top u} = p \odot u - p\,(p^\top u) = p \odot \left( u - p^\top u \right)
# $$
#
# For a linear layer $y = W x + b$ the Jacobian with respect to $x$ is $W$ itself, so a change $\dot x$ of the
# input changes the output by $\dot y = W \dot x$.
#
# **Write** `vjp_softmax` and `jvp_linear`, for batches, with one example per row and without forming a
# Jacobian.
#
# **Example.** For $p = (\tfrac12, \tfrac12)$ and $u = (1, 0)$: $p^\top u = \tfrac12$, and the product is
# $(\tfrac14, -\tfrac14)$. It sums to 0, as a change of probabilities must.
#
# <details><summary>Hint 1: one example</summary>
#
# `p * (u - (p * u).sum())` for vectors. Now with rows.
#
# </details>
# <details><summary>Hint 2: many</summary>
#
# Each row has its own sum: `sum(dim=1, keepdim=True)`. For `jvp_linear`, the rows of `tangent` are what the
# rows of `x` were in Task 2. Is there a bias in $W \dot x$?
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "jacobian-products", "locked": false, "schema_version": 3, "solution": true, "task": false}
def vjp_softmax(probabilities, cotangent):
    """The product of a cotangent with the Jacobian of softmax, row by row.

    probabilities: (N, K), each row the output of a softmax; cotangent: (N, K), the gradient with respect to it
    Returns a tensor of shape (N, K), the gradient with respect to the logits. No tensor has more than N·K entries.
    """
    ### BEGIN SOLUTION
    inner = (probabilities * cotangent).sum(dim=1, keepdim=True)
    return probabilities * (cotangent - inner)
    ### END SOLUTION


def jvp_linear(weight, tangent):
    """The change of y = x Wᵀ + b when x changes in the direction of tangent, row by row.

    weight: (out_features, in_features); tangent: (N, in_features)
    Returns a tensor of shape (N, out_features). No Jacobian of the whole batch is formed.
    """
    ### BEGIN SOLUTION
    return tangent @ weight.T
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "vjp-softmax-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Test: the vector-Jacobian product of softmax.
probabilities = torch.tensor([[0.5, 0.5, 0.0], [0.25, 0.25, 0.5]])
cotangent = torch.tensor([[1.0, 0.0, 3.0], [0.0, 4.0, 2.0]])
product = vjp_softmax(probabilities, cotangent)
check_close(product, [[0.25, -0.25, 0.0], [-0.5, 0.5, 0.0]], "the product for two examples and three classes")
check_not_used(vjp_softmax, AUTOGRAD)
passed_visible("vjp_softmax")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
    logits = torch.randn(4, 6, generator=generator, dtype=torch.float64, requires_grad=True)
    probabilities = torch.softmax(logits, dim=1)
    cotangent = torch.randn(4, 6, generator=generator, dtype=dtype)
    (expected,) = torch.autograd.grad((probabilities * cotangent.double()).sum(), [logits])
    probabilities = probabilities.detach().to(dtype)
    with unchanged(probabilities=probabilities, cotangent=cotangent):
        product = vjp_softmax(probabilities, cotangent)
    check_shape(product, (4, 6), "the product for 4 examples and 6 classes")
    check_dtype(product, dtype, "the product, which has the dtype of the probabilities")
    check_close(product, expected, "the product for 4 examples and 6 classes", rtol=tolerance, atol=tolerance)
check_shape(vjp_softmax(probabilities[:1], cotangent[:1]), (1, 6), "the product for a single example and 6 classes")

# One Jacobian of 60,000 classes would have 14 GB, the products of 30,000 examples with each other 3.6 GB.
for examples, classes in ((2, 60_000), (30_000, 2)):
    probabilities = torch.softmax(torch.randn(examples, classes, generator=generator), dim=1)
    cotangent = torch.randn(examples, classes, generator=generator)
    inner = (probabilities.double() * cotangent.double()).sum(dim=1, keepdim=True)
    product = vjp_softmax(probabilities, cotangent)
    what = f"the product for {examples:,} examples and {classes:,} classes: no tensor is larger than both together"
    check_close(product, probabilities * (cotangent - inner), what, rtol=1e-3, atol=1e-7)
### END HIDDEN TESTS

# %% nbgrader={"grade": true, "grade_id": "jvp-linear-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: the Jacobian-vector product of a linear layer.
weight = torch.tensor([[1.0, 2.0], [0.0, -1.0]])
product = jvp_linear(weight, torch.tensor([[1.0, 0.0], [1.0, 3.0], [0.0, -1.0]]))
check_close(
    product, [[1.0, 0.0], [7.0, -3.0], [-2.0, 1.0]], "the product for three examples, two inputs and two outputs"
)
check_not_used(jvp_linear, AUTOGRAD)
passed_visible("jvp_linear")
### BEGIN HIDDEN TESTS
generator = case_generator()
for dtype, tolerance in ((torch.float64, 1e-12), (torch.float32, 1e-5)):
    weight = torch.randn(5, 3, generator=generator, dtype=dtype)
    tangent = torch.randn(4, 3, generator=generator, dtype=dtype)
    with unchanged(weight=weight, tangent=tangent):
        product = jvp_linear(weight, tangent)
    expected = torch.einsum("oi,ni->no", weight.double(), tangent.double())
    check_shape(product, (4, 5), "the product for 4 examples, 3 inputs and 5 outputs")
    check_dtype(product, dtype, "the product, which has the dtype of the weight")
    check_close(product, expected, "the product for 4 examples, 3 inputs and 5 outputs", rtol=tolerance, atol=tolerance)
check_shape(jvp_linear(weight[:1], tangent), (4, 1), "the product for 4 examples, 3 inputs and a single output")
check_shape(jvp_linear(weight, tangent[:1]), (1, 5), "the product for a single example, 3 inputs and 5 outputs")

# The Jacobian of the whole batch would be (N·out, N·in), 230 GB; already its pattern of N × N blocks has 3.6 GB.
weight = torch.randn(8, 8, generator=generator)
tangent = torch.randn(30_000, 8, generator=generator)
expected = torch.einsum("oi,ni->no", weight, tangent)
what = "the product for 30,000 examples, whose common Jacobian does not fit in memory"
check_close(jvp_linear(weight, tangent), expected, what, rtol=1e-3, atol=1e-3)
### END HIDDEN TESTS

# %% [markdown] task={"name": "train", "minutes": 14, "difficulty": 2}
# ## Task 9. Train
#
# Everything is in place. Stochastic gradient descent takes a small batch $B$, computes the gradient of its
# mean loss, and goes a step of length `lr` (the learning rate $\eta$) against it, for every weight and every
# bias:
#
# $$
# \theta_{i+1} = \theta_i - \eta \, \nabla_\theta L_{B_i}(\theta_i), \qquad
# L_B(\theta) = \frac{1}{|B|} \sum_{n \in B} \ell_n(\theta)
# $$
#
# An *epoch* is one pass over the data. At its start, shuffle: draw a fresh permutation of the $N$ examples
# from `generator`, for example with `torch.randperm(N, generator=generator)`. Cut it into batches of
# `batch_size`; the last batch of an epoch is smaller if `batch_size` does not divide $N$. Each example comes
# once per epoch. A step uses one batch, and `steps` may end in the middle of an epoch.
#
# **Write** `train`. It returns new parameters and leaves its arguments alone. `losses[i]` is the loss of the
# batch of step `i` *before* the step, as a float: `losses[0]` belongs to the initial parameters.
#
# **Example.** With $N = 5$, `batch_size=2` and `steps=4` the batches have 2, 2, 1 and, from a fresh
# permutation, 2 examples.
#
# <details><summary>Hint 1: the batches</summary>
#
# `permutation.split(batch_size)` cuts a permutation into index tensors, the last one smaller. When the list
# of batches is empty, draw the next permutation.
#
# </details>
# <details><summary>Hint 2: the step</summary>
#
# Build a new list with `weight - lr * grad_weight` and `bias - lr * grad_bias`. `weight -= ...` would change
# the tensor of whoever called you.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "train", "locked": false, "schema_version": 3, "solution": true, "task": false}
def train(parameters, x, target, *, lr, steps, batch_size, generator, activation="relu"):
    """Plain stochastic gradient descent with the gradients of mlp_loss_and_gradients.

    parameters: list of (weight, bias); x: (N, in_features); target: (N,), integers
    generator: torch.Generator, the source of one permutation of the N examples per epoch
    Returns (parameters, losses): a new list of (weight, bias), and a list of `steps` floats, the batch loss before each step.
    """
    ### BEGIN SOLUTION
    losses, batches = [], []
    for _ in range(steps):
        if not batches:
            batches = list(torch.randperm(len(x), generator=generator).split(batch_size))
        batch = batches.pop(0)
        loss, gradients = mlp_loss_and_gradients(parameters, x[batch], target[batch], activation)
        losses.append(float(loss))
        parameters = [
            (weight - lr * grad_weight, bias - lr * grad_bias)
            for (weight, bias), (grad_weight, grad_bias) in zip(parameters, gradients, strict=True)
        ]
    return parameters, losses
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "train-full-batch-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: the steps, with all examples in every batch. (The test may use automatic differentiation.)
def descent_by_autograd(parameters, x, target, lr, batches, activation):
    """Gradient descent on the given batches, by PyTorch."""
    tensors = [tensor.double() for layer in parameters for tensor in layer]
    losses = []
    for batch in batches:
        tensors = [tensor.detach().requires_grad_() for tensor in tensors]
        hidden = x[batch].double()
        for weight, bias in zip(tensors[:-2:2], tensors[1:-2:2], strict=True):
            hidden = getattr(torch, activation)(hidden @ weight.T + bias)
        loss = torch.nn.functional.cross_entropy(hidden @ tensors[-2].T + tensors[-1], target[batch])
        losses.append(loss.item())
        gradients = torch.autograd.grad(loss, tensors)
        tensors = [tensor - lr * gradient for tensor, gradient in zip(tensors, gradients, strict=True)]
    return [(w.detach(), b.detach()) for w, b in zip(tensors[::2], tensors[1::2], strict=True)], losses


x, target = torch.tensor([[1.0, -2.0, 0.0], [-3.0, 0.5, 1.0]]), torch.tensor([0, 1])
parameters = [
    (torch.tensor([[1.0, -1.0, 0.5], [0.5, 2.0, 1.0]]), torch.tensor([0.0, 0.5])),
    (torch.tensor([[-1.0, 1.0], [2.0, 0.0]]), torch.tensor([1.0, -1.0])),
]
trained, losses = train(
    parameters, x, target, lr=0.5, steps=3, batch_size=2, generator=torch.Generator().manual_seed(0)
)
expected, expected_losses = descent_by_autograd(parameters, x, target, 0.5, [slice(None)] * 3, "relu")
check_close(losses, expected_losses, "the losses of three steps, each before its step")
check_close(trained, expected, "the parameters after three steps")
check_not_used(train, AUTOGRAD)
passed_visible("train, with all examples in a batch")
### BEGIN HIDDEN TESTS
generator = case_generator()
for activation, dtype, tolerance in (("relu", torch.float64, 1e-9), ("tanh", torch.float32, 1e-3)):
    parameters = [
        (
            torch.randn(n_out, n_in, generator=generator, dtype=dtype) / 2,
            torch.randn(n_out, generator=generator, dtype=dtype) / 2,
        )
        for n_in, n_out in ((4, 5), (5, 6), (6, 3))
    ]
    x = torch.randn(7, 4, generator=generator, dtype=dtype)
    target = torch.randint(3, (7,), generator=generator)
    for batch_size in (7, 100):
        order = torch.Generator().manual_seed(1)
        trained, losses = train(
            parameters, x, target, lr=0.1, steps=5, batch_size=batch_size, generator=order, activation=activation
        )
        expected, expected_losses = descent_by_autograd(parameters, x, target, 0.1, [slice(None)] * 5, activation)
        size = "all examples in a batch" if batch_size == 7 else "a batch size above the number of examples"
        what = f"three layers, {activation}, {size}"
        check_close(losses, expected_losses, f"the losses of five steps, {what}", rtol=tolerance)
        check_close(trained, expected, f"the parameters after five steps, {what}", rtol=tolerance, atol=tolerance)
        check_dtype(trained[0][0], dtype, "the trained parameters, which have the dtype of the given ones")
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "train-batches-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: the batches. With lr = 0 the parameters stay, and the losses show which examples were in a batch.
def example_losses(parameters, x, target):
    """The loss of each example under a network of one layer."""
    ((weight, bias),) = parameters
    return torch.nn.functional.cross_entropy(x @ weight.T + bias, target, reduction="none")


parameters = [(torch.tensor([[1.0, 0.5], [-0.5, 2.0]]), torch.tensor([0.1, 0.0]))]
x = torch.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 1.0], [-1.0, 3.0], [0.5, -2.0]])
target = torch.tensor([0, 1, 0, 1, 1])
each = example_losses(parameters, x, target)
order = torch.Generator().manual_seed(0)
_, losses = train(parameters, x, target, lr=0.0, steps=10, batch_size=1, generator=order)
check_shape(losses, (10,), "losses has one number per step")
check_close(
    sorted(losses[:5]), sorted(each.tolist()), "five batches of one example: each example once in the first epoch"
)
check_close(
    sorted(losses[5:]), sorted(each.tolist()), "five batches of one example: each example once in the second epoch"
)
order = torch.Generator().manual_seed(0)
_, losses = train(parameters, x, target, lr=0.0, steps=3, batch_size=2, generator=order)
total = 2 * losses[0] + 2 * losses[1] + losses[2]
check_close(total, each.sum(), "batches of 2, 2 and 1 examples: together they hold each example once")
passed_visible("train, the batches")
### BEGIN HIDDEN TESTS
generator = case_generator()
parameters = [(torch.randn(3, 4, generator=generator).double(), torch.randn(3, generator=generator).double())]
x = torch.randn(14, 4, generator=generator).double()
target = torch.randint(3, (14,), generator=generator)
each = example_losses(parameters, x, target)
_, losses = train(parameters, x, target, lr=0.0, steps=42, batch_size=1, generator=generator)
check_shape(losses, (42,), "losses has one number per step")
epochs = torch.as_tensor(losses, dtype=torch.float64).reshape(3, 14)
for epoch in epochs:
    check_close(epoch.sort().values, each.sort().values, "each example comes once per epoch, batches of one example")
cause = "Draw the permutation from the generator at the start of every epoch."
check_true(not torch.allclose(epochs[0], each), "the examples are shuffled in the first epoch", cause)
check_true(not torch.allclose(epochs[0], epochs[1]), "the second epoch has another order than the first", cause)
check_true(not torch.allclose(epochs[1], epochs[2]), "the third epoch has another order than the second", cause)


def neighbours(order):
    """The pairs of examples that come one after the other, in either order; the first comes after the last."""
    return {frozenset(pair) for pair in zip(order.tolist(), order.roll(1).tolist(), strict=True)}


# Two orders of 14 share two pairs of neighbours on average, and more than twelve less than 1 time in 10⁶.
cause = "Every order is equally likely: shuffle the examples; to begin elsewhere, or to go backwards, is not enough."
orders = [torch.arange(14), *(epochs[:, :, None] - each).abs().argmin(dim=2)]
for one, other in itertools.pairwise(orders):
    shared = neighbours(one) & neighbours(other)
    check_true(len(shared) <= 12, "each epoch has other neighbours than the one before", cause)

_, losses = train(parameters, x, target, lr=0.0, steps=9, batch_size=4, generator=generator)
check_shape(losses, (9,), "losses has one number per step when steps ends inside an epoch")
sizes = torch.tensor([4.0, 4.0, 4.0, 2.0], dtype=torch.float64)
for start in (0, 4):
    epoch = torch.as_tensor(losses[start : start + 4], dtype=torch.float64)
    check_close(epoch @ sizes, each.sum(), "batches of 4, 4, 4 and 2 examples: together they hold each example once")


def descent(parameters, x, target, lr, batches):
    """Gradient descent on the given batches for a network of one layer."""
    ((weight, bias),) = parameters
    losses = []
    for batch in batches:
        logits = x[batch] @ weight.T + bias
        losses.append(torch.nn.functional.cross_entropy(logits, target[batch]).item())
        error = torch.softmax(logits, dim=1) - torch.nn.functional.one_hot(target[batch], 3)
        weight = weight - lr * error.T @ x[batch] / len(batch)
        bias = bias - lr * error.mean(dim=0)
    return [(weight, bias)], losses


# Three examples in batches of 2 and 1 have three orders per epoch; the result must belong to one of them. The fifth step
# is the last one, in the middle of an epoch.
x, target = x[:3], torch.tensor([0, 2, 1])
trained, losses = train(parameters, x, target, lr=0.5, steps=5, batch_size=2, generator=generator)
check_shape(losses, (5,), "losses has one number per step")
epochs = [[[i for i in range(3) if i != alone], [alone]] for alone in range(3)]
orders = itertools.product(epochs, repeat=3)
outcomes = [descent(parameters, x, target, 0.5, [*a, *b, *c][:5]) for a, b, c in orders]
found = torch.as_tensor(losses, dtype=torch.float64)
expected, expected_losses = min(outcomes, key=lambda outcome: (torch.tensor(outcome[1]) - found).abs().sum().item())
check_close(losses, expected_losses, "the losses of five steps with three examples, batches of 2 and 1", rtol=1e-6)
check_close(trained, expected, "the parameters after five steps with three examples, batches of 2 and 1", rtol=1e-6)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "train-arguments-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Test: what goes in stays as it was, and the generator decides the order.
@probe
def train_after_global_seed(global_seed, seed, parameters, x, target):
    torch.manual_seed(global_seed)
    order = torch.Generator().manual_seed(seed)
    return train(parameters=parameters, x=x, target=target, lr=0.1, steps=7, batch_size=2, generator=order)


x, target = torch.arange(20.0).reshape(10, 2) / 10, torch.tensor([0, 1] * 5)
parameters = [(torch.tensor([[1.0, 0.5], [-0.5, 2.0]]), torch.tensor([0.1, 0.0]))]
with unchanged(parameters=parameters, x=x, target=target):
    first = train_after_global_seed(1, 0, parameters, x, target)
passed_visible("train, its arguments")
### BEGIN HIDDEN TESTS
again = train_after_global_seed(2, 0, parameters, x, target)
check_equal(again, first, "the same seed of the generator gives the same losses and parameters")
runs = [torch.as_tensor(train_after_global_seed(1, seed, parameters, x, target)[1]) for seed in range(3)]
cause = "Is the permutation drawn from `generator`?"
same = all(torch.equal(run, runs[0]) for run in runs)
check_true(not same, "other seeds of the generator give other batches", cause)
order = torch.Generator().manual_seed(0)
runs = [
    torch.as_tensor(train(parameters, x, target, lr=0.1, steps=7, batch_size=2, generator=order)[1]) for _ in range(2)
]
cause = "Draw from `generator` itself, not from a copy or from its seed."
check_true(not torch.equal(*runs), "a second call with the same generator gives other batches", cause)
trained, losses = train(parameters, x, target, lr=0.1, steps=0, batch_size=2, generator=order)
check_close(trained, parameters, "the parameters after 0 steps")
check_equal(len(losses), 0, "the number of losses after 0 steps")
### END HIDDEN TESTS

# %% [markdown]
# ### The ladder
#
# A network that trains badly does not say why. So climb in small steps, each of which can fail for few
# reasons only: the loss before training, the gradients of the whole network, fifty examples by heart, and
# only then the data.


# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-ladder", "locked": true, "schema_version": 3, "solution": false, "task": false}
def new_network(widths, generator):
    """Random weights of variance 2 / fan_in (K. He et al., 2015), the last layer ten times smaller; biases 0."""
    layers = []
    for n_in, n_out in itertools.pairwise(widths):
        weight = torch.randn(n_out, n_in, generator=generator, dtype=torch.float64) * math.sqrt(2 / n_in)
        layers.append((weight, torch.zeros(n_out, dtype=torch.float64)))
    layers[-1] = (layers[-1][0] / 10, layers[-1][1])
    return layers


data = digits(dtype=torch.float64)
generator = torch.Generator().manual_seed(0)

# 1. Before training, all ten classes are about equally likely.
network = new_network((64, 100, 10), generator)
initial_loss, _ = mlp_loss_and_gradients(network, *data.train)
print(f"1. initial loss {float(initial_loss):.3f}, log 10 = {math.log(10):.3f}")
assert abs(float(initial_loss) - math.log(10)) < 0.1, "Before training, the loss should be near log 10."

# 2. The gradients of a whole, small network agree with the numerical ones.
small = new_network((64, 12, 10), generator)
x, target = data.train_x[:20], data.train_y[:20]
_, gradients = mlp_loss_and_gradients(small, x, target)
print("2. gradient check      relative error   |gradient| at that entry")
for i, layer in enumerate(small):
    for j, name in enumerate(("weight", "bias")):

        def loss_of(tensor, i=i, j=j):
            changed = [list(layer) for layer in small]
            changed[i][j] = tensor
            return mlp_loss_and_gradients(changed, x, target)[0]

        numerical, own = numerical_gradient(loss_of, layer[j]), gradients[i][j]
        errors = [relative_error(a, n) for a, n in zip(own.flatten(), numerical.flatten(), strict=True)]
        worst = max(range(len(errors)), key=errors.__getitem__)
        print(
            f"   layer {i + 1}, {name:6s}      {float(errors[worst]):8.1e}         {own.flatten()[worst].abs().item():8.1e}"
        )
        assert errors[worst] < 1e-4, f"The gradient of the {name} of layer {i + 1} is not the numerical one."

# 3. Fifty examples can be learned by heart.
few = data.train_x[:50], data.train_y[:50]
_, losses = train(network, *few, lr=0.2, steps=200, batch_size=50, generator=generator)
print(f"3. fifty examples: loss {losses[0]:.3f} before training, {losses[-1]:.4f} after 200 steps")
assert losses[-1] < 0.05, "A network of this size should learn fifty examples by heart."

curves(
    {"fifty digits": losses},
    title=f"Fifty digits by heart: the loss falls from {losses[0]:.1f} to {losses[-1]:.3f}",
    xlabel="step",
    ylabel="mean loss",
    logy=True,
)


# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-digits", "locked": true, "schema_version": 3, "solution": false, "task": false}
def accuracy(parameters, x, target):
    hidden = x
    for weight, bias in parameters[:-1]:
        hidden = torch.relu(hidden @ weight.T + bias)
    logits = hidden @ parameters[-1][0].T + parameters[-1][1]
    return (logits.argmax(dim=1) == target).double().mean().item()


# 4. The digits. One call of train is one epoch here, so that the accuracy can be seen on the way.
trained, mean_losses, seen, held_out = network, [], [], []
for _ in range(30):
    trained, losses = train(
        trained, *data.train, lr=0.1, steps=45, batch_size=32, generator=generator, activation="relu"
    )
    mean_losses.append(sum(losses) / len(losses))
    seen.append(accuracy(trained, *data.train))
    held_out.append(accuracy(trained, *data.held_out))
assert held_out[-1] >= 0.95, "The network should read at least 95 % of the digits that it has not seen."

epochs = range(1, 31)
figure, axes = panels(1, 2, title=f"Your gradients read {held_out[-1]:.1%} of the digits they have not seen")
curves(
    {"training": (epochs, mean_losses)},
    title="Loss",
    xlabel="epoch",
    ylabel="mean batch loss",
    logy=True,
    axes=axes[0, 0],
)
curves(
    {"training": (epochs, seen), "held out": (epochs, held_out)},
    title="Accuracy",
    xlabel="epoch",
    ylabel="share that is right",
    axes=axes[0, 1],
)
figure

# %% [markdown] task={"name": "questions", "minutes": 10, "difficulty": 2}
# ## Task 10. Two questions
#
# A few sentences each, in your own words. An instructor reads them.

# %% [markdown] nbgrader={"grade": false, "grade_id": "question-cost", "locked": true, "schema_version": 3, "solution": false, "task": false}
# **Question 1.** Take a linear layer with $N$ examples, $I$ inputs and $O$ outputs. Count the multiplications
# of its forward pass and of its backward pass. Why does the backward pass of a network cost about twice as
# much as the forward pass? For which layer of the network is it less, and why?
#
# <details><summary>Hint 1: where to start</summary>
#
# How many matrix products does each of your two functions have?
#
# </details>
# <details><summary>Hint 2: less than twice</summary>
#
# Which of the gradients does nobody need at the first layer?
#
# </details>
#
# ### BEGIN MARK SCHEME
# - 1 point: the forward pass is one product with $N \cdot I \cdot O$ multiplications; the backward pass is
#   two such products, $GW$ for the input and $G^\top X$ for the weight, $2 N I O$ together.
# - 1 point: everything else (bias, activation, loss) is of order $N \cdot O$ and does not count, so the
#   factor of two holds for the whole network.
# - 1 point: at the first layer the gradient of the input is not needed, so its backward pass costs only as
#   much as its forward pass.
#
# An answer without the word "Jacobian" is fine. An answer that says "because the chain rule has two factors",
# without counting, gets at most 1.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "answer-cost", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# Forward, $Y = XW^\top$ is one matrix product with $NIO$ multiplications. Backward there are two of the same
# size: $GW$, which the layer below waits for, and $G^\top X$, the gradient of the weight. Bias, activation
# and loss cost only about $NO$ operations and disappear next to them. So each layer, and the network, costs
# about twice as much backward as forward. The first layer is the exception: nobody needs the gradient of the
# data, so one product is left and its backward pass costs as much as its forward pass.

# %% [markdown] nbgrader={"grade": false, "grade_id": "question-error", "locked": true, "schema_version": 3, "solution": false, "task": false}
# **Question 2.** Look at the gradient check in your run of the ladder: which tensor has the largest relative
# error, and about how large is it? Say where it comes from. Name the two errors of a central difference, how
# each depends on `eps`, and what could make the relative error large at a single coordinate although the
# gradient is right.
#
# <details><summary>Hint 1: where to start</summary>
#
# The figure after Task 1 has two slopes, one on each side of its lowest point.
#
# </details>
# <details><summary>Hint 2: a single coordinate</summary>
#
# What is $|a| + |b|$ there? And what does relu do between $x - \varepsilon$ and $x + \varepsilon$ if $x$ is
# almost 0?
#
# </details>
#
# ### BEGIN MARK SCHEME
# - 1 point: truncation of the Taylor series, of order $\varepsilon^2$, and rounding of $f$, of order $u |f| /
#   \varepsilon$ with $u \approx 10^{-16}$ in float64; at $\varepsilon = 10^{-6}$ rounding is the larger one
#   for a loss of about 2.
# - 1 point: the error is divided by $|a| + |b|$, so the worst coordinate is one whose gradient is tiny (a
#   pixel that is almost always blank, a unit that is almost always off); the absolute error is about the same
#   everywhere.
# - 1 point: names the tensor and the size of the own run consistently with this, or explains a kink of relu
#   between $x - \varepsilon$ and $x + \varepsilon$, where the difference quotient averages two slopes.
#
# "Rounding errors" without a dependence on `eps` gets no point for the first part.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "answer-error", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# In my run the largest relative error is between $10^{-6}$ and $10^{-5}$, in the weight of the first layer, at
# an entry whose gradient is about $10^{-5}$; the other tensors, with larger gradients, stay below $10^{-6}$. A
# central difference has a truncation error of order $\varepsilon^2$ and a rounding error of order
# $u|f|/\varepsilon$. At $\varepsilon = 10^{-6}$ the second is the larger, around $10^{-10}$, and it is about the
# same at every entry. Divided by $|a| + |b|$ it becomes large where the gradient itself is tiny: at pixels that
# are almost always blank, at hidden units that are almost never active. A second source is relu: if the input of
# a unit crosses 0 between the two evaluations, the difference quotient mixes the slopes 0 and 1, though the
# gradient is right.

# %% [markdown]
# ## What you have built
#
# A numerical gradient that trusts nobody, the backward pass of a network by hand, an engine that writes it
# for you, and a training loop that reads digits. PyTorch's `autograd` is the engine of Task 7 with tensors
# for numbers and VJPs for derivatives. From here on it does this work for you, and you know what it does.
