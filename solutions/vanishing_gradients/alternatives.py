"""Right implementations that look different from the reference and must earn full marks."""

from autograder.variants import Alternative

ALTERNATIVES = [
    Alternative(
        name="sum-of-outer-products",
        function="low_rank_approximation",
        code="""
def low_rank_approximation(a, k):
    u, s, vt = torch.linalg.svd(a)
    approximation = torch.zeros_like(a)
    for i in range(k):
        approximation += s[i] * torch.outer(u[:, i], vt[i])
    return approximation


def energy_kept(singular_values, k):
    total = sum(float(value) ** 2 for value in singular_values)
    return sum(float(value) ** 2 for value in singular_values[:k]) / total
""",
        why="a loop over the terms with the full SVD, and floats in place of tensors",
    ),
    Alternative(
        name="projection-on-eigenvectors",
        function="low_rank_approximation",
        code="""
def low_rank_approximation(a, k):
    _, vectors = torch.linalg.eigh(a.T @ a)
    leading = vectors[:, a.shape[1] - k :]
    return a @ leading @ leading.T


def energy_kept(singular_values, k):
    norm = torch.linalg.norm(singular_values)
    return (torch.linalg.norm(singular_values[:k]) / norm) ** 2
""",
        why="eigenvectors of AᵀA in place of the SVD, norms in place of sums",
    ),
    Alternative(
        name="tail-subtracted",
        function="low_rank_approximation",
        code="""
def low_rank_approximation(a, k):
    u, s, vt = torch.linalg.svd(a, full_matrices=False)
    return a - (u[:, k:] * s[k:]) @ vt[k:]
""",
        why="takes away the terms that are left out, so that rank 0 is 0 up to rounding",
    ),
    Alternative(
        name="small-singular-values-zeroed",
        function="low_rank_approximation",
        code="""
def low_rank_approximation(a, k):
    u, s, v = torch.svd(a)
    s[k:] = 0
    return u @ torch.diag(s) @ v.T


def storage_cost(m, n, k):
    return m * k + k * n


def energy_kept(singular_values, k):
    shares = torch.cumsum(singular_values.square(), dim=0) / torch.sum(singular_values.square())
    return shares[k - 1] if k > 0 else torch.tensor(0.0)
""",
        why="works in place on its own factors, uses the older torch.svd and a cumulative sum",
    ),
    Alternative(
        name="numpy-everywhere",
        function="low_rank_approximation",
        code="""
import numpy as np


def low_rank_approximation(a, k):
    u, s, vt = np.linalg.svd(a.numpy(), full_matrices=False)
    return (u[:, :k] * s[:k]) @ vt[:k]


def energy_kept(singular_values, k):
    squares = np.square(singular_values.numpy())
    return squares[:k].sum() / squares.sum()


def gain_bounds(a):
    a = np.asarray(a)
    values = np.linalg.svd(a, compute_uv=False)
    if a.shape[1] > a.shape[0]:
        return 0.0, values.max()
    return values.min(), values.max()


def product_gain_bounds(matrices):
    product = np.asarray(matrices[-1])
    for matrix in matrices[-2::-1]:
        product = product @ np.asarray(matrix)
    return gain_bounds(product)


def layer_jacobian(weight, preactivation, activation):
    z = np.asarray(preactivation)
    if activation == "linear":
        slope = np.ones_like(z)
    elif activation == "relu":
        slope = np.where(z > 0, np.ones_like(z), np.zeros_like(z))
    elif activation == "tanh":
        slope = 1 - np.tanh(z) ** 2
    else:
        small = np.exp(-np.abs(z))
        slope = small / (1 + small) ** 2
    return np.diag(slope) @ np.asarray(weight)


def network_jacobian(weights, x, activation):
    h = x
    jacobian = np.eye(len(x), dtype=x.numpy().dtype)
    for weight in weights:
        z = weight @ h
        jacobian = layer_jacobian(weight, z, activation) @ jacobian
        h = activate(z, activation)
    return jacobian


def gradient_norms(weights, x, grad_output, activation):
    signals, slopes = [x.numpy()], []
    for weight in weights:
        z = weight @ torch.from_numpy(signals[-1])
        slopes.append(np.diag(layer_jacobian(np.eye(len(z), dtype=z.numpy().dtype), z, activation)))
        signals.append(activate(z, activation).numpy())
    error = grad_output.numpy()
    norms = np.zeros(len(weights))
    for i in reversed(range(len(weights))):
        error = slopes[i] * error
        norms[i] = np.linalg.norm(error[:, None] * signals[i][None, :])
        error = error @ weights[i].numpy()
    return norms


def log_norm_slope(norms):
    return np.polyfit(np.arange(len(norms)), np.log(np.asarray(norms)), 1)[0]


def critical_weight_std(fan_in, activation):
    return np.sqrt((2 if activation == "relu" else 1) / fan_in)


def clip_grad_norm(grads, max_norm):
    norm = np.sqrt(sum(np.sum(np.square(np.asarray(grad, dtype=np.float64))) for grad in grads))
    factor = 1.0 if norm <= max_norm else max_norm / norm
    return [torch.from_numpy(np.asarray(grad * factor)) for grad in grads], norm


def clip_grad_value(grads, limit):
    return [np.clip(grad.numpy(), -limit, limit) for grad in grads]
""",
        why="NumPy from the first task to the last",
    ),
    Alternative(
        name="gram-matrix",
        function="gain_bounds",
        code="""
def gain_bounds(a):
    squares = torch.linalg.eigvalsh(a.double().T @ a.double()).clamp(min=0)
    return [math.sqrt(squares[0]), math.sqrt(squares[-1])]
""",
        why="the eigenvalues of AᵀA, one per column; a list of floats",
    ),
    Alternative(
        name="matrix-norms",
        function="gain_bounds",
        code="""
def gain_bounds(a):
    wide = a.size(0) < a.size(1)
    return torch.zeros(()) if wide else torch.linalg.norm(a, ord=-2), torch.linalg.norm(a, ord=2)
""",
        why="the norms of order 2 and -2 of torch.linalg",
    ),
    Alternative(
        name="padded-spectrum",
        function="gain_bounds",
        code="""
def gain_bounds(a):
    m, n = a.shape
    values = torch.zeros(n, dtype=a.dtype)
    values[: min(m, n)] = torch.linalg.svdvals(a)
    return values.min().item(), values.max().item()


def product_gain_bounds(matrices):
    return gain_bounds(matrices[0] if len(matrices) == 1 else torch.linalg.multi_dot(matrices[::-1]))
""",
        why="one singular value per input direction, multi_dot in place of a loop",
    ),
    Alternative(
        name="recursive-product",
        function="product_gain_bounds",
        code="""
from functools import reduce


def product_gain_bounds(matrices):
    product = reduce(lambda result, matrix: matrix.matmul(result), matrices, torch.eye(matrices[0].shape[1]).to(matrices[0]))
    smallest, largest = gain_bounds(product)
    return float(smallest), float(largest)
""",
        why="reduce from the identity, floats",
    ),
    Alternative(
        name="diagonal-matrices",
        function="layer_jacobian",
        code="""
def layer_jacobian(weight, preactivation, activation):
    if activation == "linear":
        return weight
    if activation == "relu":
        jacobian = weight.clone()
        jacobian[preactivation <= 0] = 0
        return jacobian
    y = activate(preactivation, activation)
    slope = y * (1 - y) if activation == "sigmoid" else (1 - y) * (1 + y)
    return torch.diag(slope).mm(weight)
""",
        why="slopes from the output, a diagonal matrix, rows set to 0; the weight itself for a linear layer",
    ),
    Alternative(
        name="einsum-and-cosh",
        function="layer_jacobian",
        code="""
def layer_jacobian(weight, preactivation, activation):
    z = preactivation
    match activation:
        case "linear":
            slope = z * 0 + 1
        case "relu":
            slope = torch.heaviside(z, torch.zeros((), dtype=z.dtype))
        case "tanh":
            slope = torch.cosh(z) ** -2
        case "sigmoid":
            slope = 0.25 * torch.cosh(z / 2) ** -2
    return torch.einsum("o,oi->oi", slope, weight)
""",
        why="hyperbolic cosines, whose overflow gives the right 0, and einsum",
    ),
    Alternative(
        name="entry-by-entry",
        function="layer_jacobian",
        code="""
def slope_of(z, activation):
    if activation == "linear":
        return 1.0
    if activation == "relu":
        return 1.0 if z > 0 else 0.0
    if activation == "tanh":
        return 1 - math.tanh(z) ** 2
    s = 1 / (1 + math.exp(-z)) if z >= 0 else math.exp(z) / (1 + math.exp(z))
    return s * (1 - s)


def layer_jacobian(weight, preactivation, activation):
    jacobian = torch.empty_like(weight)
    for i in range(weight.shape[0]):
        for j in range(weight.shape[1]):
            jacobian[i, j] = slope_of(preactivation[i].item(), activation) * weight[i, j]
    return jacobian
""",
        why="two loops and Python's math in place of tensors",
    ),
    Alternative(
        name="automatic-differentiation",
        function="network_jacobian",
        code="""
def forward(weights, x, activation):
    for weight in weights:
        x = activate(weight @ x, activation)
    return x


def layer_jacobian(weight, preactivation, activation):
    z = preactivation.clone().requires_grad_()
    (slope,) = torch.autograd.grad(activate(z, activation).sum(), z)
    return slope.unsqueeze(1) * weight


def network_jacobian(weights, x, activation):
    return torch.func.jacrev(lambda v: forward(weights, v, activation))(x)


def gradient_norms(weights, x, grad_output, activation):
    leaves = [weight.detach().clone().requires_grad_(True) for weight in weights]
    forward(leaves, x, activation).backward(grad_output)
    return [leaf.grad.norm() for leaf in leaves]
""",
        why="autograd, jacrev and backward do the work; a list of 0-d tensors",
    ),
    Alternative(
        name="forward-then-multiply",
        function="network_jacobian",
        code="""
def network_jacobian(weights, x, activation):
    jacobians = []
    for weight in weights:
        jacobians.append(layer_jacobian(weight, weight @ x, activation))
        x = activate(weight @ x, activation)
    result = jacobians.pop()
    while jacobians:
        result = result @ jacobians.pop()
    return result
""",
        why="collects the layers first and multiplies from the last layer on",
    ),
    Alternative(
        name="column-by-column",
        function="network_jacobian",
        code="""
def network_jacobian(weights, x, activation):
    columns = []
    for tangent in torch.eye(x.numel(), dtype=x.dtype):
        h = x
        for weight in weights:
            z = weight.mv(h)
            tangent = layer_jacobian(weight, z, activation).mv(tangent)
            h = activate(z, activation)
        columns.append(tangent)
    return torch.stack(columns, dim=1)
""",
        why="pushes one input direction after the other through the network",
    ),
    Alternative(
        name="product-of-two-norms",
        function="gradient_norms",
        code="""
def gradient_norms(weights, x, grad_output, activation):
    signals, errors = [x], [grad_output]
    jacobians = []
    for weight in weights:
        z = torch.matmul(weight, signals[-1])
        jacobians.append(layer_jacobian(torch.eye(z.shape[0]).to(z), z, activation))
        signals.append(activate(z, activation))
    norms = [0.0] * len(weights)
    for layer in range(len(weights) - 1, -1, -1):
        error = jacobians[layer].T @ errors[-1]
        norms[layer] = error.norm().item() * signals[layer].norm().item()
        errors.append(error @ weights[layer])
    return norms
""",
        why="the gradient is never formed: ‖δ hᵀ‖ = ‖δ‖·‖h‖; a list of floats",
    ),
    Alternative(
        name="spectral-norm-of-rank-one",
        function="gradient_norms",
        find="torch.linalg.norm(torch.outer(delta, h_in))",
        put="torch.linalg.matrix_norm(delta[:, None] @ h_in[None, :], ord=2)",
        why="the gradient for one example has rank one, so its spectral norm is its Frobenius norm",
    ),
    Alternative(
        name="recursive-backward",
        function="gradient_norms",
        code="""
def gradient_norms(weights, x, grad_output, activation):
    def visit(layer, h):
        if layer == len(weights):
            return grad_output, ()
        weight = weights[layer]
        z = weight @ h
        grad_h, norms = visit(layer + 1, activate(z, activation))
        delta = torch.diagonal(layer_jacobian(torch.eye(len(z), dtype=z.dtype), z, activation)) * grad_h
        gradient = delta.reshape(-1, 1) * h.reshape(1, -1)
        return weight.t() @ delta, (torch.sqrt((gradient * gradient).sum()), *norms)

    return visit(0, x)[1]
""",
        why="recursion in place of a list, and a tuple of 0-d tensors",
    ),
    Alternative(
        name="least-squares-solver",
        function="log_norm_slope",
        code="""
def log_norm_slope(norms):
    y = torch.stack([torch.as_tensor(norm, dtype=torch.float64).log() for norm in norms])
    design = torch.stack([torch.ones(len(y)), torch.arange(1, len(y) + 1)], dim=1).double()
    return torch.linalg.lstsq(design, y.unsqueeze(1)).solution[1, 0]


def critical_weight_std(fan_in, activation):
    gain = torch.nn.init.calculate_gain("relu" if activation == "relu" else "linear")
    return torch.tensor(gain, dtype=torch.float64) * fan_in**-0.5
""",
        why="a general solver with an intercept, layers counted from 1; PyTorch's gains, a 0-d tensor",
    ),
    Alternative(
        name="normal-equations-in-python",
        function="log_norm_slope",
        code="""
def log_norm_slope(norms):
    y = [math.log(norm) for norm in norms]
    n = len(y)
    sum_x, sum_y = n * (n - 1) / 2, sum(y)
    sum_xx = n * (n - 1) * (2 * n - 1) / 6
    sum_xy = sum(i * value for i, value in enumerate(y))
    return (n * sum_xy - sum_x * sum_y) / (n * sum_xx - sum_x**2)


def critical_weight_std(fan_in, activation):
    if activation == "relu":
        return (2 / fan_in) ** 0.5
    return 1 / math.sqrt(fan_in)
""",
        why="the textbook's sums, without a tensor",
    ),
    Alternative(
        name="covariance-over-variance",
        function="log_norm_slope",
        code="""
def log_norm_slope(norms):
    both = torch.stack([torch.arange(len(norms), dtype=torch.float64), torch.log(norms)])
    covariance = torch.cov(both)
    return covariance[0, 1] / covariance[0, 0]
""",
        why="covariance divided by variance",
    ),
    Alternative(
        name="pytorch-clips",
        function="clip_grad_norm",
        code="""
def clip_grad_norm(grads, max_norm):
    parameters = [torch.nn.Parameter(torch.zeros_like(grad)) for grad in grads]
    for parameter, grad in zip(parameters, grads):
        parameter.grad = grad.clone()
    norm = torch.nn.utils.clip_grad_norm_(parameters, max_norm)
    return [parameter.grad for parameter in parameters], norm


def clip_grad_value(grads, limit):
    parameters = [torch.nn.Parameter(torch.zeros_like(grad)) for grad in grads]
    for parameter, grad in zip(parameters, grads):
        parameter.grad = grad.clone()
    torch.nn.utils.clip_grad_value_(parameters, limit)
    return tuple(parameter.grad for parameter in parameters)
""",
        why="PyTorch's own functions on copies; its factor is max_norm / (norm + 1e-6)",
    ),
    Alternative(
        name="in-place-and-restored",
        function="clip_grad_norm",
        code="""
def clip_grad_norm(grads, max_norm):
    norm = torch.stack([torch.linalg.vector_norm(grad, dtype=torch.float64) for grad in grads]).norm()
    if norm <= max_norm:
        return list(grads), norm
    clipped = []
    for grad in grads:
        before = grad.clone()
        clipped.append(grad.mul_(max_norm / norm).clone())
        grad.copy_(before)
    return clipped, norm


def clip_grad_value(grads, limit):
    clipped = [grad.clone() for grad in grads]
    for grad in clipped:
        grad[grad > limit] = limit
        grad[grad < -limit] = -limit
    return clipped
""",
        why="the norm of norms; small gradients returned as they are; large ones scaled in place and put back",
    ),
    Alternative(
        name="hypot-and-where",
        function="clip_grad_norm",
        code="""
def clip_grad_norm(grads, max_norm):
    norm = math.hypot(*(entry for grad in grads for entry in grad.double().flatten().tolist()))
    factor = min(1.0, max_norm / norm) if norm > 0 else 1.0
    return tuple(grad * factor for grad in grads), norm


def clip_grad_value(grads, limit):
    return tuple(torch.where(grad.abs() > limit, torch.sign(grad) * limit, grad) for grad in grads)
""",
        why="math.hypot over all entries, torch.where, tuples",
    ),
    Alternative(
        name="clamped-factor",
        function="clip_grad_norm",
        code="""
def clip_grad_norm(grads, max_norm):
    squares = torch.zeros((), dtype=torch.float64)
    for grad in grads:
        squares += grad.double().pow(2).sum()
    norm = squares.sqrt()
    factor = (max_norm / norm).clamp(max=1.0)
    return [(grad * factor).to(grad.dtype) for grad in grads], norm


def clip_grad_value(grads, limit):
    return [torch.maximum(torch.minimum(grad, torch.full_like(grad, limit)), torch.full_like(grad, -limit)) for grad in grads]
""",
        why="a sum of squares, and a factor that is infinite for a gradient of 0 until it is clamped",
    ),
]
