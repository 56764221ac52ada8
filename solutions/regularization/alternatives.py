"""Right implementations that look different: each must earn full marks."""

from autograder.variants import Alternative

ALTERNATIVES = [
    Alternative(
        name="flattened-penalties-and-augmented-least-squares",
        function="l2_penalty",
        why="concatenates all weights; ridge as least squares with D more rows",
        code="""
def l2_penalty(params, alpha):
    weights = torch.cat([w.reshape(-1) for w in params])
    return 0.5 * alpha * torch.dot(weights, weights)


def l1_penalty(params, alpha):
    total = 0.0
    for w in params:
        total += torch.norm(w, p=1).item()
    return alpha * total


def ridge(x, y, alpha):
    d = x.shape[1]
    more = torch.cat([x, math.sqrt(alpha) * torch.eye(d, dtype=x.dtype)])
    return torch.linalg.lstsq(more, torch.cat([y, torch.zeros(d, dtype=y.dtype)])).solution


def ridge_shrinkage(singular_values, alpha):
    return 1 - alpha / (singular_values.square() + alpha)
""",
    ),
    Alternative(
        name="ridge-by-svd",
        function="ridge",
        why="the formula of the singular value decomposition; penalties by loops over numbers",
        code="""
def l2_penalty(params, alpha):
    return alpha * sum(0.5 * v * v for w in params for v in w.flatten().tolist())


def l1_penalty(params, alpha):
    return sum(alpha * abs(v) for w in params for v in w.flatten().tolist())


def ridge(x, y, alpha):
    u, s, vh = torch.linalg.svd(x, full_matrices=False)
    return vh.T @ (s / (s * s + alpha) * (u.T @ y))


def ridge_shrinkage(singular_values, alpha):
    factors = [s.item() ** 2 / (s.item() ** 2 + alpha) for s in singular_values]
    return torch.tensor(factors, dtype=singular_values.dtype)
""",
    ),
    Alternative(
        name="ridge-by-cholesky",
        function="ridge",
        why="changes the diagonal of the Gram matrix in place, then two triangular systems",
        code="""
def ridge(x, y, alpha):
    gram = x.T @ x
    gram.diagonal().add_(alpha)
    factor = torch.linalg.cholesky(gram)
    return torch.cholesky_solve((x.T @ y)[:, None], factor).squeeze(1)
""",
    ),
    Alternative(
        name="ridge-in-numpy",
        function="ridge",
        why="NumPy in double precision, back to the dtype of x; the identity with N rows for wide x",
        code="""
def ridge(x, y, alpha):
    import numpy as np

    a, b = x.numpy().astype(np.float64), y.numpy().astype(np.float64)
    if a.shape[0] < a.shape[1]:
        w = a.T @ np.linalg.solve(a @ a.T + alpha * np.eye(len(a)), b)
    else:
        w = np.linalg.inv(a.T @ a + alpha * np.identity(a.shape[1])) @ (a.T @ b)
    return torch.from_numpy(w).to(x.dtype)
""",
    ),
    Alternative(
        name="softshrink",
        function="soft_threshold",
        why="PyTorch's softshrink; ISTA with a cached Gram matrix and the largest eigenvalue",
        code="""
def soft_threshold(w, threshold):
    return torch.nn.functional.softshrink(w, threshold)


def lasso_ista(x, y, alpha, steps):
    gram, target = x.T @ x, x.T @ y
    lipschitz = torch.linalg.eigvalsh(gram)[-1]
    w = torch.zeros_like(target)
    for _ in range(steps):
        w = torch.nn.functional.softshrink(w - (gram @ w - target) / lipschitz, (alpha / lipschitz).item())
    return w
""",
    ),
    Alternative(
        name="soft-threshold-by-cases",
        function="soft_threshold",
        why="two nested where; ISTA in place on its own weights",
        code="""
def soft_threshold(w, threshold):
    return torch.where(w > threshold, w - threshold, torch.where(w < -threshold, w + threshold, torch.zeros_like(w)))


def lasso_ista(x, y, alpha, steps):
    lr = 1.0 / torch.linalg.svdvals(x).max().item() ** 2
    w = x.new_zeros(x.size(1))
    for _ in range(steps):
        residual = x.mv(w).sub_(y)
        w.sub_(lr * x.t().mv(residual))
        w = torch.relu(w - lr * alpha) - torch.relu(-w - lr * alpha)
    return w
""",
    ),
    Alternative(
        name="sgd-by-the-optimizer",
        function="sgd_step",
        why="torch-idiomatic in-place operations on clones",
        code="""
def sgd_step(param, grad, velocity, *, lr, momentum, weight_decay, decay):
    new, velocity = param.clone(), velocity.clone()
    if decay == "decoupled":
        new.mul_(1 - lr * weight_decay)
    else:
        grad = grad.add(param, alpha=weight_decay)
    velocity.mul_(momentum).add_(grad)
    new.add_(velocity, alpha=-lr)
    return [new, velocity]
""",
    ),
    Alternative(
        name="early-stopping-with-a-flag",
        function="EarlyStopping.update",
        why="counts upwards, keeps a flag, deep copies, looks at NaN first",
        code="""
class EarlyStopping:
    def __init__(self, patience):
        import copy

        self.copy = copy.deepcopy
        self.patience = patience
        self.best_step = None
        self.best_loss = float("inf")
        self.best_parameters = None
        self.bad_updates = 0
        self.stopped = False

    def update(self, step, loss, parameters):
        value = loss.item() if isinstance(loss, torch.Tensor) else loss
        if self.stopped:
            return self.stopped
        if math.isnan(value) or value >= self.best_loss:
            self.bad_updates = self.bad_updates + 1
        else:
            self.best_step = step
            self.best_loss = value
            self.best_parameters = [self.copy(p.data) for p in parameters]
            self.bad_updates = 0
        if self.bad_updates >= self.patience:
            self.stopped = True
        return self.stopped


def equivalent_alpha(eigenvalue, lr, steps):
    share = 1 - (1 - lr * eigenvalue) ** steps
    return eigenvalue * (1 - share) / share
""",
    ),
    Alternative(
        name="early-stopping-still-looks-after-the-stop",
        function="EarlyStopping.update",
        why="the best goes on being noted after the stop; the answer is a tensor's item; alpha by expm1 and log1p",
        code="""
class EarlyStopping:
    def __init__(self, patience):
        self.patience, self.history = patience, []
        self.best_step, self.best_loss, self.best_parameters = None, math.inf, None
        self.since, self.done = 0, False

    def update(self, step, loss, parameters):
        self.since += 1
        if float(loss) < self.best_loss:
            self.since, self.best_step, self.best_loss = 0, step, float(loss)
            self.best_parameters = tuple(p.detach().clone() for p in parameters)
        self.done = self.done or self.since >= self.patience
        return self.done


def equivalent_alpha(eigenvalue, lr, steps):
    x = torch.as_tensor(eigenvalue, dtype=torch.float64)
    return x / torch.expm1(-steps * torch.log1p(-lr * x))
""",
    ),
    Alternative(
        name="dropout-by-bernoulli",
        function="dropout",
        why="torch.bernoulli of the keep probability; p = 1 as a case of its own; evaluation returns x itself",
        code="""
def dropout(x, p, training, generator):
    if not training or p == 0:
        return x, torch.full(x.shape, True)
    if p == 1:
        return torch.zeros_like(x), torch.zeros(x.shape, dtype=torch.bool)
    mask = torch.bernoulli(torch.full(x.shape, 1.0 - p), generator=generator).bool()
    return x * mask / (1 - p), mask


def dropout_backward(grad_y, mask, p):
    if p == 1:
        return torch.zeros_like(grad_y)
    return grad_y * mask.to(grad_y.dtype) * (1 / (1 - p))
""",
    ),
    Alternative(
        name="dropout-by-masked-fill",
        function="dropout",
        why="draws who is dropped, in place with bernoulli_, and fills a copy",
        code="""
def dropout(x, p, training, generator):
    dropped = torch.zeros(x.shape, dtype=torch.bool)
    if training:
        dropped.bernoulli_(p, generator=generator)
    keep = 1 - p if training and p < 1 else 1.0
    return (x / keep).masked_fill(dropped, 0), dropped.logical_not()


def dropout_backward(grad_y, mask, p):
    grad_x = grad_y.clone()
    grad_x[~mask] = 0
    return grad_x.div_(1 - p) if p != 1 else grad_x
""",
    ),
    Alternative(
        name="dropout-by-permuted-uniform-numbers",
        function="dropout",
        why="the comparison reversed, double precision, the flat tensor permuted once more",
        code="""
def dropout(x, p, training, generator):
    mask = torch.ones(x.shape, dtype=torch.bool)
    if training:
        u = torch.rand(x.numel(), generator=generator, dtype=torch.float64)
        u = u[torch.randperm(x.numel(), generator=generator)]
        mask = (u < 1 - p).reshape(x.shape)
    y = torch.zeros_like(x)
    y[mask] = x[mask] / ((1 - p) if training else 1)
    return y, mask
""",
    ),
    Alternative(
        name="one-hot-smoothing",
        function="smooth_labels",
        why="one_hot and an affine map, double precision; the loss by logsumexp; the penalty by a dot product",
        code="""
def noisy_input_penalty(w, std, n):
    return 0.5 * n * (std * std) * torch.dot(w, w).item()


def smooth_labels(target, num_classes, alpha):
    one_hot = torch.nn.functional.one_hot(target, num_classes).double()
    return one_hot * (1 - alpha) + (1 - one_hot) * alpha / (num_classes - 1)


def cross_entropy_soft(logits, target):
    log_p = logits - torch.logsumexp(logits, dim=1, keepdim=True)
    return torch.einsum("nk,nk->", target, -log_p) / logits.shape[0]
""",
    ),
    Alternative(
        name="library-soft-loss",
        function="cross_entropy_soft",
        why="PyTorch's cross_entropy takes probabilities; labels by scatter_ in a loop-free style",
        code="""
def smooth_labels(target, num_classes, alpha):
    y = torch.empty(target.size(0), num_classes).fill_(alpha / (num_classes - 1))
    return y.scatter_(1, target.unsqueeze(1), 1.0 - alpha)


def cross_entropy_soft(logits, target):
    return torch.nn.functional.cross_entropy(logits, target)
""",
    ),
    Alternative(
        name="labels-as-lists",
        function="smooth_labels",
        why="rows built as lists; the loss example by example",
        code="""
def smooth_labels(target, num_classes, alpha):
    rows = []
    for t in target.tolist():
        row = [alpha / (num_classes - 1)] * num_classes
        row[t] = 1 - alpha
        rows.append(row)
    return torch.tensor(rows)


def cross_entropy_soft(logits, target):
    losses = []
    for z, q in zip(logits, target, strict=True):
        z = z - z.max()
        losses.append(-(q * (z - z.exp().sum().log())).sum())
    return sum(losses) / len(losses)
""",
    ),
    Alternative(
        name="mixup-by-lerp",
        function="mixup",
        why="torch.lerp from the partner, index_select; min and max instead of clamp; multitask by stack",
        code="""
def mixup(x, y, lam, permutation):
    return [torch.lerp(t.index_select(0, permutation), t, lam) for t in (x, y)]


def fgsm(x, grad, eps, low, high):
    step = torch.zeros_like(x)
    step[grad > 0] = eps
    step[grad < 0] = -eps
    return torch.clip(x + step, min=low, max=high)


def multitask_loss(losses, weights):
    stacked = torch.stack(list(losses))
    return (stacked * torch.as_tensor(weights, dtype=stacked.dtype)).sum()
""",
    ),
    Alternative(
        name="mixup-on-clones-in-place",
        function="mixup",
        why="in place on clones; a running total",
        code="""
def mixup(x, y, lam, permutation):
    mixed_x, mixed_y = x.clone(), y.clone()
    mixed_x.mul_(lam).add_(x[permutation], alpha=1 - lam)
    mixed_y.mul_(lam).add_(y[permutation], alpha=1 - lam)
    return mixed_x, mixed_y


def fgsm(x, grad, eps, low, high):
    adversarial = x.clone().add_(torch.sign(grad), alpha=eps)
    adversarial.clamp_(min=low, max=high)
    return adversarial


def multitask_loss(losses, weights):
    total = torch.zeros(())
    for i, loss in enumerate(losses):
        total = total + weights[i] * loss
    return total
""",
    ),
    Alternative(
        name="splits-by-sorting-random-keys",
        function="three_way_split",
        why="argsort of uniform numbers, sizes rounded one by one with the rest in the last; folds by a mask",
        code="""
def three_way_split(n, fractions, generator):
    order = torch.rand(n, generator=generator, dtype=torch.float64).argsort()
    sizes = [round(n * fractions[0]), round(n * fractions[1])]
    sizes.append(n - sum(sizes))
    return order.split(sizes)


def k_fold(n, k, generator):
    fold_of = torch.arange(n)[torch.randperm(n, generator=generator)] % k
    everyone = torch.arange(n)
    return tuple([everyone[fold_of != i], everyone[fold_of == i]] for i in range(k))
""",
    ),
    Alternative(
        name="splits-by-floors-of-the-cuts",
        function="three_way_split",
        why="cuts rounded down, the parts sorted again; folds dealt as cards",
        code="""
def three_way_split(n, fractions, generator):
    order = torch.randperm(n, generator=generator)
    a = math.floor(n * fractions[0] + 1e-9)
    b = math.floor(n * (fractions[0] + fractions[1]) + 1e-9)
    return [order[:a].sort().values, order[a:b].sort().values, order[b:].sort().values]


def k_fold(n, k, generator):
    order = torch.randperm(n, generator=generator).tolist()
    pairs = []
    for i in range(k):
        validation = order[i::k]
        train = [j for j in order if j not in validation]
        pairs.append((torch.tensor(train), torch.tensor(validation)))
    return pairs
""",
    ),
    Alternative(
        name="search-by-columns",
        function="random_search",
        why="draws all values of a name at once, in vectors; randint for the choice; the curse by log1p",
        code="""
def winners_curse(trials, tail=0.025):
    if tail == 1:
        return 1.0
    return -math.expm1(trials * math.log1p(-tail))


def random_search(space, trials, generator):
    columns = {}
    for name, entry in space.items():
        if entry[0] == "choice":
            index = torch.randint(len(entry[1]), (trials,), generator=generator)
            columns[name] = [entry[1][i] for i in index]
        else:
            _, low, high = entry
            u = torch.rand(trials, generator=generator, dtype=torch.float64)
            if entry[0] == "uniform":
                values = low + u * (high - low)
            else:
                values = torch.exp(math.log(low) + u * (math.log(high) - math.log(low)))
            columns[name] = values.tolist()
    return [{name: columns[name][i] for name in space} for i in range(trials)]
""",
    ),
    Alternative(
        name="search-with-tensor-values",
        function="random_search",
        why="uniform_ in place, values stay tensors without dimensions, powers of ten, a product for the curse",
        code="""
def winners_curse(trials, tail=0.025):
    quiet = 1.0
    for _ in range(trials):
        quiet *= 1 - tail
    return torch.tensor(1 - quiet, dtype=torch.float64)


def random_search(space, trials, generator):
    found = []
    for _ in range(trials):
        one = {}
        for name, (kind, *rest) in space.items():
            if kind == "uniform":
                one[name] = torch.empty(()).uniform_(rest[0], rest[1], generator=generator)
            elif kind == "loguniform":
                low, high = math.log10(rest[0]), math.log10(rest[1])
                one[name] = 10 ** torch.empty((), dtype=torch.float64).uniform_(low, high, generator=generator)
            else:
                (values,) = rest
                one[name] = values[torch.randperm(len(values), generator=generator)[0]]
        found.append(one)
    return found
""",
    ),
]
