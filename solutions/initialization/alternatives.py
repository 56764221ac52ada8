"""Right implementations of initialization that look different and must earn full marks."""

from autograder.variants import Alternative

ALTERNATIVES = [
    Alternative(
        name="moments-row-vectors-not-transposed",
        function="forward_moments",
        code="""
def forward_moments(depth, width, weight_std, activation, generator):
    h = torch.empty((width, 100), dtype=torch.double).normal_(generator=generator)
    out = torch.zeros(depth, dtype=torch.double)
    for layer in range(depth):
        w = torch.empty((width, width), dtype=torch.double).normal_(0, weight_std, generator=generator)
        h = ACTIVATIONS[activation](torch.mm(w, h))
        out[layer] = torch.linalg.vector_norm(h) ** 2 / h.numel()
    return out
""",
        why="examples are columns, weights are drawn with normal_, the norm instead of a mean",
    ),
    Alternative(
        name="moments-list-of-floats",
        function="forward_moments",
        code="""
def forward_moments(depth, width, weight_std, activation, generator):
    if activation == "linear":
        phi = torch.nn.Identity()
    else:
        phi = {"relu": lambda z: z.clamp(min=0), "tanh": lambda z: 2 * torch.sigmoid(2 * z) - 1, "sigmoid": torch.sigmoid}[activation]
    weights = torch.randn(depth, width, width, dtype=torch.float64, generator=generator)
    h = torch.randn(512, width, dtype=torch.float64, generator=generator)
    moments = []
    for w in weights:
        h = phi(torch.einsum("ni,oi->no", h, w * weight_std))
        moments.append(float((h * h).mean()))
    return torch.tensor(moments, dtype=torch.float64)
""",
        why="all weights are drawn in one call before the inputs; own activations; einsum",
    ),
    Alternative(
        name="overflow-batch-of-another-size",
        function="first_nonfinite_layer",
        code="""
def first_nonfinite_layer(width, weight_std, generator, max_layers=100):
    x = torch.empty(width, max(width, 32)).normal_(generator=generator)
    layer = 0
    while layer < max_layers:
        layer += 1
        x = torch.empty(width, width).normal_(std=weight_std, generator=generator) @ x
        if x.isinf().any() or x.isnan().any():
            return layer
""",
        why="columns are examples, another batch size, a while loop, isinf and isnan, an implicit None",
    ),
    Alternative(
        name="fans-loop",
        function="fan_in_and_fan_out",
        code="""
def fan_in_and_fan_out(shape, groups=1):
    shape = tuple(shape)
    try:
        fan_out, fan_in, *kernel = shape
    except ValueError:
        raise ValueError("too few dimensions") from None
    for size in kernel:
        fan_in *= size
        fan_out *= size
    return fan_in, fan_out // groups
""",
        why="a loop over the kernel; the groups divide at the end",
    ),
    Alternative(
        name="fans-of-a-meta-tensor",
        function="fan_in_and_fan_out",
        code="""
def fan_in_and_fan_out(shape, groups=1):
    weight = torch.empty(tuple(shape), device="meta")
    if weight.dim() <= 1:
        raise ValueError("too few dimensions")
    return [weight[0].numel(), weight[:, 0].numel() // groups]
""",
        why="counts the entries of slices; a list instead of a tuple",
    ),
    Alternative(
        name="initializers-with-rand-and-copy",
        function="xavier_uniform_",
        code="""
def xavier_uniform_(tensor, gain=1.0, generator=None):
    fan_in, fan_out = fan_in_and_fan_out(tensor.shape)
    bound = gain * math.sqrt(6.0 / (fan_in + fan_out))
    values = torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype)
    with torch.no_grad():
        tensor.copy_(values * 2 * bound - bound)
    return tensor

def xavier_normal_(tensor, gain=1.0, generator=None):
    fan_in, fan_out = fan_in_and_fan_out(tensor.shape)
    std = gain * (2 / (fan_in + fan_out)) ** 0.5
    tensor.data.copy_(torch.randn(tensor.size(), generator=generator) * std)
    return tensor

def kaiming_uniform_(tensor, a=0.0, mode="fan_in", generator=None):
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(mode)
    fan = fan_in_and_fan_out(tensor.shape)[mode == "fan_out"]
    bound = (3 * 2 / (1 + a * a) / fan) ** 0.5
    tensor.data[...] = bound * (1 - 2 * torch.rand(tensor.shape, generator=generator, dtype=tensor.dtype))
    return tensor

def kaiming_normal_(tensor, a=0.0, mode="fan_in", generator=None):
    fans = fan_in_and_fan_out(tensor.shape)
    try:
        fan = fans[["fan_in", "fan_out"].index(mode)]
    except ValueError:
        raise ValueError("unknown mode") from None
    with torch.no_grad():
        tensor[:] = torch.randn(*tensor.shape, generator=generator).mul_(math.sqrt(2 / fan / (1 + a**2)))
    return tensor
""",
        why="draws a new tensor and copies it in, by copy_, by item assignment, by .data",
    ),
    Alternative(
        name="initializers-of-the-library",
        function="xavier_uniform_",
        code="""
def xavier_uniform_(tensor, gain=1.0, generator=None):
    return torch.nn.init.xavier_uniform_(tensor, gain=gain, generator=generator)

def xavier_normal_(tensor, gain=1.0, generator=None):
    return torch.nn.init.xavier_normal_(tensor, gain=gain, generator=generator)

def kaiming_uniform_(tensor, a=0.0, mode="fan_in", generator=None):
    return torch.nn.init.kaiming_uniform_(tensor, a=a, mode=mode, generator=generator)

def kaiming_normal_(tensor, a=0.0, mode="fan_in", generator=None):
    return torch.nn.init.kaiming_normal_(tensor, a=a, mode=mode, generator=generator)
""",
        why="PyTorch's own functions, whose conventions these are",
    ),
    Alternative(
        name="kaiming-by-inverse-transform",
        function="kaiming_normal_",
        find="return tensor.normal_(0, std, generator=generator)",
        put="u = torch.rand(tensor.shape, dtype=torch.float64, generator=generator)\n"
        "        return tensor.copy_(std * torch.special.ndtri(u.clamp(1e-12, 1 - 1e-12)))",
        why="the normal distribution from a uniform one by the inverse distribution function",
    ),
    Alternative(
        name="symmetry-matrix-of-distances",
        function="distinct_units",
        code="""
def distinct_units(weight, tol=1e-6):
    rows = weight.detach().flatten(1)
    close = (rows[:, None] - rows[None]).abs().amax(dim=-1) <= tol
    counted = torch.zeros(len(rows), dtype=torch.bool)
    for i in range(len(rows)):
        counted[i] = not (close[i] & counted).any()
    return int(counted.sum())
""",
        why="all pairs at once, then a mask of the rows that count",
    ),
    Alternative(
        name="orthogonal-polar",
        function="orthogonal_",
        code="""
def orthogonal_(tensor, gain=1.0, generator=None):
    if tensor.dim() < 2:
        raise ValueError("too few dimensions")
    gaussian = torch.randn(tensor.shape[0], tensor.numel() // tensor.shape[0], dtype=tensor.dtype, generator=generator)
    u, _, vh = torch.linalg.svd(gaussian, full_matrices=False)
    with torch.no_grad():
        tensor.copy_((u @ vh).reshape(tensor.shape)).mul_(gain)
    return tensor
""",
        why="U Vᵀ of a singular value decomposition is Haar distributed, too",
    ),
    Alternative(
        name="orthogonal-inverse-root",
        function="orthogonal_",
        code="""
def orthogonal_(tensor, gain=1.0, generator=None):
    if tensor.dim() < 2:
        raise ValueError("too few dimensions")
    rows, columns = tensor.flatten(1).shape
    a = torch.randn(max(rows, columns), min(rows, columns), dtype=torch.float64, generator=generator)
    values, vectors = torch.linalg.eigh(a.T @ a)
    q = a @ (vectors * values.rsqrt()) @ vectors.T
    for _ in range(3):
        q = 1.5 * q - 0.5 * q @ (q.T @ q)
    if rows < columns:
        q = q.T
    with torch.no_grad():
        tensor.copy_(gain * q.reshape(tensor.shape))
    return tensor
""",
        why="A (AᵀA)^(-1/2), polished by Newton-Schulz, in float64",
    ),
    Alternative(
        name="orthogonal-gram-schmidt",
        function="orthogonal_",
        code="""
def orthogonal_(tensor, gain=1.0, generator=None):
    if tensor.dim() < 2:
        raise ValueError("too few dimensions")
    rows, columns = tensor.flatten(1).shape
    vectors = []
    for _ in range(min(rows, columns)):
        v = torch.randn(max(rows, columns), dtype=torch.float64, generator=generator)
        for _ in range(3):
            for u in vectors:
                v = v - (u @ v) * u
            v = v / v.norm()
        vectors.append(v)
    q = torch.stack(vectors, dim=0 if rows <= columns else 1)
    with torch.no_grad():
        tensor.copy_(gain * q.view(tensor.shape))
    return tensor
""",
        why="Gram-Schmidt on Gaussian vectors, repeated for precision",
    ),
    Alternative(
        name="orthogonal-through-a-flat-copy",
        function="orthogonal_",
        code="""
@torch.no_grad()
def orthogonal_(tensor, gain=1.0, generator=None):
    if tensor.ndimension() < 2:
        raise ValueError("Only tensors with 2 or more dimensions are supported")
    rows = tensor.size(0)
    cols = tensor.numel() // rows
    flattened = torch.empty((rows, cols), dtype=tensor.dtype).normal_(0, 1, generator=generator)
    if rows < cols:
        flattened.t_()
    q, r = torch.linalg.qr(flattened)
    d = torch.diag(r, 0)
    q *= d / d.abs()
    if rows < cols:
        q.t_()
    q *= gain
    tensor[...] = q.contiguous().view_as(tensor)
    return tensor
""",
        why="as in torch.nn.init, with in-place transposes, under a no_grad decorator",
    ),
    Alternative(
        name="lsuv-all-orthogonal-first",
        function="lsuv_",
        code="""
@torch.no_grad()
def lsuv_(weights, x, activation, tol=0.01, max_iter=10, generator=None):
    for weight in weights:
        orthogonal_(weight, generator=generator)
    h = x.clone()
    for weight in weights:
        z = torch.nn.functional.linear(h, weight)
        iteration = 0
        while iteration < max_iter:
            std = z.std(correction=0).item()
            if std == 0 or abs(std**2 - 1) <= tol:
                break
            weight.mul_(1 / std)
            z = z / std
            iteration += 1
        h = ACTIVATIONS[activation](h @ weight.t())
    return tuple(weights)
""",
        why="all orthonormal first, biased variance, while loop, a tuple of the weights",
    ),
    Alternative(
        name="lsuv-data-attribute",
        function="lsuv_",
        code="""
def lsuv_(weights, x, activation, tol=0.01, max_iter=10, generator=None):
    phi = ACTIVATIONS[activation]
    for weight in weights:
        orthogonal_(weight, gain=1.0, generator=generator)
        w = weight.data
        for _ in range(max_iter):
            z = x @ w.T
            variance = float(((z - z.mean()) ** 2).mean())
            if variance < 1e-30 or abs(variance - 1) <= tol:
                break
            w.copy_(w / variance**0.5)
        x = phi(x @ w.T)
    return weights
""",
        why="through .data instead of no_grad",
    ),
    Alternative(
        name="batchnorm-library-forward",
        function="batchnorm_forward",
        code="""
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    new_mean, new_var = running_mean.clone(), running_var.clone()
    y = torch.nn.functional.batch_norm(x, new_mean, new_var, gamma, beta, training, momentum, eps)
    dims = [d for d in range(x.dim()) if d != 1]
    if training:
        var, mean = torch.var_mean(x, dims, correction=0, keepdim=True)
    else:
        mean, var = (s.reshape([1, -1] + [1] * (x.dim() - 2)) for s in (running_mean, running_var))
    return y, {"x": x, "mean": mean, "std": (var + eps).sqrt(), "gamma": gamma, "training": training}, new_mean, new_var

def batchnorm_backward(grad_y, cache):
    dims = [d for d in range(grad_y.dim()) if d != 1]
    x_hat = (cache["x"] - cache["mean"]) / cache["std"]
    d = grad_y * cache["gamma"].reshape(cache["std"].shape)
    grad_x = d
    if cache["training"]:
        grad_x = d - d.mean(dims, keepdim=True) - x_hat * (d * x_hat).mean(dims, keepdim=True)
    return grad_x / cache["std"], (grad_y * x_hat).sum(dims), grad_y.sum(dims)
""",
        why="PyTorch's forward pass, means in the backward pass, a dict for the cache",
    ),
    Alternative(
        name="batchnorm-welford",
        function="batchnorm_forward",
        code="""
class Cache:
    pass

def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    flat = x.movedim(1, -1).reshape(-1, x.shape[1])
    if training:
        if len(flat) == 1:
            raise ValueError("one value per channel")
        mean, m2 = torch.zeros_like(flat[0]).double(), torch.zeros_like(flat[0]).double()
        for n, row in enumerate(flat.detach().double(), start=1):
            delta = row - mean
            mean = mean + delta / n
            m2 = m2 + delta * (row - mean)
        var = (m2 / len(flat)).to(x.dtype)
        running_mean = torch.lerp(running_mean, mean.to(x.dtype), momentum)
        running_var = torch.lerp(running_var, (m2 / (len(flat) - 1)).to(x.dtype), momentum)
        x_hat = ((flat - mean) / torch.sqrt(var.double() + eps)).to(x.dtype)
    else:
        var = running_var
        x_hat = (flat - running_mean) / torch.sqrt(var + eps)
    cache = Cache()
    cache.x_hat, cache.gamma, cache.inv_std, cache.training = x_hat, gamma.clone(), 1 / torch.sqrt(var + eps), training
    back = x.movedim(1, -1).shape
    return (gamma * x_hat + beta).reshape(back).movedim(-1, 1), cache, running_mean, running_var

def batchnorm_backward(grad_y, cache):
    flat = grad_y.movedim(1, -1).reshape(-1, grad_y.shape[1])
    n = len(flat)
    grad_gamma, grad_beta = torch.einsum("nc,nc->c", flat, cache.x_hat), flat.sum(0)
    d = flat * cache.gamma
    if cache.training:
        d = (n * d - d.sum(0) - cache.x_hat * (d * cache.x_hat).sum(0)) / n
    grad_x = (d * cache.inv_std).reshape(grad_y.movedim(1, -1).shape).movedim(-1, 1)
    return [grad_x, grad_gamma, grad_beta]
""",
        why="Welford's running variance, channels moved last, lerp, an object for the cache, a list of gradients",
    ),
    Alternative(
        name="batchnorm-through-autograd-functions",
        function="batchnorm_forward",
        code="""
def batchnorm_forward(x, gamma, beta, running_mean, running_var, *, training, momentum=0.1, eps=1e-5):
    shape = (1, x.shape[1], *[1] * (x.ndim - 2))

    def normalize(x, gamma, beta):
        if training:
            dims = tuple(d for d in range(x.ndim) if d != 1)
            mean, var = x.mean(dims, keepdim=True), x.var(dims, keepdim=True, correction=0)
        else:
            mean, var = running_mean.reshape(shape), running_var.reshape(shape)
        return gamma.reshape(shape) * (x - mean) / torch.sqrt(var + eps) + beta.reshape(shape)

    new_mean, new_var = running_mean, running_var
    if training:
        values = x.detach().transpose(0, 1).flatten(1)
        if values.shape[1] < 2:
            raise ValueError("one value per channel")
        new_mean = running_mean + momentum * (values.mean(1) - running_mean)
        new_var = running_var + momentum * (values.var(1) - running_var)
    return normalize(x, gamma, beta), (normalize, x, gamma, beta), new_mean, new_var

def batchnorm_backward(grad_y, cache):
    normalize, *inputs = cache
    _, pull_back = torch.func.vjp(normalize, *[tensor.detach() for tensor in inputs])
    return pull_back(grad_y)
""",
        why="a closure as the cache and a vector-Jacobian product as the backward pass; the exponential average as a step towards the new value",
    ),
]
