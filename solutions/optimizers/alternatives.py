"""Right implementations that look different from the reference; each of them must earn full marks.

One alternative changes several functions at once, all in one style.
"""

from autograder.variants import Alternative

FIRST_ORDER = [
    Alternative(
        name="updates-in-torch-style",
        function="minibatches",
        code="""
def minibatches(n, batch_size, generator, drop_last=False):
    batches = list(torch.randperm(n, generator=generator).split(batch_size))
    if drop_last and len(batches[-1]) < batch_size:
        batches.pop()
    return batches


def sgd(param, grad, state, *, lr, weight_decay=0.0):
    param = param.clone()
    if weight_decay:
        grad = grad.add(param, alpha=weight_decay)
    param.sub_(grad, alpha=lr)
    return param, state


def momentum(param, grad, state, *, lr, momentum=0.9):
    if state is None:
        velocity = grad.clone()
    else:
        velocity = torch.add(grad, state["velocity"], alpha=momentum)
    return torch.sub(param, velocity, alpha=lr), {"velocity": velocity}


def nesterov(param, grad, state, *, lr, momentum=0.9):
    buffer = grad.clone() if state is None else state.clone().mul_(momentum).add_(grad)
    return param.add(grad.add(buffer, alpha=momentum), alpha=-lr), buffer


def adagrad(param, grad, state, *, lr, eps=1e-10):
    total = torch.zeros_like(param) if state is None else state.clone()
    total.addcmul_(grad, grad)
    return param.addcdiv(grad, total.sqrt().add_(eps), value=-lr), total


def rmsprop(param, grad, state, *, lr, alpha=0.99, eps=1e-8):
    average = torch.zeros_like(param) if state is None else state["square_avg"]
    average = average.lerp(grad.square(), 1 - alpha)
    return param - lr * grad / average.sqrt().add(eps), {"square_avg": average}


def adam(param, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8):
    if state is None:
        state = {"step": 0, "exp_avg": torch.zeros_like(param), "exp_avg_sq": torch.zeros_like(param)}
    beta1, beta2 = betas
    step = state["step"] + 1
    exp_avg = state["exp_avg"].lerp(grad, 1 - beta1)
    exp_avg_sq = state["exp_avg_sq"].mul(beta2).addcmul_(grad, grad, value=1 - beta2)
    step_size = lr / (1 - beta1**step)
    denominator = (exp_avg_sq.sqrt() / math.sqrt(1 - beta2**step)).add_(eps)
    new = param.addcdiv(exp_avg, denominator, value=-step_size)
    return new, {"step": step, "exp_avg": exp_avg, "exp_avg_sq": exp_avg_sq}


class Adam:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        self.params = [*params]
        self.lr, self.betas, self.eps = lr, betas, eps
        self.memory = {}

    @torch.no_grad()
    def step(self):
        beta1, beta2 = self.betas
        for param in self.params:
            if param.grad is None:
                continue
            if param not in self.memory:
                self.memory[param] = {"m": torch.zeros_like(param), "v": torch.zeros_like(param), "t": 0}
            memory = self.memory[param]
            memory["t"] += 1
            memory["m"].mul_(beta1).add_(param.grad, alpha=1 - beta1)
            memory["v"].mul_(beta2).addcmul_(param.grad, param.grad, value=1 - beta2)
            root = (memory["v"] / (1 - beta2 ** memory["t"])).sqrt_().add_(self.eps)
            param.addcdiv_(memory["m"], root, value=-self.lr / (1 - beta1 ** memory["t"]))

    def zero_grad(self):
        for param in self.params:
            if param.grad is not None:
                param.grad.detach_()
                param.grad.zero_()
""",
        why="in-place operations on copies, lerp, addcmul and addcdiv, dicts as states, as in torch.optim",
    ),
    Alternative(
        name="updates-in-closed-form",
        function="minibatches",
        code="""
def minibatches(n, batch_size, generator, drop_last=False):
    order = torch.rand(n, generator=generator, dtype=torch.float64).argsort()
    count = n // batch_size if drop_last else -(-n // batch_size)
    return (order[i * batch_size : (i + 1) * batch_size] for i in range(count))


def sgd(param, grad, state, *, lr, weight_decay=0.0):
    calls = 0 if state is None else state["calls"]
    return param.mul(1 - lr * weight_decay).add(grad, alpha=-lr), {"calls": calls + 1}


def momentum(param, grad, state, *, lr, momentum=0.9):
    history = [*(state or []), grad.clone()]
    velocity = sum(momentum ** (len(history) - 1 - i) * g for i, g in enumerate(history))
    return param - lr * velocity, history


def momentum_goodfellow(param, grad, state, *, lr, momentum=0.9):
    previous = param if state is None else state
    return param + momentum * (param - previous) - lr * grad, param.clone()


def nesterov(param, grad, state, *, lr, momentum=0.9):
    old = 0 if state is None else state[0]
    return param - lr * ((1 + momentum) * grad + momentum**2 * old), (momentum * old + grad,)


def adagrad(param, grad, state, *, lr, eps=1e-10):
    norm = grad.abs() if state is None else torch.hypot(state, grad)
    return param - lr * grad / (norm + eps), norm


from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class AdamMemory:
    gradients: list = field(default_factory=list)


def adam(param, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8):
    memory = state or AdamMemory()
    memory = replace(memory, gradients=[*memory.gradients, grad.clone()])
    averages = []
    for beta, power in zip(betas, (1, 2), strict=True):
        weights = [beta**k for k in reversed(range(len(memory.gradients)))]
        total = sum(w * g**power for w, g in zip(weights, memory.gradients, strict=True))
        averages.append(total / sum(weights))
    return param - lr * averages[0] / (averages[1].sqrt() + eps), memory


def adamw(param, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    if state is None:
        state = {"m": torch.zeros_like(grad), "v": torch.zeros_like(grad), "t": 0}
    t = state["t"] + 1
    m = state["m"] * betas[0] + grad * (1 - betas[0])
    v = state["v"] * betas[1] + grad.square() * (1 - betas[1])
    direction = (m / (1 - betas[0] ** t)) / ((v / (1 - betas[1] ** t)) ** 0.5 + eps)
    return param - lr * (direction + weight_decay * param), {"m": m, "v": v, "t": t}
""",
        why="weighted sums over all gradients so far, lists and dataclasses as states, the shuffle by sorting",
    ),
    Alternative(
        name="updates-with-float32-factors",
        function="scaled_lr",
        code="""
def scaled_lr(base_lr, base_batch, batch):
    return torch.tensor(batch / base_batch * base_lr)


def sgd(param, grad, state, *, lr, weight_decay=0.0):
    return param - torch.tensor(lr) * (grad + torch.tensor(weight_decay) * param), state


def max_stable_lr(hessian):
    return (2 / torch.linalg.matrix_norm(hessian, ord=2)).item()


def momentum(param, grad, state, *, lr, momentum=0.9):
    velocity = grad if state is None else torch.tensor(momentum) * state + grad
    return param - torch.tensor(lr) * velocity, velocity


def rmsprop(param, grad, state, *, lr, alpha=0.99, eps=1e-8):
    kept = torch.tensor(alpha)
    average = (0.0 if state is None else kept * state) + (1 - kept) * grad * grad
    return [param - torch.tensor(lr) * grad / (average.sqrt() + torch.tensor(eps)), average]


def adam(param, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8):
    beta1, beta2 = torch.tensor(betas)
    m, v, t = state or (torch.zeros_like(grad), torch.zeros_like(grad), torch.tensor(0))
    t = t + 1
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad.square()
    return param - lr * (m / (1 - beta1**t)) / (torch.sqrt(v / (1 - beta2**t)) + eps), (m, v, t)


class Adam:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        self.params = list(params)
        self.settings = {"lr": lr, "betas": betas, "eps": eps}
        self.states = {}

    def step(self):
        for param in self.params:
            if param.grad is not None:
                value, self.states[param] = adam(
                    param.data, param.grad.data, self.states.get(param), **self.settings
                )
                param.data[...] = value

    def zero_grad(self):
        for param in self.params:
            if param.grad is not None:
                param.grad = torch.zeros_like(param.grad)
""",
        why="rates and betas as 0-d float32 tensors, also beside float64 parameters; results that are 0-d tensors or lists",
    ),
    Alternative(
        name="updates-in-other-forms",
        function="minibatches",
        code="""
import numpy as np


def minibatches(n, batch_size, generator, drop_last=False):
    order = list(range(n))
    for i in range(n - 1, 0, -1):
        j = int(torch.randint(i + 1, (1,), generator=generator))
        order[i], order[j] = order[j], order[i]
    while order:
        batch, order = order[:batch_size], order[batch_size:]
        if len(batch) == batch_size or not drop_last:
            yield torch.tensor(batch)


def max_stable_lr(hessian):
    return 2.0 / max(torch.linalg.eigvals(hessian).real.tolist())


def momentum(param, grad, state, *, lr, momentum=0.9):
    average = torch.zeros_like(grad) if state is None else state
    average = torch.lerp(grad, average, momentum)
    return param - lr / (1 - momentum) * average, average


def momentum_goodfellow(param, grad, state, *, lr, momentum=0.9):
    v = momentum * (0.0 if state is None else state) - lr * grad
    return param + v, v


def rmsprop(param, grad, state, *, lr, alpha=0.99, eps=1e-8):
    g = grad.numpy()
    average = np.zeros_like(g) if state is None else state
    average = alpha * average + (1 - alpha) * g * g
    step = np.asarray(lr * g / (np.sqrt(average) + eps))
    return param - torch.from_numpy(step).to(param.dtype), average


def adam(param, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8):
    m, v, t = (0, 0, 0) if state is None else state
    t += 1
    m = betas[0] * m + (1 - betas[0]) * grad
    v = betas[1] * v + (1 - betas[1]) * grad * grad
    root = math.sqrt(1 - betas[1] ** t)
    lr_t = lr * root / (1 - betas[0] ** t)
    return param - lr_t * m / (v.sqrt() + eps * root), (m, v, t)
""",
        why="Fisher-Yates, NumPy arithmetic, an average with lr / (1 - momentum), and the efficient form of the paper on Adam",
    ),
    Alternative(
        name="adam-with-running-powers",
        function="adam",
        code="""
def adam(param, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8):
    if state is None:
        state = [torch.zeros_like(param), torch.zeros_like(param), 1.0, 1.0]
    m, v, power1, power2 = state
    power1, power2 = power1 * betas[0], power2 * betas[1]
    m = m + (1 - betas[0]) * (grad - m)
    v = v + (1 - betas[1]) * (grad.pow(2) - v)
    step = m / (1 - power1) / (torch.sqrt(v / (1 - power2)) + eps)
    return param - lr * step, [m, v, power1, power2]
""",
        why="keeps the powers of the betas instead of a count; a list as state",
    ),
]

SCHEDULES = [
    Alternative(
        name="schedules-with-early-returns",
        function="exponential_lr",
        code="""
def exponential_lr(step, *, base_lr, gamma):
    return base_lr * math.exp(step * math.log(gamma))


def step_lr(step, *, base_lr, gamma, step_size):
    return base_lr * math.pow(gamma, math.floor(step / step_size))


def cosine_lr(step, *, base_lr, total_steps, min_lr=0.0):
    if step >= total_steps:
        return min_lr
    return min_lr + (base_lr - min_lr) * math.cos(math.pi * step / (2 * total_steps)) ** 2


def linear_to_tau(step, *, base_lr, final_lr, tau):
    if step >= tau:
        return final_lr
    return base_lr - (base_lr - final_lr) * step / tau


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    if step < warmup_steps:
        return (step + 1) / warmup_steps * base_lr
    if step >= total_steps:
        return min_lr
    share = (step - warmup_steps) / (total_steps - warmup_steps)
    return min_lr + (base_lr - min_lr) * (1 + math.cos(math.pi * share)) / 2


class ReduceOnPlateau:
    def __init__(self, lr, factor=0.1, patience=10, threshold=1e-4):
        self.settings = factor, patience, threshold
        self.rate, self.best, self.since = lr, float("inf"), []

    def step(self, loss):
        factor, patience, threshold = self.settings
        loss = float(loss)
        if loss < (1 - threshold) * self.best:
            self.best, self.since = loss, []
            return self.rate
        self.since = self.since + [loss]
        if len(self.since) == patience + 1:
            self.since = []
            self.rate = self.rate * factor
        return self.rate
""",
        why="exp and pow, cos² of the half angle, start and slope; a list of the bad losses",
    ),
    Alternative(
        name="schedules-as-tensors",
        function="exponential_lr",
        code="""
def exponential_lr(step, *, base_lr, gamma):
    return torch.tensor(base_lr) * torch.tensor(gamma) ** step


def inverse_time_lr(step, *, base_lr, decay):
    return torch.tensor(base_lr / (1.0 + decay * step))


def cosine_lr(step, *, base_lr, total_steps, min_lr=0.0):
    angle = math.pi * torch.clamp(torch.tensor(step / total_steps, dtype=torch.float64), max=1.0)
    return torch.lerp(torch.tensor(float(min_lr)).double(), torch.tensor(float(base_lr)).double(), (1 + angle.cos()) / 2)


def linear_to_tau(step, *, base_lr, final_lr, tau):
    return torch.lerp(torch.tensor(float(base_lr)), torch.tensor(float(final_lr)), min(1.0, step / tau))


def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    if warmup_steps > 0 and step < warmup_steps:
        return torch.tensor(base_lr * (step + 1) / warmup_steps)
    t = torch.tensor((min(step, total_steps) - warmup_steps) / (total_steps - warmup_steps))
    return min_lr + 0.5 * (base_lr - min_lr) * (1 + torch.cos(math.pi * t))


class ReduceOnPlateau:
    def __init__(self, lr, factor=0.1, patience=10, threshold=1e-4):
        self.lr, self.factor, self.patience, self.threshold = lr, factor, patience, threshold
        self.best, self.num_bad_epochs = None, 0
    def step(self, loss):
        loss = torch.as_tensor(loss, dtype=torch.float64).item()
        if (self.best is None and loss < math.inf) or (self.best is not None and loss < self.best * (1.0 - self.threshold)):
            self.best, self.num_bad_epochs = loss, 0
        else:
            self.num_bad_epochs += 1
            if self.num_bad_epochs == self.patience + 1:
                self.lr = self.lr * self.factor
                self.num_bad_epochs = 0
        return torch.tensor(self.lr)
""",
        why="0-d tensors as results, in float32 and in float64",
    ),
]

SECOND_ORDER = [
    Alternative(
        name="second-order-in-place",
        function="newton_step",
        code="""
def newton_step(grad, hessian, damping=0.0):
    damped = hessian.clone()
    damped.diagonal().add_(damping)
    return -(torch.linalg.inv(damped) @ grad)


def gauss_newton_step(residual, jacobian):
    return torch.linalg.lstsq(jacobian, -residual.unsqueeze(1)).solution.squeeze(1)


def levenberg_marquardt(residual_fn, jacobian_fn, x0, *, damping=1e-3, steps=50):
    def cost_of(point):
        return 0.5 * float((residual_fn(point) ** 2).sum())

    x = x0.clone()
    for _ in range(steps):
        r, j = residual_fn(x), jacobian_fn(x)
        a = j.T @ j
        a.diagonal().mul_(1 + damping)
        delta = -torch.linalg.solve(a, j.T @ r)
        before = cost_of(x)
        x += delta
        if cost_of(x) < before:
            damping *= 0.1
        else:
            x -= delta
            damping *= 10.0
    return x


def lbfgs_direction(grad, steps, grad_changes):
    q = grad.neg()
    kept = [i for i, (s, y) in enumerate(zip(steps, grad_changes, strict=True)) if s.dot(y) > 0]
    alpha = {}
    for i in kept[::-1]:
        alpha[i] = steps[i].dot(q) / steps[i].dot(grad_changes[i])
        q.sub_(alpha[i] * grad_changes[i])
    if kept:
        q.mul_(steps[kept[-1]].dot(grad_changes[kept[-1]]) / grad_changes[kept[-1]].dot(grad_changes[kept[-1]]))
    for i in kept:
        q.add_((alpha[i] - grad_changes[i].dot(q) / steps[i].dot(grad_changes[i])) * steps[i])
    return q
""",
        why="inverses; a point that moves and moves back; the direction in place, from -grad",
    ),
    Alternative(
        name="second-order-by-factorisations",
        function="newton_step",
        code="""
def newton_step(grad, hessian, damping=0.0):
    values, vectors = torch.linalg.eigh(hessian)
    return -vectors @ ((vectors.T @ grad) / (values + damping))


def gauss_newton_step(residual, jacobian):
    return -torch.linalg.pinv(jacobian) @ residual


def levenberg_marquardt(residual_fn, jacobian_fn, x0, *, damping=1e-3, steps=50):
    best, lam = x0.clone(), damping
    r, j = residual_fn(best), jacobian_fn(best)
    for _ in range(steps):
        below = (lam**0.5) * torch.diag(j.norm(dim=0))
        right = torch.cat([-r, torch.zeros(len(best), dtype=r.dtype)])
        trial = best + torch.linalg.lstsq(torch.cat([j, below]), right[:, None]).solution[:, 0]
        r_trial = residual_fn(trial)
        if r_trial @ r_trial < r @ r:
            best, r, j, lam = trial, r_trial, jacobian_fn(trial), lam / 10
        else:
            lam *= 10
    return best


def lbfgs_direction(grad, steps, grad_changes):
    n = grad.shape[0]
    eye = torch.eye(n, dtype=grad.dtype)
    keep = [i for i in range(len(steps)) if torch.dot(steps[i], grad_changes[i]) > 0]
    b = eye
    if keep:
        s, y = steps[keep[-1]], grad_changes[keep[-1]]
        b = eye * (torch.dot(s, y) / torch.dot(y, y))
    for i in keep:
        s, y = steps[i], grad_changes[i]
        rho = 1 / torch.dot(y, s)
        b = (eye - rho * torch.outer(s, y)) @ b @ (eye - rho * torch.outer(y, s)) + rho * torch.outer(s, s)
    return -(b @ grad)
""",
        why="eigenvectors, pseudoinverse, stacked least squares, the matrix of BFGS written out",
    ),
    Alternative(
        name="second-order-in-other-forms",
        function="newton_step",
        code="""
import numpy as np


def newton_step(grad, hessian, damping=0.0):
    damped = hessian.numpy() + damping * np.eye(len(grad), dtype=hessian.numpy().dtype)
    return torch.from_numpy(np.linalg.solve(damped, -grad.numpy()))


def gauss_newton_step(residual, jacobian):
    q, r = torch.linalg.qr(jacobian)
    return torch.linalg.solve_triangular(r, -(q.T @ residual)[:, None], upper=True)[:, 0]


def levenberg_marquardt(residual_fn, jacobian_fn, x0, *, damping=1e-3, steps=50):
    x = x0.detach().clone()
    lam = float(damping)
    cost = 0.5 * residual_fn(x).pow(2).sum().item()
    for k in range(steps):
        r = residual_fn(x); J = jacobian_fn(x)
        g = J.T @ r
        if g.abs().max() < 1e-13:
            break
        A = J.T @ J
        d = torch.linalg.solve(A + lam * torch.diag(torch.diag(A)), -g)
        new = x + d
        new_cost = 0.5 * residual_fn(new).pow(2).sum().item()
        if new_cost < cost:
            x, cost = new, new_cost
            lam *= 0.1
        else:
            lam *= 10
    return x


def lbfgs_direction(grad, steps, grad_changes):
    kept = [(s, y, float(s @ y)) for s, y in zip(steps, grad_changes, strict=True) if float(s @ y) > 0]

    def apply(q, count):
        if count == 0:
            if not kept:
                return q
            _, y, curvature = kept[-1]
            return q * (curvature / float(y @ y))
        s, y, curvature = kept[count - 1]
        alpha = float(s @ q) / curvature
        r = apply(q - alpha * y, count - 1)
        return r + (alpha - float(y @ r) / curvature) * s

    return apply(grad, len(kept)).neg()
""",
        why="NumPy, QR, an early stop when the slope is 0, recursion over the pairs",
    ),
]

ALTERNATIVES = [*FIRST_ORDER, *SCHEDULES, *SECOND_ORDER]
