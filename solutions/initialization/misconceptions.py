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
        name="moments-standard-deviation",
        function="forward_moments",
        find="x.square().mean()",
        put="x.std()",
        message="You return the standard deviation. Wanted is the mean of the squares, without a root and without the mean "
        "taken off.",
    ),
    Misconception(
        name="moments-root-mean-square",
        function="forward_moments",
        find="x.square().mean()",
        put="x.square().mean().sqrt()",
        message="You return the root of the mean square. Leave the root out.",
    ),
    Misconception(
        name="moments-sum-of-squares",
        function="forward_moments",
        find="x.square().mean()",
        put="x.square().sum(dim=1).mean()",
        message="You sum the squares over the units. The mean is taken over units as well as over the batch.",
    ),
    Misconception(
        name="moments-mean-absolute-value",
        function="forward_moments",
        find="x.square().mean()",
        put="x.abs().mean()",
        message="You return the mean of the absolute values; the mean of the squares is what adds up from layer to layer.",
    ),
    Misconception(
        name="moments-square-of-mean",
        function="forward_moments",
        find="x.square().mean()",
        put="x.mean().square()",
        message="You square the mean, and positive and negative values cancel before. Square first, then take the mean.",
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
        name="moments-std-as-variance",
        function="forward_moments",
        find="weight_std * torch.randn",
        put="weight_std**0.5 * torch.randn",
        message="You treat weight_std as a variance and take its root. It is the standard deviation already.",
    ),
    Misconception(
        name="moments-variance-as-std",
        function="forward_moments",
        find="weight_std * torch.randn",
        put="weight_std**2 * torch.randn",
        message="You multiply the N(0, 1) weights by the variance. Multiply them by weight_std itself.",
    ),
    Misconception(
        name="moments-divided-by-root-width",
        function="forward_moments",
        find="weight_std * torch.randn",
        put="weight_std / width**0.5 * torch.randn",
        message="You divide the weights by √width on top of weight_std. The caller has chosen the standard deviation already.",
    ),
    Misconception(
        name="moments-uniform-weights",
        function="forward_moments",
        find="weight_std * torch.randn(width, width, dtype=torch.float64, generator=generator)",
        put="weight_std * (2 * torch.rand(width, width, dtype=torch.float64, generator=generator) - 1)",
        message="You draw the weights from U(-1, 1), whose variance is 1/3. They should be N(0, 1) times weight_std.",
    ),
    Misconception(
        name="moments-positive-inputs",
        function="forward_moments",
        find="torch.randn(256, width, dtype=torch.float64, generator=generator)",
        put="torch.rand(256, width, dtype=torch.float64, generator=generator)",
        message="The inputs come from U(0, 1): `rand` is uniform, `randn` is the standard normal distribution.",
    ),
    Misconception(
        name="moments-includes-input",
        function="forward_moments",
        find="return torch.stack(moments)",
        put="return torch.stack([torch.ones((), dtype=torch.float64), *moments[:-1]])",
        message="The first number is that of the inputs, so everything is one layer late. Start after the first layer.",
    ),
    Misconception(
        name="moments-only-last-layer",
        function="forward_moments",
        find="return torch.stack(moments)",
        put="return moments[-1]",
        message="You return the last layer only. One number per layer is wanted, the first layer first.",
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
        name="moments-reseeds",
        function="forward_moments",
        find="phi = ACTIVATIONS[activation]",
        put="phi = ACTIVATIONS[activation]\n    generator = torch.Generator().manual_seed(0)",
        message="You replace the generator by a freshly seeded one, so each call gives the same network. Draw from the one given.",
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
        name="overflow-counts-input",
        function="first_nonfinite_layer",
        find="return layer",
        put="return layer + 1",
        message="The number is one too large. The inputs are not a layer: the first product is layer 1.",
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
        name="overflow-of-squares",
        function="first_nonfinite_layer",
        find="not torch.isfinite(x).all()",
        put="not torch.isfinite(x.square().sum())",
        message="You ask whether a sum of squares is finite. Squares overflow at half the depth: ask the entries themselves.",
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
        name="overflow-one-layer-too-many",
        function="first_nonfinite_layer",
        find="range(1, max_layers + 1)",
        put="range(1, max_layers + 2)",
        message="You look at one layer more than max_layers.",
    ),
    Misconception(
        name="overflow-no-none",
        function="first_nonfinite_layer",
        find="return None",
        put="return max_layers",
        message="If every layer is finite the answer is None, not max_layers: that would mean that this layer overflowed.",
    ),
    Misconception(
        name="overflow-std-as-variance",
        function="first_nonfinite_layer",
        find="weight_std * torch.randn",
        put="weight_std**0.5 * torch.randn",
        message="You take the root of weight_std. It is the standard deviation already: multiply N(0, 1) weights by it.",
    ),
    Misconception(
        name="overflow-forgets-weight-std",
        function="first_nonfinite_layer",
        find="(weight_std * torch.randn(width, width, generator=generator))",
        put="torch.randn(width, width, generator=generator)",
        message="weight_std is never used: the weights are N(0, 1) whatever the caller asks for.",
    ),
    Misconception(
        name="overflow-ignores-generator",
        function="first_nonfinite_layer",
        code="""
def first_nonfinite_layer(width, weight_std, generator, max_layers=100):
    x = torch.randn(width, width)
    for layer in range(1, max_layers + 1):
        x = x @ (weight_std * torch.randn(width, width))
        if not torch.isfinite(x).all():
            return layer
    return None
""",
        message="You draw from PyTorch's global generator. Pass generator=generator each time you draw.",
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
        name="fans-kernel-summed",
        function="fan_in_and_fan_out",
        find="math.prod(kernel)",
        put="sum(kernel) or 1",
        message="You add the sizes of the kernel. A kernel of 3×5 has 15 positions, the product.",
    ),
    Misconception(
        name="fans-square-kernel",
        function="fan_in_and_fan_out",
        find="math.prod(kernel)",
        put="kernel[0] ** 2 if kernel else 1",
        message="You square the first size of the kernel. Kernels need not be square, nor two-dimensional: multiply all their sizes.",
    ),
    Misconception(
        name="fans-first-kernel-size",
        function="fan_in_and_fan_out",
        find="math.prod(kernel)",
        put="kernel[0] if kernel else 1",
        message="You use only the first size of the kernel. Multiply all of them.",
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
        name="fans-groups-divide-in-only",
        function="fan_in_and_fan_out",
        find="return inputs * positions, out // groups * positions",
        put="return inputs // groups * positions, out * positions",
        message="The groups divide the wrong one. shape[1] is in/groups already, shape[0] is all of out.",
    ),
    Misconception(
        name="fans-groups-multiply",
        function="fan_in_and_fan_out",
        find="out // groups * positions",
        put="out * groups * positions",
        message="You multiply the fan out by the groups. Groups cut wires: divide.",
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

UNIFORM_LINE = "return tensor.uniform_(-bound, bound, generator=generator)"
NORMAL_LINE = "return tensor.normal_(0, std, generator=generator)"


def in_place_mistakes(function: str, prefix: str, draw: str, fresh: str) -> list[Misconception]:
    """What goes wrong with the tensor: `draw` is the last line of an initializer, `fresh` draws another tensor."""
    return [
        Misconception(
            name=f"{prefix}-new-tensor",
            function=function,
            find=draw,
            put=f"tensor = {fresh}\n        return tensor",
            message=f"{function} makes a new tensor and gives it the old name; the one it was given stays as it was. Fill that one "
            "in place.",
        ),
        Misconception(
            name=f"{prefix}-returns-nothing",
            function=function,
            find=draw,
            put=draw.removeprefix("return "),
            message=f"{function} returns None. Return the tensor, as all initializers do, so that calls can be chained.",
        ),
        Misconception(
            name=f"{prefix}-records-gradient",
            function=function,
            find="with torch.no_grad():",
            put="if True:",
            message=f"{function} fails for a parameter: autograd does not allow in-place changes of a leaf that requires a gradient. "
            "Write under `torch.no_grad()`.",
        ),
        Misconception(
            name=f"{prefix}-freezes-parameter",
            function=function,
            find=draw,
            put="tensor.requires_grad_(False)\n        " + draw,
            message=f"{function} switches requires_grad off, and the optimizer would never train this weight. Use `torch.no_grad()` and "
            "leave requires_grad alone.",
        ),
        Misconception(
            name=f"{prefix}-requires-gradient",
            function=function,
            find=draw,
            put=draw.replace("return ", "") + "\n    return tensor.requires_grad_()",
            message=f"{function} switches requires_grad on. Leave it as the caller had it.",
        ),
        Misconception(
            name=f"{prefix}-replaces-data",
            function=function,
            find=draw,
            put=f"tensor.data = {fresh}\n        return tensor",
            message=f"{function} puts new memory under the tensor. Views of it, and optimizers that share it, keep the old one: copy "
            "the values in with `copy_`.",
        ),
        Misconception(
            name=f"{prefix}-flat-view",
            function=function,
            find=draw,
            put=f"tensor.view(-1).copy_(({fresh}).flatten())\n        return tensor",
            message=f"{function} fails for tensors that are not contiguous: `view(-1)` needs contiguous memory. Methods such as "
            "`uniform_`, `normal_` and `copy_` do not.",
        ),
    ]


def generator_mistakes(function: str, prefix: str, draw: str) -> list[Misconception]:
    """What goes wrong with the generator: `draw` is the line that draws, with generator=generator in it."""
    ignorant = draw.replace("generator=generator", "generator=None")
    return [
        Misconception(
            name=f"{prefix}-ignores-generator",
            function=function,
            find=draw,
            put=ignorant,
            message=f"{function} draws from PyTorch's global generator even if it is given another one: pass generator=generator.",
        ),
        Misconception(
            name=f"{prefix}-seeds-global",
            function=function,
            find=draw,
            put=f"torch.manual_seed(generator.initial_seed() if generator else 0)\n        {ignorant}",
            message=f"{function} seeds PyTorch's global generator. That changes what everyone else draws, and repeats the same "
            "weights at each call: draw from the generator itself.",
        ),
        Misconception(
            name=f"{prefix}-own-seed",
            function=function,
            find="with torch.no_grad():",
            put="generator = torch.Generator().manual_seed(0)\n    with torch.no_grad():",
            message=f"{function} makes a generator of its own with a fixed seed, so each call gives the same weights. Draw from the one "
            "given, or from the global one if it is None.",
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
        name="xavier-uniform-no-gain",
        function="xavier_uniform_",
        find="gain * math.sqrt",
        put="math.sqrt",
        message="xavier_uniform_ forgets the gain: it multiplies the bound.",
    ),
    Misconception(
        name="xavier-uniform-gain-squared",
        function="xavier_uniform_",
        find="gain * math.sqrt",
        put="gain**2 * math.sqrt",
        message="In xavier_uniform_ the gain is squared. It multiplies the standard deviation, and so the bound, once.",
    ),
    Misconception(
        name="xavier-uniform-gain-under-root",
        function="xavier_uniform_",
        find="gain * math.sqrt(6 / sum",
        put="math.sqrt(gain * 6 / sum",
        message="In xavier_uniform_ the gain stands under the root. It multiplies the bound itself.",
    ),
    Misconception(
        name="xavier-uniform-fan-in-only",
        function="xavier_uniform_",
        find="sum(fan_in_and_fan_out(tensor.shape))",
        put="(2 * fan_in_and_fan_out(tensor.shape)[0])",
        message="xavier_uniform_ uses only the fan in. Xavier is the compromise between both directions: fan in plus fan out.",
    ),
    Misconception(
        name="xavier-uniform-fan-out-only",
        function="xavier_uniform_",
        find="sum(fan_in_and_fan_out(tensor.shape))",
        put="(2 * fan_in_and_fan_out(tensor.shape)[1])",
        message="xavier_uniform_ uses only the fan out. Xavier is the compromise between both directions: fan in plus fan out.",
    ),
    Misconception(
        name="xavier-uniform-fans-multiplied",
        function="xavier_uniform_",
        find="sum(fan_in_and_fan_out(tensor.shape))",
        put="math.prod(fan_in_and_fan_out(tensor.shape))",
        message="xavier_uniform_ multiplies the two fans. Their sum belongs under the root.",
    ),
    Misconception(
        name="xavier-uniform-without-kernel",
        function="xavier_uniform_",
        find="sum(fan_in_and_fan_out(tensor.shape))",
        put="sum(fan_in_and_fan_out(tensor.shape[:2]))",
        message="xavier_uniform_ forgets the kernel of a convolution: its positions belong to both fans.",
    ),
    Misconception(
        name="xavier-uniform-no-root",
        function="xavier_uniform_",
        find="math.sqrt(6 / sum(fan_in_and_fan_out(tensor.shape)))",
        put="(6 / sum(fan_in_and_fan_out(tensor.shape)))",
        message="xavier_uniform_ forgets the root: 6/(fan in + fan out) is the square of the bound.",
    ),
    Misconception(
        name="xavier-uniform-positive",
        function="xavier_uniform_",
        find="tensor.uniform_(-bound, bound,",
        put="tensor.uniform_(0, bound,",
        message="All weights of your xavier_uniform_ are positive. The distribution goes from -b to b and has mean 0.",
    ),
    Misconception(
        name="xavier-uniform-two-values",
        function="xavier_uniform_",
        find="tensor.uniform_(-bound, bound, generator=generator)",
        put="tensor.uniform_(-bound, bound, generator=generator).sign_().mul_(bound / math.sqrt(3))",
        message="Your xavier_uniform_ draws two values only. Uniform means that every number between -b and b is as likely.",
    ),
    Misconception(
        name="xavier-uniform-is-normal",
        function="xavier_uniform_",
        find="tensor.uniform_(-bound, bound, generator=generator)",
        put="tensor.normal_(0, bound / math.sqrt(3), generator=generator)",
        message="Your xavier_uniform_ draws from a normal distribution. It has the right standard deviation, but weights beyond the "
        "bound.",
    ),
    Misconception(
        name="xavier-uniform-same-row",
        function="xavier_uniform_",
        find="return tensor.uniform_(-bound, bound, generator=generator)",
        put="return tensor.copy_(tensor[:1].clone().uniform_(-bound, bound, generator=generator))",
        message="All rows of your weight are equal, so all units of the layer are the same. Draw every entry.",
    ),
    Misconception(
        name="xavier-uniform-one-draw-per-row",
        function="xavier_uniform_",
        find="return tensor.uniform_(-bound, bound, generator=generator)",
        put="tensor.zero_()\n        first = tensor[(slice(None),) + (slice(0, 1),) * (tensor.ndim - 1)]\n"
        "        return tensor.add_(first.clone().uniform_(-bound, bound, generator=generator))",
        message="Each row of your weight holds one number, repeated. Draw every entry.",
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
        name="xavier-normal-without-two",
        function="xavier_normal_",
        find="math.sqrt(2 /",
        put="math.sqrt(1 /",
        message="The factor 2 is missing in xavier_normal_: the variance is one over the *mean* of the two fans.",
    ),
    Misconception(
        name="xavier-normal-no-gain",
        function="xavier_normal_",
        find="gain * math.sqrt",
        put="math.sqrt",
        message="xavier_normal_ forgets the gain: it multiplies the standard deviation.",
    ),
    Misconception(
        name="xavier-normal-gain-squared",
        function="xavier_normal_",
        find="gain * math.sqrt",
        put="gain**2 * math.sqrt",
        message="In xavier_normal_ the gain is squared. It multiplies the standard deviation once.",
    ),
    Misconception(
        name="xavier-normal-fan-in-only",
        function="xavier_normal_",
        find="sum(fan_in_and_fan_out(tensor.shape))",
        put="(2 * fan_in_and_fan_out(tensor.shape)[0])",
        message="xavier_normal_ uses only the fan in. Xavier is the compromise between both directions: fan in plus fan out.",
    ),
    Misconception(
        name="xavier-normal-fans-multiplied",
        function="xavier_normal_",
        find="sum(fan_in_and_fan_out(tensor.shape))",
        put="math.prod(fan_in_and_fan_out(tensor.shape))",
        message="xavier_normal_ multiplies the two fans. Their sum belongs under the root.",
    ),
    Misconception(
        name="xavier-normal-without-kernel",
        function="xavier_normal_",
        find="sum(fan_in_and_fan_out(tensor.shape))",
        put="sum(fan_in_and_fan_out(tensor.shape[:2]))",
        message="xavier_normal_ forgets the kernel of a convolution: its positions belong to both fans.",
    ),
    Misconception(
        name="xavier-normal-is-uniform",
        function="xavier_normal_",
        find="tensor.normal_(0, std, generator=generator)",
        put="tensor.uniform_(-math.sqrt(3) * std, math.sqrt(3) * std, generator=generator)",
        message="Your xavier_normal_ draws from a uniform distribution. It has the right standard deviation, but the wrong shape.",
    ),
    Misconception(
        name="xavier-normal-truncated",
        function="xavier_normal_",
        find="return tensor.normal_(0, std, generator=generator)",
        put="return torch.nn.init.trunc_normal_(tensor, 0.0, std, -2 * std, 2 * std, generator=generator)",
        message="Your xavier_normal_ cuts the normal distribution off at two standard deviations, which also makes its standard deviation "
        "12 % smaller. Do not truncate.",
    ),
    *in_place_mistakes(
        "xavier_uniform_",
        "xavier-uniform",
        UNIFORM_LINE,
        "(2 * torch.rand(tensor.shape, dtype=tensor.dtype, generator=generator) - 1) * bound",
    ),
    *generator_mistakes("xavier_uniform_", "xavier-uniform", UNIFORM_LINE),
    *in_place_mistakes(
        "xavier_normal_",
        "xavier-normal",
        NORMAL_LINE,
        "torch.randn(tensor.shape, dtype=tensor.dtype, generator=generator) * std",
    ),
    *generator_mistakes("xavier_normal_", "xavier-normal", NORMAL_LINE),
]


def kaiming_mistakes(kind: str, number: str, name: str) -> list[Misconception]:
    """Mistakes in the formula, the same for both versions: `number` is 6 or 2, `name` what is computed with it."""
    function, prefix = f"kaiming_{kind}_", f"kaiming-{kind}"
    return [
        Misconception(
            name=f"{prefix}-without-factor-two",
            function=function,
            find=f"math.sqrt({number} /",
            put=f"math.sqrt({number} / 2 /",
            message=f"The factor 2 for relu is missing in {function}: half of the mean square is lost in each layer, and 2 makes up for it.",
        ),
        Misconception(
            name=f"{prefix}-ignores-slope",
            function=function,
            find="((1 + a**2) * fan)",
            put="fan",
            message=f"{function} ignores the slope a: a leaky relu keeps (1 + a²)/2 of the mean square, so divide by (1 + a²).",
        ),
        Misconception(
            name=f"{prefix}-slope-not-squared",
            function=function,
            find="(1 + a**2)",
            put="(1 + a)",
            message=f"In {function} the slope is not squared: what passes the negative side is multiplied by a, and its square by a².",
        ),
        Misconception(
            name=f"{prefix}-slope-subtracted",
            function=function,
            find="(1 + a**2)",
            put="(1 - a**2 if a**2 < 1 else 1 + a**2)",
            message=f"In {function} the a² is subtracted. The negative side adds to the mean square: 1 + a².",
        ),
        Misconception(
            name=f"{prefix}-slope-multiplied",
            function=function,
            find=f"math.sqrt({number} / ((1 + a**2) * fan))",
            put=f"math.sqrt({number} * (1 + a**2) / fan)",
            message=f"{function} multiplies by (1 + a²). A leaky relu loses less than relu, so the weights are smaller: divide.",
        ),
        Misconception(
            name=f"{prefix}-slope-outside-root",
            function=function,
            find=f"math.sqrt({number} / ((1 + a**2) * fan))",
            put=f"math.sqrt({number} / fan) / (1 + a**2)",
            message=f"In {function} the (1 + a²) stands outside the root. It belongs to the variance, under the root.",
        ),
        Misconception(
            name=f"{prefix}-slope-as-gain",
            function=function,
            find=f"math.sqrt({number} / ((1 + a**2) * fan))",
            put=f"(a or 1) * math.sqrt({number} / fan)",
            message=f"{function} uses a as a gain. It is the slope of the leaky relu on the negative side, and enters as 1 + a².",
        ),
        Misconception(
            name=f"{prefix}-ignores-mode",
            function=function,
            find="* fan)",
            put="* fan_in)",
            message=f"{function} uses the fan in whatever the mode is.",
        ),
        Misconception(
            name=f"{prefix}-modes-swapped",
            function=function,
            find='{"fan_in": fan_in, "fan_out": fan_out}',
            put='{"fan_in": fan_out, "fan_out": fan_in}',
            message=f"{function} uses the fan out for fan_in and the other way round.",
        ),
        Misconception(
            name=f"{prefix}-both-fans",
            function=function,
            find="* fan)",
            put="* (fan_in + fan_out) / 2)",
            message=f"{function} averages the fans, as Xavier does. Kaiming takes the one that the mode names.",
        ),
        Misconception(
            name=f"{prefix}-without-kernel",
            function=function,
            find="fan_in_and_fan_out(tensor.shape)",
            put="fan_in_and_fan_out(tensor.shape[:2])",
            message=f"{function} forgets the kernel of a convolution: its positions belong to the fans.",
        ),
    ]


KAIMING = [
    *kaiming_mistakes("uniform", "6", "bound"),
    *kaiming_mistakes("normal", "2", "std"),
    Misconception(
        name="kaiming-uniform-std-as-bound",
        function="kaiming_uniform_",
        find="math.sqrt(6 /",
        put="math.sqrt(2 /",
        message="You use the standard deviation as the bound of the uniform distribution. The variance of U(-b, b) is b²/3, so the "
        "bound is √3 times larger.",
    ),
    Misconception(
        name="kaiming-uniform-positive",
        function="kaiming_uniform_",
        find="tensor.uniform_(-bound, bound,",
        put="tensor.uniform_(0, bound,",
        message="All weights of your kaiming_uniform_ are positive. The distribution goes from -b to b and has mean 0.",
    ),
    Misconception(
        name="kaiming-uniform-linear-default",
        function="kaiming_uniform_",
        find="math.sqrt(6 / ((1 + a**2) * fan))",
        put="1 / math.sqrt(fan)",
        message="This is the default of torch.nn.Linear, U(±1/√fan in), which is kaiming_uniform_ with a = √5 only. With relu it loses "
        "five sixths of the mean square per layer.",
    ),
    Misconception(
        name="kaiming-uniform-is-normal",
        function="kaiming_uniform_",
        find="tensor.uniform_(-bound, bound, generator=generator)",
        put="tensor.normal_(0, bound / math.sqrt(3), generator=generator)",
        message="Your kaiming_uniform_ draws from a normal distribution. It has the right standard deviation, but weights beyond the "
        "bound.",
    ),
    Misconception(
        name="kaiming-normal-variance-as-std",
        function="kaiming_normal_",
        find="math.sqrt(2 / ((1 + a**2) * fan))",
        put="2 / ((1 + a**2) * fan)",
        message="You pass the variance where the standard deviation is wanted: take the root.",
    ),
    Misconception(
        name="kaiming-normal-bound-as-std",
        function="kaiming_normal_",
        find="math.sqrt(2 /",
        put="math.sqrt(6 /",
        message="The standard deviation of your kaiming_normal_ is √3 too large. The 6 belongs to the bound of the uniform version.",
    ),
    Misconception(
        name="kaiming-normal-is-uniform",
        function="kaiming_normal_",
        find="tensor.normal_(0, std, generator=generator)",
        put="tensor.uniform_(-math.sqrt(3) * std, math.sqrt(3) * std, generator=generator)",
        message="Your kaiming_normal_ draws from a uniform distribution. It has the right standard deviation, but the wrong shape.",
    ),
    Misconception(
        name="kaiming-normal-truncated",
        function="kaiming_normal_",
        find="return tensor.normal_(0, std, generator=generator)",
        put="return torch.nn.init.trunc_normal_(tensor, 0.0, std, -2 * std, 2 * std, generator=generator)",
        message="Your kaiming_normal_ cuts the normal distribution off at two standard deviations, which also makes its standard deviation "
        "12 % smaller. Do not truncate.",
    ),
    *in_place_mistakes(
        "kaiming_uniform_",
        "kaiming-uniform",
        UNIFORM_LINE,
        "(2 * torch.rand(tensor.shape, dtype=tensor.dtype, generator=generator) - 1) * bound",
    ),
    *generator_mistakes("kaiming_uniform_", "kaiming-uniform", UNIFORM_LINE),
    *in_place_mistakes(
        "kaiming_normal_",
        "kaiming-normal",
        NORMAL_LINE,
        "torch.randn(tensor.shape, dtype=tensor.dtype, generator=generator) * std",
    ),
    *generator_mistakes("kaiming_normal_", "kaiming-normal", NORMAL_LINE),
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
        name="symmetry-first-row-only",
        function="distinct_units",
        find="for other in kept)",
        put="for other in kept[:1])",
        message="You compare each row with the first one only.",
    ),
    Misconception(
        name="symmetry-any-row",
        function="distinct_units",
        find="if all(",
        put="if not kept or any(",
        message="You count a row if it differs from *some* row before it. It is new only if it differs from all of them.",
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
        name="symmetry-sum-of-differences",
        function="distinct_units",
        find="(row - other).abs().max() > tol",
        put="(row - other).sum().abs() > tol",
        message="You compare the sums of the rows, in which differences cancel. Take the absolute value of each difference first.",
    ),
    Misconception(
        name="symmetry-norms",
        function="distinct_units",
        find="(row - other).abs().max() > tol",
        put="(row.norm() - other.norm()).abs() > tol",
        message="You compare the lengths of the rows. Two units with weights of the same length can look at different things.",
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
        name="symmetry-counts-copies",
        function="distinct_units",
        find="return len(kept)",
        put="return len(weight) - len(kept)",
        message="You count the rows that are copies of others. Wanted is how many are different.",
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

ORTHOGONAL_LINE = "return tensor.copy_(gain * q.reshape(tensor.shape))"
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
        name="orthogonal-divided-by-diagonal",
        function="orthogonal_",
        find="q * r.diagonal().sign()",
        put="q / r.diagonal()",
        message="You divide the columns of Q by the diagonal of R, and their length is not 1 any more. Only the sign is wanted.",
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
        name="orthogonal-rotations-only",
        function="orthogonal_",
        find="    q = q * r.diagonal().sign()\n",
        put="    q = q * r.diagonal().sign()\n    if rows == columns and torch.linalg.det(q) < 0:\n        q[:, 0] = -q[:, 0]\n",
        message="You make every square matrix a rotation (determinant 1). Haar measure on O(n) has as many reflections.",
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
        name="orthogonal-gaussian",
        function="orthogonal_",
        find="    q, r = torch.linalg.qr(torch.randn(tall, dtype=tensor.dtype, generator=generator))\n"
        "    q = q * r.diagonal().sign()\n",
        put="    q = torch.randn(tall, dtype=tensor.dtype, generator=generator) / max(tall) ** 0.5\n",
        message="A Gaussian matrix scaled by 1/√n is orthogonal only on average. Factor it.",
    ),
    Misconception(
        name="orthogonal-identity",
        function="orthogonal_",
        find="    q = q * r.diagonal().sign()\n",
        put="    q = torch.eye(*tall, dtype=tensor.dtype)\n",
        message="You fill the weight with the identity. It is orthogonal, but not random.",
    ),
    Misconception(
        name="orthogonal-wrong-flattening",
        function="orthogonal_",
        find="    rows, columns = tensor.flatten(1).shape\n",
        put="    columns = tensor.shape[-1]\n    rows = tensor.numel() // columns\n",
        message="You flatten a convolution to (everything else, last). A unit is one output channel: the matrix has shape (out, everything else).",
    ),
    Misconception(
        name="orthogonal-in-first",
        function="orthogonal_",
        find="    with torch.no_grad():\n        return tensor.copy_(gain * q.reshape(tensor.shape))",
        put="    swapped = tensor.transpose(0, 1).shape\n    with torch.no_grad():\n"
        "        return tensor.copy_(gain * q.reshape(rows, columns).reshape(swapped).transpose(0, 1))",
        message="Your matrix is orthogonal for the shape (in, out). A weight has shape (out, in, *kernel): flatten it from its second dimension on.",
    ),
    Misconception(
        name="orthogonal-per-position",
        function="orthogonal_",
        code="""
def orthogonal_(tensor, gain=1.0, generator=None):
    rows, columns = tensor.shape[:2]
    tall = max(rows, columns), min(rows, columns)
    with torch.no_grad():
        pieces = []
        for _ in range(math.prod(tensor.shape[2:])):
            q, r = torch.linalg.qr(torch.randn(tall, dtype=tensor.dtype, generator=generator))
            q = q * r.diagonal().sign()
            pieces.append(q if rows >= columns else q.T)
        return tensor.copy_(gain * torch.stack(pieces, dim=-1).reshape(tensor.shape))
""",
        message="You make one orthogonal matrix for each position of the kernel. Flatten the weight to (out, everything else) and make one in all.",
    ),
    Misconception(
        name="orthogonal-no-transpose",
        function="orthogonal_",
        find="    if rows < columns:\n        q = q.T\n",
        put="",
        message="For a wide weight your matrix has the entries of the tall one in another order, and its rows are not orthonormal: transpose, do not reshape.",
    ),
    Misconception(
        name="orthogonal-wide-cut",
        function="orthogonal_",
        find="tall = max(rows, columns), min(rows, columns)",
        put="tall = (max(rows, columns),) * 2",
        message="You make a square matrix where a wide or tall one is needed. Give the factorization the tall shape and transpose if the weight is wide.",
    ),
    Misconception(
        name="orthogonal-gain-squared",
        function="orthogonal_",
        find="gain * q.reshape",
        put="gain**2 * q.reshape",
        message="The gain is squared. It multiplies the matrix once, so the products of rows with themselves are gain².",
    ),
    Misconception(
        name="orthogonal-gain-root",
        function="orthogonal_",
        find="gain * q.reshape",
        put="gain**0.5 * q.reshape",
        message="You multiply by the root of the gain. The gain multiplies the matrix; its square stands before the identity.",
    ),
    Misconception(
        name="orthogonal-no-gain",
        function="orthogonal_",
        find="gain * q.reshape",
        put="q.reshape",
        message="The gain is forgotten: it multiplies the orthogonal matrix.",
    ),
    Misconception(
        name="orthogonal-gain-divides",
        function="orthogonal_",
        find="gain * q.reshape",
        put="1 / gain * q.reshape",
        message="You divide by the gain. It multiplies the matrix.",
    ),
    Misconception(
        name="orthogonal-float32",
        function="orthogonal_",
        find="torch.randn(tall, dtype=tensor.dtype, generator=generator)",
        put="torch.randn(tall, generator=generator)",
        message="You factor in float32, so a float64 weight is orthogonal only to 1e-7. Draw with dtype=tensor.dtype.",
    ),
    *in_place_mistakes("orthogonal_", "orthogonal", ORTHOGONAL_LINE, "(gain * q.reshape(tensor.shape))"),
    Misconception(
        name="orthogonal-ignores-generator",
        function="orthogonal_",
        find="torch.randn(tall, dtype=tensor.dtype, generator=generator)",
        put="torch.randn(tall, dtype=tensor.dtype)",
        message="orthogonal_ draws from PyTorch's global generator even if it is given another one: pass generator=generator.",
    ),
    Misconception(
        name="orthogonal-own-seed",
        function="orthogonal_",
        find="    tall = max(rows, columns), min(rows, columns)\n",
        put="    tall = max(rows, columns), min(rows, columns)\n    generator = torch.Generator().manual_seed(0)\n",
        message="orthogonal_ makes a generator of its own with a fixed seed, so each call gives the same weights. Draw from the one given, or from "
        "the global one if it is None.",
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
        name="lsuv-multiplies",
        function="lsuv_",
        find="weight /= variance.sqrt()",
        put="weight *= variance.sqrt()",
        message="You multiply by the standard deviation, which makes it worse each time. Divide.",
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
        name="lsuv-measures-input",
        function="lsuv_",
        find="variance = (x @ weight.T).var()",
        put="variance = x.var()",
        message="You measure the input of the layer. It is the variance of the preactivations x Wᵀ that has to become 1.",
    ),
    Misconception(
        name="lsuv-every-layer-sees-the-data",
        function="lsuv_",
        find="            x = phi(x @ weight.T)\n",
        put="            x = phi(x @ weight.T) if len(weights) == 1 else phi(x @ torch.eye(*reversed(weight.shape), dtype=x.dtype))\n",
        message="The output of a layer does not go on to the next one. Send it through the rescaled weight and the activation.",
    ),
    Misconception(
        name="lsuv-mean-square",
        function="lsuv_",
        find="variance = (x @ weight.T).var()",
        put="variance = (x @ weight.T).square().mean()",
        message="You make the mean square 1. It is the variance that is wanted, which differs if the preactivations have a mean.",
    ),
    Misconception(
        name="lsuv-variance-per-unit",
        function="lsuv_",
        find="variance = (x @ weight.T).var()",
        put="variance = (x @ weight.T).var(dim=0).mean()",
        message="You average the variances of the units. Wanted is one variance over batch and units together, which also counts how the units' means differ.",
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
        name="lsuv-keeps-old-weights",
        function="lsuv_",
        find="orthogonal_(weight, generator=generator)",
        put="pass",
        message="You rescale the weights as they were. LSUV first fills each with an orthonormal matrix.",
    ),
    Misconception(
        name="lsuv-skips-last-layer",
        function="lsuv_",
        find="            for _ in range(max_iter):\n",
        put="            for _ in range(max_iter if weight is not weights[-1] or len(weights) == 1 else 0):\n",
        message="The last layer is not rescaled. Each weight of the list is.",
    ),
    Misconception(
        name="lsuv-ignores-tolerance",
        function="lsuv_",
        find="(variance - 1).abs() <= tol",
        put="(variance - 1).abs() <= 0.01",
        message="You ignore tol. A layer whose variance is within tol of 1 is left as it is.",
    ),
    Misconception(
        name="lsuv-tolerance-one-sided",
        function="lsuv_",
        find="(variance - 1).abs() <= tol",
        put="variance - 1 <= tol",
        message="You stop when the variance is small, even if it is much smaller than 1. Compare the absolute value of the difference.",
    ),
    Misconception(
        name="lsuv-rescales-at-least-once",
        function="lsuv_",
        find="for _ in range(max_iter):",
        put="for _ in range(max(1, max_iter)):",
        message="With max_iter = 0 nothing may be rescaled.",
    ),
    Misconception(
        name="lsuv-returns-nothing",
        function="lsuv_",
        find="    return weights",
        put="",
        message="lsuv_ returns None. Return the list of weights.",
    ),
    Misconception(
        name="lsuv-returns-copies",
        function="lsuv_",
        find="    return weights",
        put="    return [weight.clone() for weight in weights]",
        message="lsuv_ returns copies of the weights. Return the list that it was given.",
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
    Misconception(
        name="lsuv-changes-input",
        function="lsuv_",
        find="    with torch.no_grad():\n",
        put="    with torch.no_grad():\n        x /= x.std().clamp(min=1e-12)\n",
        message="lsuv_ normalizes x itself. The weights are to fit the data as it is, and the caller's x must stay as it was.",
    ),
]

BATCHNORM_FORWARD = [
    Misconception(
        name="batchnorm-unbiased-normalization",
        function="batchnorm_forward",
        find="scale = (var + eps).rsqrt()",
        put="scale = ((var * count / (count - 1) if training else var) + eps).rsqrt()",
        message="You normalize with the unbiased variance. The batch is normalized with the one that divides by m; only the running variance divides "
        "by m - 1.",
    ),
    Misconception(
        name="batchnorm-biased-running-variance",
        function="batchnorm_forward",
        find="momentum * var.detach() * count / (count - 1)",
        put="momentum * var.detach()",
        message="The variance in your running statistics divides by m. As an estimate of the population's it divides by m - 1.",
    ),
    Misconception(
        name="batchnorm-variances-exchanged",
        function="batchnorm_forward",
        find="    else:\n        centred, var = x - running_mean.view(shape), running_var\n    scale = (var + eps).rsqrt()",
        put="        running_var = running_var - momentum * var.detach() / (count - 1)\n        var = var * count / (count - 1)\n"
        "    else:\n        centred, var = x - running_mean.view(shape), running_var\n    scale = (var + eps).rsqrt()",
        message="The two variances are exchanged: divide by m to normalize, by m - 1 for the running variance.",
    ),
    Misconception(
        name="batchnorm-momentum-inverted",
        function="batchnorm_forward",
        code="""
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    dims = [0, *range(2, x.ndim)]
    shape = [1, -1] + [1] * (x.ndim - 2)
    if training:
        count = x.numel() // x.shape[1]
        mean = x.mean(dims)
        centred = x - mean.view(shape)
        var = centred.square().mean(dims)
        running_mean = momentum * running_mean + (1 - momentum) * mean.detach()
        running_var = momentum * running_var + (1 - momentum) * var.detach() * count / (count - 1)
    else:
        centred, var = x - running_mean.view(shape), running_var
    scale = (var + eps).rsqrt()
    x_hat = centred * scale.view(shape)
    y = gamma.view(shape) * x_hat + beta.view(shape)
    return y, (x_hat, gamma * scale, training), running_mean, running_var
""",
        message="Your momentum is the weight of the old statistics, as in Keras. Here, as in PyTorch, it is the weight of the new batch.",
    ),
    Misconception(
        name="batchnorm-running-mean-inverted",
        function="batchnorm_forward",
        find="(1 - momentum) * running_mean + momentum * mean.detach()",
        put="momentum * running_mean + (1 - momentum) * mean.detach()",
        message="In the running mean the weights are exchanged: momentum belongs to the new batch.",
    ),
    Misconception(
        name="batchnorm-running-not-averaged",
        function="batchnorm_forward",
        find="        running_mean = (1 - momentum) * running_mean + momentum * mean.detach()\n"
        "        running_var = (1 - momentum) * running_var + momentum * var.detach() * count / (count - 1)\n",
        put="        running_mean = mean.detach()\n        running_var = var.detach() * count / (count - 1)\n",
        message="You return the statistics of the last batch. The running ones are an average over the past: momentum times the new, 1 - momentum times the old.",
    ),
    Misconception(
        name="batchnorm-running-summed",
        function="batchnorm_forward",
        find="(1 - momentum) * running_mean + momentum * mean.detach()",
        put="running_mean + momentum * mean.detach()",
        message="The old running mean is not multiplied by 1 - momentum, so it grows without bound.",
    ),
    Misconception(
        name="batchnorm-running-standard-deviation",
        function="batchnorm_forward",
        find="momentum * var.detach() * count / (count - 1)",
        put="momentum * (var.detach() * count / (count - 1)).sqrt()",
        message="You average standard deviations. The running variance is an average of variances.",
    ),
    Misconception(
        name="batchnorm-normalizes-with-updated-running",
        function="batchnorm_forward",
        find="    else:\n        centred, var = x - running_mean.view(shape), running_var\n",
        put="        centred, var = x - running_mean.view(shape), running_var\n"
        "    else:\n        centred, var = x - running_mean.view(shape), running_var\n",
        message="In training you normalize with the running statistics. The batch's own are used then; the running ones are for evaluation.",
    ),
    Misconception(
        name="batchnorm-batch-statistics-in-evaluation",
        function="batchnorm_forward",
        find="centred, var = x - running_mean.view(shape), running_var",
        put="mean = x.mean(dims)\n        centred = x - mean.view(shape)\n        var = centred.square().mean(dims)",
        message="In evaluation you normalize with the statistics of the batch, so the output for one example depends on the others. Use the running "
        "statistics.",
    ),
    Misconception(
        name="batchnorm-updates-in-evaluation",
        function="batchnorm_forward",
        find="    scale = (var + eps).rsqrt()\n",
        put="    if not training:\n        mean = x.detach().mean(dims)\n"
        "        running_mean = (1 - momentum) * running_mean + momentum * mean\n"
        "        running_var = (1 - momentum) * running_var + momentum * (x.detach() - mean.view(shape)).square().mean(dims)\n"
        "    scale = (var + eps).rsqrt()\n",
        message="The running statistics change in evaluation. What is learned from test data is a leak: return the given ones.",
    ),
    Misconception(
        name="batchnorm-variance-as-std-in-evaluation",
        function="batchnorm_forward",
        find="    x_hat = centred * scale.view(shape)\n",
        put="    scale = scale if training else 1 / (running_var + eps)\n    x_hat = centred * scale.view(shape)\n",
        message="In evaluation you divide by the running variance. Divide by its root.",
    ),
    Misconception(
        name="batchnorm-divides-by-variance",
        function="batchnorm_forward",
        find="(var + eps).rsqrt()",
        put="1 / (var + eps)",
        message="You divide by the variance. Divide by its root, the standard deviation.",
    ),
    Misconception(
        name="batchnorm-eps-outside-root",
        function="batchnorm_forward",
        find="(var + eps).rsqrt()",
        put="1 / (var.sqrt() + eps)",
        message="You add eps to the standard deviation. It stands under the root, added to the variance; where the variance is small the two differ much.",
    ),
    Misconception(
        name="batchnorm-no-eps",
        function="batchnorm_forward",
        find="(var + eps).rsqrt()",
        put="var.rsqrt()",
        message="eps is missing: where all values of a channel are equal you divide by zero.",
    ),
    Misconception(
        name="batchnorm-eps-clamps",
        function="batchnorm_forward",
        find="(var + eps).rsqrt()",
        put="var.clamp(min=eps).rsqrt()",
        message="You use eps as a lower limit of the variance. It is added to the variance.",
    ),
    Misconception(
        name="batchnorm-eps-in-running-variance",
        function="batchnorm_forward",
        find="momentum * var.detach() * count / (count - 1)",
        put="momentum * (var.detach() * count / (count - 1) + eps)",
        message="eps ends up in the running variance. It is added only where the root is taken.",
    ),
    Misconception(
        name="batchnorm-per-example",
        function="batchnorm_forward",
        code="""
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    shape = [1, -1] + [1] * (x.ndim - 2)
    dims = list(range(1, x.ndim))
    if training:
        mean = x.mean(dims, keepdim=True)
        var = x.var(dims, keepdim=True, correction=0)
        running_mean = (1 - momentum) * running_mean + momentum * mean.mean().detach()
        running_var = (1 - momentum) * running_var + momentum * var.mean().detach()
    else:
        mean, var = running_mean.view(shape), running_var.view(shape)
    x_hat = (x - mean) / (var + eps).sqrt()
    y = gamma.view(shape) * x_hat + beta.view(shape)
    return y, (x_hat, gamma / (running_var + eps).sqrt(), training), running_mean, running_var
""",
        message="You normalize each example over its channels. That is layer normalization; batch normalization works on each channel, over the batch.",
    ),
    Misconception(
        name="batchnorm-over-everything",
        function="batchnorm_forward",
        find="        mean = x.mean(dims)\n",
        put="        mean = x.mean().expand(x.shape[1])\n",
        message="You subtract one mean for all channels. Each channel has its own.",
    ),
    Misconception(
        name="batchnorm-images-over-batch-only",
        function="batchnorm_forward",
        code="""
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    shape = [1, -1] + [1] * (x.ndim - 2)
    if training:
        mean = x.mean(0, keepdim=True)
        var = (x - mean).square().mean(0, keepdim=True)
        dims = [0, *range(2, x.ndim)]
        count = x.numel() // x.shape[1]
        running_mean = (1 - momentum) * running_mean + momentum * x.mean(dims).detach()
        running_var = (1 - momentum) * running_var + momentum * x.var(dims).detach()
    else:
        mean, var = running_mean.view(shape), running_var.view(shape)
    x_hat = (x - mean) / (var + eps).sqrt()
    y = gamma.view(shape) * x_hat + beta.view(shape)
    return y, (x_hat, gamma / (running_var + eps).sqrt(), training), running_mean, running_var
""",
        message="For images you average over the batch only, so each pixel has statistics of its own. A channel is averaged over N, H and W.",
    ),
    Misconception(
        name="batchnorm-images-count-is-batch-size",
        function="batchnorm_forward",
        find="count = x.numel() // x.shape[1]",
        put="count = x.shape[0] if x.shape[0] > 1 else x.numel() // x.shape[1]",
        message="For images the number m of values per channel is N·H·W, not N: the factor m/(m - 1) of the running variance is too large.",
    ),
    Misconception(
        name="batchnorm-difference-of-squares",
        function="batchnorm_forward",
        find="var = centred.square().mean(dims)",
        put="var = (x.square().mean(dims) - mean.square()).clamp(min=0)",
        message="You compute the variance as mean(x²) - mean². In float32 with a large mean the two are nearly equal and nothing is left of their difference. "
        "Subtract the mean first.",
    ),
    Misconception(
        name="batchnorm-mutates-running",
        function="batchnorm_forward",
        find="        running_mean = (1 - momentum) * running_mean + momentum * mean.detach()\n"
        "        running_var = (1 - momentum) * running_var + momentum * var.detach() * count / (count - 1)\n",
        put="        running_mean.mul_(1 - momentum).add_(momentum * mean.detach())\n"
        "        running_var.mul_(1 - momentum).add_(momentum * var.detach() * count / (count - 1))\n",
        message="You change running_mean and running_var in place. Nothing that is passed in may change: return new tensors.",
    ),
    Misconception(
        name="batchnorm-keeps-graph",
        function="batchnorm_forward",
        code="""
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    dims = [0, *range(2, x.ndim)]
    shape = [1, -1] + [1] * (x.ndim - 2)
    if training:
        count = x.numel() // x.shape[1]
        mean = x.mean(dims)
        centred = x - mean.view(shape)
        var = centred.square().mean(dims)
        running_mean = (1 - momentum) * running_mean + momentum * mean
        running_var = (1 - momentum) * running_var + momentum * var * count / (count - 1)
    else:
        centred, var = x - running_mean.view(shape), running_var
    scale = (var + eps).rsqrt()
    x_hat = centred * scale.view(shape)
    y = gamma.view(shape) * x_hat + beta.view(shape)
    return y, (x_hat, gamma * scale, training), running_mean, running_var
""",
        message="Your running statistics carry the autograd graph of their batch, so every batch ever seen stays in memory. Detach what goes into them.",
    ),
    Misconception(
        name="batchnorm-beta-scaled",
        function="batchnorm_forward",
        find="gamma.view(shape) * x_hat + beta.view(shape)",
        put="gamma.view(shape) * (x_hat + beta.view(shape))",
        message="gamma multiplies beta as well. First scale, then shift: gamma x̂ + beta.",
    ),
    Misconception(
        name="batchnorm-gamma-and-beta-exchanged",
        function="batchnorm_forward",
        find="gamma.view(shape) * x_hat + beta.view(shape)",
        put="beta.view(shape) * x_hat + gamma.view(shape)",
        message="gamma and beta are exchanged: gamma scales, beta shifts.",
    ),
    Misconception(
        name="batchnorm-no-affine",
        function="batchnorm_forward",
        find="gamma.view(shape) * x_hat + beta.view(shape)",
        put="x_hat + 0 * gamma.view(shape)",
        message="gamma and beta are never applied: y = gamma x̂ + beta.",
    ),
    Misconception(
        name="batchnorm-no-affine-in-evaluation",
        function="batchnorm_forward",
        find="gamma.view(shape) * x_hat + beta.view(shape)",
        put="gamma.view(shape) * x_hat + beta.view(shape) if training else x_hat",
        message="In evaluation gamma and beta are missing. They are part of the layer in both modes.",
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
        find="(grad_beta.view(shape) + x_hat * grad_gamma.view(shape)) / count",
        put="grad_beta.view(shape) / count",
        message="The term of the variance is missing: x̂ times the sum of grad_y x̂.",
    ),
    Misconception(
        name="batchnorm-backward-constant-mean",
        function="batchnorm_backward",
        find="(grad_beta.view(shape) + x_hat * grad_gamma.view(shape)) / count",
        put="x_hat * grad_gamma.view(shape) / count",
        message="The term of the mean is missing, so the gradient does not sum to zero over a channel.",
    ),
    Misconception(
        name="batchnorm-backward-sums-not-divided",
        function="batchnorm_backward",
        find="(grad_beta.view(shape) + x_hat * grad_gamma.view(shape)) / count",
        put="grad_beta.view(shape) - x_hat * grad_gamma.view(shape)",
        message="The two sums are not divided by the number m of values per channel.",
    ),
    Misconception(
        name="batchnorm-backward-extra-division",
        function="batchnorm_backward",
        find="return factor.view(shape) * grad_x_hat, grad_gamma",
        put="return factor.view(shape) * grad_x_hat / (count if training else 1), grad_gamma",
        message="Your gradient of x is too small by the factor m. In the formula 1/m stands before the bracket and m before D: they cancel for the first term.",
    ),
    Misconception(
        name="batchnorm-backward-wrong-sign",
        function="batchnorm_backward",
        find="grad_y - (grad_beta.view(shape)",
        put="grad_y + (grad_beta.view(shape)",
        message="The two terms are added. They are taken away: what shifts or stretches a whole channel has no effect.",
    ),
    Misconception(
        name="batchnorm-backward-evaluation-as-training",
        function="batchnorm_backward",
        find="if training:",
        put="if True:",
        message="You use the training formula after evaluation passes, too. There mean and variance are constants: keep in the cache which it was.",
    ),
    Misconception(
        name="batchnorm-backward-images-count",
        function="batchnorm_backward",
        find="count = grad_y.numel() // grad_y.shape[1]",
        put="count = grad_y.shape[0]",
        message="For images m is N·H·W, the number of values per channel, not the batch size.",
    ),
    Misconception(
        name="batchnorm-backward-images-dims",
        function="batchnorm_backward",
        find="    grad_x_hat = grad_y\n    if training:\n        count = grad_y.numel() // grad_y.shape[1]\n"
        "        grad_x_hat = grad_y - (grad_beta.view(shape) + x_hat * grad_gamma.view(shape)) / count\n",
        put="    grad_x_hat = grad_y\n    if training:\n"
        "        grad_x_hat = grad_y - grad_y.mean(0) - x_hat * (grad_y * x_hat).mean(0)\n",
        message="For images your sums run over the batch only. A channel is summed over N, H and W.",
    ),
    Misconception(
        name="batchnorm-backward-no-gamma",
        function="batchnorm_backward",
        code="""
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    dims = [0, *range(2, x.ndim)]
    shape = [1, -1] + [1] * (x.ndim - 2)
    if training:
        count = x.numel() // x.shape[1]
        mean = x.mean(dims)
        centred = x - mean.view(shape)
        var = centred.square().mean(dims)
        running_mean = (1 - momentum) * running_mean + momentum * mean.detach()
        running_var = (1 - momentum) * running_var + momentum * var.detach() * count / (count - 1)
    else:
        centred, var = x - running_mean.view(shape), running_var
    scale = (var + eps).rsqrt()
    x_hat = centred * scale.view(shape)
    y = gamma.view(shape) * x_hat + beta.view(shape)
    return y, (x_hat, scale, training), running_mean, running_var
""",
        message="gamma is missing in the gradient of x: the gradient of x̂ is gamma times grad_y.",
    ),
    Misconception(
        name="batchnorm-backward-no-scale",
        function="batchnorm_backward",
        code="""
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    dims = [0, *range(2, x.ndim)]
    shape = [1, -1] + [1] * (x.ndim - 2)
    if training:
        count = x.numel() // x.shape[1]
        mean = x.mean(dims)
        centred = x - mean.view(shape)
        var = centred.square().mean(dims)
        running_mean = (1 - momentum) * running_mean + momentum * mean.detach()
        running_var = (1 - momentum) * running_var + momentum * var.detach() * count / (count - 1)
    else:
        centred, var = x - running_mean.view(shape), running_var
    scale = (var + eps).rsqrt()
    x_hat = centred * scale.view(shape)
    y = gamma.view(shape) * x_hat + beta.view(shape)
    return y, (x_hat, gamma, training), running_mean, running_var
""",
        message="The gradient of x is not divided by the standard deviation √(v + eps).",
    ),
    Misconception(
        name="batchnorm-backward-gamma-mean",
        function="batchnorm_backward",
        find="grad_x_hat, grad_gamma, grad_beta",
        put="grad_x_hat, (grad_y * x_hat).mean(dims), grad_beta",
        message="You average the gradient of gamma over the batch. It is a sum: the mean was taken once, in the loss.",
    ),
    Misconception(
        name="batchnorm-backward-beta-mean",
        function="batchnorm_backward",
        find="grad_x_hat, grad_gamma, grad_beta",
        put="grad_x_hat, grad_gamma, grad_y.mean(dims)",
        message="You average the gradient of beta over the batch. It is a sum: the mean was taken once, in the loss.",
    ),
    Misconception(
        name="batchnorm-backward-gamma-and-beta-exchanged",
        function="batchnorm_backward",
        find="grad_x_hat, grad_gamma, grad_beta",
        put="grad_x_hat, grad_beta, grad_gamma",
        message="The gradients of gamma and beta are exchanged in what you return.",
    ),
    Misconception(
        name="batchnorm-backward-gamma-without-x-hat",
        function="batchnorm_backward",
        find="grad_x_hat, grad_gamma, grad_beta",
        put="grad_x_hat, grad_y.sum(dims), grad_beta",
        message="The gradient of gamma is that of beta: multiply grad_y by x̂ before you sum.",
    ),
    Misconception(
        name="batchnorm-backward-not-summed",
        function="batchnorm_backward",
        find="grad_x_hat, grad_gamma, grad_beta",
        put="grad_x_hat, grad_y * x_hat, grad_y",
        message="The gradients of gamma and beta have the shape of x. All values of a channel share one gamma and one beta: sum over them.",
    ),
    Misconception(
        name="batchnorm-backward-last-cache",
        function="batchnorm_backward",
        code="""
LAST_CACHE = {}

def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    dims = [0, *range(2, x.ndim)]
    shape = [1, -1] + [1] * (x.ndim - 2)
    if training:
        count = x.numel() // x.shape[1]
        mean = x.mean(dims)
        centred = x - mean.view(shape)
        var = centred.square().mean(dims)
        running_mean = (1 - momentum) * running_mean + momentum * mean.detach()
        running_var = (1 - momentum) * running_var + momentum * var.detach() * count / (count - 1)
    else:
        centred, var = x - running_mean.view(shape), running_var
    scale = (var + eps).rsqrt()
    x_hat = centred * scale.view(shape)
    y = gamma.view(shape) * x_hat + beta.view(shape)
    LAST_CACHE["cache"] = (x_hat, gamma * scale, training)
    return y, LAST_CACHE, running_mean, running_var

def batchnorm_backward(grad_y, cache):
    x_hat, factor, training = cache["cache"]
    dims = [0, *range(2, grad_y.ndim)]
    shape = [1, -1] + [1] * (grad_y.ndim - 2)
    grad_beta = grad_y.sum(dims)
    grad_gamma = (grad_y * x_hat).sum(dims)
    grad_x_hat = grad_y
    if training:
        count = grad_y.numel() // grad_y.shape[1]
        grad_x_hat = grad_y - (grad_beta.view(shape) + x_hat * grad_gamma.view(shape)) / count
    return factor.view(shape) * grad_x_hat, grad_gamma, grad_beta
""",
        message="All forward passes share one cache, so the second overwrites the first. Each pass returns a cache of its own: a network has many layers.",
    ),
    Misconception(
        name="batchnorm-backward-changes-gradient",
        function="batchnorm_backward",
        find="    grad_x_hat = grad_y\n    if training:\n        count = grad_y.numel() // grad_y.shape[1]\n"
        "        grad_x_hat = grad_y - (grad_beta.view(shape) + x_hat * grad_gamma.view(shape)) / count\n",
        put="    grad_x_hat = grad_y\n    if training:\n        count = grad_y.numel() // grad_y.shape[1]\n"
        "        grad_x_hat -= (grad_beta.view(shape) + x_hat * grad_gamma.view(shape)) / count\n",
        message="You subtract in place, and grad_y, which belongs to the caller, changes with it. Make a new tensor.",
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
