"""Wrong implementations that students of initialization write, each with the sentence that would help."""

from autograder.variants import Misconception

MOMENTS = [
    Misconception(
        name="moments-variance",
        function="forward_moments",
        find="x.square().mean()",
        put="x.var(correction=0)",
        message="You return the variance. After relu and sigmoid the mean is not 0, and it is the mean square that the next "
        "layer multiplies: do not subtract the mean.",
    ),
    Misconception(
        name="moments-root-mean-square",
        function="forward_moments",
        find="x.square().mean()",
        put="x.square().mean().sqrt()",
        message="You return the root of the mean square. Leave the root out.",
    ),
    Misconception(
        name="moments-before-activation",
        function="forward_moments",
        find="x = phi(x @ weight.T)\n        moments.append(x.square().mean())",
        put="z = x @ weight.T\n        x = phi(z)\n        moments.append(z.square().mean())",
        message="You measure before the activation. The mean square of a layer is that of its output, after it.",
    ),
    Misconception(
        name="moments-no-activation",
        function="forward_moments",
        find="x = phi(x @ weight.T)",
        put="x = x @ weight.T",
        message="The activation is never applied, so all networks look linear.",
    ),
    Misconception(
        name="moments-activation-only-measured",
        function="forward_moments",
        find="x = phi(x @ weight.T)\n        moments.append(x.square().mean())",
        put="x = x @ weight.T\n        moments.append(phi(x).square().mean())",
        message="The activation is applied for the measurement only: the next layer must receive the activated output as well.",
    ),
    Misconception(
        name="moments-one-weight-for-all-layers",
        function="forward_moments",
        find="    for _ in range(depth):\n"
        "        weight = weight_std * torch.randn(width, width, dtype=torch.float64, generator=generator)\n",
        put="    weight = weight_std * torch.randn(width, width, dtype=torch.float64, generator=generator)\n"
        "    for _ in range(depth):\n",
        message="All layers share one weight. Draw a fresh one inside the loop: a power of one matrix is not a random network.",
    ),
    Misconception(
        name="moments-leaky-relu",
        function="forward_moments",
        find="phi = ACTIVATIONS[activation]",
        put='phi = {**ACTIVATIONS, "relu": torch.nn.functional.leaky_relu}[activation]',
        message="Your relu is a leaky one: it lets a small part of what is negative through. relu makes it 0; take ACTIVATIONS[activation].",
    ),
    Misconception(
        name="moments-std-as-variance",
        function="forward_moments",
        find="weight_std * torch.randn",
        put="weight_std**0.5 * torch.randn",
        message="You treat weight_std as a variance and take its root. It is the standard deviation already.",
    ),
    Misconception(
        name="moments-uniform-weights",
        function="forward_moments",
        find="weight_std * torch.randn(width, width, dtype=torch.float64, generator=generator)",
        put="weight_std * (2 * torch.rand(width, width, dtype=torch.float64, generator=generator) - 1)",
        message="You draw the weights from U(-1, 1), whose variance is 1/3. They should be N(0, 1) times weight_std.",
    ),
    Misconception(
        name="moments-uniform-weights-of-right-variance",
        function="forward_moments",
        find="weight_std * torch.randn(width, width, dtype=torch.float64, generator=generator)",
        put="weight_std * 3**0.5 * (2 * torch.rand(width, width, dtype=torch.float64, generator=generator) - 1)",
        message="Your weights have the right variance, but they are not normal: none is far from 0. Draw them with torch.randn, not "
        "uniformly and not cut off.",
    ),
    Misconception(
        name="moments-uniform-inputs",
        function="forward_moments",
        find="torch.randn(256, width, dtype=torch.float64, generator=generator)",
        put="3**0.5 * (2 * torch.rand(256, width, dtype=torch.float64, generator=generator) - 1)",
        message="Your inputs have variance 1, but they are not normal. Draw them with torch.randn, and leave them as they are.",
    ),
    Misconception(
        name="moments-hard-sigmoid",
        function="forward_moments",
        find="phi = ACTIVATIONS[activation]",
        put='phi = {**ACTIVATIONS, "sigmoid": torch.nn.functional.hardsigmoid}[activation]',
        message="Your sigmoid is a broken line: torch.nn.functional.hardsigmoid only looks like it. Take ACTIVATIONS[activation].",
    ),
    Misconception(
        name="moments-hard-tanh",
        function="forward_moments",
        find="phi = ACTIVATIONS[activation]",
        put='phi = {**ACTIVATIONS, "tanh": torch.nn.functional.hardtanh}[activation]',
        message="Your tanh is a broken line: torch.nn.functional.hardtanh only looks like it. Take ACTIVATIONS[activation].",
    ),
    Misconception(
        name="moments-sigmoid-is-tanh",
        function="forward_moments",
        find="phi = ACTIVATIONS[activation]",
        put='phi = {**ACTIVATIONS, "sigmoid": torch.tanh}[activation]',
        message='You apply tanh for "sigmoid". Its values lie between 0 and 1: take ACTIVATIONS[activation].',
    ),
    Misconception(
        name="moments-float32",
        function="forward_moments",
        code="""
def forward_moments(depth, width, weight_std, activation, generator):
    phi = ACTIVATIONS[activation]
    x = torch.randn(256, width, generator=generator)
    moments = []
    for _ in range(depth):
        weight = weight_std * torch.randn(width, width, generator=generator)
        x = phi(x @ weight.T)
        moments.append(x.square().mean())
    return torch.stack(moments).double()
""",
        message="You compute in float32, in which squares below 1e-45 are 0. Draw inputs and weights with dtype=torch.float64.",
    ),
    Misconception(
        name="moments-ignores-generator",
        function="forward_moments",
        find="weight_std * torch.randn(width, width, dtype=torch.float64, generator=generator)",
        put="weight_std * torch.randn(width, width, dtype=torch.float64)",
        message="The weights come from PyTorch's global generator. Pass generator=generator each time you draw.",
    ),
    Misconception(
        name="moments-single-input",
        function="forward_moments",
        find="torch.randn(256, width,",
        put="torch.randn(1, width,",
        message="You send a single input through the network. Its mean square depends on luck; draw a batch of 100 inputs or more.",
    ),
]

OVERFLOW = [
    Misconception(
        name="overflow-counts-from-zero",
        function="first_nonfinite_layer",
        find="return layer",
        put="return layer - 1",
        message="You count the layers from 0: the number is one too small. The first layer is layer 1.",
    ),
    Misconception(
        name="overflow-all-entries",
        function="first_nonfinite_layer",
        find="not torch.isfinite(x).all()",
        put="not torch.isfinite(x).any()",
        message="You wait until no entry is finite. The first layer with any entry that is infinite or nan is wanted.",
    ),
    Misconception(
        name="overflow-only-nan",
        function="first_nonfinite_layer",
        find="not torch.isfinite(x).all()",
        put="torch.isnan(x).any()",
        message="You look for nan only. Infinity comes first, and it counts.",
    ),
    Misconception(
        name="overflow-only-infinite",
        function="first_nonfinite_layer",
        find="not torch.isfinite(x).all()",
        put="torch.isinf(x).any()",
        message="You look for infinity only. Where infinities of both signs meet in a sum the entry is nan, and that counts, too.",
    ),
    Misconception(
        name="overflow-largest-entry",
        function="first_nonfinite_layer",
        find="not torch.isfinite(x).all()",
        put="not torch.isfinite(x.max())",
        message="You look at the largest entry only. An entry may be minus infinity while the largest one is finite: ask all of them.",
    ),
    Misconception(
        name="overflow-of-squares",
        function="first_nonfinite_layer",
        find="not torch.isfinite(x).all()",
        put="not torch.isfinite(x.square().sum())",
        message="You ask whether a sum of squares is finite. Squares overflow at half the depth: ask the entries themselves.",
    ),
    Misconception(
        name="overflow-of-sum",
        function="first_nonfinite_layer",
        find="not torch.isfinite(x).all()",
        put="not torch.isfinite(x.sum())",
        message="You ask whether the sum (or the mean) of the entries is finite. It overflows before they do: ask the entries themselves.",
    ),
    Misconception(
        name="overflow-single-input",
        function="first_nonfinite_layer",
        find="x = torch.randn(width, width, generator=generator)",
        put="x = torch.randn(1, width, generator=generator)",
        message="You send a single input through the layers. A batch has `width` of them, and any entry of it may be the first to overflow.",
    ),
    Misconception(
        name="overflow-in-float64",
        function="first_nonfinite_layer",
        code="""
def first_nonfinite_layer(width, weight_std, generator, max_layers=100):
    x = torch.randn(width, width, dtype=torch.float64, generator=generator)
    for layer in range(1, max_layers + 1):
        x = x @ (weight_std * torch.randn(width, width, dtype=torch.float64, generator=generator))
        if not torch.isfinite(x).all():
            return layer
    return None
""",
        message="You compute in float64, which reaches 1e308. The question is when float32 overflows.",
    ),
    Misconception(
        name="overflow-stops-too-early",
        function="first_nonfinite_layer",
        find="range(1, max_layers + 1)",
        put="range(1, max_layers)",
        message="Layer max_layers itself is never looked at: `range(1, n)` ends at n - 1.",
    ),
    Misconception(
        name="overflow-hundred-layers-at-most",
        function="first_nonfinite_layer",
        find="range(1, max_layers + 1)",
        put="range(1, min(max_layers, 100) + 1)",
        message="You stop after 100 layers also where max_layers is larger. 100 is only its default.",
    ),
    Misconception(
        name="overflow-no-none",
        function="first_nonfinite_layer",
        find="return None",
        put="return max_layers",
        message="If every layer is finite the answer is None, not max_layers: that would mean that this layer overflowed.",
    ),
    Misconception(
        name="overflow-one-weight-for-all-layers",
        function="first_nonfinite_layer",
        find="    for layer in range(1, max_layers + 1):\n"
        "        x = x @ (weight_std * torch.randn(width, width, generator=generator))\n",
        put="    weight = weight_std * torch.randn(width, width, generator=generator)\n"
        "    for layer in range(1, max_layers + 1):\n        x = x @ weight\n",
        message="You multiply by the same weight again and again. Each layer has a weight of its own: draw it inside the loop.",
    ),
]

FANS = [
    Misconception(
        name="fans-swapped",
        function="fan_in_and_fan_out",
        find="return inputs * positions, out // groups * positions",
        put="return out // groups * positions, inputs * positions",
        message="Fan in and fan out are exchanged. A weight has shape (out, in): the fan in comes from shape[1].",
    ),
    Misconception(
        name="fans-without-kernel",
        function="fan_in_and_fan_out",
        find="positions = math.prod(kernel)",
        put="positions = 1",
        message="The kernel is missing. Each of its positions is one more term of the sum: multiply both fans by their number.",
    ),
    Misconception(
        name="fans-square-kernel",
        function="fan_in_and_fan_out",
        find="math.prod(kernel)",
        put="kernel[0] ** 2 if kernel else 1",
        message="You square the first size of the kernel. Kernels need not be square, nor two-dimensional: multiply all their sizes.",
    ),
    Misconception(
        name="fans-kernel-in-fan-in-only",
        function="fan_in_and_fan_out",
        find="out // groups * positions",
        put="out // groups",
        message="The kernel is missing in the fan out. An input is seen from every position of the kernel, too.",
    ),
    Misconception(
        name="fans-groups-ignored",
        function="fan_in_and_fan_out",
        find="out // groups * positions",
        put="out * positions",
        message="The groups are ignored. An input reaches only the output channels of its own group: divide the fan out by groups.",
    ),
    Misconception(
        name="fans-groups-divide-both",
        function="fan_in_and_fan_out",
        find="inputs * positions",
        put="inputs // groups * positions",
        message="You divide the fan in by the groups as well. shape[1] is in/groups already.",
    ),
    Misconception(
        name="fans-undo-groups",
        function="fan_in_and_fan_out",
        find="return inputs * positions, out // groups * positions",
        put="return inputs * groups * positions, out * positions",
        message="You count the wires as if there were no groups. One output sees only the in/groups channels of its group.",
    ),
    Misconception(
        name="fans-no-error",
        function="fan_in_and_fan_out",
        find="out, inputs, *kernel = shape",
        put="out, inputs, *kernel = shape if len(shape) > 1 else (*shape, *shape)",
        message="A bias has no fans. Raise an error if the shape has fewer than two dimensions, so that nobody takes the length of a bias "
        "for one.",
    ),
]

SIGNATURES = {"xavier": "tensor, gain=1.0, generator=None", "kaiming": 'tensor, a=0.0, mode="fan_in", generator=None'}
STDS = {
    "xavier": "gain * math.sqrt(2 / (fan_in + fan_out))",
    "kaiming": "math.sqrt(2 / ((1 + a**2) * dict(fan_in=fan_in, fan_out=fan_out)[mode]))",
}


def both_versions(
    family: str,
    *,
    std: str = "",
    shape: str = "tensor.shape",
    guard: str = "with torch.no_grad():",
    uniform: str = "return tensor.uniform_(-bound, bound, generator=generator)",
    normal: str = "return tensor.normal_(0, std, generator=generator)",
) -> str:
    """The uniform and the normal initializer of a family, with the same mistake in both."""
    std = std or STDS[family]
    return f"""
def {family}_uniform_({SIGNATURES[family]}):
    fan_in, fan_out = fan_in_and_fan_out({shape})
    bound = math.sqrt(3) * {std}
    {guard}
        {uniform}

def {family}_normal_({SIGNATURES[family]}):
    fan_in, fan_out = fan_in_and_fan_out({shape})
    std = {std}
    {guard}
        {normal}
"""


NEW_UNIFORM = "(2 * torch.rand(tensor.shape, dtype=tensor.dtype, generator=generator) - 1) * bound"
NEW_NORMAL = "torch.randn(tensor.shape, dtype=tensor.dtype, generator=generator) * std"


def contract_mistakes(family: str) -> list[Misconception]:
    """What goes wrong with the tensor and the generator in both versions."""
    function = f"{family}_uniform_"
    return [
        Misconception(
            name=f"{family}-new-tensor",
            function=function,
            code=both_versions(
                family,
                uniform=f"tensor = {NEW_UNIFORM}\n        return tensor",
                normal=f"tensor = {NEW_NORMAL}\n        return tensor",
            ),
            message="You make a new tensor and give it the old name; the one that was given stays as it was. Fill that one in place.",
        ),
        Misconception(
            name=f"{family}-returns-nothing",
            function=function,
            code=both_versions(
                family,
                uniform="tensor.uniform_(-bound, bound, generator=generator)",
                normal="tensor.normal_(0, std, generator=generator)",
            ),
            message="Your initializer returns None. Return the tensor, as all initializers do, so that calls can be chained.",
        ),
        Misconception(
            name=f"{family}-records-gradient",
            function=function,
            code=both_versions(family, guard="if True:"),
            message="Your initializer fails for a parameter: autograd does not allow in-place changes of a leaf that requires a gradient. "
            "Write under `torch.no_grad()`.",
        ),
        Misconception(
            name=f"{family}-flat-view",
            function=function,
            code=both_versions(
                family,
                uniform=f"tensor.view(-1).copy_(({NEW_UNIFORM}).flatten())\n        return tensor",
                normal=f"tensor.view(-1).copy_(({NEW_NORMAL}).flatten())\n        return tensor",
            ),
            message="Your initializer fails for tensors that are not contiguous: `view(-1)` needs contiguous memory. Methods such as "
            "`uniform_`, `normal_` and `copy_` do not.",
        ),
        Misconception(
            name=f"{family}-ignores-generator",
            function=function,
            code=both_versions(
                family,
                uniform="return tensor.uniform_(-bound, bound)",
                normal="return tensor.normal_(0, std)",
            ),
            message="You draw from PyTorch's global generator even if another one is given: pass generator=generator.",
        ),
    ]


XAVIER = [
    Misconception(
        name="xavier-uniform-std-as-bound",
        function="xavier_uniform_",
        find="math.sqrt(6 /",
        put="math.sqrt(2 /",
        message="You use the standard deviation as the bound of the uniform distribution. The variance of U(-b, b) is b²/3, so the "
        "bound is √3 times larger.",
    ),
    Misconception(
        name="xavier-no-gain",
        function="xavier_uniform_",
        code=both_versions("xavier", std="math.sqrt(2 / (fan_in + fan_out))"),
        message="The gain is forgotten. It multiplies the standard deviation, and so the bound of the uniform version.",
    ),
    Misconception(
        name="xavier-gain-squared",
        function="xavier_uniform_",
        code=both_versions("xavier", std="gain**2 * math.sqrt(2 / (fan_in + fan_out))"),
        message="The gain is squared. It multiplies the standard deviation, and so the bound of the uniform version, once.",
    ),
    Misconception(
        name="xavier-fan-in-only",
        function="xavier_uniform_",
        code=both_versions("xavier", std="gain * math.sqrt(1 / fan_in)"),
        message="You use the fan in alone. Xavier is the compromise between both directions: fan in plus fan out.",
    ),
    Misconception(
        name="xavier-fans-multiplied",
        function="xavier_uniform_",
        code=both_versions("xavier", std="gain * math.sqrt(2 / (fan_in * fan_out))"),
        message="You multiply the two fans. Their sum belongs under the root.",
    ),
    Misconception(
        name="xavier-without-kernel",
        function="xavier_uniform_",
        code=both_versions("xavier", shape="tensor.shape[:2]"),
        message="The kernel of a convolution is forgotten: its positions belong to both fans.",
    ),
    Misconception(
        name="xavier-uniform-positive",
        function="xavier_uniform_",
        find="tensor.uniform_(-bound, bound,",
        put="tensor.uniform_(0, bound,",
        message="All weights of your xavier_uniform_ are positive. The distribution goes from -b to b and has mean 0.",
    ),
    Misconception(
        name="xavier-normal-variance-as-std",
        function="xavier_normal_",
        find="math.sqrt(2 / sum(fan_in_and_fan_out(tensor.shape)))",
        put="(2 / sum(fan_in_and_fan_out(tensor.shape)))",
        message="You pass the variance where the standard deviation is wanted: take the root of 2/(fan in + fan out).",
    ),
    Misconception(
        name="xavier-normal-bound-as-std",
        function="xavier_normal_",
        find="math.sqrt(2 /",
        put="math.sqrt(6 /",
        message="The standard deviation of your xavier_normal_ is √3 too large. The 6 belongs to the bound of the uniform version.",
    ),
    Misconception(
        name="xavier-normal-truncated",
        function="xavier_normal_",
        find="return tensor.normal_(0, std, generator=generator)",
        put="return torch.nn.init.trunc_normal_(tensor, 0.0, std, -2 * std, 2 * std, generator=generator)",
        message="Your xavier_normal_ cuts the normal distribution off at two standard deviations, which also makes its standard deviation "
        "12 % smaller. Do not truncate.",
    ),
    Misconception(
        name="xavier-normal-exact-std",
        function="xavier_normal_",
        find="return tensor.normal_(0, std, generator=generator)",
        put="tensor.normal_(0, 1, generator=generator)\n        return tensor.mul_(std / tensor.square().mean().sqrt())",
        message="You scale the weights until their mean square is exactly σ². Then each depends on all others. σ is the standard deviation "
        "of the distribution, not of one draw: `normal_(0, std)` is all it takes.",
    ),
    *contract_mistakes("xavier"),
]

KAIMING = [
    Misconception(
        name="kaiming-without-factor-two",
        function="kaiming_uniform_",
        code=both_versions("kaiming", std=STDS["kaiming"].replace("sqrt(2 /", "sqrt(1 /")),
        message="The factor 2 for relu is missing: half of the mean square is lost in each layer, and 2 makes up for it.",
    ),
    Misconception(
        name="kaiming-ignores-slope",
        function="kaiming_uniform_",
        code=both_versions("kaiming", std=STDS["kaiming"].replace("(1 + a**2) * ", "")),
        message="The slope a is ignored: a leaky relu keeps (1 + a²)/2 of the mean square, so divide by (1 + a²).",
    ),
    Misconception(
        name="kaiming-slope-not-squared",
        function="kaiming_uniform_",
        code=both_versions("kaiming", std=STDS["kaiming"].replace("1 + a**2", "1 + abs(a)")),
        message="The slope is not squared: what passes the negative side is multiplied by a, and its square by a².",
    ),
    Misconception(
        name="kaiming-ignores-mode",
        function="kaiming_uniform_",
        code=both_versions("kaiming", std="math.sqrt(2 / ((1 + a**2) * fan_in))"),
        message="You use the fan in whatever the mode is.",
    ),
    Misconception(
        name="kaiming-default-fan-out",
        function="kaiming_uniform_",
        find='mode="fan_in"',
        put='mode="fan_out"',
        message='Who does not name a mode gets the fan out from you. The default is mode="fan_in".',
    ),
    Misconception(
        name="kaiming-modes-swapped",
        function="kaiming_uniform_",
        code=both_versions(
            "kaiming", std=STDS["kaiming"].replace("fan_in=fan_in, fan_out=fan_out", "fan_in=fan_out, fan_out=fan_in")
        ),
        message="You use the fan out for fan_in and the other way round.",
    ),
    Misconception(
        name="kaiming-both-fans",
        function="kaiming_uniform_",
        code=both_versions("kaiming", std="math.sqrt(4 / ((1 + a**2) * (fan_in + fan_out)))"),
        message="You average the fans, as Xavier does. Kaiming takes the one that the mode names.",
    ),
    Misconception(
        name="kaiming-uniform-std-as-bound",
        function="kaiming_uniform_",
        find="math.sqrt(6 /",
        put="math.sqrt(2 /",
        message="You use the standard deviation as the bound of the uniform distribution. The variance of U(-b, b) is b²/3, so the "
        "bound is √3 times larger.",
    ),
    Misconception(
        name="kaiming-normal-variance-as-std",
        function="kaiming_normal_",
        find="math.sqrt(2 / ((1 + a**2) * fan))",
        put="2 / ((1 + a**2) * fan)",
        message="You pass the variance where the standard deviation is wanted: take the root.",
    ),
    *[m for m in contract_mistakes("kaiming") if not m.name.endswith(("returns-nothing", "flat-view"))],
]

SYMMETRY = [
    Misconception(
        name="symmetry-exact",
        function="distinct_units",
        find="(row - other).abs().max() > tol",
        put="not torch.equal(row, other)",
        message="You ask for rows that are exactly equal. Rounding makes equal units differ in the last digit: use tol.",
    ),
    Misconception(
        name="symmetry-neighbours-only",
        function="distinct_units",
        find="for other in kept)",
        put="for other in kept[-1:])",
        message="You compare each row with the last one counted only. Equal rows need not be neighbours: compare with all of them.",
    ),
    Misconception(
        name="symmetry-first-unit-only",
        function="distinct_units",
        find="for other in kept)",
        put="for other in kept[:1])",
        message="You compare each row with the first one only. Compare it with every row counted before.",
    ),
    Misconception(
        name="symmetry-all-rows-before",
        function="distinct_units",
        code="""
def distinct_units(weight, tol=1e-6):
    return sum(
        all((row - other).abs().max() > tol for other in weight[:i]) for i, row in enumerate(weight)
    )
""",
        message="You compare each row with all rows before it. Compare it with those that were counted: one that is close to a row that "
        "was not counted may still be new.",
    ),
    Misconception(
        name="symmetry-difference-of-exactly-tol",
        function="distinct_units",
        find="(row - other).abs().max() > tol",
        put="(row - other).abs().max() >= tol",
        message="Rows that differ by exactly tol are the same: they differ if it is by *more* than tol.",
    ),
    Misconception(
        name="symmetry-relative-tolerance",
        function="distinct_units",
        find="(row - other).abs().max() > tol",
        put="not torch.allclose(row, other, atol=tol)",
        message="torch.allclose and torch.isclose also allow a difference relative to the weights, rtol. tol is the difference itself.",
    ),
    Misconception(
        name="symmetry-absolute-values",
        function="distinct_units",
        find="(row - other).abs().max() > tol",
        put="(row.abs() - other.abs()).abs().max() > tol",
        message="You take the absolute values before the difference, so a row and its negative look the same. Subtract first.",
    ),
    Misconception(
        name="symmetry-all-entries",
        function="distinct_units",
        find="(row - other).abs().max() > tol",
        put="(row - other).abs().min() > tol",
        message="You ask that rows differ in every entry. One entry is enough.",
    ),
    Misconception(
        name="symmetry-signed-difference",
        function="distinct_units",
        find="(row - other).abs().max() > tol",
        put="(row - other).max() > tol",
        message="The absolute value is missing: a row that is smaller everywhere is different, too.",
    ),
    Misconception(
        name="symmetry-total-difference",
        function="distinct_units",
        find="(row - other).abs().max() > tol",
        put="(row - other).abs().sum() > tol",
        message="You add the differences of all entries before you compare with tol. Two rows are the same if *no entry* differs by more "
        "than tol.",
    ),
    Misconception(
        name="symmetry-columns",
        function="distinct_units",
        find="for row in weight:",
        put="for row in weight.transpose(0, 1):",
        message="You compare columns. A unit of a layer is a row of its weight, which has shape (out, in).",
    ),
    Misconception(
        name="symmetry-unique-rows-only",
        function="distinct_units",
        code="""
def distinct_units(weight, tol=1e-6):
    rows = list(weight)
    same = [sum(bool((row - other).abs().max() <= tol) for other in rows) for row in rows]
    return sum(count == 1 for count in same)
""",
        message="You count only the rows that have no copy at all. Of several equal rows, one counts.",
    ),
    Misconception(
        name="symmetry-sorted-neighbours",
        function="distinct_units",
        code="""
def distinct_units(weight, tol=1e-6):
    rows = weight[sorted(range(len(weight)), key=lambda row: weight[row].tolist())]
    return 1 + sum(bool((row - other).abs().max() > tol) for row, other in zip(rows, rows[1:]))
""",
        message="You sort the rows and compare neighbours. If first entries differ by rounding alone, sorting puts other rows between two "
        "equal ones: compare with every row counted before.",
    ),
    Misconception(
        name="symmetry-rounded",
        function="distinct_units",
        code="""
def distinct_units(weight, tol=1e-6):
    return len(torch.unique((weight / tol).floor(), dim=0))
""",
        message="You round to multiples of tol, which tears apart rows that are close but on different sides of a multiple. Compare the rows "
        "with each other.",
    ),
]

ORTHOGONAL = [
    Misconception(
        name="orthogonal-no-signs",
        function="orthogonal_",
        find="    q = q * r.diagonal().sign()\n",
        put="",
        message="Your matrices are orthogonal, but not Haar: the signs come from the library's convention, and the average trace is not 0. "
        "Multiply the columns of Q by the signs of the diagonal of R.",
    ),
    Misconception(
        name="orthogonal-absolute-diagonal",
        function="orthogonal_",
        find="r.diagonal().sign()",
        put="r.diagonal().abs()",
        message="You multiply the columns of Q by the size of the diagonal of R, and their length is not 1 any more. Only the sign is wanted.",
    ),
    Misconception(
        name="orthogonal-uniform-matrix",
        function="orthogonal_",
        find="torch.randn(tall, dtype=tensor.dtype, generator=generator)",
        put="(2 * torch.rand(tall, dtype=tensor.dtype, generator=generator) - 1)",
        message="You factor a matrix with uniform entries, which prefers the directions to the corners of a cube. Only Gaussian entries have "
        "no preferred direction.",
    ),
    Misconception(
        name="orthogonal-positive-matrix",
        function="orthogonal_",
        find="torch.randn(tall,",
        put="torch.rand(tall,",
        message="You factor a matrix with positive entries (`rand`), so the first column of Q is positive, too. Use `randn`.",
    ),
    Misconception(
        name="orthogonal-svd-u",
        function="orthogonal_",
        find="    q, r = torch.linalg.qr(torch.randn(tall, dtype=tensor.dtype, generator=generator))\n"
        "    q = q * r.diagonal().sign()\n",
        put="    gaussian = torch.randn(tall, dtype=tensor.dtype, generator=generator)\n"
        "    q = torch.linalg.svd(gaussian, full_matrices=False)[0]\n",
        message="The U of a singular value decomposition is orthogonal, but its signs follow the library's convention, so it is not "
        "Haar. U Vᵀ would be, or QR with the signs put right.",
    ),
    Misconception(
        name="orthogonal-rows-normalized",
        function="orthogonal_",
        find="    q, r = torch.linalg.qr(torch.randn(tall, dtype=tensor.dtype, generator=generator))\n"
        "    q = q * r.diagonal().sign()\n",
        put="    q = torch.randn(tall, dtype=tensor.dtype, generator=generator)\n    q = q / q.norm(dim=0)\n",
        message="Your rows have length 1, but they are not at right angles. That takes a factorization, or Gram-Schmidt.",
    ),
    Misconception(
        name="orthogonal-wrong-flattening",
        function="orthogonal_",
        find="    rows, columns = tensor.flatten(1).shape\n",
        put="    columns = tensor.shape[-1]\n    rows = tensor.numel() // columns\n",
        message="You flatten a convolution to (everything else, last). A unit is one output channel: the matrix has shape (out, everything else).",
    ),
    Misconception(
        name="orthogonal-no-transpose",
        function="orthogonal_",
        find="    if rows < columns:\n        q = q.T\n",
        put="",
        message="For a wide weight your matrix has the entries of the tall one in another order, and its rows are not orthonormal: transpose, do not reshape.",
    ),
    Misconception(
        name="orthogonal-gain-squared",
        function="orthogonal_",
        find="gain * q.reshape",
        put="gain**2 * q.reshape",
        message="The gain is squared. It multiplies the matrix once, so the products of rows with themselves are gain².",
    ),
    Misconception(
        name="orthogonal-no-gain",
        function="orthogonal_",
        find="gain * q.reshape",
        put="q.reshape",
        message="The gain is forgotten: it multiplies the orthogonal matrix.",
    ),
    Misconception(
        name="orthogonal-float32",
        function="orthogonal_",
        find="torch.randn(tall, dtype=tensor.dtype, generator=generator)",
        put="torch.randn(tall, generator=generator)",
        message="You factor in float32, so a float64 weight is orthogonal only to 1e-7. Draw with dtype=tensor.dtype.",
    ),
    Misconception(
        name="orthogonal-new-tensor",
        function="orthogonal_",
        find="return tensor.copy_(gain * q.reshape(tensor.shape))",
        put="tensor = gain * q.reshape(tensor.shape)\n        return tensor",
        message="You make a new tensor and give it the old name; the one that was given stays as it was. Write into it with `copy_`.",
    ),
    Misconception(
        name="orthogonal-records-gradient",
        function="orthogonal_",
        find="with torch.no_grad():",
        put="if True:",
        message="orthogonal_ fails for a parameter: autograd does not allow in-place changes of a leaf that requires a gradient. "
        "Write under `torch.no_grad()`.",
    ),
    Misconception(
        name="orthogonal-ignores-generator",
        function="orthogonal_",
        find="torch.randn(tall, dtype=tensor.dtype, generator=generator)",
        put="torch.randn(tall, dtype=tensor.dtype)",
        message="orthogonal_ draws from PyTorch's global generator even if it is given another one: pass generator=generator.",
    ),
]

LSUV = [
    Misconception(
        name="lsuv-divides-by-variance",
        function="lsuv_",
        find="weight /= variance.sqrt()",
        put="weight /= variance",
        message="You divide the weight by the variance. The variance goes with the square of the weight: divide by the standard deviation.",
    ),
    Misconception(
        name="lsuv-new-tensor",
        function="lsuv_",
        find="weight /= variance.sqrt()",
        put="weight = weight / variance.sqrt()",
        message="`weight = weight / ...` makes a new tensor, and the one in the list keeps its old values. Use `/=` under `torch.no_grad()`.",
    ),
    Misconception(
        name="lsuv-measures-before-rescaling",
        function="lsuv_",
        code="""
def lsuv_(weights, x, activation, tol=0.01, max_iter=10, generator=None):
    phi = ACTIVATIONS[activation]
    with torch.no_grad():
        for weight in weights:
            orthogonal_(weight, generator=generator)
        variances = []
        for weight in weights:
            z = x @ weight.T
            variances.append(z.var())
            x = phi(z)
        for weight, variance in zip(weights, variances):
            if max_iter and (variance - 1).abs() > tol:
                weight /= variance.sqrt()
    return weights
""",
        message="The next layer is measured with an output from before the rescaling. Rescaling a layer changes the input of the next: finish "
        "one, compute its output again, and only then measure the next.",
    ),
    Misconception(
        name="lsuv-no-activation",
        function="lsuv_",
        find="x = phi(x @ weight.T)",
        put="x = x @ weight.T",
        message="The activation between the layers is missing, so from the second layer on you measure another network.",
    ),
    Misconception(
        name="lsuv-measures-activations",
        function="lsuv_",
        find="variance = (x @ weight.T).var()",
        put="variance = phi(x @ weight.T).var()",
        message="You set the variance after the activation to 1. LSUV measures the preactivations x Wᵀ.",
    ),
    Misconception(
        name="lsuv-mean-square",
        function="lsuv_",
        find="variance = (x @ weight.T).var()",
        put="variance = (x @ weight.T).square().mean()",
        message="You make the mean square 1. It is the variance that is wanted, which differs if the preactivations have a mean.",
    ),
    Misconception(
        name="lsuv-each-unit-rescaled",
        function="lsuv_",
        find="weight /= variance.sqrt()",
        put="weight /= (x @ weight.T).std(dim=0)[:, None]",
        message="You rescale every unit on its own, and the rows are no longer of equal length. Divide the whole weight by one number.",
    ),
    Misconception(
        name="lsuv-gaussian-start",
        function="lsuv_",
        find="orthogonal_(weight, generator=generator)",
        put="weight.normal_(0, 0.1, generator=generator)",
        message="You start from Gaussian weights. LSUV starts from orthonormal ones.",
    ),
    Misconception(
        name="lsuv-identity-start",
        function="lsuv_",
        find="orthogonal_(weight, generator=generator)",
        put="torch.nn.init.eye_(weight)",
        message="You start from the identity. Its rows are orthonormal, but nothing about it is random: fill each weight with orthogonal_.",
    ),
    Misconception(
        name="lsuv-keeps-old-weights",
        function="lsuv_",
        find="orthogonal_(weight, generator=generator)",
        put="pass",
        message="You rescale the weights as they were. LSUV first fills each with an orthonormal matrix.",
    ),
    Misconception(
        name="lsuv-ignores-tolerance",
        function="lsuv_",
        find="(variance - 1).abs() > tol",
        put="(variance - 1).abs() > 0.01",
        message="You ignore tol. A layer whose variance is within tol of 1 is left as it is.",
    ),
    Misconception(
        name="lsuv-tolerance-of-std",
        function="lsuv_",
        find="(variance - 1).abs() > tol",
        put="(variance.sqrt() - 1).abs() > tol",
        message="You compare the standard deviation with tol. It is the variance that must end within tol of 1.",
    ),
    Misconception(
        name="lsuv-records-gradient",
        function="lsuv_",
        find="with torch.no_grad():",
        put="if True:",
        message="lsuv_ fails for parameters: autograd does not allow in-place changes of a leaf that requires a gradient. Work under `torch.no_grad()`.",
    ),
    Misconception(
        name="lsuv-ignores-generator",
        function="lsuv_",
        find="orthogonal_(weight, generator=generator)",
        put="orthogonal_(weight)",
        message="lsuv_ does not hand its generator to orthogonal_, so the start comes from PyTorch's global one.",
    ),
]

BATCHNORM_FORWARD = [
    Misconception(
        name="batchnorm-unbiased-normalization",
        function="batchnorm_forward",
        find="rows.var(0, correction=0)",
        put="rows.var(0)",
        message="You normalize with the unbiased variance. The batch is normalized with the one that divides by m; only the running variance divides "
        "by m - 1.",
    ),
    Misconception(
        name="batchnorm-biased-running-variance",
        function="batchnorm_forward",
        find="rows.detach().var(0)",
        put="rows.detach().var(0, correction=0)",
        message="The variance in your running statistics divides by m. As an estimate of the population's it divides by m - 1.",
    ),
    Misconception(
        name="batchnorm-momentum-inverted",
        function="batchnorm_forward",
        find="        rows = values.flatten(0, -2)\n",
        put="        rows = values.flatten(0, -2)\n        momentum = 1 - momentum\n",
        message="Your momentum is the weight of the old statistics, as in Keras. Here, as in PyTorch, it is the weight of the new batch.",
    ),
    Misconception(
        name="batchnorm-running-not-averaged",
        function="batchnorm_forward",
        find="        rows = values.flatten(0, -2)\n",
        put="        rows = values.flatten(0, -2)\n        momentum = 1.0\n",
        message="You return the statistics of the last batch. The running ones are an average over the past: momentum times the new, 1 - momentum times the old.",
    ),
    Misconception(
        name="batchnorm-running-statistics-in-training",
        function="batchnorm_forward",
        find="    std = (var + eps).sqrt()\n",
        put="    mean, var = running_mean, running_var\n    std = (var + eps).sqrt()\n",
        message="In training you normalize with the running statistics. The batch's own are used then; the running ones are for evaluation.",
    ),
    Misconception(
        name="batchnorm-batch-statistics-in-evaluation",
        function="batchnorm_forward",
        find="    std = (var + eps).sqrt()\n",
        put="    if not training:\n        rows = values.flatten(0, -2)\n        mean, var = rows.mean(0), rows.var(0, correction=0)\n"
        "    std = (var + eps).sqrt()\n",
        message="In evaluation you normalize with the statistics of the batch, so the output for one example depends on the others. Use the running "
        "statistics.",
    ),
    Misconception(
        name="batchnorm-updates-in-evaluation",
        function="batchnorm_forward",
        find="    std = (var + eps).sqrt()\n",
        put="    if not training:\n        rows = values.flatten(0, -2)\n"
        "        running_mean = torch.lerp(running_mean, rows.mean(0).detach(), momentum)\n"
        "        running_var = torch.lerp(running_var, rows.detach().var(0), momentum)\n"
        "    std = (var + eps).sqrt()\n",
        message="The running statistics change in evaluation. What is learned from test data is a leak: return the given ones.",
    ),
    Misconception(
        name="batchnorm-divides-by-variance",
        function="batchnorm_forward",
        find="(var + eps).sqrt()",
        put="var + eps",
        message="You divide by the variance. Divide by its root, the standard deviation.",
    ),
    Misconception(
        name="batchnorm-eps-outside-root",
        function="batchnorm_forward",
        find="(var + eps).sqrt()",
        put="var.sqrt() + eps",
        message="You add eps to the standard deviation. It stands under the root, added to the variance; where the variance is small the two differ much.",
    ),
    Misconception(
        name="batchnorm-per-example",
        function="batchnorm_forward",
        find="    std = (var + eps).sqrt()\n",
        put="    if training:\n        dims = tuple(range(1, x.ndim))\n        mean = values.mean(dims, keepdim=True)\n"
        "        var = values.var(dims, correction=0, keepdim=True)\n    std = (var + eps).sqrt()\n",
        message="You normalize each example over its channels. That is layer normalization; batch normalization works on each channel, over the batch.",
    ),
    Misconception(
        name="batchnorm-images-over-batch-only",
        function="batchnorm_forward",
        find="    std = (var + eps).sqrt()\n",
        put="    if training:\n        mean, var = values.mean(0), values.var(0, correction=0)\n    std = (var + eps).sqrt()\n",
        message="For images you average over the batch only, so each pixel has statistics of its own. A channel is averaged over N, H and W.",
    ),
    Misconception(
        name="batchnorm-difference-of-squares",
        function="batchnorm_forward",
        find="rows.var(0, correction=0)",
        put="(rows.square().mean(0) - rows.mean(0).square()).clamp(min=0)",
        message="You compute the variance as mean(x²) - mean². In float32 with a large mean the two are nearly equal and nothing is left of their difference. "
        "Subtract the mean first.",
    ),
    Misconception(
        name="batchnorm-mutates-running",
        function="batchnorm_forward",
        find="        running_mean = torch.lerp(running_mean, mean.detach(), momentum)\n"
        "        running_var = torch.lerp(running_var, rows.detach().var(0), momentum)\n",
        put="        running_mean.lerp_(mean.detach(), momentum)\n        running_var.lerp_(rows.detach().var(0), momentum)\n",
        message="You change running_mean and running_var in place. Nothing that is passed in may change: return new tensors.",
    ),
    Misconception(
        name="batchnorm-keeps-graph",
        function="batchnorm_forward",
        find="        running_mean = torch.lerp(running_mean, mean.detach(), momentum)\n"
        "        running_var = torch.lerp(running_var, rows.detach().var(0), momentum)\n",
        put="        running_mean = torch.lerp(running_mean, mean, momentum)\n"
        "        running_var = torch.lerp(running_var, rows.var(0), momentum)\n",
        message="Your running statistics carry the autograd graph of their batch, so every batch ever seen stays in memory. Detach what goes into them.",
    ),
]

BATCHNORM_BACKWARD = [
    Misconception(
        name="batchnorm-backward-constant-statistics",
        function="batchnorm_backward",
        find="if training:",
        put="if False:",
        message="You treat mean and variance as constants. In training each x moves both, which adds two terms to its gradient.",
    ),
    Misconception(
        name="batchnorm-backward-constant-variance",
        function="batchnorm_backward",
        find=" - x_hat * (d * x_hat).mean(0)",
        put="",
        message="The term of the variance is missing: x̂ times the mean of D x̂.",
    ),
    Misconception(
        name="batchnorm-backward-constant-mean",
        function="batchnorm_backward",
        find="d - d.mean(0) - ",
        put="d - ",
        message="The term of the mean is missing, so the gradient does not sum to zero over a channel.",
    ),
    Misconception(
        name="batchnorm-backward-sums-not-divided",
        function="batchnorm_backward",
        find="d - d.mean(0) - x_hat * (d * x_hat).mean(0)",
        put="d - d.sum(0) - x_hat * (d * x_hat).sum(0)",
        message="The two sums are not divided by the number m of values per channel.",
    ),
    Misconception(
        name="batchnorm-backward-evaluation-as-training",
        function="batchnorm_backward",
        find="if training:",
        put="if True:",
        message="You use the training formula after evaluation passes, too. There mean and variance are constants: keep in the cache which it was.",
    ),
    Misconception(
        name="batchnorm-backward-images-batch-only",
        function="batchnorm_backward",
        find="    grad_x = (d / std)",
        put="    if training:\n        d, images = gamma * rows, gamma * grad\n        over = x_hat.reshape(grad.shape)\n"
        "        d = (images - images.mean(0) - over * (images * over).mean(0)).flatten(0, -2)\n    grad_x = (d / std)",
        message="For images your sums run over the batch only. A channel is summed over N, H and W.",
    ),
    Misconception(
        name="batchnorm-backward-no-gamma",
        function="batchnorm_backward",
        find="d = gamma * rows",
        put="d = rows",
        message="gamma is missing in the gradient of x: the gradient of x̂ is gamma times grad_y.",
    ),
    Misconception(
        name="batchnorm-backward-means-of-parameters",
        function="batchnorm_backward",
        find="(rows * x_hat).sum(0), rows.sum(0)",
        put="(rows * x_hat).mean(0), rows.mean(0)",
        message="You average the gradients of gamma and beta. They are sums: the mean was taken once, in the loss.",
    ),
    Misconception(
        name="batchnorm-backward-gamma-and-beta-exchanged",
        function="batchnorm_backward",
        find="return grad_x, grad_gamma, grad_beta",
        put="return grad_x, grad_beta, grad_gamma",
        message="The gradients of gamma and beta are exchanged in what you return.",
    ),
    Misconception(
        name="batchnorm-backward-last-cache",
        function="batchnorm_backward",
        code="""
LAST_CACHE = {}

def batchnorm_backward(grad_y, cache):
    global LAST_CACHE
    x_hat, gamma, std, training = LAST_CACHE["cache"]
    grad = grad_y.movedim(1, -1)
    rows, x_hat = grad.flatten(0, -2), x_hat.flatten(0, -2)
    grad_gamma, grad_beta = (rows * x_hat).sum(0), rows.sum(0)
    d = gamma * rows
    if training:
        d = d - d.mean(0) - x_hat * (d * x_hat).mean(0)
    grad_x = (d / std).reshape(grad.shape).movedim(-1, 1)
    return grad_x, grad_gamma, grad_beta

def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
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
    LAST_CACHE["cache"] = (x_hat, gamma, std, training)
    return y.movedim(-1, 1), LAST_CACHE, running_mean, running_var
""",
        message="All forward passes share one cache, so the second overwrites the first. Each pass returns a cache of its own: a network has many layers.",
    ),
    Misconception(
        name="batchnorm-backward-divides-by-gamma",
        function="batchnorm_backward",
        code="""
def batchnorm_backward(grad_y, cache):
    y, gamma, beta, std, training = cache
    grad = grad_y.movedim(1, -1)
    rows, x_hat = grad.flatten(0, -2), (y.flatten(0, -2) - beta) / gamma
    grad_gamma, grad_beta = (rows * x_hat).sum(0), rows.sum(0)
    d = gamma * rows
    if training:
        d = d - d.mean(0) - x_hat * (d * x_hat).mean(0)
    grad_x = (d / std).reshape(grad.shape).movedim(-1, 1)
    return grad_x, grad_gamma, grad_beta

def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    values = x.movedim(1, -1)
    mean, var = running_mean, running_var
    if training:
        rows = values.flatten(0, -2)
        mean, var = rows.mean(0), rows.var(0, correction=0)
        running_mean = torch.lerp(running_mean, mean.detach(), momentum)
        running_var = torch.lerp(running_var, rows.detach().var(0), momentum)
    std = (var + eps).sqrt()
    y = gamma * (values - mean) / std + beta
    return y.movedim(-1, 1), (y, gamma, beta, std, training), running_mean, running_var
""",
        message="You recover x̂ from y by dividing by gamma, which may be 0: some networks start with gamma = 0. Keep x̂ in the cache.",
    ),
    Misconception(
        name="batchnorm-backward-changes-gradient",
        function="batchnorm_backward",
        find="    d = gamma * rows\n",
        put="    d = rows.mul_(gamma)\n",
        message="You multiply by gamma in place, and grad_y, which belongs to the caller, changes with it. Make a new tensor.",
    ),
]

MISCONCEPTIONS = [
    *MOMENTS,
    *OVERFLOW,
    *FANS,
    *XAVIER,
    *KAIMING,
    *SYMMETRY,
    *ORTHOGONAL,
    *LSUV,
    *BATCHNORM_FORWARD,
    *BATCHNORM_BACKWARD,
]
