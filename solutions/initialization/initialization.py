# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   descent:
#     title: Initialization
#     budget: {cell_seconds: 60, call_seconds: 8}
# ---

# %% [markdown]
# # Initialization: before the first step
#
# You stack fifty layers. Every line is right, every gradient is checked, the learning rate is sensible, and the loss does
# not move. What went wrong happened before the first step.
#
# A deep network multiplies. Each layer multiplies the size of the signal by some factor, and fifty factors of 0.5 leave
# $10^{-15}$ of it, while fifty factors of 2 make it $10^{15}$ times larger. Between the two lies a narrow path on which the
# signal keeps its size, and the standard deviation of the first random weights decides whether you are on it.
#
# In this notebook you watch signals die and explode, derive the standard deviation that prevents it, and write the
# initializers that every library ships: Xavier, Kaiming, orthogonal and LSUV. At the end you write batch normalization,
# which repairs at every step what initialization sets up once.
#
# **Conventions.** A batch of $N$ examples is a matrix with one example per row. A weight has shape (out, in), or
# (out, in/groups, *kernel) for a convolution. A layer is $H_l = \varphi(H_{l-1} W_l^\top)$, without a bias. What `activation` means
# is in the dictionary `ACTIVATIONS` below.
#
# **The contract of an initializer.** It is the one of `torch.nn.init`. Its name ends in an underscore, because it works *in
# place*:
#
# - it fills the memory of the tensor it was given, whichever memory format that has (transposed, `channels_last`, a window
#   of a larger tensor), and returns that same tensor;
# - the tensor may be a parameter. So it writes under `torch.no_grad()` and leaves `requires_grad` as it was;
# - it draws from `generator`, or from PyTorch's global generator if `generator` is None.
#
# PyTorch has most of these functions in `torch.nn.init`. Write your own; compare afterwards.
#
# **How to work.** Write a function, run the cell below it, read what it says. The visible checks catch most mistakes.
# The grader adds hidden ones: other shapes, other dtypes, other draws. What is random is judged by its statistics, so it does
# not matter in which order or by which call you draw.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import itertools
import math

import torch

from utils.checks import (
    case_generator,
    check_close,
    check_dtype,
    check_equal,
    check_raises,
    check_shape,
    check_true,
    passed_visible,
    probe,
    unchanged,
)
from utils.data import digits
from utils.plotting import curves, panels, per_layer

# %% nbgrader={"grade": false, "grade_id": "activations", "locked": true, "schema_version": 3, "solution": false, "task": false}
ACTIVATIONS = {"linear": lambda z: z, "sigmoid": torch.sigmoid, "tanh": torch.tanh, "relu": torch.relu}

# %% [markdown] task={"name": "moments", "minutes": 15, "difficulty": 1}
# ## Task 1. Follow the signal
#
# Before you choose a standard deviation, build the instrument that shows what it does: send random inputs through a deep
# network and measure how large the activations are after each layer.
#
# "How large" is the **mean square** $q_l = \operatorname{mean}(H_l^2)$, over the batch and the units. Why not the variance? Take one unit
# of the next layer, $z = \sum_{i=1}^{n} w_i h_i$, with independent weights of mean 0 and variance $\sigma^2$:
#
# $$
# \mathbb E[z^2] = \sum_{i=1}^{n} \mathbb E[w_i^2]\, h_i^2 = \sigma^2 \sum_{i=1}^{n} h_i^2 = n\, \sigma^2\, q
# $$
#
# The next layer sees $q$, and the mean of $h$ does not matter. After relu, where nothing is negative, mean square and variance
# are different things. So for square layers of width $n$:
#
# $$
# q_l = n \sigma^2\, q_{l-1} \;\text{(linear)}, \qquad q_l = \tfrac12\, n \sigma^2\, q_{l-1} \;\text{(relu, which throws half of the square away)}
# $$
#
# **Write** `forward_moments`. Draw a batch of inputs of shape (N, `width`) with independent $\mathcal N(0, 1)$ entries; take
# $N$ = 100 or more. For each of `depth` layers draw a fresh weight of shape (`width`, `width`) with $\mathcal N(0, \sigma^2)$ entries,
# $\sigma$ = `weight_std`, apply the layer, and note the mean square of its output. Compute in float64: the numbers may get
# as small as $10^{-200}$.
#
# **Example.** `forward_moments(3, 100, 0.1, "linear", generator)` is about $(1, 1, 1)$, because $100 \cdot 0.1^2 = 1$. With "relu" it
# is about $(1/2, 1/4, 1/8)$.
#
# <details><summary>Hint 1: where to start</summary>
#
# `x = torch.randn(100, width, dtype=torch.float64, generator=generator)`, then a loop over the layers in which `x` becomes the
# output of the layer.
#
# </details>
# <details><summary>Hint 2: the mean square</summary>
#
# `x.square().mean()` after the activation. Collect the results in a list; `torch.stack` makes a tensor of it.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "moments", "locked": false, "schema_version": 3, "solution": true, "task": false}
def forward_moments(depth, width, weight_std, activation, generator):
    """The mean square of the activations after each layer of a random network.

    depth: number of layers, at least 1; width: units per layer, as many as inputs
    weight_std: standard deviation of the weights, which are drawn afresh for each layer
    activation: a key of ACTIVATIONS; generator: what inputs and weights are drawn from
    Returns a float64 tensor of shape (depth,): entry l is the mean of H² over a batch of N(0, 1) inputs and all units.
    """
    ### BEGIN SOLUTION
    phi = ACTIVATIONS[activation]
    x = torch.randn(256, width, dtype=torch.float64, generator=generator)
    moments = []
    for _ in range(depth):
        weight = weight_std * torch.randn(width, width, dtype=torch.float64, generator=generator)
        x = phi(x @ weight.T)
        moments.append(x.square().mean())
    return torch.stack(moments)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "moments-test", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
# Test: the mean square after each layer, averaged over 25 networks and given as log₂. It is rounded, the first layer to a
# quarter and the others to an integer, so that luck does not show: a right solution fails less than once in a million times.
@probe
def log2_moments(depth, width, weight_std, activation, seed, centre=0.0, grid=0.25):
    """Rounded to a grid around `centre`; `grid` is that of the first layer."""
    generator = torch.Generator().manual_seed(seed)
    networks, total = 25, 0.0
    for _ in range(networks):
        moments = forward_moments(depth, width, weight_std, activation, generator)
        total += torch.tensor([float(moment) for moment in moments], dtype=torch.float64)
    logs = (total / networks).log2()
    if len(logs) != depth:
        return logs
    grids = torch.tensor([grid, *[1.0] * (depth - 1)], dtype=torch.float64)
    return centre + grids * ((logs - centre) / grids).round()


found = log2_moments(3, 100, 0.1, "linear", 1)
check_shape(found, (3,), "the result of forward_moments, one number per layer")
check_close(
    found, [0.0, 0.0, 0.0], "log₂ of the mean squares, 3 linear layers, weight_std = 0.1, width = 100", atol=0.1
)
found = log2_moments(3, 100, 0.1, "relu", 1)
causes = {
    "This is the variance. After relu the mean is not 0, so the mean square is another number.": -1.5,
    "This is the root of the mean square: return the mean square itself.": -0.5,
    "This is the mean square before the activation.": 0.0,
}
check_close(found[0], -1.0, "log₂ of the mean square after the first of 3 relu layers", atol=0.1, causes=causes)
check_close(found, [-1.0, -2.0, -3.0], "log₂ of the mean squares, 3 relu layers", atol=0.1)
passed_visible("forward_moments")
### BEGIN HIDDEN TESTS
generator = case_generator()
seed = int(torch.randint(2**31, (), generator=generator))


@probe
def tiny_moments(width, weight_std, seed):
    moments = forward_moments(4, width, weight_std, "linear", torch.Generator().manual_seed(seed))
    return (torch.tensor([float(moment) for moment in moments], dtype=torch.float64).log2() / 40).round()


@probe
def one_unit_facts(seed):
    """What one unit shows, where a linear layer multiplies the mean square by its weight squared.

    A normal weight is beyond 2.5 standard deviations once in 80 times, so 1400 of them have one but for a chance of 1e-7.
    They come from two networks, so that a recursion over the layers is not too deep.
    What relu has let through is not negative, so the next negative weight makes it 0, and one of 49 is negative.

    A steep tanh is far from ±1 only where its input is close to 0, and more of the normal inputs are there than of others of
    variance 1: log(1 - q) is -1.56 on average, with a standard deviation of 0.83, and -1.83 for uniform inputs. 700 networks
    fall below -1.72 by a chance of 2e-7.

    A sigmoid as steep as a step shows how many inputs have the sign of the weight, and that differs from batch to batch.
    """
    generator = torch.Generator().manual_seed(seed)
    networks = [forward_moments(700, 1, 1.88, "linear", generator) for _ in range(2)]
    logs = torch.tensor([[float(moment) for moment in moments] for moments in networks], dtype=torch.float64).log()
    steps = logs.diff(dim=1).flatten()
    fresh = bool(steps.diff().abs().min() > 1e-10)
    normal = not fresh or bool(steps.max() > 2 * math.log(2.5 * 1.88))
    batches = all(float(forward_moments(1, 1, 1.0, "relu", generator)[0]) > 0 for _ in range(25))
    missing = [1 - float(forward_moments(1, 1, 6.0, "tanh", generator)[0]) for _ in range(700 if batches else 0)]
    unbalance = {abs(float(forward_moments(1, 1, 1e9, "sigmoid", generator)[0]) - 0.5) for _ in range(25)}
    closeness = torch.tensor(missing, dtype=torch.float64).clamp(min=1e-9).log().mean()
    return {
        "measures each of 700 layers": logs.shape[1] == 700,
        "draws a weight of its own for each layer": fresh,
        "draws normal weights, some of which are far from 0": normal,
        "lets nothing negative through relu": not fresh
        or float(forward_moments(50, 1, 1.0, "relu", generator)[-1]) == 0,
        "sends a batch of inputs through the network, not a single one": batches,
        "draws its inputs, too, from the generator, new ones for each call": not batches
        or len(unbalance) > 1
        or 0.5 in unbalance,
        "draws normal inputs, not others of the same variance": not (batches and normal) or bool(closeness > -1.72),
    }


def mean_field(depth, gain, function):
    """Mean squares in a wide network: the preactivations are normal with variance gain · q."""
    z = torch.linspace(-8, 8, 2001, dtype=torch.float64)
    density = torch.exp(-(z**2) / 2) / torch.exp(-(z**2) / 2).sum()
    q, result = 1.0, []
    for _ in range(depth):
        q = float((density * function(math.sqrt(gain * q) * z) ** 2).sum())
        result.append(q)
    return torch.tensor(result, dtype=torch.float64)


cases = (("linear", 2.0), ("relu", 64.0), ("tanh", 3.0), ("sigmoid", 4.0))
for ask, (activation, gain) in itertools.product((log2_moments, log2_moments.here), cases):
    width = int(torch.randint(50, 70, (), generator=generator))
    expected = mean_field(3, gain, ACTIVATIONS[activation]).log2()
    found = ask(3, width, math.sqrt(gain / width), activation, seed, centre=expected, grid=0.2)
    check_shape(found, (3,), "the result of forward_moments, 3 layers")
    check_close(found[0], expected[0], f"log₂ of the mean square after the first layer, {activation}", atol=0.01)
    check_close(found[1:], expected[1:], f"log₂ of the mean squares after the other layers, {activation}", atol=0.01)
found = tiny_moments(16, 2.0**-62, seed)
check_close(found, [-3.0, -6.0, -9.0, -12.0], "the order of magnitude of very small mean squares (float64)", atol=0.5)
for fact, holds in one_unit_facts(seed).items():
    check_true(holds, f"forward_moments {fact}")
moments = forward_moments(2, 5, 0.4, "relu", torch.Generator().manual_seed(seed))
single = all(torch.as_tensor(moment).dim() == 0 for moment in moments)
check_true(
    single,
    "forward_moments gives one number per layer",
    "The result has the shape (depth,), without further dimensions.",
)
expected = mean_field(1, 1.0, torch.sigmoid).log2()
found = log2_moments(1, 60, 1 / math.sqrt(60), "sigmoid", seed, centre=expected, grid=0.06)
what = "log₂ of the mean square after one layer of small preactivations, sigmoid; is it 1/(1 + exp(-z)) and no other curve?"
check_close(found, expected, what, atol=0.01)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "moments-generator-test", "locked": true, "points": 2, "schema_version": 3, "solution": false, "task": false}
# Test: all randomness comes from the generator.
@probe
def moments_facts(seed):
    def moments(generator):
        return [float(moment) for moment in forward_moments(2, 20, 0.3, "tanh", generator)]

    def fresh():
        return torch.Generator().manual_seed(seed)

    shared, before = fresh(), torch.get_rng_state()
    first = moments(shared)
    return {
        "draws the same from a generator of the same seed": first == moments(fresh()),
        "draws anew from a generator that has moved on": first != moments(shared),
        "leaves PyTorch's global generator alone": torch.equal(before, torch.get_rng_state()),
    }


for fact, holds in moments_facts(5).items():
    check_true(holds, f"forward_moments {fact}", "Pass generator=generator to each torch.randn.")
passed_visible("forward_moments, the generator")

# %% [markdown] task={"name": "overflow", "minutes": 10, "difficulty": 1}
# ## Task 2. How many layers until infinity?
#
# With standard normal weights and width 512 each linear layer multiplies the standard deviation by
# $\sqrt{512} \approx 22.6$. The largest float32 is $3.4 \cdot 10^{38}$, and $22.6^{28.4}$ is just that. So after 28 or 29 layers
# something becomes infinite, and one layer later $\infty - \infty$ makes it nan.
#
# A trap lies in the measuring. The float32 variance of numbers around $10^{20}$ is infinite, though all of the numbers are
# finite: squares overflow at half the depth. Ask the numbers themselves.
#
# **Write** `first_nonfinite_layer`. Start with a batch of $\mathcal N(0, 1)$ inputs of shape (`width`, `width`) in float32. Multiply
# by a fresh weight of `weight_std` times $\mathcal N(0, 1)$, again and again, without an activation. Return the number of the
# first layer, counted from 1, after which *any* entry is infinite or nan. Return None if there is none up to and including
# layer `max_layers`.
#
# **Example.** With width 1 and `weight_std` $10^{30}$ the numbers are about $10^{30}$ after layer 1 and overflow at layer 2. With
# `weight_std` 0.01 they shrink to 0, which is finite, and the result is None.
#
# <details><summary>Hint 1: where to start</summary>
#
# `for layer in range(1, max_layers + 1)` counts from 1 and includes the last one.
#
# </details>
# <details><summary>Hint 2: any entry</summary>
#
# `torch.isfinite(x)` is False for infinite and for nan. `.all()` of it tells whether every entry is fine.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "overflow", "locked": false, "schema_version": 3, "solution": true, "task": false}
def first_nonfinite_layer(width, weight_std, generator, max_layers=100):
    """The first layer, counted from 1, of a product of random float32 matrices with an entry that is inf or nan.

    width: inputs, units and batch size; weight_std: standard deviation of the weights, fresh for each layer
    generator: what inputs (first) and weights are drawn from
    Returns an int, or None if the outputs of layers 1 to max_layers are all finite.
    """
    ### BEGIN SOLUTION
    x = torch.randn(width, width, generator=generator)
    for layer in range(1, max_layers + 1):
        x = x @ (weight_std * torch.randn(width, width, generator=generator))
        if not torch.isfinite(x).all():
            return layer
    return None
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "overflow-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Test: the first layer that is not finite. The sizes are such that luck cannot change the answer.
def fresh(seed=3):
    return torch.Generator().manual_seed(seed)


causes = {"One too small: count layers from 1, and look at the numbers themselves, not at their squares.": 1}
found = first_nonfinite_layer(1, 1e30, fresh())
check_close(found, 2, "the first non-finite layer, width 1, weight_std 1e30", causes=causes)
check_equal(first_nonfinite_layer(8, 0.01, fresh()), None, "the first non-finite layer where the signal dies")
what = "the first non-finite layer, width 64, weight_std 6e9: about 5e10 after one layer and 2.5e21 after two"
check_equal(first_nonfinite_layer(64, 6e9, fresh()), 4, what)
what = "the first non-finite layer, width 64, weight_std 6e9, with max_layers"
check_equal(first_nonfinite_layer(64, 6e9, fresh(), max_layers=4), 4, f"{what} = 4, which is included")
check_equal(first_nonfinite_layer(64, 6e9, fresh(), max_layers=3), None, f"{what} = 3")
passed_visible("first_nonfinite_layer")
### BEGIN HIDDEN TESTS
generator = case_generator()
seed = int(torch.randint(2**31, (), generator=generator))


@probe
def overflow_facts(seed):
    def state_after(**settings):
        generator = torch.Generator().manual_seed(seed)
        first_nonfinite_layer(2, 0.01, generator, **settings)
        return generator.get_state()

    before, shared = torch.get_rng_state(), torch.Generator().manual_seed(seed)
    moves_on = not torch.equal(state_after(), shared.get_state())
    few = [first_nonfinite_layer(8, 4.8e37, shared, max_layers=1) == 1 for _ in range(1000)]
    return {
        "draws from the generator it is given, which moves on": moves_on,
        # Few of 64 entries overflow, and in 64 of 100 networks any does; only 43 have an infinite largest entry and 13 one
        # in the first row. The share of 1000 networks has a standard error of 0.015.
        "sees a single infinite entry, wherever it is and of either sign": not moves_on or sum(few) > 530,
        "draws a fresh weight for each layer": not moves_on
        or not torch.equal(state_after(max_layers=2), state_after(max_layers=5)),
        "looks at 100 layers if nothing else is said": torch.equal(state_after(), state_after(max_layers=100)),
        "leaves PyTorch's global generator alone": torch.equal(before, torch.get_rng_state()),
    }


what = "the first non-finite layer where a third of the entries overflow and the others do not yet"
check_equal(first_nonfinite_layer(64, 2.3e18, fresh(seed)), 2, what)
check_equal(first_nonfinite_layer(64, 6e9, fresh(seed)), 4, "the first non-finite layer, width 64")
check_equal(
    first_nonfinite_layer(16, 1.8e5, fresh(seed)), 7, "the first non-finite layer, width 16, after six finite ones"
)
for layers, expected in ((7, 7), (6, None), (8, 7)):
    what = "the first non-finite layer, width 16, with max_layers close to it"
    check_equal(first_nonfinite_layer(16, 1.8e5, fresh(seed), max_layers=layers), expected, what)
what = "the result where the first non-finite layer is the last one that is allowed"
check_equal(first_nonfinite_layer(1, 1e30, fresh(seed), max_layers=2), 2, what)
what = "the result where the first non-finite layer comes after max_layers"
check_equal(first_nonfinite_layer(1, 1e30, fresh(seed), max_layers=1), None, what)
check_equal(first_nonfinite_layer(4, 0.5, fresh(seed)), None, "the result where 100 layers stay finite")
what = "the first non-finite layer where infinities of both signs meet in each sum, so that every entry is nan"
check_equal(first_nonfinite_layer(128, 3.4e38, fresh(seed)), 1, what)
what = "the result where every entry is finite, though their sum and their squares are not"
check_equal(first_nonfinite_layer(256, 2.8e36, fresh(seed), max_layers=1), None, what)
for _ in range(8):
    seed = int(torch.randint(2**31, (), generator=generator))
    check_equal(first_nonfinite_layer(1, 1e30, fresh(seed)), 2, "the first non-finite layer, width 1, other seeds")
# The first layer that overflows is 156 ± 4.
found = first_nonfinite_layer(16, 0.45, fresh(seed), max_layers=300)
what = "the first non-finite layer of 300 is found where it comes after the hundredth"
check_true(found is not None and found > 100, what, "max_layers is the only limit.")
for fact, holds in overflow_facts(seed).items():
    check_true(holds, f"first_nonfinite_layer {fact}")
### END HIDDEN TESTS

# %% [markdown]
# Three naive choices, a hundred linear layers of width 512 in float32. Each line is straight on a logarithmic axis, because each layer
# multiplies by the same factor: $\sqrt{512} = 22.6$ for $\mathcal N(0, 1)$, $\sqrt{512/3} = 13.06$ for $U(-1, 1)$, whose variance is 1/3, and
# $0.226$ for $0.01 \cdot \mathcal N(0, 1)$. The lines end where a number is infinite, or where all numbers are 0.


# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-naive", "locked": true, "schema_version": 3, "solution": false, "task": false}
def signal(draw_weight, phi=lambda z: z, *, layers=100, rows=64, width=512, generator):
    """Standard deviation and mean square after each layer of float32 products, measured in float64."""
    x = torch.randn(rows, width, generator=generator)
    stds, mean_squares = [], []
    for _ in range(layers):
        x = phi(x @ draw_weight(generator))
        stds.append(x.double().std().item())
        mean_squares.append(x.double().square().mean().item())
    return torch.tensor(stds, dtype=torch.float64), torch.tensor(mean_squares, dtype=torch.float64)


def growth(stds, layers=20):
    """The factor per layer, as the geometric mean of the first layers."""
    return float(stds[layers - 1] ** (1 / layers))


naive_weights = {
    "N(0, 1)": lambda generator: torch.randn(512, 512, generator=generator),
    "U(−1, 1)": lambda generator: 2 * torch.rand(512, 512, generator=generator) - 1,
    "0.01 · N(0, 1)": lambda generator: 0.01 * torch.randn(512, 512, generator=generator),
}
generator = torch.Generator().manual_seed(0)
naive = {name: signal(draw_weight, generator=generator)[0] for name, draw_weight in naive_weights.items()}
for (name, stds), expected in zip(naive.items(), (22.6, 13.06, 0.226), strict=True):
    print(f"{name:15s} grows × {growth(stds):.4g} a layer")
    assert abs(growth(stds) / expected - 1) < 0.02

# A single input: 28 layers are finite, and after layer 29 the numbers are infinite and nan.
last = []
for seed in range(8):
    generator = torch.Generator().manual_seed(seed)
    stds, _ = signal(naive_weights["N(0, 1)"], layers=30, rows=1, generator=generator)
    last.append(1 + int(stds.isnan().int().argmax()))
print(f"first layer where the standard deviation is nan, 8 single inputs: {last}")
assert sorted(last)[4] == 29
dead = 1 + int((naive["0.01 · N(0, 1)"] == 0).int().argmax())
print(f"with 0.01 · N(0, 1), every number is exactly 0 after layer {dead}")
assert 66 <= dead <= 74

per_layer(
    naive,
    title="22.6, 13.06 or 0.226 per layer: a hundred layers forgive none of them",
    ylabel="standard deviation",
)

# %% [markdown] task={"name": "fans", "minutes": 8, "difficulty": 1}
# ## Task 3. Count the wires
#
# The factor per layer was $n \sigma^2$, where $n$ counts the terms in the sum that makes one output: the **fan in**. On the way
# back the gradient of one input is a sum too, over all outputs that this input reaches: the **fan out**. Every rule for $\sigma$
# is a rule about these two numbers.
#
# For a weight of shape (out, in) they are `in` and `out`. For a convolution, one output looks at
# every channel of its group at every position of the kernel, and one input is seen by every output channel of its group from
# every position. With a kernel of $k = \prod$ `kernel` positions, and remembering that the shape already holds
# `in/groups`:
#
# $$ \text{fan in} = \frac{\text{in}}{\text{groups}} \cdot k = \texttt{shape[1]} \cdot k, \qquad \text{fan out} = \frac{\text{out}}{\text{groups}} \cdot k $$
#
# **Write** `fan_in_and_fan_out(shape, groups=1)`. The kernel may have any number of dimensions. A shape with fewer than two
# dimensions (a bias) has no fans: raise an error.
#
# **Example.** A 3×3 convolution from 16 to 32 channels has a weight of shape (32, 16, 3, 3): fan in $16 \cdot 9 = 144$, fan out
# $32 \cdot 9 = 288$. A depthwise one on 32 channels has shape (32, 1, 3, 3) and 32 groups: both are 9.
#
# <details><summary>Hint 1: the kernel</summary>
#
# `out, inputs, *kernel = shape` takes the shape apart, and raises an error if it is too short. `math.prod(kernel)` is the number of
# positions, and 1 for a matrix.
#
# </details>
# <details><summary>Hint 2: the groups</summary>
#
# Divide `out` by `groups`; `inputs` is divided already. Use `//`, so that the result stays an int.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "fans", "locked": false, "schema_version": 3, "solution": true, "task": false}
def fan_in_and_fan_out(shape, groups=1):
    """The number of terms in the sum that makes one output, and in the sum that makes the gradient of one input.

    shape: shape of a weight (out, in/groups, *kernel), a tuple, list or torch.Size; groups: divides in and out
    Returns (fan_in, fan_out), two ints. Raises an error if the shape has fewer than two dimensions.
    """
    ### BEGIN SOLUTION
    out, inputs, *kernel = shape
    positions = math.prod(kernel)
    return inputs * positions, out // groups * positions
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "fans-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Test: fan in and fan out.
causes = {
    "The two are swapped: a weight has shape (out, in), and fan in comes first.": (200, 800),
    "A matrix has no kernel: that is one position, not none.": (0, 0),
}
what = "the fans of a linear layer with 800 inputs and 200 outputs"
check_close(fan_in_and_fan_out((200, 800)), (800, 200), what, causes=causes)
causes = {
    "The positions of the kernel are missing: each of them is a wire.": (16, 32),
    "The two are swapped: a weight has shape (out, in, ...), and fan in comes first.": (288, 144),
}
found = fan_in_and_fan_out((32, 16, 3, 3))
check_close(found, (144, 288), "the fans of a 3×3 convolution from 16 to 32 channels", causes=causes)
check_equal(fan_in_and_fan_out((32, 1, 3, 3), 32), (9, 9), "the fans of a depthwise convolution, 32 groups")
check_raises(Exception, fan_in_and_fan_out, (10,), what="an error for the shape of a bias, which has no fans")
passed_visible("fan_in_and_fan_out")
### BEGIN HIDDEN TESTS
check_equal(fan_in_and_fan_out((12, 5, 7)), (35, 84), "the fans of a convolution over one dimension")
shape = [6, 4, 2, 3, 5]
with unchanged(shape=shape):
    check_equal(fan_in_and_fan_out(shape), (120, 180), "the fans of a convolution over three dimensions, as a list")
check_equal(fan_in_and_fan_out((24, 3, 2, 5), groups=4), (30, 60), "the fans of a convolution with 4 groups")
check_equal(fan_in_and_fan_out(torch.Size((7, 3))), (3, 7), "the fans of a torch.Size")
check_equal(fan_in_and_fan_out((8, 2, 1, 1), 2), (2, 4), "the fans of a 1×1 convolution with 2 groups")
check_raises(Exception, fan_in_and_fan_out, (), what="an error for the shape of a single number, which has no fans")
generator = case_generator()
for dimensions in (2, 3, 4):
    groups = int(torch.randint(2, 5, (), generator=generator))
    out, inputs, *kernel = torch.randint(2, 9, (dimensions,), generator=generator).tolist()
    ones = torch.ones(out * groups, inputs, *kernel)
    expected = int(ones[0].sum()), int(ones[:out, 0].sum())
    found = fan_in_and_fan_out((out * groups, inputs, *kernel), groups)
    check_equal(found, expected, f"the fans of a weight with {dimensions} dimensions and several groups")
    floats = any(torch.as_tensor(fan).is_floating_point() for fan in found)
    check_true(not floats, "both fans are whole numbers, not floats")
### END HIDDEN TESTS

# %% [markdown] task={"name": "xavier", "minutes": 18, "difficulty": 2}
# ## Task 4. Xavier: a compromise between two directions
#
# Forward, a linear layer keeps the mean square of the signal if $\text{fan in} \cdot \sigma^2 = 1$. Backward, it keeps the mean square of the gradient
# if $\text{fan out} \cdot \sigma^2 = 1$. A matrix that is not square cannot do both. Glorot and Bengio (2010) took the middle:
#
# $$ \sigma^2 = \frac{2}{\text{fan in} + \text{fan out}}, \qquad \text{with a gain } g: \quad \sigma = g \sqrt{\frac{2}{\text{fan in} + \text{fan out}}} $$
#
# It is right for linear layers, and for tanh while it is nearly linear. The gain $g$ makes up for an activation that shrinks the signal.
#
# The distribution hardly matters, only its variance does. So there are two versions: normal with standard deviation $\sigma$, and
# uniform on $(-b, b)$. The variance of the latter is $b^2/3$, so $b = \sqrt 3\, \sigma$. The forgotten $\sqrt 3$ is the most common
# mistake in this notebook.
#
# **Write** `xavier_uniform_` and `xavier_normal_`, with the contract from above. The tensor has two or more dimensions and
# groups = 1. The normal distribution is not truncated.
#
# **Example.** For a weight of shape (200, 800): $\sigma = \sqrt{2/1000} = 0.0447$ and $b = \sqrt{6/1000} = 0.0775$.
#
# <details><summary>Hint 1: in place</summary>
#
# Tensors have the methods `uniform_(low, high, generator=...)` and `normal_(mean, std, generator=...)`, which fill them in place and
# return them. Around them goes `with torch.no_grad():`.
#
# </details>
# <details><summary>Hint 2: what does not work</summary>
#
# `tensor = torch.randn(...)` makes a new tensor and gives it the old name; the caller's tensor stays as it was. `tensor.view(-1)` fails
# for a transposed tensor, and `tensor.contiguous()` may be a copy.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "xavier", "locked": false, "schema_version": 3, "solution": true, "task": false}
def xavier_uniform_(tensor, gain=1.0, generator=None):
    """Fill a weight in place from U(-b, b), b = gain √(6 / (fan_in + fan_out)). Glorot and Bengio (2010).

    tensor: a float weight (out, in, *kernel) in any memory format, parameter or not; gain: factor of the standard deviation
    Returns the tensor itself.
    """
    ### BEGIN SOLUTION
    bound = gain * math.sqrt(6 / sum(fan_in_and_fan_out(tensor.shape)))
    with torch.no_grad():
        return tensor.uniform_(-bound, bound, generator=generator)
    ### END SOLUTION


def xavier_normal_(tensor, gain=1.0, generator=None):
    """Fill a weight in place from N(0, σ²), σ = gain √(2 / (fan_in + fan_out)). Glorot and Bengio (2010).

    tensor: a float weight (out, in, *kernel) in any memory format, parameter or not; gain: factor of the standard deviation
    Returns the tensor itself.
    """
    ### BEGIN SOLUTION
    std = gain * math.sqrt(2 / sum(fan_in_and_fan_out(tensor.shape)))
    with torch.no_grad():
        return tensor.normal_(0, std, generator=generator)
    ### END SOLUTION


# %% nbgrader={"grade": false, "grade_id": "instruments", "locked": true, "schema_version": 3, "solution": false, "task": false}
# What the tests of an initializer look at.
def weight_statistics(weight):
    """Facts about a random weight of 50 000 entries or more, rounded so that luck does not show.

    Each expected value lies more than six standard errors from where rounding would change it, so a right initializer
    fails a check of one of them less than once in ten million times.
    """
    weight = weight.double().flatten(1)
    std = weight.std()
    row_means = weight.mean(dim=1) * math.sqrt(weight.shape[1]) / std
    sizes = weight.abs()
    return {
        "std": ((16 * std.log2()).round() / 16).exp2().item(),
        "mean": ((20 * weight.mean() / std).round() / 20).item(),
        "near": ((20 * (weight.abs() < 0.45 * std).double().mean()).round() / 20).item(),
        "far": bool((weight.abs() > 3.5 * std).any()),
        "rows": row_means.std().round().item(),
        "distinct": round(20 * sizes.unique().numel() / sizes.numel()) / 20,
    }


def check_distribution(found, name, what):
    """Compare weight_statistics, but for "std", with those of the distribution that an initializer of this name has."""
    uniform = name.endswith("uniform_")
    near = "26 % if uniform" if uniform else "35 % if normal"
    far = "no weight" if uniform else "some weight"
    check_close(found["mean"], 0.0, f"the mean of {name} in standard deviations, {what}", atol=0.06)
    check_close(
        found["near"],
        0.25 if uniform else 0.35,
        f"the share of weights within 0.45 standard deviations, {near}, of {name}, {what}",
        atol=0.03,
    )
    check_equal(found["far"], not uniform, f"that {far} of {name} is beyond 3.5 standard deviations, {what}")
    cause = "Draw every weight by itself: none is a copy or a mirror image of another."
    check_true(abs(found["rows"] - 1) < 0.3, f"the weights in a row of {name} are independent, {what}", cause)
    check_true(abs(found["distinct"] - 1) < 0.06, f"the weights of {name} are of different size, {what}", cause)


def contract_facts(fill, seed):
    """What an initializer does with memory, requires_grad and generators, as a dictionary of True and False."""

    def fresh():
        return torch.Generator().manual_seed(seed)

    def draw(generator):
        return fill(torch.full((20, 30), 9.0), generator=generator)

    def filled(weight):
        return bool((weight != 9).double().mean() > 0.9)

    def works(weight):
        """Whether the weight is filled, and its memory and strides are what they were."""
        before = weight.data_ptr(), weight.stride()
        try:
            fill(weight, generator=fresh())
        except NotImplementedError:
            raise
        except RuntimeError:
            return False
        return (weight.data_ptr(), weight.stride()) == before and filled(weight)

    plain, parameter = torch.full((20, 30), 9.0), torch.nn.Parameter(torch.full((20, 30), 9.0))
    board = torch.full((12, 14), 9.0)
    autograd_stays = []
    for mode in (False, True):
        with torch.set_grad_enabled(mode):
            returned = fill(plain, generator=fresh())
            autograd_stays.append(torch.is_grad_enabled() == mode)
    facts = {
        "fills the tensor it was given": filled(plain),
        "returns the tensor it was given": returned is plain,
        "leaves a plain tensor without requires_grad": not plain.requires_grad,
        "leaves autograd switched on or off, as it was": all(autograd_stays),
        "fills a parameter and keeps its memory": works(parameter),
        "leaves requires_grad of a parameter as it was": parameter.requires_grad and parameter.is_leaf,
        "fills a float64 tensor": works(torch.full((20, 30), 9.0, dtype=torch.float64)),
        "fills a transposed tensor": works(torch.full((30, 20), 9.0).T),
        "fills a channels_last tensor": works(torch.full((8, 6, 3, 3), 9.0).to(memory_format=torch.channels_last)),
        "fills a window of a larger tensor": works(board[2:8, 3:11]) and bool((board != 9).sum() <= 48),
    }
    if not facts["returns the tensor it was given"]:
        return facts
    first, shared = draw(fresh()), fresh()
    facts["draws the same from a generator of the same seed"] = torch.equal(first, draw(fresh()))
    facts["draws anew from a generator that has moved on"] = not torch.equal(draw(shared), draw(shared))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1)
        state = torch.get_rng_state()
        draw(fresh())
        facts["leaves the global generator alone if it is given another"] = torch.equal(state, torch.get_rng_state())
        first = draw(None)
        torch.manual_seed(seed + 1)
        again, other = draw(None), draw(None)
        facts["draws from the global generator if it is given none"] = torch.equal(first, again)
        facts["draws anew from the global generator, too"] = not torch.equal(again, other)
    return facts


def independence_facts(fill, seed):
    """Whether the weights of small tensors are drawn one by one.

    Over 50 draws the correlation of two independent weights is 0.7 less than once in ten million times. Centring makes it
    -1 for the two weights of a (1, 2) tensor, or of a row or column of a (2, 2) one.
    """
    generator = torch.Generator().manual_seed(seed)

    def weights(*shape):
        draws = [fill(torch.full(shape, 9.0), generator=generator).detach().flatten() for _ in range(50)]
        return torch.stack(draws, dim=1)

    pairs, squares = weights(1, 2), weights(2, 2)
    sizes = squares.std(dim=0), squares.square().mean(dim=0).sqrt()
    correlations = [torch.corrcoef(draws) - torch.eye(len(draws)) for draws in (pairs, squares)]
    return {
        "does not scale what it drew to an exact standard deviation": all(
            bool(s.std() > 1e-3 * s.mean()) for s in sizes
        ),
        "draws weights that have nothing to do with each other": all(bool(c.abs().max() < 0.7) for c in correlations),
    }


CONTRACT_HINTS = {
    "fills the tensor it was given": "Was a new tensor made and given the old name? Use a method that ends in an underscore.",
    "returns the tensor it was given": "End with `return tensor`.",
    "leaves autograd switched on or off, as it was": "`with torch.no_grad():` puts it back at its end.",
    "fills a parameter and keeps its memory": "Write in place, under `torch.no_grad()`.",
    "fills a transposed tensor": "`view` fails for such tensors, and `reshape` and `contiguous` may return a copy.",
    "fills a channels_last tensor": "`view` fails for such tensors, and `reshape` and `contiguous` may return a copy.",
    "draws weights that have nothing to do with each other": "Draw every weight by itself: no mirroring, no centring.",
    "does not scale what it drew to an exact standard deviation": "The σ is that of the distribution, not of one draw.",
    "draws anew from a generator that has moved on": "Do not seed: who calls the function does.",
    "draws anew from the global generator, too": "A new torch.Generator() always starts in the same state: pass on None.",
    "leaves the global generator alone if it is given another": "Pass `generator=generator` wherever you draw.",
}


# %% nbgrader={"grade": true, "grade_id": "xavier-uniform-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: the distribution of xavier_uniform_.
@probe
def xavier_uniform_statistics(shape, seed, *settings):
    weight = torch.full(shape, 9.0)
    xavier_uniform_(weight, *settings, generator=torch.Generator().manual_seed(seed))
    return weight_statistics(weight)


found = xavier_uniform_statistics((200, 800), 1)
causes = {
    "Nothing was written into the tensor: fill the one that was given.": 0.0,
    "This is √3 too small: the variance of U(-b, b) is b²/3.": math.sqrt(2 / 1000 / 3),
    "Only the fan in is used: Xavier takes the sum of both fans.": math.sqrt(1 / 800),
    "The two fans are multiplied; their sum belongs there.": math.sqrt(2 / (200 * 800)),
}
what = "the standard deviation of a (200, 800) weight after xavier_uniform_"
check_close(found["std"], math.sqrt(2 / 1000), what, rtol=0.045, causes=causes)
check_distribution(found, "xavier_uniform_", "shape (200, 800)")
passed_visible("xavier_uniform_")
### BEGIN HIDDEN TESTS
generator = case_generator()
seed = int(torch.randint(2**31, (), generator=generator))


def draw(low, high):
    return int(torch.randint(low, high, (), generator=generator))


cases = [
    ((draw(150, 200), draw(400, 500)), 1.0),
    ((draw(90, 110), draw(20, 30), 2, 3, 5), 20.0),
    ((draw(450, 500), 1, 121), 1.0),
    ((draw(90, 110), draw(20, 30), 5, 7), 0.5),
]
asks = (xavier_uniform_statistics, xavier_uniform_statistics.here)
for ask, (shape, gain) in itertools.product(asks, cases):
    fans = math.prod(shape[2:]) * (shape[0] + shape[1])
    found = ask(shape, seed, gain)
    what = f"{'a convolution' if len(shape) > 2 else 'a matrix'}, gain {'1' if gain == 1 else 'other than 1'}"
    std = gain * math.sqrt(2 / fans)
    check_close(found["std"], std, f"the standard deviation of xavier_uniform_, {what}", rtol=0.045)
    check_distribution(found, "xavier_uniform_", what)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "xavier-normal-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: the distribution of xavier_normal_.
@probe
def xavier_normal_statistics(shape, seed, *settings):
    weight = torch.full(shape, 9.0)
    xavier_normal_(weight, *settings, generator=torch.Generator().manual_seed(seed))
    return weight_statistics(weight)


found = xavier_normal_statistics((200, 800), 1)
causes = {
    "Nothing was written into the tensor: fill the one that was given.": 0.0,
    "This is the variance. `normal_` and `randn` want the standard deviation, its square root.": 2 / 1000,
    "This is √3 too large: the √3 belongs to the uniform version.": math.sqrt(6 / 1000),
    "Only the fan in is used: Xavier takes the sum of both fans.": math.sqrt(1 / 800),
}
what = "the standard deviation of a (200, 800) weight after xavier_normal_"
check_close(found["std"], math.sqrt(2 / 1000), what, rtol=0.045, causes=causes)
check_distribution(found, "xavier_normal_", "shape (200, 800)")
passed_visible("xavier_normal_")
### BEGIN HIDDEN TESTS
generator = case_generator()
seed = int(torch.randint(2**31, (), generator=generator))


def draw(low, high):
    return int(torch.randint(low, high, (), generator=generator))


cases = [
    ((draw(150, 200), draw(400, 500)), 1.0),
    ((draw(90, 110), draw(20, 30), 2, 3, 5), 20.0),
    ((draw(450, 500), 1, 121), 1.0),
    ((draw(90, 110), draw(20, 30), 5, 7), 0.5),
]
asks = (xavier_normal_statistics, xavier_normal_statistics.here)
for ask, (shape, gain) in itertools.product(asks, cases):
    fans = math.prod(shape[2:]) * (shape[0] + shape[1])
    found = ask(shape, seed, gain)
    what = f"{'a convolution' if len(shape) > 2 else 'a matrix'}, gain {'1' if gain == 1 else 'other than 1'}"
    std = gain * math.sqrt(2 / fans)
    check_close(found["std"], std, f"the standard deviation of xavier_normal_, {what}", rtol=0.045)
    check_distribution(found, "xavier_normal_", what)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "xavier-contract-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: the contract of an initializer.
@probe
def xavier_facts(name, seed):
    fill = {"xavier_uniform_": xavier_uniform_, "xavier_normal_": xavier_normal_}[name]
    facts = contract_facts(fill, seed)
    return facts | independence_facts(fill, seed) if facts["returns the tensor it was given"] else facts


for name in ("xavier_uniform_", "xavier_normal_"):
    for fact, holds in xavier_facts(name, 5).items():
        check_true(holds, f"{name} {fact}", CONTRACT_HINTS.get(fact, ""))
passed_visible("xavier_uniform_ and xavier_normal_, the contract")
### BEGIN HIDDEN TESTS
seed = int(torch.randint(2**31, (), generator=case_generator()))
for name in ("xavier_uniform_", "xavier_normal_"):
    for fact, holds in xavier_facts.here(name, seed).items():
        check_true(holds, f"{name} {fact}", CONTRACT_HINTS.get(fact, ""))
### END HIDDEN TESTS

# %% [markdown] task={"name": "kaiming", "minutes": 15, "difficulty": 2}
# ## Task 5. Kaiming: the price of relu
#
# You have seen it in task 1: relu throws half of the mean square away. He et al. (2015) pay the half back with a factor of 2. A
# leaky relu with slope $a$ on the negative side keeps $(1 + a^2)/2$ of the mean square, so in general
#
# $$ \sigma = \sqrt{\frac{2}{(1 + a^2)\, \text{fan}}}, \qquad b = \sqrt 3\, \sigma = \sqrt{\frac{6}{(1 + a^2)\, \text{fan}}} $$
#
# `fan` is the fan in for `mode="fan_in"`, which keeps the signal on its way forward, and the fan out for `mode="fan_out"`, which
# keeps the gradient on its way back. Either is enough. In the other direction each layer is off by the ratio of its two fans, and these
# ratios multiply to no more than that of the first width to the last, however deep the network is.
#
# **Write** `kaiming_uniform_` and `kaiming_normal_`, with the same contract. `a` is the negative slope, not the gain.
#
# **Example.** For a weight of shape (200, 800): $\sigma = \sqrt{2/800} = 0.05$ with "fan_in" and $\sqrt{2/200} = 0.1$ with "fan_out".
# $a = 1$ is no activation at all, and $\sigma = \sqrt{1/800}$.
#
# A curiosity: `torch.nn.Linear` calls `kaiming_uniform_(weight, a=math.sqrt(5))`. Put it in: $b = 1/\sqrt{\text{fan in}}$, an old rule of
# thumb in disguise, with variance $1/(3\, \text{fan in})$. With relu each layer keeps one sixth of the mean square.
#
# <details><summary>Hint 1: where to start</summary>
#
# Copy your Xavier. Only the formula changes.
#
# </details>
# <details><summary>Hint 2: the mode</summary>
#
# Make a dictionary of the two fans with the keys "fan_in" and "fan_out"; then `mode` is the key.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "kaiming", "locked": false, "schema_version": 3, "solution": true, "task": false}
def kaiming_uniform_(tensor, a=0.0, mode="fan_in", generator=None):
    """Fill a weight in place from U(-b, b), b = √(6 / ((1 + a²) fan)). He et al. (2015).

    tensor: a float weight (out, in, *kernel) in any memory format, parameter or not
    a: slope of the (leaky) relu on the negative side; mode: "fan_in" or "fan_out", which fan is used
    Returns the tensor itself.
    """
    ### BEGIN SOLUTION
    fan_in, fan_out = fan_in_and_fan_out(tensor.shape)
    fan = {"fan_in": fan_in, "fan_out": fan_out}[mode]
    bound = math.sqrt(6 / ((1 + a**2) * fan))
    with torch.no_grad():
        return tensor.uniform_(-bound, bound, generator=generator)
    ### END SOLUTION


def kaiming_normal_(tensor, a=0.0, mode="fan_in", generator=None):
    """Fill a weight in place from N(0, σ²), σ = √(2 / ((1 + a²) fan)). He et al. (2015).

    tensor: a float weight (out, in, *kernel) in any memory format, parameter or not
    a: slope of the (leaky) relu on the negative side; mode: "fan_in" or "fan_out", which fan is used
    Returns the tensor itself.
    """
    ### BEGIN SOLUTION
    fan_in, fan_out = fan_in_and_fan_out(tensor.shape)
    fan = {"fan_in": fan_in, "fan_out": fan_out}[mode]
    std = math.sqrt(2 / ((1 + a**2) * fan))
    with torch.no_grad():
        return tensor.normal_(0, std, generator=generator)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "kaiming-uniform-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: the distribution of kaiming_uniform_.
@probe
def kaiming_uniform_statistics(shape, seed, *settings):
    weight = torch.full(shape, 9.0)
    kaiming_uniform_(weight, *settings, generator=torch.Generator().manual_seed(seed))
    return weight_statistics(weight)


what = "the standard deviation of a (200, 800) weight after kaiming_uniform_"
causes = {
    "Nothing was written into the tensor: fill the one that was given.": 0.0,
    "This is √3 too small: the variance of U(-b, b) is b²/3.": math.sqrt(2 / 800 / 3),
    "This is √2 too small: relu needs a factor of 2 in the variance.": math.sqrt(1 / 800),
    "This is the fan out: the default is the fan in.": math.sqrt(2 / 200),
}
found = kaiming_uniform_statistics((200, 800), 1)
check_close(found["std"], math.sqrt(2 / 800), what, rtol=0.045, causes=causes)
check_distribution(found, "kaiming_uniform_", "shape (200, 800)")
found = kaiming_uniform_statistics((200, 800), 1, 0.0, "fan_out")
check_close(found["std"], math.sqrt(2 / 200), f"{what}, mode fan_out", rtol=0.045)
found = kaiming_uniform_statistics((200, 800), 1, math.sqrt(5))
check_close(found["std"], math.sqrt(1 / 2400), f"{what}, a = √5", rtol=0.045)
passed_visible("kaiming_uniform_")
### BEGIN HIDDEN TESTS
generator = case_generator()
seed = int(torch.randint(2**31, (), generator=generator))


def draw(low, high):
    return int(torch.randint(low, high, (), generator=generator))


cases = [
    ((draw(150, 200), draw(400, 500)), 0.0, "fan_in"),
    ((draw(400, 500), draw(150, 200)), 0.0, "fan_out"),
    ((draw(450, 500), 1, 121), 0.0, "fan_out"),
    ((draw(90, 110), draw(20, 30), 2, 3, 5), -2.0, "fan_in"),
    ((draw(90, 110), draw(20, 30), 5, 7), 0.5, "fan_out"),
]
asks = (kaiming_uniform_statistics, kaiming_uniform_statistics.here)
for ask, (shape, a, mode) in itertools.product(asks, cases):
    fan = math.prod(shape[2:]) * (shape[1] if mode == "fan_in" else shape[0])
    found = ask(shape, seed, a, mode)
    what = f"{'a convolution' if len(shape) > 2 else 'a matrix'}, {mode}, a {'=' if a == 0 else '≠'} 0"
    std = math.sqrt(2 / ((1 + a**2) * fan))
    check_close(found["std"], std, f"the standard deviation of kaiming_uniform_, {what}", rtol=0.045)
    check_distribution(found, "kaiming_uniform_", what)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "kaiming-normal-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: the distribution of kaiming_normal_.
@probe
def kaiming_normal_statistics(shape, seed, *settings):
    weight = torch.full(shape, 9.0)
    kaiming_normal_(weight, *settings, generator=torch.Generator().manual_seed(seed))
    return weight_statistics(weight)


what = "the standard deviation of a (200, 800) weight after kaiming_normal_"
causes = {
    "Nothing was written into the tensor: fill the one that was given.": 0.0,
    "This is the variance. `normal_` and `randn` want the standard deviation, its square root.": 2 / 800,
    "This is √2 too small: relu needs a factor of 2 in the variance.": math.sqrt(1 / 800),
    "This is the fan out: the default is the fan in.": math.sqrt(2 / 200),
}
found = kaiming_normal_statistics((200, 800), 1)
check_close(found["std"], math.sqrt(2 / 800), what, rtol=0.045, causes=causes)
check_distribution(found, "kaiming_normal_", "shape (200, 800)")
found = kaiming_normal_statistics((200, 800), 1, 0.0, "fan_out")
check_close(found["std"], math.sqrt(2 / 200), f"{what}, mode fan_out", rtol=0.045)
found = kaiming_normal_statistics((200, 800), 1, math.sqrt(5))
check_close(found["std"], math.sqrt(1 / 2400), f"{what}, a = √5", rtol=0.045)
passed_visible("kaiming_normal_")
### BEGIN HIDDEN TESTS
generator = case_generator()
seed = int(torch.randint(2**31, (), generator=generator))


def draw(low, high):
    return int(torch.randint(low, high, (), generator=generator))


cases = [
    ((draw(150, 200), draw(400, 500)), 0.0, "fan_in"),
    ((draw(400, 500), draw(150, 200)), 0.0, "fan_out"),
    ((draw(450, 500), 1, 121), 0.0, "fan_out"),
    ((draw(90, 110), draw(20, 30), 2, 3, 5), -2.0, "fan_in"),
    ((draw(90, 110), draw(20, 30), 5, 7), 0.5, "fan_out"),
]
asks = (kaiming_normal_statistics, kaiming_normal_statistics.here)
for ask, (shape, a, mode) in itertools.product(asks, cases):
    fan = math.prod(shape[2:]) * (shape[1] if mode == "fan_in" else shape[0])
    found = ask(shape, seed, a, mode)
    what = f"{'a convolution' if len(shape) > 2 else 'a matrix'}, {mode}, a {'=' if a == 0 else '≠'} 0"
    std = math.sqrt(2 / ((1 + a**2) * fan))
    check_close(found["std"], std, f"the standard deviation of kaiming_normal_, {what}", rtol=0.045)
    check_distribution(found, "kaiming_normal_", what)
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "kaiming-contract-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: the contract of an initializer.
@probe
def kaiming_facts(name, seed):
    fill = {"kaiming_uniform_": kaiming_uniform_, "kaiming_normal_": kaiming_normal_}[name]
    facts = contract_facts(fill, seed)
    return facts | independence_facts(fill, seed) if facts["returns the tensor it was given"] else facts


for name in ("kaiming_uniform_", "kaiming_normal_"):
    for fact, holds in kaiming_facts(name, 5).items():
        check_true(holds, f"{name} {fact}", CONTRACT_HINTS.get(fact, ""))
passed_visible("kaiming_uniform_ and kaiming_normal_, the contract")
### BEGIN HIDDEN TESTS
seed = int(torch.randint(2**31, (), generator=case_generator()))


@probe
def kaiming_sizes(name, seed):
    """The standard deviations of the same draw with several slopes."""
    fill = {"kaiming_uniform_": kaiming_uniform_, "kaiming_normal_": kaiming_normal_}[name]
    slopes = {"default": [], "0": [0.0], "1": [1.0]}
    return {
        slope: float(fill(torch.full((20, 30), 9.0), *a, generator=torch.Generator().manual_seed(seed)).std())
        for slope, a in slopes.items()
    }


for name in ("kaiming_uniform_", "kaiming_normal_"):
    for fact, holds in kaiming_facts.here(name, seed).items():
        check_true(holds, f"{name} {fact}", CONTRACT_HINTS.get(fact, ""))
    sizes = kaiming_sizes(name, seed)
    for slope in ("0", "default"):
        what = f"{name} makes weights with a = 1 that are √2 smaller than with a = 0{', the default' * (slope != '0')}"
        cause = "The default of a is 0, and 1 + a² is taken with the a that is given, 0 too."
        check_true(abs(sizes[slope] / sizes["1"] / math.sqrt(2) - 1) < 1e-5, what, cause)
### END HIDDEN TESTS

# %% [markdown]
# The same hundred layers with the recipes that have a derivation. Predict before you run it: which of the five keeps the mean square,
# and what does the one that does not multiply it by in each layer?


# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-recipes", "locked": true, "schema_version": 3, "solution": false, "task": false}
def initialized(fill, *settings):
    """A function that draws a (512, 512) weight with one of your initializers."""
    return lambda generator: fill(torch.empty(512, 512), *settings, generator=generator).T


starts = {
    "Xavier normal, linear": (initialized(xavier_normal_), "linear"),
    "Xavier uniform, linear": (initialized(xavier_uniform_), "linear"),
    "Xavier normal, relu": (initialized(xavier_normal_), "relu"),
    "Kaiming uniform, relu": (initialized(kaiming_uniform_), "relu"),
    "Kaiming normal, relu": (initialized(kaiming_normal_), "relu"),
}
generator = torch.Generator().manual_seed(1)
recipes = {
    name: signal(draw_weight, ACTIVATIONS[activation], generator=generator)[1]
    for name, (draw_weight, activation) in starts.items()
}
for name, mean_squares in recipes.items():
    print(f"{name:23s} mean square × {growth(mean_squares, 100):.3f} a layer, {mean_squares[-1]:.2g} after 100")
    if name == "Xavier normal, relu":
        assert 0.48 < growth(mean_squares, 100) < 0.52, "Xavier + relu halves the second moment"
    else:
        assert 0.98 < growth(mean_squares, 100) < 1.02, "the second moment stays"
        assert 0.05 < mean_squares[-1] < 20

figure, axes = panels(
    1, 2, title="Five recipes: four keep the signal, Xavier with relu halves its square in every layer"
)
for panel, activation in zip(axes[0], ("linear", "relu"), strict=True):
    shown = {name.split(",")[0]: values for name, values in recipes.items() if name.endswith(activation)}
    per_layer(shown, title=activation, ylabel="mean square", axes=panel)
    panel.set_ylim(1e-32, 1e6)
figure

# %% [markdown] task={"name": "symmetry", "minutes": 8, "difficulty": 1}
# ## Task 6. Why random at all?
#
# If only the size of the signal mattered, one could give all weights of a layer the same value. Then all units of the layer compute the
# same output, receive the same gradient, take the same step, and are equal for ever: a layer of a hundred units has learned as
# much as a layer of one. Random weights *break the symmetry*. (Zero biases are fine: the weights have broken it already.)
#
# **Write** `distinct_units(weight, tol)`. Two units are the same if no entry of their rows differs by more than `tol`. Go through
# the rows in order, and count a row if it differs by more than `tol`, in some entry, from every row counted before it. The
# weight has shape (out, in).
#
# **Example.** The rows $(1, 2)$, $(1, 2)$, $(2, 1)$ are 2 distinct units. With `tol` = 1 the rows $(0)$, $(0.6)$, $(1.2)$ are 2 as well: the
# second is close to the first and does not count, and the third differs enough from the first.
#
# <details><summary>Hint 1: where to start</summary>
#
# Keep a list of the rows counted so far. Its length at the end is the answer.
#
# </details>
# <details><summary>Hint 2: two rows</summary>
#
# `(row - other).abs().max() > tol` says that two rows differ in some entry. A new row must do so from `all(...)` that are in
# the list.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "symmetry", "locked": false, "schema_version": 3, "solution": true, "task": false}
def distinct_units(weight, tol=1e-6):
    """How many units of a layer differ from each other.

    weight: (out, in), one row per unit; tol: rows differ if some entry differs by more than this
    Returns an int: the number of rows that differ from every row counted before.
    """
    ### BEGIN SOLUTION
    kept = []
    for row in weight:
        if all((row - other).abs().max() > tol for other in kept):
            kept.append(row)
    return len(kept)
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "symmetry-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Test: the number of distinct units.
weight = torch.tensor([[1.0, 2.0], [1.0, 2.0], [2.0, 1.0]])
check_equal(distinct_units(weight), 2, "the distinct units of the rows (1, 2), (1, 2), (2, 1)")
check_equal(distinct_units(torch.ones(5, 4)), 1, "the distinct units of five equal rows")
weight = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0], [1.0, 2.0, 3.1]])
check_equal(distinct_units(weight), 3, "the distinct units of three rows, two of which differ by 0.1 in one entry")
check_equal(distinct_units(weight, tol=0.2), 2, "the distinct units of these three rows with tol = 0.2")
what = "the distinct units of the rows (0), (0.6), (1.2) with tol = 1: the third is compared with the first, which was counted"
check_equal(distinct_units(torch.tensor([[0.0], [0.6], [1.2]]), tol=1.0), 2, what)
passed_visible("distinct_units")
### BEGIN HIDDEN TESTS
generator = case_generator()
rows = torch.randn(4, 6, generator=generator)
weight = rows[[0, 1, 0, 2, 2, 3, 1, 0]]
with unchanged(weight=weight):
    check_equal(distinct_units(weight), 4, "the distinct units where equal rows are not neighbours")
found = distinct_units(weight.T)
check_equal(found, 6, "the distinct units of a transposed weight, rows of which differ")
check_true(not isinstance(found, float), "the number of distinct units is a whole number, not a float")
noise = 2e-7 * torch.rand(8, 6, generator=generator)
check_equal(distinct_units(weight + noise), 4, "the distinct units of rows that are equal up to rounding")
check_equal(distinct_units(weight + 100 * noise, tol=1e-3), 4, "the distinct units with a larger tolerance")
base = torch.randn(1, 5, generator=generator, dtype=torch.float64)
shift = torch.tensor([[1.0, -1.0, 0.0, 0.0, 0.0]], dtype=torch.float64)
weight = torch.cat([base, base + 0.1 * shift, base - 0.1 * shift, base + 0.3 * shift])
check_equal(distinct_units(weight, tol=0.05), 4, "the distinct units of rows with the same mean")
check_equal(distinct_units(weight - weight[:1], tol=0.05), 4, "the distinct units where one is the negative of another")
weight = base + 0.04 * torch.tensor([[0.0], [1.0]], dtype=torch.float64)
check_equal(
    distinct_units(weight, tol=0.05), 1, "the distinct units of rows that differ by less than tol in every entry"
)
weight = torch.tensor([[0.99], [1.01], [1.99]], dtype=torch.float64)
check_equal(
    distinct_units(weight, tol=0.1), 2, "the distinct units where two are close, one below and one above a round number"
)
check_equal(
    distinct_units(torch.tensor([[0.0, 1.0], [0.5, 1.0]]), tol=0.5),
    1,
    "the distinct units of rows that differ by exactly tol",
)
weight = torch.tensor([[1.0, 2.0], [1.0, 3.0], [1.0, 2.0]])
check_equal(distinct_units(weight), 2, "the distinct units where different rows have the same first entry")
weight = torch.tensor([[0.0, 0.0], [1e-7, 5.0], [2e-7, 0.0]], dtype=torch.float64)
check_equal(distinct_units(weight), 2, "the distinct units where sorting the rows tears two equal ones apart")
weight = torch.tensor([[0.0], [0.6], [1.2]], dtype=torch.float64)
what = "the distinct units where the first row is close to two that differ: rows are gone through in order"
check_equal(distinct_units(weight[[1, 0, 2]], tol=1.0), 1, what)
weight = base + 1e-9 * torch.tensor([[0.0], [1.0]], dtype=torch.float64)
check_equal(distinct_units(weight, tol=1e-10), 2, "the distinct units of float64 rows that differ by 1e-9, tol = 1e-10")
weight = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 0.0, 5e-6]], dtype=torch.float64)
check_equal(distinct_units(weight), 2, "the distinct units of rows that differ by 5e-6 in the last entry, default tol")
check_equal(distinct_units(weight / 10, tol=0.0), 2, "the distinct units of rows that differ by 5e-7, tol = 0")
weight = torch.tensor([[1000.0, 0.0], [1000.0001, 0.0]], dtype=torch.float64)
check_equal(distinct_units(weight), 2, "the distinct units of large weights: tol is a difference, not a ratio")
check_equal(distinct_units(torch.zeros(3, 4)), 1, "the distinct units of a layer that starts at zero")
check_equal(distinct_units(rows[:1]), 1, "the distinct units of a layer with one unit")
### END HIDDEN TESTS

# %% [markdown] task={"name": "orthogonal", "minutes": 20, "difficulty": 3}
# ## Task 7. Orthogonal weights
#
# Xavier and Kaiming keep the size of the signal *on average*. In single directions it can still go wrong: the product of many Gaussian
# matrices keeps its mean square singular value at 1, but only because a few directions grow while nearly all die. A matrix with
# orthonormal rows or columns keeps the length of *every* vector that it does not cut off, and products of square ones do so for
# ever (Saxe et al., 2014).
#
# Flatten the weight to a matrix $Q$ of shape (out, everything else). Then
#
# $$ Q Q^\top = g^2 I \;\text{ if it is wide or square}, \qquad Q^\top Q = g^2 I \;\text{ if it is tall}. $$
#
# And "random" should mean that no direction is preferred. The distribution with this property is called **Haar** measure. The
# recipe: factor a Gaussian matrix, $A = QR$. There is a catch. Multiply a column of $Q$ and the row of $R$ that belongs to it by $-1$, and
# the product stays the same; the library picks a sign by a convention, and with it a direction. Make the factorization
# unique by asking for a positive diagonal of $R$:
#
# $$ Q \leftarrow Q \operatorname{diag}(\operatorname{sign} R_{11}, \operatorname{sign} R_{22}, \dots) $$
#
# Does this matter? For 3×3 matrices the average of $\operatorname{tr} Q$ is $0$ under Haar measure and $-0.5$ without the correction.
#
# **Write** `orthogonal_`, with the contract from task 4. The factorization happens in the precision of the tensor: a float64
# weight is orthogonal to about $10^{-15}$.
#
# **Example.** A (2, 3) weight has two rows of length 1 at right angles. A (64, 32, 3, 3) weight is a wide matrix of shape (64, 288).
#
# <details><summary>Hint 1: wide and tall</summary>
#
# `torch.linalg.qr` of a tall matrix gives a tall $Q$ with orthonormal columns. For a wide weight, make the transposed one and
# transpose the result.
#
# </details>
# <details><summary>Hint 2: signs and filling</summary>
#
# `q * r.diagonal().sign()` multiplies the columns. Give $Q$ the shape of the tensor with `reshape` and write it with
# `tensor.copy_(...)`, which works for every memory format.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "orthogonal", "locked": false, "schema_version": 3, "solution": true, "task": false}
def orthogonal_(tensor, gain=1.0, generator=None):
    """Fill a weight in place with gain times a Haar random matrix of orthonormal rows (wide) or columns (tall).

    tensor: float32 or float64 weight (out, in, *kernel) in any memory format, seen as a matrix of out rows
    The matrix is computed in the dtype of the tensor. Returns the tensor itself. Saxe et al. (2014); Mezzadri (2007).
    """
    ### BEGIN SOLUTION
    rows, columns = tensor.flatten(1).shape
    tall = max(rows, columns), min(rows, columns)
    q, r = torch.linalg.qr(torch.randn(tall, dtype=tensor.dtype, generator=generator))
    q = q * r.diagonal().sign()
    if rows < columns:
        q = q.T
    with torch.no_grad():
        return tensor.copy_(gain * q.reshape(tensor.shape))
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "orthogonal-test", "locked": true, "points": 6, "schema_version": 3, "solution": false, "task": false}
# Test: orthonormal rows or columns.
@probe
def orthogonal_report(shape, seed, dtype="float64", gain=1.0):
    """What the products of the rows (of the columns, if tall) with each other look like."""
    weight = torch.zeros(shape, dtype=getattr(torch, dtype))
    orthogonal_(weight, gain, generator=torch.Generator().manual_seed(seed))
    matrix = weight.double().flatten(1)
    matrix = matrix if matrix.shape[0] <= matrix.shape[1] else matrix.T
    gram = matrix @ matrix.T
    lengths = gram.diagonal().sqrt()
    error = (gram - gain**2 * torch.eye(len(gram), dtype=torch.float64)).abs().max()
    return {
        "length": ((8 * lengths.mean().log2()).round() / 8).exp2().item(),
        "same length": bool(lengths.max() < 1.01 * lengths.min()),
        "right angles": bool((gram - gram.diagonal().diag()).abs().max() < 1e-3 * gram.diagonal().max()),
        "exact to 1e-5": bool(error < 1e-5 * gain**2),
        "exact to 1e-12": bool(error < 1e-12 * gain**2),
    }


for shape in ((4, 4), (3, 7), (7, 3), (8, 4, 3, 3)):
    found = orthogonal_report(shape, 1)
    name = "columns" if shape[0] > math.prod(shape[1:]) else "rows"
    check_close(found["length"], 1.0, f"the length of the {name} of a weight of shape {shape}", rtol=0.02)
    check_true(found["right angles"], f"the {name} of a weight of shape {shape} are at right angles")
    check_true(found["same length"], f"the {name} of a weight of shape {shape} all have the same length")
check_close(orthogonal_report((3, 7), 1, gain=3.0)["length"], 3.0, "the length of the rows with gain 3", rtol=0.05)
passed_visible("orthogonal_, right angles")
### BEGIN HIDDEN TESTS
generator = case_generator()
seed = int(torch.randint(2**31, (), generator=generator))


def draw(low, high):
    return int(torch.randint(low, high, (), generator=generator))


shapes = [
    (draw(20, 30), draw(40, 90)),
    (draw(40, 90), draw(20, 30)),
    (draw(40, 50), 3, 3, 2),
    (10, draw(4, 7), 5),
    (30, 30),
]
for ask, shape in itertools.product((orthogonal_report, orthogonal_report.here), shapes):
    form = "tall" if shape[0] > math.prod(shape[1:]) else "wide or square"
    form += " convolution" if len(shape) > 2 else " matrix"
    for gain in (1.0, 2.0, 0.25):
        what = f"a {form}, gain {'1' if gain == 1 else 'other than 1'}"
        found = ask(shape, seed, gain=gain)
        check_close(found["length"], gain, f"the length of the rows (of the columns, if tall) of {what}", rtol=0.05)
        check_true(found["right angles"], f"the rows (the columns, if tall) of {what} are at right angles")
        check_true(found["exact to 1e-5"], f"orthogonality of {what} to 1e-5")
        cause = "Draw and factor in the dtype of the tensor: a float32 matrix is only orthogonal to about 1e-7."
        check_true(found["exact to 1e-12"], f"orthogonality of a float64 weight to 1e-12, {what}", cause)
    found = ask(shape, seed, "float32")
    check_true(found["exact to 1e-5"], f"orthogonality of a float32 weight to 1e-5, a {form}")
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "orthogonal-haar-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: no direction is preferred. Averages over 600 matrices, rounded to a grid whose half is more than five standard
# errors for each of them: a right solution fails less than once in a million times.
@probe
def haar_averages(rows, columns, seed, draws=600):
    generator = torch.Generator().manual_seed(seed)
    matrices = torch.full((draws, rows, columns), 9.0, dtype=torch.float64)
    for matrix in matrices:
        orthogonal_(matrix, generator=generator)
    traces = matrices.diagonal(dim1=1, dim2=2).sum(dim=1)
    n = max(rows, columns)
    return {
        "trace": (2 * traces.mean()).round().item() / 2,
        "squared trace": (traces.square().mean() * n / min(rows, columns)).round().item(),
        "largest average entry": (2 * n**0.5 * matrices.mean(dim=0).abs().max()).round().item() / 2,
        "fourth power": (10 * (matrices**4).mean() * n * (n + 2) / 3).round().item() / 10,
        "determinant": (2 * torch.linalg.det(matrices).mean()).round().item() / 2 if rows == columns else 0.0,
    }


found = haar_averages(5, 5, 1)
cause = "The signs that the factorization chose are still in Q: multiply its columns by the signs of the diagonal of R."
check_close(found["trace"], 0.0, "the average trace of a 5×5 matrix, 0 under Haar measure", causes={cause: -1.0})
check_close(found["largest average entry"], 0.0, "the average of each entry of a 5×5 matrix, 0 under Haar measure")
passed_visible("orthogonal_, no preferred direction")
### BEGIN HIDDEN TESTS
generator = case_generator()
seed = int(torch.randint(2**31, (), generator=generator))
for rows, columns in ((5, 5), (2, 2), (1, 1), (6, 3), (3, 6)):
    found = found if rows == 5 else haar_averages(rows, columns, seed)
    what = f"a {rows}×{columns} matrix"
    check_close(found["trace"], 0.0, f"the average trace of {what}, 0 under Haar measure")
    check_close(
        found["squared trace"], 1.0, f"the average squared trace of {what}, min/max of its sides under Haar measure"
    )
    check_close(found["largest average entry"], 0.0, f"the average of each entry of {what}, 0 under Haar measure")
    what = f"the average fourth power of the entries of {what}; is the matrix that you factor Gaussian?"
    check_close(found["fourth power"], 1.0, what, atol=0.05)
    check_close(found["determinant"], 0.0, "the average determinant: rotations and reflections are equally likely")
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "orthogonal-contract-test", "locked": true, "points": 4, "schema_version": 3, "solution": false, "task": false}
# Test: the contract of an initializer.
@probe
def orthogonal_facts(seed):
    return contract_facts(orthogonal_, seed)


for fact, holds in orthogonal_facts(5).items():
    check_true(holds, f"orthogonal_ {fact}", CONTRACT_HINTS.get(fact, ""))
passed_visible("orthogonal_, the contract")
### BEGIN HIDDEN TESTS
for fact, holds in orthogonal_facts.here(int(torch.randint(2**31, (), generator=case_generator()))).items():
    check_true(holds, f"orthogonal_ {fact}", CONTRACT_HINTS.get(fact, ""))
### END HIDDEN TESTS

# %% [markdown] task={"name": "lsuv", "minutes": 15, "difficulty": 2}
# ## Task 8. LSUV: measure instead of derive
#
# Each formula so far assumed something about the data and the activation. Mishkin and Matas (2016) measure instead, with one
# batch of real inputs. *Layer-sequential unit variance*: start with orthonormal weights; then go through the layers, first one
# first. Compute the preactivations $Z_l = H_{l-1} W_l^\top$, of shape (N, out), and their variance over the batch and the units,
# one number. Then
#
# $$ W_l \leftarrow \frac{W_l}{\sqrt{\operatorname{var} Z_l}}, \qquad \text{until } |\operatorname{var} Z_l - 1| \le \texttt{tol}, \text{ at most } \texttt{max\_iter} \text{ times}. $$
#
# Only then compute $H_l = \varphi(Z_l)$ with the *rescaled* weight, and go on. The order matters: the next layer must be
# measured with what it will really see.
#
# **Write** `lsuv_`. The weights are filled in place, with the contract from task 4, and returned. A layer whose variance is already within `tol`
# is not rescaled.
#
# **Example.** Inputs with standard deviation 3 and a square first layer: the orthonormal weight keeps the 3, the variance is about 9,
# and the weight is divided by about 3.
#
# <details><summary>Hint 1: where to start</summary>
#
# A loop over the weights, with `orthogonal_(weight, generator=generator)` first, and inside it a loop with `range(max_iter)` that
# ends early with `break`.
#
# </details>
# <details><summary>Hint 2: in place</summary>
#
# Under `torch.no_grad()`, `weight /= variance.sqrt()` changes the tensor itself. `weight = weight / ...` would make another one.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "lsuv", "locked": false, "schema_version": 3, "solution": true, "task": false}
def lsuv_(weights, x, activation, tol=0.01, max_iter=10, generator=None):
    """Layer-sequential unit-variance initialization, in place. Mishkin and Matas (2016).

    weights: list of matrices (out, in), first layer first; they end orthonormal up to a scale per layer
    x: (N, in) inputs, of the dtype of the weights; unchanged
    activation: a key of ACTIVATIONS, applied after each layer
    tol: the variance of the preactivations over batch and units ends within tol of 1
    max_iter: how often a weight is rescaled at most, 0 or more; generator: for the orthonormal start
    Returns the list of weights.
    """
    ### BEGIN SOLUTION
    phi = ACTIVATIONS[activation]
    with torch.no_grad():
        for weight in weights:
            orthogonal_(weight, generator=generator)
            for _ in range(max_iter):
                variance = (x @ weight.T).var()
                if (variance - 1).abs() > tol:
                    weight /= variance.sqrt()
            x = phi(x @ weight.T)
    return weights
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "lsuv-test", "locked": true, "points": 7, "schema_version": 3, "solution": false, "task": false}
# Test: the variance of the preactivations, layer by layer.
@probe
def lsuv_report(shapes, x, activation, seed, **settings):
    """What your weights do to x, layer by layer; numbers rounded to a quarter of a power of 2."""
    weights = [torch.full(shape, 3.0, dtype=x.dtype) for shape in shapes]
    lsuv_(weights, x, activation, **settings, generator=torch.Generator().manual_seed(seed))
    tol, report = settings.get("tol", 0.01), []
    for weight in weights:
        z = x @ weight.T
        matrix = weight if weight.shape[0] <= weight.shape[1] else weight.T
        gram = matrix @ matrix.T
        scale = gram.diagonal().mean()
        report.append(
            {
                "variance": ((4 * z.var().log2()).round() / 4).exp2().item() if z.var() > 0 else 0.0,
                "within tol": bool((z.var() - 1).abs() <= 1.02 * tol + 2 / z.numel()),
                "scale": ((2 * scale.log2()).round() / 4).exp2().item(),
                "orthogonal": bool((gram / scale - torch.eye(len(gram), dtype=x.dtype)).abs().max() < 1e-3),
                "not rescaled": bool((gram - torch.eye(len(gram), dtype=x.dtype)).abs().max() < 1e-5),
            }
        )
        x = ACTIVATIONS[activation](z)
    return report


x = 3 * torch.randn(500, 20, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
for activation in ("linear", "relu"):
    found = lsuv_report([(20, 20), (40, 20), (10, 40)], x, activation, 1)
    for layer, facts in enumerate(found, start=1):
        what = f"layer {layer} of 3, {activation}"
        cause = "It is what it was before: is the weight changed in place, and divided by the root of the variance?"
        causes = {cause: 9.0} if layer == 1 else {}
        check_close(facts["variance"], 1.0, f"the variance of the preactivations of {what}", rtol=0.1, causes=causes)
        check_true(facts["within tol"], f"the variance of the preactivations is within tol of 1, {what}")
        check_true(facts["orthogonal"], f"the weight is orthonormal up to a scale, {what}")
check_close(
    lsuv_report([(20, 20)], x, "linear", 1, max_iter=0)[0]["scale"], 1.0, "the scale with max_iter = 0", rtol=0.1
)
passed_visible("lsuv_")
### BEGIN HIDDEN TESTS
generator = case_generator()
seed = int(torch.randint(2**31, (), generator=generator))


def check_report(found, what):
    for facts in found:
        check_close(facts["variance"], 1.0, f"the variance of the preactivations, {what}", rtol=0.1)
        check_true(facts["within tol"], f"the variance of the preactivations is within tol of 1, {what}")
        check_true(facts["orthogonal"], f"the weights are orthonormal up to a scale, {what}")


def noise(rows, columns):
    return torch.randn(rows, columns, generator=generator, dtype=torch.float64)


asks = (lsuv_report, lsuv_report.here)
for ask, activation in itertools.product(asks, ("linear", "sigmoid", "tanh", "relu")):
    found = ask([(50, 30), (20, 50), (70, 20), (15, 70)], 0.2 * noise(400, 30), activation, seed)
    check_report(found, f"rectangular layers, {activation}")
check_report(lsuv_report([(20, 30), (20, 20)], 5 * noise(300, 30), "relu", seed), "large inputs")
for offset in (20.0, -30.0, 40.0):
    found = lsuv_report([(1, 12)], offset + 2 * noise(300, 12), "linear", seed)
    check_report(found, "one unit and inputs whose mean is far from 0 (variance and mean square differ)")
    found = lsuv_report([(6, 12)], offset + 2 * noise(300, 12), "linear", seed)
    check_report(found, "inputs whose mean is far from 0 (one variance over batch and units, not one per unit)")
check_report(lsuv_report([(8, 8), (8, 8)], 2 * noise(200, 8).float(), "tanh", seed), "float32")
found = lsuv_report([(12, 10), (10, 12)], 1e-3 * noise(300, 10), "linear", seed, max_iter=1)
check_report(found, "max_iter = 1, which is enough: the variance goes with the square of the scale")
# Centred and uncorrelated inputs of variance 1: an orthonormal square weight keeps their variance.
white = noise(200, 10)
white = math.sqrt(200) * torch.linalg.qr(white - white.mean(dim=0))[0]
found = lsuv_report([(10, 10)], 1.2 * white, "linear", seed, tol=0.6)
check_true(found[0]["not rescaled"], "a layer whose variance is within a large tol is not rescaled")
found = lsuv_report([(10, 10)], math.sqrt(2) * white, "linear", seed, tol=0.8)
check_report(found, "where the variance was 2, a large tol: tol is for the variance, not for its root, inverse or log")
found = lsuv_report([(10, 10)], 1.002 * white, "linear", seed)
check_true(found[0]["not rescaled"], "a layer whose variance is within the default tol is not rescaled")
for variance in (2, 4):
    found = lsuv_report([(10, 10)], math.sqrt(variance) * white, "linear", seed)
    check_report(found, f"where the variance was {variance}")
found = lsuv_report([(10, 10)], 4 * white, "linear", seed, max_iter=0)
check_true(found[0]["not rescaled"], "with max_iter = 0 the start is orthonormal and nothing is rescaled")
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "lsuv-contract-test", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: the contract.
@probe
def lsuv_facts(seed):
    def fresh():
        return torch.Generator().manual_seed(seed)

    def run(generator, weights=None):
        weights = [torch.zeros(9, 6), torch.zeros(4, 9)] if weights is None else weights
        lsuv_(weights, x, "relu", generator=generator)
        return weights

    def same_up_to_scale(weight, other):
        return torch.allclose(weight / weight.norm(), other / other.norm(), atol=1e-4)

    x, shared = 2 * torch.randn(100, 6, generator=fresh()), fresh()
    inputs = x.clone()
    parameters = [torch.nn.Parameter(torch.zeros(9, 6)), torch.nn.Parameter(torch.zeros(4, 9))]
    addresses = [weight.data_ptr() for weight in parameters]
    try:
        lsuv_(parameters, x, "relu", generator=fresh())
        accepts = [weight.data_ptr() for weight in parameters] == addresses and all(bool(w.any()) for w in parameters)
    except NotImplementedError:
        raise
    except RuntimeError:
        accepts = False
    given = [torch.zeros(9, 6), torch.zeros(4, 9)]
    autograd_stays = []
    for mode in (False, True):
        with torch.set_grad_enabled(mode):
            returned, first = lsuv_(given, x, "relu", generator=fresh()), run(fresh())
            autograd_stays.append(torch.is_grad_enabled() == mode)
    facts = {
        "returns a list": isinstance(returned, list | tuple),
        "returns the weights it was given": isinstance(returned, list | tuple)
        and list(map(id, returned)) == list(map(id, given)),
        "leaves autograd switched on or off, as it was": all(autograd_stays),
        "fills parameters and keeps their memory": accepts,
        "leaves requires_grad of a parameter as it was": all(w.requires_grad and w.is_leaf for w in parameters),
        "leaves a plain tensor without requires_grad": not any(weight.requires_grad for weight in first),
        "fills transposed weights": all(
            bool(w.any()) for w in run(fresh(), [torch.zeros(6, 9).T, torch.zeros(9, 4).T])
        ),
        "leaves x as it was": torch.equal(x, inputs),
        "draws the same from a generator of the same seed": all(map(torch.equal, first, run(fresh()))),
        "draws anew from a generator that has moved on": not any(map(same_up_to_scale, run(shared), run(shared))),
        "draws a start of its own for each layer": not same_up_to_scale(
            *run(fresh(), [torch.zeros(6, 6), torch.zeros(6, 6)])
        ),
    }
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed + 1)
        state = torch.get_rng_state()
        run(fresh())
        facts["leaves the global generator alone if it is given another"] = torch.equal(state, torch.get_rng_state())
        run(None)
        facts["draws from the global generator if it is given none"] = not torch.equal(state, torch.get_rng_state())
    return facts


hints = CONTRACT_HINTS | {
    "draws anew from a generator that has moved on": "Is the generator seeded or made anew inside, or is nothing drawn?",
    "draws a start of its own for each layer": "Is the generator seeded or made anew inside, or is nothing drawn?",
}
for fact, holds in lsuv_facts(5).items():
    check_true(holds, f"lsuv_ {fact}", hints.get(fact, ""))
passed_visible("lsuv_, the contract")

# %% [markdown]
# Time to train. Fifty layers, one data set, one optimizer; only the first weights differ.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-fifty-layers", "locked": true, "schema_version": 3, "solution": false, "task": false}
split = digits()


def train_fifty(fill, activation, optimizer, steps=300, depth=50, width=64):
    """Losses and held-out accuracy of a plain network: `fill` initializes its list of weights."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(width, 64), *[(width, width)] * (depth - 2), (10, width)]
    weights = [torch.nn.Parameter(torch.empty(shape)) for shape in shapes]
    fill(weights, generator)
    optimizer = optimizer(weights)
    phi = ACTIVATIONS[activation]

    def logits(x):
        for weight in weights[:-1]:
            x = phi(x @ weight.T)
        return x @ weights[-1].T

    losses = []
    for _ in range(steps):
        rows = torch.randint(len(split.train_x), (64,), generator=generator)
        loss = torch.nn.functional.cross_entropy(logits(split.train_x[rows]), split.train_y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    with torch.no_grad():
        accuracy = (logits(split.held_out_x).argmax(1) == split.held_out_y).double().mean().item()
    return losses, accuracy


def each(fill, *settings):
    def fill_all(weights, generator):
        for weight in weights:
            fill(weight, *settings, generator=generator)

    return fill_all


def slow_adam(weights):
    return torch.optim.Adam(weights, lr=1e-4, fused=True)


def momentum(weights):
    return torch.optim.SGD(weights, lr=3e-3, momentum=0.9)


runs = {
    "relu": {
        "default of nn.Linear": each(kaiming_uniform_, math.sqrt(5)),
        "Xavier": each(xavier_normal_),
        "Kaiming": each(kaiming_normal_),
        "LSUV": lambda weights, generator: lsuv_(weights, split.train_x[:500], "relu", generator=generator),
    },
    "tanh": {
        "default of nn.Linear": each(kaiming_uniform_, math.sqrt(5)),
        "Xavier": each(xavier_normal_),
        "orthogonal": each(orthogonal_),
    },
}
figure, axes = panels(1, 2, title="Fifty layers learn from the right start, and not at all from the wrong one")
accuracies = {}
for panel, (activation, fills) in zip(axes[0], runs.items(), strict=True):
    series = {}
    for name, fill in fills.items():
        losses, accuracy = train_fifty(fill, activation, slow_adam if activation == "relu" else momentum)
        accuracies[activation, name] = accuracy
        smooth = torch.tensor(losses).unfold(0, 10, 10).mean(1)
        series[name] = (torch.arange(5, 300, 10), smooth)
        print(f"{activation}, {name:21s} loss {smooth[-1]:.3f}, held-out accuracy {accuracy:.3f}")
    curves(series, title=activation, xlabel="step", ylabel="training loss", axes=panel)
    panel.set_ylim(0, 4)
    panel.legend(loc="upper right")
for activation in runs:
    assert accuracies[activation, "default of nn.Linear"] < 0.2
assert accuracies["relu", "Xavier"] < 0.2
assert accuracies["relu", "Kaiming"] > 0.3
assert accuracies["tanh", "orthogonal"] > 0.9
figure

# %% [markdown] task={"name": "batchnorm-forward", "minutes": 18, "difficulty": 2}
# ## Task 9. Batch normalization, forward
#
# Initialization sets the variance once, and training moves it. Ioffe and Szegedy (2015) put it back at every step. For each
# channel $c$, over all $m$ values of the batch in that channel (over $N$ for an input of shape $(N, C)$, over $N$, $H$ and $W$ for $(N, C, H, W)$):
#
# $$
# \mu_c = \tfrac1m \textstyle\sum x, \qquad v_c = \tfrac1m \textstyle\sum (x - \mu_c)^2, \qquad
# \hat x = \dfrac{x - \mu_c}{\sqrt{v_c + \varepsilon}}, \qquad y = \gamma_c\, \hat x + \beta_c
# $$
#
# A network in use has no batch. So training keeps running statistics, which evaluation uses in place of $\mu_c$ and $v_c$:
#
# $$
# \text{running} \leftarrow (1 - \texttt{momentum}) \cdot \text{running} + \texttt{momentum} \cdot \text{batch}
# $$
#
# Here are four conventions, and all four are PyTorch's. The variance that normalizes divides by $m$. The variance that enters the running
# statistics divides by $m - 1$, because it estimates that of the population. `momentum` is the weight of the *new* batch. $\varepsilon$
# stands under the root.
#
# A warning about arithmetic: $\operatorname{mean}(x^2) - \mu^2$ is the same number on paper. In float32, with a mean of $10^4$, both terms are near $10^8$
# and nothing of a variance of 1 is left in their difference. Subtract the mean first.
#
# **Write** `batchnorm_forward`. It changes none of its arguments and returns the new running statistics, without autograd's graph (in evaluation: the values that
# were given).
# The cache is whatever the backward pass of the next task needs.
#
# **Example.** One channel with the values $(1, 2, 6)$: $\mu = 3$, $v = 14/3$, and 7 enters the running variance.
#
# <details><summary>Hint 1: one code for both shapes</summary>
#
# `x.movedim(1, -1)` puts the channel last, where a vector of length $C$ broadcasts; `flatten(0, -2)` of it has one row for each of the
# $m$ values of a channel. `y.movedim(-1, 1)` takes the channel back to its place.
#
# </details>
# <details><summary>Hint 2: the two variances</summary>
#
# `rows.var(0, correction=0)` divides by $m$, `rows.var(0)` by $m - 1$. Both subtract the mean first.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "batchnorm-forward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    """Batch normalization, y = gamma (x - mean) / √(var + eps) + beta for each channel. Ioffe and Szegedy (2015).

    x: (N, C) or (N, C, H, W), float32 or float64, more than one value per channel in training
    gamma, beta, running_mean, running_var: (C,); no argument is changed
    training: True uses the mean and the biased variance of the batch, False the running statistics
    momentum: weight of the batch in the running statistics, whose variance is the unbiased one
    Returns (y, cache, running_mean, running_var): y of the shape of x, the cache for batchnorm_backward, and the running
    statistics after this batch, which carry no gradient; in evaluation they equal the given ones.
    """
    ### BEGIN SOLUTION
    values = x.movedim(1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = values.flatten(0, -2)
        mean, var = rows.mean(0), rows.var(0, correction=0)
        running_mean = torch.lerp(running_mean, mean.detach(), momentum)
        running_var = torch.lerp(running_var, rows.detach().var(0), momentum)
    std = (var + eps).sqrt()
    x_hat = (values - mean) / std
    y = gamma * x_hat + beta
    return y.movedim(-1, 1), (x_hat, gamma, std, training), running_mean, running_var
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "batchnorm-forward-test", "locked": true, "points": 7, "schema_version": 3, "solution": false, "task": false}
# Test: the output.
@probe
def batchnorm_output(x, gamma, beta, running_mean, running_var, training, **settings):
    return batchnorm_forward(x, gamma, beta, running_mean, running_var, training=training, **settings)[0]


x = torch.tensor([[1.0, 10.0], [2.0, 10.5], [6.0, 11.0]], dtype=torch.float64)
zeros, ones = torch.zeros(2, dtype=torch.float64), torch.ones(2, dtype=torch.float64)
gamma, beta = torch.tensor([1.0, 2.0], dtype=torch.float64), torch.tensor([0.0, -1.0], dtype=torch.float64)


def exact(x, mean, var, gamma, beta, eps=1e-5):
    return gamma * (x - mean) / (var + eps).sqrt() + beta


mean, var = x.mean(0), x.var(0, correction=0)
causes = {
    "This divides by the unbiased variance. Normalization uses the one that divides by m.": exact(
        x, mean, x.var(0), gamma, beta
    ),
    "This uses the running statistics; in training the batch's own are used.": exact(x, zeros, ones, gamma, beta),
    "The mean and variance are those of each example; they belong to each channel.": exact(
        x, x.mean(1, keepdim=True), x.var(1, correction=0, keepdim=True), gamma, beta
    ),
}
with unchanged(x=x, gamma=gamma, beta=beta):
    y = batchnorm_output(x, gamma, beta, zeros, ones, True)
check_close(y, exact(x, mean, var, gamma, beta), "y in training, 3 examples and 2 channels", causes=causes)
y = batchnorm_output(x, gamma, beta, mean, 4 * ones, False)
check_close(y, exact(x, mean, 4 * ones, gamma, beta), "y in evaluation, with a running variance of 4")
small = 1e-3 * x
y = batchnorm_output(small, gamma, beta, zeros, ones, True)
expected = exact(small, 1e-3 * mean, 1e-6 * var, gamma, beta)
check_close(y, expected, "y in training where the variance is not larger than eps, which stands under the root")
images = x.T.reshape(1, 2, 3, 1)
expected = exact(x, mean, var, gamma, beta).T.reshape(1, 2, 3, 1)
check_close(
    batchnorm_output(images, gamma, beta, zeros, ones, True), expected, "y for one image, 2 channels of 3×1 pixels"
)
passed_visible("batchnorm_forward, the output")
### BEGIN HIDDEN TESTS
generator = case_generator()


def draw(*shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def reference(x, gamma, beta, running_mean, running_var, training, momentum=0.1, eps=1e-5):
    arguments = (running_mean.double().clone(), running_var.double().clone(), gamma.double(), beta.double())
    return torch.nn.functional.batch_norm(x.double(), *arguments, training, momentum, eps)


for shape in ((3, 4), (3, 3), (3, 4, 2, 5), (2, 3, 1, 1), (1, 3, 3, 3), (6, 1)):
    channels = shape[1]
    x = 3 * draw(*shape) + 1
    rest = draw(channels), draw(channels), draw(channels), draw(channels).square() + 0.5
    for training in (True, False):
        what = f"{'training' if training else 'evaluation'}, {'images' if len(shape) == 4 else 'vectors'}"
        for settings in ({}, {"eps": 0.5}, {"momentum": 0.7}):
            y = batchnorm_output(x, *rest, training, **settings)
            expected = reference(x, *rest, training, **settings)
            check_shape(y, shape, f"y in {what}")
            name = f"y in {what}" + "".join(f", with another {key}" for key in settings)
            check_close(y, expected, name, rtol=1e-9, atol=1e-9)
        x32, rest32 = x.float(), [tensor.float() for tensor in rest]
        y = batchnorm_output(x32, *rest32, training)
        check_dtype(y, torch.float32, f"y in {what}")
        check_close(y, reference(x32, *rest32, training), f"y in {what}, float32", rtol=1e-4, atol=1e-4)

for shape in ((64, 3), (8, 3, 6, 4)):
    x = 10_000 + draw(*shape)
    x[:, 0] -= 20_000
    x, rest = x.float(), (torch.ones(3), torch.zeros(3), torch.zeros(3), torch.ones(3))
    y = batchnorm_output(x, *rest, True)
    check_close(y, reference(x, *rest, True), "y in training, float32 with means of 10 000 and -10 000", atol=0.03)
x = 1e-2 * draw(20, 3)
rest = torch.ones(3).double(), torch.zeros(3).double(), torch.zeros(3).double(), 1e-4 * torch.ones(3).double()
for training in (True, False):
    y = batchnorm_output(x, *rest, training, eps=1e-4)
    what = f"y in {'training' if training else 'evaluation'} where eps is as large as the variance"
    check_close(y, reference(x, *rest, training, eps=1e-4), what, rtol=1e-9, atol=1e-9)
x = draw(4, 3, 5, 2).to(memory_format=torch.channels_last)
rest = draw(3), draw(3), draw(3), draw(3).square() + 0.5
for training in (True, False):
    check_close(
        batchnorm_output(x, *rest, training), reference(x, *rest, training), "y of a channels_last x", rtol=1e-9
    )
x = torch.full((4, 2), 3.0)
y = batchnorm_output(x, torch.ones(2), torch.tensor([0.5, -1.0]), torch.zeros(2), torch.ones(2), True)
check_close(y, [[0.5, -1.0]] * 4, "y in training where all examples are equal, which is beta")
y = batchnorm_output(torch.tensor([[3.0, 5.0]]), *[torch.ones(2)] * 4, False, eps=0.0)
check_close(y, [[3.0, 5.0]], "y in evaluation of a single example")
### END HIDDEN TESTS


# %% nbgrader={"grade": true, "grade_id": "batchnorm-running-test", "locked": true, "points": 5, "schema_version": 3, "solution": false, "task": false}
# Test: the running statistics, and that nothing else changes.
@probe
def batchnorm_running(x, running_mean, running_var, training, **settings):
    gamma, beta = torch.ones_like(running_mean), torch.zeros_like(running_mean)
    _, _, mean, var = batchnorm_forward(x, gamma, beta, running_mean, running_var, training=training, **settings)
    return mean, var


@probe
def batchnorm_facts(x, gamma, beta, running_mean, running_var, training):
    tensors = {"x": x, "gamma": gamma, "beta": beta, "running_mean": running_mean, "running_var": running_var}
    before = {name: tensor.clone() for name, tensor in tensors.items()}
    inputs = x.clone().requires_grad_()
    _, _, mean, var = batchnorm_forward(inputs, gamma, beta, running_mean, running_var, training=training)
    batchnorm_forward(**tensors, training=training)
    facts = {f"leaves {name} as it was": torch.equal(tensors[name], before[name]) for name in tensors}
    facts["returns running statistics that carry no gradient"] = not (mean.requires_grad or var.requires_grad)
    return facts


x = torch.tensor([[1.0], [2.0], [6.0]], dtype=torch.float64)
old_mean, old_var = torch.tensor([10.0], dtype=torch.float64), torch.tensor([20.0], dtype=torch.float64)
with unchanged(running_mean=old_mean, running_var=old_var):
    found = batchnorm_running(x, old_mean, old_var, True)
check_close(
    found[0],
    [0.9 * 10 + 0.1 * 3],
    "the running mean after training on (1, 2, 6)",
    causes={
        "The weights are exchanged: momentum is the weight of the new batch.": [0.1 * 10 + 0.9 * 3],
    },
)
check_close(
    found[1],
    [0.9 * 20 + 0.1 * 7],
    "the running variance after training on (1, 2, 6)",
    causes={
        "The weights are exchanged: momentum is the weight of the new batch.": [0.1 * 20 + 0.9 * 7],
        "The variance in the running statistics is the unbiased one, which divides by m - 1.": [18 + 0.1 * 14 / 3],
    },
)
found = batchnorm_running(x, old_mean, old_var, False)
check_close(found, ([10.0], [20.0]), "the running statistics after an evaluation pass, which are the given ones")
for training in (True, False):
    for fact, holds in batchnorm_facts(x, *[torch.ones(1).double()] * 2, old_mean, old_var, training).items():
        hint = "`detach()` what goes into them." if "gradient" in fact else "Make new tensors."
        check_true(holds, f"batchnorm_forward {fact}, {'training' if training else 'evaluation'}", hint)
passed_visible("batchnorm_forward, the running statistics")
### BEGIN HIDDEN TESTS
generator = case_generator()
for shape in ((3, 4), (2, 3), (3, 4, 2, 5), (2, 3, 1, 1), (1, 2, 3, 2)):
    x = 2 * torch.randn(shape, generator=generator, dtype=torch.float64) + 3
    old_mean = torch.randn(shape[1], generator=generator, dtype=torch.float64)
    old_var = torch.rand(shape[1], generator=generator, dtype=torch.float64) + 0.5
    for training in (True, False):
        for momentum in (0.1, 0.35, 1.0, 0.0):
            expected_mean, expected_var = old_mean.clone(), old_var.clone()
            torch.nn.functional.batch_norm(x, expected_mean, expected_var, None, None, training, momentum)
            found = batchnorm_running(x, old_mean, old_var, training, momentum=momentum)
            what = f"after {'training' if training else 'evaluation'}, {'images' if len(shape) == 4 else 'vectors'}"
            check_shape(found[0], (shape[1],), f"the running mean {what}")
            check_shape(found[1], (shape[1],), f"the running variance {what}")
            check_close(found[0], expected_mean, f"the running mean {what}", rtol=1e-9)
            check_close(found[1], expected_var, f"the running variance {what}", rtol=1e-9)
x = (10_000 + torch.randn(50, 3, generator=generator, dtype=torch.float64)).float()
found = batchnorm_running(x, torch.zeros(3), torch.ones(3), True, momentum=1.0)
check_close(found[1], x.double().var(0), "the running variance, float32 with a mean of 10 000", rtol=1e-3)
check_dtype(found[0], torch.float32, "the running mean")
check_dtype(found[1], torch.float32, "the running variance")
x = torch.randn(2, 3, 4, 4, generator=generator)
for training in (True, False):
    for fact, holds in batchnorm_facts(x, *[torch.ones(3)] * 4, training).items():
        check_true(holds, f"batchnorm_forward {fact}, images")
### END HIDDEN TESTS

# %% [markdown] task={"name": "batchnorm-backward", "minutes": 18, "difficulty": 3}
# ## Task 10. Batch normalization, backward
#
# Let $G = \partial L/\partial y$. The parameters are easy, with sums over all $m$ values of a channel:
#
# $$ \frac{\partial L}{\partial \beta_c} = \sum G, \qquad \frac{\partial L}{\partial \gamma_c} = \sum G\, \hat x $$
#
# The input is not: in training every value of a channel also moves the mean and the variance, and with them all the others.
# With $D = \gamma_c\, G$:
#
# $$
# \frac{\partial L}{\partial x} = \frac{1}{m \sqrt{v_c + \varepsilon}} \Bigl( m D - \sum D - \hat x \sum D\, \hat x \Bigr)
# $$
#
# Read it as a projection: what would shift all of the channel ($\sum D$) or stretch it ($\sum D \hat x$) is taken out, because normalization
# undoes it anyway. So the gradient sums to zero over each channel. In evaluation mean and variance are constants, and $\partial L/\partial x = D / \sqrt{v_c + \varepsilon}$.
#
# **Write** `batchnorm_backward(grad_y, cache)`. The cache of each forward pass belongs to that pass; the function works after a training and
# after an evaluation pass.
#
# **Example.** If `grad_y` is 1 everywhere, the gradient of `x` is 0 in training: adding the same number to all of $x$ changes nothing.
#
# <details><summary>Hint 1: what the cache needs</summary>
#
# $\hat x$, $\gamma$, $1/\sqrt{v + \varepsilon}$, and whether it was training.
#
# </details>
# <details><summary>Hint 2: use what you have</summary>
#
# $\sum D = \gamma\, \partial L/\partial \beta$ and $\sum D \hat x = \gamma\, \partial L/\partial \gamma$: the two sums are computed already.
#
# </details>


# %% nbgrader={"grade": false, "grade_id": "batchnorm-backward", "locked": false, "schema_version": 3, "solution": true, "task": false}
def batchnorm_backward(grad_y, cache):
    """The gradients of batch normalization, after a training or an evaluation pass.

    grad_y: (N, C) or (N, C, H, W), the gradient with respect to y; unchanged
    cache: from batchnorm_forward, which says whether mean and variance depended on x
    Returns (grad_x, grad_gamma, grad_beta), of the shapes of x, gamma and beta: (C,) for the last two.
    """
    ### BEGIN SOLUTION
    x_hat, gamma, std, training = cache
    grad = grad_y.movedim(1, -1)
    rows, x_hat = grad.flatten(0, -2), x_hat.flatten(0, -2)
    grad_gamma, grad_beta = (rows * x_hat).sum(0), rows.sum(0)
    d = gamma * rows
    if training:
        d = d - d.mean(0) - x_hat * (d * x_hat).mean(0)
    grad_x = (d / std).reshape(grad.shape).movedim(-1, 1)
    return grad_x, grad_gamma, grad_beta
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "batchnorm-backward-test", "locked": true, "points": 8, "schema_version": 3, "solution": false, "task": false}
# Test: the gradients, compared with automatic differentiation.
@probe
def backward_is_written():
    """Without a cache batchnorm_backward can only fail; who has not written it is told so before task 9 is asked for."""
    try:
        batchnorm_backward(torch.ones(2, 1), None)
    except NotImplementedError:
        raise
    except Exception:
        return True
    return True


@probe
def batchnorm_gradients(x, gamma, beta, running_mean, running_var, grad_y, training, eps=1e-5):
    cache = batchnorm_forward(x, gamma, beta, running_mean, running_var, training=training, eps=eps)[1]
    return batchnorm_backward(grad_y, cache)


def expected_gradients(x, gamma, beta, running_mean, running_var, grad_y, training, eps=1e-5):
    inputs = [tensor.double().clone().requires_grad_() for tensor in (x, gamma, beta)]
    statistics = running_mean.double().clone(), running_var.double().clone()
    y = torch.nn.functional.batch_norm(inputs[0], *statistics, *inputs[1:], training, 0.1, eps)
    return torch.autograd.grad(y, inputs, grad_y.double())


def double(*values):
    return torch.tensor(values, dtype=torch.float64)


backward_is_written()
x = double([1.0, 10.0], [2.0, 10.5], [6.0, 11.0], [4.0, 9.0])
arguments = x, double(1.0, 2.0), double(0.0, -1.0), double(1.0, 1.0), double(4.0, 0.25)
grad_y = double([1.0, 0.5], [-1.0, 2.0], [2.0, 0.0], [0.0, -3.0])
for training in (True, False):
    with unchanged(grad_y=grad_y):
        found = batchnorm_gradients(*arguments, grad_y, training)
    expected = expected_gradients(*arguments, grad_y, training)
    mode = "a training pass" if training else "an evaluation pass"
    other = expected_gradients(*arguments, grad_y, not training)
    biased_std = (x.var(0, correction=0) + 1e-5).sqrt()
    causes = {
        "This is the gradient of the other mode: does the cache say whether it was training?": other[0],
        "Mean and variance are treated as constants, but in training every x moves them.": grad_y
        * arguments[1]
        / biased_std,
    }
    check_equal(len(found), 3, "the number of gradients")
    check_close(found[0], expected[0], f"the gradient of x after {mode}", atol=1e-9, causes=causes)
    check_close(found[1], expected[1], f"the gradient of gamma after {mode}", atol=1e-9)
    check_close(found[2], expected[2], f"the gradient of beta after {mode}", atol=1e-9)
grad_x = batchnorm_gradients(*arguments, torch.ones(4, 2, dtype=torch.float64), True)[0]
check_close(grad_x, torch.zeros(4, 2), "the gradient of x in training if grad_y is 1 everywhere", atol=1e-9)
passed_visible("batchnorm_backward")
### BEGIN HIDDEN TESTS
generator = case_generator()


def draw(*shape):
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@probe
def gradients_of_two_passes(first, second, grad_y, modes):
    passes = zip((first, second), modes, strict=True)
    caches = [batchnorm_forward(*pass_, training=training)[1] for pass_, training in passes]
    before = grad_y.clone()
    gradients = [batchnorm_backward(grad_y, cache) for cache in caches]
    again = batchnorm_backward(grad_y, caches[0])
    return gradients, again, torch.equal(grad_y, before)


for shape in ((3, 4), (3, 3), (3, 4, 2, 5), (2, 3, 1, 1), (1, 3, 3, 3)):
    channels = shape[1]
    rest = draw(channels), draw(channels), draw(channels), draw(channels).square() + 0.5
    for training in (True, False):
        what = f"after {'training' if training else 'evaluation'}, {'images' if len(shape) == 4 else 'vectors'}"
        for eps in (1e-5, 0.5):
            arguments = 2 * draw(*shape) + 1, *rest, draw(*shape)
            found = batchnorm_gradients(*arguments, training, eps=eps)
            expected = expected_gradients(*arguments, training, eps=eps)
            for name, actual, wanted in zip(("x", "gamma", "beta"), found, expected, strict=True):
                check_shape(actual, tuple(wanted.shape), f"the gradient of {name} {what}")
                check_close(actual, wanted, f"the gradient of {name} {what}", rtol=1e-8, atol=1e-8)
        single = [tensor.float() for tensor in arguments]
        found = batchnorm_gradients(*single, training)
        for name, actual, wanted in zip(
            ("x", "gamma", "beta"), found, expected_gradients(*single, training), strict=True
        ):
            check_dtype(actual, torch.float32, f"the gradient of {name} {what}")
            check_close(actual, wanted, f"the gradient of {name} {what}, float32", rtol=1e-3, atol=1e-3)
x = (10_000 + draw(64, 3)).float()
arguments = x, torch.ones(3), torch.zeros(3), torch.zeros(3), torch.ones(3), draw(64, 3).float()
for name, actual, wanted in zip(
    ("x", "gamma", "beta"), batchnorm_gradients(*arguments, True), expected_gradients(*arguments, True), strict=True
):
    check_close(
        actual, wanted, f"the gradient of {name} after training, float32 with a mean of 10 000", rtol=1e-2, atol=0.05
    )
x, grad_y = (draw(2, 3, 4, 2).to(memory_format=torch.channels_last) for _ in range(2))
rest = torch.tensor([0.0, -1.5, 1e-3], dtype=torch.float64), draw(3), draw(3), draw(3).square() + 0.5
for training in (True, False):
    for grad, kind in ((grad_y, "channels_last"), (grad_y.sum().expand(2, 3, 4, 2), "expanded from one number")):
        found = batchnorm_gradients(x, *rest, grad, training)
        expected = expected_gradients(x, *rest, grad, training)
        for name, actual, wanted in zip(("x", "gamma", "beta"), found, expected, strict=True):
            what = f"the gradient of {name}, where one gamma is 0 and grad_y is {kind}"
            check_close(actual, wanted, what, rtol=1e-8, atol=1e-8)
for modes in ((True, True), (False, False), (True, False)):
    first = draw(5, 3), draw(3), draw(3), draw(3), draw(3).square() + 0.5
    second = 3 * draw(5, 3), draw(3), draw(3), draw(3), draw(3).square() + 0.5
    grad_y = draw(5, 3)
    found, again, kept = gradients_of_two_passes(first, second, grad_y, modes)
    passes = (first, modes[0]), (second, modes[1]), (first, modes[0])
    for actual, (pass_, training) in zip((*found, again), passes, strict=True):
        expected = expected_gradients(*pass_, grad_y, training)
        for name, one, wanted in zip(("x", "gamma", "beta"), actual, expected, strict=True):
            what = f"the gradient of {name}, two forward passes before the first backward pass"
            what += ", one in training and one in evaluation" if modes[0] != modes[1] else ""
            check_close(one, wanted, what, rtol=1e-8, atol=1e-8)
    check_true(kept, "grad_y is unchanged")
### END HIDDEN TESTS

# %% [markdown]
# What does batch normalization forgive? Your forward and backward pass, wrapped for PyTorch's engine, in a network of ten layers whose
# weights start far too small or far too large.


# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-batchnorm-forgives", "locked": true, "schema_version": 3, "solution": false, "task": false}
class YourBatchNorm(torch.autograd.Function):
    """Your two functions, as an operation that PyTorch can differentiate."""

    @staticmethod
    def forward(ctx, x, gamma, beta):
        statistics = torch.zeros_like(gamma), torch.ones_like(gamma)
        y, ctx.cache, _, _ = batchnorm_forward(x, gamma, beta, *statistics, training=True)
        return y

    @staticmethod
    def backward(ctx, grad_y):
        return tuple(batchnorm_backward(grad_y, ctx.cache))


def train_ten(weight_std, normalized, steps=150, depth=10, width=64):
    """The loss at the end, of a relu network with or without batch normalization before each relu."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(width, 64), *[(width, width)] * (depth - 2), (10, width)]
    weights = [torch.nn.Parameter(weight_std * torch.randn(shape, generator=generator)) for shape in shapes]
    gammas = [torch.nn.Parameter(torch.ones(width)) for _ in weights[:-1]]
    betas = [torch.nn.Parameter(torch.zeros(width)) for _ in weights[:-1]]
    optimizer = torch.optim.Adam([*weights, *gammas, *betas] if normalized else weights, lr=3e-3)
    losses = []
    for _ in range(steps):
        rows = torch.randint(len(split.train_x), (128,), generator=generator)
        x = split.train_x[rows]
        for weight, gamma, beta in zip(weights[:-1], gammas, betas, strict=True):
            x = x @ weight.T
            x = torch.relu(YourBatchNorm.apply(x, gamma, beta) if normalized else x)
        logits = x @ weights[-1].T
        loss = torch.nn.functional.cross_entropy(logits, split.train_y[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return sum(losses[-10:]) / 10


factors = [1 / 64, 1 / 16, 1 / 4, 1, 4, 16]
kaiming = math.sqrt(2 / 64)
final = {
    "without batch normalization": [train_ten(factor * kaiming, False) for factor in factors],
    "with batch normalization": [train_ten(factor * kaiming, True) for factor in factors],
}
for name, losses in final.items():
    print(f"{name:27s}", "  ".join(f"{loss:.3g}" for loss in losses))
assert max(final["with batch normalization"][:5]) < 0.6
assert min(final["without batch normalization"][i] for i in (0, 1, 4, 5)) > 2
curves(
    {name: (factors, losses) for name, losses in final.items()},
    title="Batch normalization forgives a scale that is wrong by an order of magnitude",
    xlabel="standard deviation of the initial weights, in units of Kaiming's",
    ylabel="loss after 150 steps",
    logx=True,
    logy=True,
)

# %% [markdown] task={"name": "questions", "minutes": 12, "difficulty": 2}
# ## Task 11. In your own words
#
# Three to six sentences each. Numbers count more than adjectives.

# %% [markdown] nbgrader={"grade": false, "grade_id": "question-default", "locked": true, "schema_version": 3, "solution": false, "task": false}
# **Question 1.** `torch.nn.Linear` draws its weights from $U(-1/\sqrt{n}, 1/\sqrt{n})$, where $n$ is the fan in. You build fifty such layers of the
# same width with relu between them, and the biases are zero. By which factor does the mean square of the signal change per layer, and what is left
# of it at the end? What happens to the gradient of the first layer, and to the loss while you train? Name one change of the weights and one change of
# the network that helps, and say why each does.
#
# <details><summary>Hint 1: where to start</summary>
#
# What is the variance of a uniform distribution on $(-b, b)$? What does relu do to the mean square?
#
# </details>
# <details><summary>Hint 2: the way back</summary>
#
# The gradient passes through the same weights, transposed, and through the same relus.
#
# </details>
#
# ### BEGIN MARK SCHEME
# - 1 point: the variance of a weight is $1/(3n)$, relu keeps half, so the factor is $1/6$ per layer and about $6^{-50} \approx 10^{-39}$ remains (a
#   root mean square of $10^{-19.5}$).
# - 1 point: the gradient shrinks by the same factor on its way back, so the first layers do not move; all logits are nearly 0, whatever the input, and
#   the loss stays at the logarithm of the number of classes.
# - 1 point: Kaiming (variance $2/n$, which makes the factor 1), and batch normalization (or a residual connection) with its reason: it rescales each
#   layer at every step, so the size of the weights no longer matters.
#
# An answer that only says "vanishing gradients", without the factor, gets at most 1.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "answer-default", "locked": false, "points": 3, "schema_version": 3, "solution": true, "task": false}
# The variance of $U(-b, b)$ is $b^2/3$, so here $1/(3n)$. A linear layer multiplies the mean square by $n \cdot 1/(3n) = 1/3$, and relu halves it: $1/6$ per
# layer, $6^{-50} \approx 10^{-39}$ in all. Backward the same transposed weights and relus give about the same factor, so the gradient of the first layer is
# practically zero. The logits are all about 0, the prediction is the same for each input, and the loss stays at $\log 10$ for ten classes. Kaiming
# initialization has variance $2/n$ and factor $n \cdot \tfrac12 \cdot 2/n = 1$. Batch normalization divides by whatever size the signal has, so the
# scale of the weights cancels in each layer.

# %% [markdown] nbgrader={"grade": false, "grade_id": "question-zero", "locked": true, "schema_version": 3, "solution": false, "task": false}
# **Question 2.** Someone starts a two-layer relu network with all weights and biases zero. Someone else starts all weights at 0.1. Say for each of the two what
# the gradients are at the first step and what the network can ever become. Why are zero biases harmless?
#
# <details><summary>Hint 1: where to start</summary>
#
# Write the gradient of the first weight: which other weight is a factor in it? And that of the second: which activations?
#
# </details>
# <details><summary>Hint 2: equal units</summary>
#
# If two units have equal weights, in and out, what is different in their gradients?
#
# </details>
#
# ### BEGIN MARK SCHEME
# - 1 point: all zero: the hidden activations are 0, so the gradient of the second weight is 0, and the gradient of the first contains the second
#   weight and is 0; only the last bias learns, and the network outputs the same for each input, for ever.
# - 1 point: all 0.1: gradients are not zero, but equal for all hidden units, so these stay equal, and the layer can do what one unit can. Zero biases are
#   harmless because different weights already give the units different gradients.
# ### END MARK SCHEME

# %% [markdown] nbgrader={"grade": true, "grade_id": "answer-zero", "locked": false, "points": 2, "schema_version": 3, "solution": true, "task": false}
# All zero: the hidden activations are zero, so the second weight gets no gradient; the gradient of the first weight is multiplied by the second weight, which
# is zero, too. Only the last bias moves, and the network predicts the same for each input. All 0.1: every hidden unit computes the same, gets the same gradient
# and stays equal to the others, so the layer is worth one unit. Biases may start at zero because random weights alone make the units, and so their gradients,
# different.

# %% [markdown]
# ## What you have built
#
# The initializers of every library, a way to measure what they do, and batch normalization in both directions. The rule behind all of it fits in one
# line: *keep the size of the signal, in both directions, at every depth*. In PyTorch the functions are in `torch.nn.init`, and the layers are
# `torch.nn.BatchNorm1d` and `BatchNorm2d`. Residual connections, of a later chapter, follow the same rule by another way.
#
# **Sources.** X. Glorot and Y. Bengio, *Understanding the difficulty of training deep feedforward neural networks* (2010). K. He et al., *Delving deep into
# rectifiers* (2015). A. Saxe et al., *Exact solutions to the nonlinear dynamics of learning in deep linear neural networks* (2014). F. Mezzadri, *How to
# generate random matrices from the classical compact groups* (2007). D. Mishkin and J. Matas, *All you need is a good init* (2016). S. Ioffe and C. Szegedy,
# *Batch normalization* (2015).
