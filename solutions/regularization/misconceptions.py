"""Wrong implementations that students really write, and the sentence that helps whoever wrote one."""

from autograder.variants import Misconception

MISCONCEPTIONS = [
    # Task 1: penalties and ridge
    Misconception(
        name="l2-without-half",
        function="l2_penalty",
        find="alpha / 2 *",
        put="alpha *",
        message="Your L2 penalty is twice too large: here it is ½α times the sum of squares, so that its gradient is αw.",
    ),
    Misconception(
        name="l2-norm-not-squared",
        function="l2_penalty",
        find="(w**2).sum()",
        put="(w**2).sum().sqrt()",
        message="You add the norms of the tensors. The L2 penalty adds the squared norms: leave the square root out.",
    ),
    Misconception(
        name="l2-mean-of-squares",
        function="l2_penalty",
        find="(w**2).sum()",
        put="(w**2).mean()",
        message="You take the mean over each tensor. The penalty is a sum: every weight pays for itself, however many there are.",
    ),
    Misconception(
        name="l1-without-absolute-value",
        function="l1_penalty",
        find="w.abs().sum()",
        put="w.sum()",
        message="Negative weights lower your L1 penalty. It adds absolute values, so every weight costs.",
    ),
    Misconception(
        name="ridge-alpha-on-every-entry",
        function="ridge",
        find="alpha * torch.eye(x.shape[1], dtype=x.dtype)",
        put="alpha",
        message="You add alpha to every entry of XᵀX. It belongs on the diagonal only: alpha times the identity matrix.",
    ),
    Misconception(
        name="ridge-alpha-doubled",
        function="ridge",
        find="alpha * torch.eye",
        put="2 * alpha * torch.eye",
        message="Your penalty is twice too strong. Both terms carry ½, so their derivatives are XᵀX w − Xᵀy and αw: no 2 is left.",
    ),
    Misconception(
        name="ridge-alpha-times-rows",
        function="ridge",
        find="alpha * torch.eye",
        put="len(x) * alpha * torch.eye",
        message="You multiply alpha by the number of rows. That belongs to a mean squared error; here the error is a sum over the rows.",
    ),
    Misconception(
        name="ridge-spares-the-first-weight",
        function="ridge",
        find="alpha * torch.eye(x.shape[1], dtype=x.dtype)",
        put="alpha * torch.eye(x.shape[1], dtype=x.dtype).index_fill(0, torch.tensor(0), 0.0)",
        message="You leave the first weight out of the penalty as if it were an intercept. Here every column is penalized.",
    ),
    Misconception(
        name="ridge-centres-the-data",
        function="ridge",
        find="return torch",
        put="x, y = x - x.mean(dim=0), y - y.mean()\n    return torch",
        message="You subtract the means first. That is right for a model with an intercept, but this one has none: use x and y as they are.",
    ),
    Misconception(
        name="ridge-without-penalty",
        function="ridge",
        code="""
def ridge(x, y, alpha):
    return torch.linalg.pinv(x) @ y
""",
        message="Your weights do not depend on alpha: this is least squares without a penalty.",
    ),
    Misconception(
        name="shrinkage-with-floor",
        function="ridge_shrinkage",
        find="(singular_values**2 + alpha)",
        put="(singular_values**2 + alpha + 1e-8)",
        message="You add a small number to the denominator. Next to a small singular value it is not small; without it nothing is divided by 0.",
    ),
    Misconception(
        name="shrinkage-complement",
        function="ridge_shrinkage",
        find="return singular_values**2 /",
        put="return alpha /",
        message="You return the share that is lost, alpha/(s² + alpha). What is kept is one minus that.",
    ),
    Misconception(
        name="shrinkage-not-squared",
        function="ridge_shrinkage",
        find="singular_values**2 / (singular_values**2 + alpha)",
        put="singular_values / (singular_values + alpha)",
        message="You use s where s² belongs: the eigenvalues of XᵀX are the squares of the singular values of X.",
    ),
    Misconception(
        name="shrinkage-of-the-weights",
        function="ridge_shrinkage",
        find="return singular_values**2 /",
        put="return singular_values /",
        message="s/(s² + alpha) turns the targets into weights. For the fit Xw multiply by s once more: s²/(s² + alpha).",
    ),
    # Task 2: L1
    Misconception(
        name="soft-threshold-halved",
        function="soft_threshold",
        find="- threshold)",
        put="- threshold / 2)",
        message="You shrink by half of the threshold. That belongs to (w − v)² without the ½; here the square has it.",
    ),
    Misconception(
        name="hard-threshold",
        function="soft_threshold",
        find="w.sign() * (w.abs() - threshold).clamp(min=0)",
        put="torch.where(w.abs() > threshold, w, 0.0)",
        message="You keep large entries as they are: that is the hard threshold. The soft one also moves them towards 0 by the threshold.",
    ),
    Misconception(
        name="soft-threshold-loses-the-sign",
        function="soft_threshold",
        find="w.sign() * ",
        put="",
        message="Negative entries come out positive: multiply by the sign of w again.",
    ),
    Misconception(
        name="soft-threshold-not-clamped",
        function="soft_threshold",
        find=".clamp(min=0)",
        put="",
        message="Entries smaller than the threshold change their sign instead of becoming 0: |w| − threshold must not go below 0.",
    ),
    Misconception(
        name="soft-threshold-subtracts-everywhere",
        function="soft_threshold",
        find="w.sign() * (w.abs() - threshold).clamp(min=0)",
        put="torch.where(w.abs() > threshold, w - threshold, 0.0)",
        message="You subtract the threshold from negative entries too, which moves them away from 0. Negative ones move up.",
    ),
    Misconception(
        name="ista-step-not-squared",
        function="lasso_ista",
        find="torch.linalg.matrix_norm(x, 2) ** 2",
        put="torch.linalg.matrix_norm(x, 2)",
        message="Your step size is 1/σ. The largest curvature of the squared error is σ², the largest eigenvalue of XᵀX.",
    ),
    Misconception(
        name="ista-step-of-frobenius-norm",
        function="lasso_ista",
        find="torch.linalg.matrix_norm(x, 2) ** 2",
        put="(x**2).sum()",
        message="You take the Frobenius norm for the spectral norm. It is larger, so your steps are safe but too small: use σ_max².",
    ),
    Misconception(
        name="ista-threshold-without-step-size",
        function="lasso_ista",
        find="lr * alpha",
        put="alpha",
        message="Each of your steps shrinks by alpha. It should shrink by the step size times alpha, as the gradient step does.",
    ),
    Misconception(
        name="ista-mean-squared-error",
        function="lasso_ista",
        find="(x.T @ (x @ w - y))",
        put="(x.T @ (x @ w - y)) / len(x)",
        message="You divide the gradient by the number of rows. The squared error is a sum over rows here, not a mean.",
    ),
    Misconception(
        name="ista-subgradient",
        function="lasso_ista",
        find="soft_threshold(w - lr * (x.T @ (x @ w - y)), lr * alpha)",
        put="w - lr * (x.T @ (x @ w - y) + alpha * w.sign())",
        message="You put alpha·sign(w) into the gradient. This jumps around 0 and never stays there: apply the soft threshold after the step.",
    ),
    Misconception(
        name="ista-thresholds-only-at-the-end",
        function="lasso_ista",
        find="w = soft_threshold(w - lr * (x.T @ (x @ w - y)), lr * alpha)\n    return w",
        put="w = w - lr * (x.T @ (x @ w - y))\n    return soft_threshold(w, alpha)",
        message="You apply the threshold once, at the end. It belongs into every step; only columns at right angles would forgive that.",
    ),
    Misconception(
        name="ista-zeros-stay-zero",
        function="lasso_ista",
        find="    for _ in range(steps):\n        w = soft_threshold(w - lr * (x.T @ (x @ w - y)), lr * alpha)\n",
        put="    alive = torch.ones(x.shape[1], dtype=x.dtype)\n"
        "    for _ in range(steps):\n"
        "        w = alive * soft_threshold(w - lr * (x.T @ (x @ w - y)), lr * alpha)\n"
        "        alive = (w != 0).to(x.dtype)\n",
        message="A weight that is 0 after one step stays 0 for ever in your code. The data may pull harder once the other weights have "
        "moved: compute every weight anew in each step.",
    ),
    Misconception(
        name="ista-stops-when-steps-are-small",
        function="lasso_ista",
        code="""
def lasso_ista(x, y, alpha, steps):
    lr = 1 / torch.linalg.matrix_norm(x, 2) ** 2
    w = torch.zeros(x.shape[1], dtype=x.dtype)
    for _ in range(steps):
        old = w
        w = soft_threshold(w - lr * (x.T @ (x @ w - y)), lr * alpha)
        if (w - old).abs().max() < 1e-3:
            break
    return w
""",
        message="You stop when the weights hardly move. Where the data shows a direction weakly each step along it is small and the way "
        "long: make all the steps.",
    ),
    # Task 3: weight decay
    Misconception(
        name="decay-always-l2",
        function="sgd_step",
        find='if decay == "l2":',
        put="if True:",
        message='Both of your forms are L2: with decay="decoupled" the penalty must not enter the gradient and the velocity.',
    ),
    Misconception(
        name="decay-always-decoupled",
        function="sgd_step",
        find='if decay == "l2":',
        put="if False:",
        message='Both of your forms are decoupled: with decay="l2" the penalty is part of the gradient and goes through the velocity.',
    ),
    Misconception(
        name="decay-forms-swapped",
        function="sgd_step",
        find='if decay == "l2":',
        put='if decay != "l2":',
        message='You have exchanged the two forms: "l2" is the one that goes through the gradient.',
    ),
    Misconception(
        name="decay-after-the-step",
        function="sgd_step",
        find="return param - lr * velocity - lr * weight_decay * param, velocity",
        put="return (param - lr * velocity) * (1 - lr * weight_decay), velocity",
        message="You decay the parameter after the step. The decoupled form subtracts a part of the parameter before the step.",
    ),
    Misconception(
        name="decay-without-learning-rate",
        function="sgd_step",
        find="- lr * weight_decay * param",
        put="- weight_decay * param",
        message="Your decoupled decay is not multiplied by the learning rate. Subtract lr · weight_decay · param.",
    ),
    Misconception(
        name="decay-in-the-velocity-too",
        function="sgd_step",
        find="velocity = momentum * velocity + grad\n",
        put="velocity = momentum * velocity + grad + weight_decay * param\n",
        message='With decay="decoupled" you decay twice, in the gradient and beside it. It belongs beside it only.',
    ),
    Misconception(
        name="learning-rate-in-the-velocity",
        function="sgd_step",
        code="""
def sgd_step(param, grad, velocity, *, lr, momentum, weight_decay, decay):
    if decay == "l2":
        velocity = momentum * velocity - lr * (grad + weight_decay * param)
        return param + velocity, velocity
    velocity = momentum * velocity - lr * grad
    return param + velocity - lr * weight_decay * param, velocity
""",
        message="Your velocity contains the learning rate. In PyTorch's convention it is a sum of gradients, and the learning rate "
        "multiplies it in the step.",
    ),
    Misconception(
        name="learning-rate-inside-the-velocity",
        function="sgd_step",
        code="""
def sgd_step(param, grad, velocity, *, lr, momentum, weight_decay, decay):
    if decay == "l2":
        velocity = momentum * velocity + lr * (grad + weight_decay * param)
        return param - velocity, velocity
    velocity = momentum * velocity + lr * grad
    return param - velocity - lr * weight_decay * param, velocity
""",
        message="Your velocity contains the learning rate. In PyTorch's convention it is a sum of gradients, and the learning rate "
        "multiplies it in the step.",
    ),
    Misconception(
        name="nesterov-step",
        function="sgd_step",
        code="""
def sgd_step(param, grad, velocity, *, lr, momentum, weight_decay, decay):
    if decay == "l2":
        grad = grad + weight_decay * param
    velocity = momentum * velocity + grad
    decayed = param if decay == "l2" else param - lr * weight_decay * param
    return decayed - lr * (grad + momentum * velocity), velocity
""",
        message="Your step is Nesterov's, along the gradient plus momentum times the velocity. Here the step is the velocity itself.",
    ),
    Misconception(
        name="velocity-is-an-average",
        function="sgd_step",
        code="""
def sgd_step(param, grad, velocity, *, lr, momentum, weight_decay, decay):
    if decay == "l2":
        grad = grad + weight_decay * param
        weight_decay = 0.0
    velocity = momentum * velocity + (1 - momentum) * grad
    return param - lr * velocity - lr * weight_decay * param, velocity
""",
        message="You weigh the gradient by 1 − momentum, which makes the velocity an average. In PyTorch's convention the gradient is added whole.",
    ),
    Misconception(
        name="decay-of-matrices-only",
        function="sgd_step",
        find='    if decay == "l2":',
        put='    if param.dim() == 1 and param.numel() > 1:\n        weight_decay = 0.0\n    if decay == "l2":',
        message="You do not decay vectors. Whoever calls the function decides what is decayed, by weight_decay: apply it to what you are given.",
    ),
    Misconception(
        name="decay-drives-negative-weights-away",
        function="sgd_step",
        find="grad + weight_decay * param",
        put="grad + weight_decay * param.abs()",
        message="Your L2 term is positive for every weight and drives the negative ones away from 0. The slope of ½λw² is λw, which "
        "has the sign of w.",
    ),
    Misconception(
        name="velocity-is-the-gradient-itself",
        function="sgd_step",
        find='    if decay == "l2":',
        put='    if not momentum and (decay != "l2" or not weight_decay):\n'
        "        return param - lr * grad - lr * weight_decay * param, grad\n"
        '    if decay == "l2":',
        message="Without momentum you return the gradient itself as the velocity. The next backward pass changes it: return a new tensor.",
    ),
    Misconception(
        name="decay-changes-the-parameter-in-place",
        function="sgd_step",
        code="""
def sgd_step(param, grad, velocity, *, lr, momentum, weight_decay, decay):
    if decay == "l2":
        grad = grad + weight_decay * param
    else:
        param *= 1 - lr * weight_decay
    velocity = momentum * velocity + grad
    return param - lr * velocity, velocity
""",
        message="Your decay changes the parameter that the caller gave you. Make a new tensor: no *= or -= on arguments.",
    ),
    # Task 4: early stopping
    Misconception(
        name="ties-count-as-better",
        function="EarlyStopping.update",
        find="if loss < self.best_loss:",
        put="if loss <= self.best_loss:",
        message="An equal loss counts as better in your code. It has to be strictly smaller, else a flat loss never stops the training.",
    ),
    Misconception(
        name="count-not-set-back",
        function="EarlyStopping.update",
        find="self.left = self.patience",
        put="self.left += 1",
        message="A better loss does not set your count back. Patience counts bad updates in a row, not all of them.",
    ),
    Misconception(
        name="patience-in-steps",
        function="EarlyStopping.update",
        find="""        self.left -= 1
        if loss < self.best_loss:
            self.best_step, self.best_loss = step, float(loss)
            self.best_parameters = [p.detach().clone() for p in parameters]
            self.left = self.patience
        return not self.left""",
        put="""        if loss < self.best_loss:
            self.best_step, self.best_loss = step, float(loss)
            self.best_parameters = [p.detach().clone() for p in parameters]
        self.left = max(0, self.patience - (step - (self.best_step or 0)))
        return not self.left""",
        message="You compare patience with a difference of steps. It counts updates: between two of them there may be many steps.",
    ),
    Misconception(
        name="small-improvements-do-not-count",
        function="EarlyStopping.update",
        find="if loss < self.best_loss:",
        put="if loss < self.best_loss - 1e-4:",
        message="You ask for an improvement of a certain size. Here every strictly smaller loss is better, by however little.",
    ),
    Misconception(
        name="patience-one-too-many",
        function="EarlyStopping.update",
        find="""        if not self.left:
            return True
        self.left -= 1
        if loss < self.best_loss:
            self.best_step, self.best_loss = step, float(loss)
            self.best_parameters = [p.detach().clone() for p in parameters]
            self.left = self.patience
        return not self.left""",
        put="""        if self.left < 0:
            return True
        self.left -= 1
        if loss < self.best_loss:
            self.best_step, self.best_loss = step, float(loss)
            self.best_parameters = [p.detach().clone() for p in parameters]
            self.left = self.patience
        return self.left < 0""",
        message="You stop one update too late: the update that makes it `patience` bad ones in a row already returns True.",
    ),
    Misconception(
        name="patience-one-too-few",
        function="EarlyStopping.update",
        find="return not self.left",
        put="return self.left <= 1 and self.left < self.patience or not self.left",
        message="You stop one update too early: there must be `patience` bad updates in a row.",
    ),
    Misconception(
        name="nan-counts-as-better",
        function="EarlyStopping.update",
        find="if loss < self.best_loss:",
        put="if not loss >= self.best_loss:",
        message="NaN counts as better in your code, because every comparison with NaN is False. Ask `loss < best`, not `not loss >= best`.",
    ),
    Misconception(
        name="first-loss-taken-even-if-nan",
        function="EarlyStopping.update",
        find="if loss < self.best_loss:",
        put="if self.best_step is None or loss < self.best_loss:",
        message="If the first loss is NaN you keep it as the best, and then nothing is ever smaller. Start with infinity instead.",
    ),
    Misconception(
        name="nan-is-not-counted",
        function="EarlyStopping.update",
        find="self.left -= 1",
        put="self.left -= bool(loss == loss)",
        message="An update with NaN does not count in your code. NaN is not better, so it counts like any other loss that is not.",
    ),
    Misconception(
        name="one-count-for-all-objects",
        function="EarlyStopping.update",
        code="""
class EarlyStopping:
    count = {}

    def __init__(self, patience):
        self.best_step, self.best_loss, self.best_parameters = None, math.inf, None
        self.patience, self.count["bad"] = patience, 0

    def update(self, step, loss, parameters):
        if self.count["bad"] >= self.patience:
            return True
        self.count["bad"] += 1
        if loss < self.best_loss:
            self.best_step, self.best_loss = step, float(loss)
            self.best_parameters = [p.detach().clone() for p in parameters]
            self.count["bad"] = 0
        return self.count["bad"] >= self.patience
""",
        message="What belongs to the class is shared by all its objects: two of them count together. Begin the count in __init__, as "
        "self.something.",
    ),
    Misconception(
        name="better-by-a-share",
        function="EarlyStopping.update",
        find="if loss < self.best_loss:",
        put="if loss < self.best_loss * (1 - 1e-4):",
        message="You ask for a loss that is smaller by a share of the best. Any strictly smaller one is better; and where losses are negative "
        "your rule takes an equal one for better.",
    ),
    Misconception(
        name="one-memory-for-all-objects",
        function="EarlyStopping.update",
        code="""
class EarlyStopping:
    best_step, best_loss, best_parameters = None, math.inf, []

    def __init__(self, patience):
        self.patience = self.left = patience

    def update(self, step, loss, parameters):
        if not self.left:
            return True
        self.left -= 1
        if loss < self.best_loss:
            self.best_step, self.best_loss = step, float(loss)
            self.best_parameters[:] = [p.detach().clone() for p in parameters]
            self.left = self.patience
        return not self.left
""",
        message="A list that belongs to the class is shared by all its objects. Set best_parameters to None in __init__, and to a new list "
        "at each better update.",
    ),
    Misconception(
        name="keeps-a-reference",
        function="EarlyStopping.update",
        find="[p.detach().clone() for p in parameters]",
        put="parameters",
        message="You remember the parameters themselves, and training goes on changing them: at the end the best are the last. Copy each tensor.",
    ),
    Misconception(
        name="copies-the-list-only",
        function="EarlyStopping.update",
        find="[p.detach().clone() for p in parameters]",
        put="[p.detach() for p in parameters]",
        message="Your copy is a new list of the same memory: list(), copy() and detach() share it. Clone each tensor.",
    ),
    Misconception(
        name="keeps-the-last",
        function="EarlyStopping.update",
        find="        self.left -= 1\n",
        put="        self.left -= 1\n        self.best_parameters = [p.detach().clone() for p in parameters]\n",
        message="best_parameters are those of the last update. Copy them only when the loss is better.",
    ),
    Misconception(
        name="starts-again-after-the-stop",
        function="EarlyStopping.update",
        find="        if not self.left:\n            return True\n",
        put="        if not self.left:\n            self.left = self.patience\n",
        message="After the stop your count starts again. Once stopped it stays stopped: every later update returns True.",
    ),
    Misconception(
        name="puts-the-best-back",
        function="EarlyStopping.update",
        find="        return not self.left",
        put="""        if not self.left:
            for p, best in zip(parameters, self.best_parameters or [], strict=False):
                p.data.copy_(best)
        return not self.left""",
        message="You put the best parameters back when the training stops. The parameters that you are given end as they were; best_parameters has the best.",
    ),
    Misconception(
        name="returns-true-or-nothing",
        function="EarlyStopping.update",
        find="        return not self.left",
        put="        if not self.left:\n            return True",
        message="While the training goes on your update returns None. Return False.",
    ),
    Misconception(
        name="compares-with-the-previous-loss",
        function="EarlyStopping.update",
        code="""
class EarlyStopping:
    def __init__(self, patience):
        self.best_step, self.best_loss, self.best_parameters = None, math.inf, None
        self.previous, self.patience, self.left = math.inf, patience, patience

    def update(self, step, loss, parameters):
        if not self.left:
            return True
        self.left -= 1
        if loss < self.previous:
            self.left = self.patience
        if loss < self.best_loss:
            self.best_step, self.best_loss = step, float(loss)
            self.best_parameters = [p.detach().clone() for p in parameters]
        self.previous = float(loss)
        return not self.left
""",
        message="Your count compares with the loss before. Compare with the best so far: a loss that falls again is not yet better.",
    ),
    Misconception(
        name="equivalent-alpha-one-step-less",
        function="equivalent_alpha",
        find="** steps",
        put="** (steps - 1)",
        message="Your exponent is one too small: after `steps` steps the factor 1 − lr·λ has been applied `steps` times.",
    ),
    Misconception(
        name="equivalent-alpha-one-for-all",
        function="equivalent_alpha",
        find="return eigenvalue * left / (1 - left)",
        put="return 1 / (lr * steps) + 0 * eigenvalue",
        message="1/(steps · lr) is the limit for small eigenvalues. The exact alpha differs from direction to direction.",
    ),
    # Task 5: dropout
    Misconception(
        name="p-keeps",
        function="dropout",
        find="mask = torch.rand(x.shape, generator=generator) >= p\n    return torch.where(mask, x / (1 - p), 0.0), mask",
        put="mask = torch.rand(x.shape, generator=generator) < p\n    return torch.where(mask, x / p, 0.0), mask",
        message="Your p is the probability to keep, as in the original paper. Here, as in PyTorch, p is the probability to drop.",
    ),
    Misconception(
        name="mask-keeps-share-p",
        function="dropout",
        find=">= p",
        put="< p",
        message="You keep an entry with probability p, but scale by 1/(1 − p). Keep it with probability 1 − p.",
    ),
    Misconception(
        name="mask-of-what-is-dropped",
        function="dropout",
        find="0.0), mask",
        put="0.0), ~mask",
        message="Your mask is True where an entry is dropped. It should be True where it is kept.",
    ),
    Misconception(
        name="dropout-not-scaled",
        function="dropout",
        find="x / (1 - p), 0.0)",
        put="x, 0.0)",
        message="The entries that are kept are not scaled, so the mean falls in training: divide them by 1 − p.",
    ),
    Misconception(
        name="dropout-scaled-at-evaluation",
        function="dropout",
        find="return x.clone(), torch.ones_like(x, dtype=torch.bool)",
        put="return x * (1 - p), torch.ones_like(x, dtype=torch.bool)",
        message="You multiply by 1 − p in evaluation too. Inverted dropout has scaled in training already: y is x in evaluation.",
    ),
    Misconception(
        name="original-dropout",
        function="dropout",
        code="""
def dropout(x, p, training, generator):
    if not training:
        return x * (1 - p), torch.ones_like(x, dtype=torch.bool)
    mask = torch.rand(x.shape, generator=generator) >= p
    return x * mask, mask
""",
        message="You scale in evaluation, as the original paper does. Here dropout is inverted: divide by 1 − p in training, and return x in evaluation.",
    ),
    Misconception(
        name="dropout-active-at-evaluation",
        function="dropout",
        find="if not training:",
        put="if False:",
        message="You drop entries in evaluation too. When not training, y equals x and the mask is all True.",
    ),
    Misconception(
        name="dropout-mask-shared-by-the-batch",
        function="dropout",
        find="torch.rand(x.shape, generator=generator) >= p",
        put="(torch.rand(x.shape[1:], generator=generator) >= p).expand(x.shape)",
        message="All examples of your batch share one mask. Every entry has its own coin: draw in the shape of x.",
    ),
    Misconception(
        name="dropout-of-whole-channels",
        function="dropout",
        find="torch.rand(x.shape, generator=generator) >= p",
        put="(torch.rand(x.shape[:2] + (1,) * (x.dim() - 2), generator=generator) >= p).expand(x.shape)",
        message="You drop whole channels: all entries with the same first two indices share one coin. Every entry has its own.",
    ),
    Misconception(
        name="dropout-scaled-by-the-share-kept",
        function="dropout",
        find="x / (1 - p), 0.0)",
        put="x / mask.to(x.dtype).mean().clamp(min=1e-9), 0.0)",
        message="You divide by the share that happened to be kept. Divide by 1 − p, which is the same in every call.",
    ),
    Misconception(
        name="dropout-of-an-exact-share",
        function="dropout",
        find="torch.rand(x.shape, generator=generator) >= p",
        put="(torch.randperm(x.numel(), generator=generator) >= round(p * x.numel())).reshape(x.shape)",
        message="You drop exactly a share p of the entries each time. They should be dropped independently, so that their number varies.",
    ),
    Misconception(
        name="dropout-nan-at-one",
        function="dropout",
        find="torch.where(mask, x / (1 - p), 0.0)",
        put="x * mask / torch.tensor(1.0 - p, dtype=x.dtype)",
        message="With p = 1 you compute 0/0, which is NaN. Everything is dropped then, and y is zero.",
    ),
    Misconception(
        name="dropout-without-its-generator",
        function="dropout",
        find="torch.rand(x.shape, generator=generator)",
        put="torch.rand(x.shape)",
        message="You draw from PyTorch's global generator. Pass generator=generator, or nobody can repeat the run.",
    ),
    Misconception(
        name="dropout-seeded-inside",
        function="dropout",
        find="torch.rand(x.shape, generator=generator)",
        put="torch.rand(x.shape, generator=torch.Generator().manual_seed(0))",
        message="You make a generator inside, so every call draws the same mask. Draw from the generator that is given.",
    ),
    Misconception(
        name="dropout-in-place",
        function="dropout",
        code="""
def dropout(x, p, training, generator):
    if not training:
        return x, torch.ones_like(x, dtype=torch.bool)
    mask = torch.rand(x.shape, generator=generator) >= p
    x *= mask
    if p < 1:
        x /= 1 - p
    return x, mask
""",
        message="You change x itself, but the layer below still needs it. Make a new tensor: no *= on an argument.",
    ),
    Misconception(
        name="dropout-cut-off-from-the-graph",
        function="dropout",
        find="torch.where(mask, x / (1 - p), 0.0)",
        put="torch.where(mask, x.detach() / (1 - p), 0.0)",
        message="Your y is cut off from x: no gradient comes back through it. Work on x itself, without detach(), .data or NumPy.",
    ),
    Misconception(
        name="dropout-mask-of-floats",
        function="dropout",
        find="0.0), mask",
        put="0.0), mask.to(x.dtype)",
        message="Your mask consists of numbers. It should be a boolean tensor: leave out .float().",
    ),
    Misconception(
        name="dropout-with-p-1-at-evaluation",
        function="dropout",
        find="if not training:",
        put="if p == 1:\n        return torch.zeros_like(x), torch.zeros_like(x, dtype=torch.bool)\n    if not training:",
        message="With p = 1 you give zeros in evaluation, too. Nothing is dropped there, whatever p is: ask about training first.",
    ),
    Misconception(
        name="dropout-mask-of-the-result",
        function="dropout",
        find="return torch.where(mask, x / (1 - p), 0.0), mask",
        put="y = torch.where(mask, x / (1 - p), 0.0)\n    return y, y != 0",
        message="Your mask says where y is not 0. An entry that was 0 before may be kept all the same: return the coins themselves.",
    ),
    Misconception(
        name="dropout-mask-where-y-is-not-zero",
        function="dropout",
        find="return x.clone(), torch.ones_like(x, dtype=torch.bool)",
        put="return x.clone(), x != 0",
        message="Your mask says where y is not 0. An entry that was 0 before is kept all the same: in evaluation the mask is True everywhere.",
    ),
    Misconception(
        name="dropout-backward-not-scaled",
        function="dropout_backward",
        find="grad_y / (1 - p)",
        put="grad_y",
        message="Your gradient misses the factor 1/(1 − p): the forward pass multiplies by it, so does the backward pass.",
    ),
    Misconception(
        name="dropout-backward-ignores-the-mask",
        function="dropout_backward",
        find="return torch.where(mask, grad_y / (1 - p), 0.0)",
        put="return grad_y / (1 - p) if p < 1 else torch.zeros_like(grad_y)",
        message="A gradient flows through what was dropped. Where the mask is False, the output does not depend on x, and the gradient is 0.",
    ),
    # Task 6: noise
    Misconception(
        name="std-not-squared",
        function="noisy_input_penalty",
        find="std**2",
        put="std",
        message="You use the standard deviation where the variance belongs: square it.",
    ),
    Misconception(
        name="noise-penalty-without-rows",
        function="noisy_input_penalty",
        find="n * std",
        put="std",
        message="Your penalty is that of a single row. Each of the n rows has its own noise, and the error is a sum over them.",
    ),
    Misconception(
        name="noise-penalty-without-half",
        function="noisy_input_penalty",
        find=" / 2",
        put="",
        message="The squared error carries a factor ½ here, so its increase does too.",
    ),
    Misconception(
        name="smoothing-of-pytorch",
        function="smooth_labels",
        find="alpha / (num_classes - 1))\n    y[torch.arange(len(target)), target] = 1 - alpha",
        put="alpha / num_classes)\n    y[torch.arange(len(target)), target] += 1 - alpha",
        message="This is PyTorch's convention: alpha/K for every class. Here the true class gets 1 − alpha and each other class alpha/(K − 1).",
    ),
    Misconception(
        name="smoothing-divided-by-all-classes",
        function="smooth_labels",
        find="(num_classes - 1)",
        put="num_classes",
        message="The true class gets 1 − alpha and the others alpha/K, so your rows do not sum to 1. There are only K − 1 others.",
    ),
    Misconception(
        name="smoothing-adds-one-over-k",
        function="smooth_labels",
        find="alpha / (num_classes - 1))\n    y[torch.arange(len(target)), target] = 1 - alpha",
        put="1 / num_classes)\n    y[torch.arange(len(target)), target] += 1 - alpha",
        message="You add 1/K to every class whatever alpha is, so your rows sum to more than 1. The others share alpha.",
    ),
    Misconception(
        name="smoothing-true-class-loses-too-little",
        function="smooth_labels",
        find="alpha / (num_classes - 1))\n    y[torch.arange(len(target)), target] = 1 - alpha",
        put="alpha / num_classes)\n    y[torch.arange(len(target)), target] = 1 - alpha / num_classes",
        message="Your true class gives up alpha/K only, and the rows do not sum to 1. It gives up alpha, which the others share.",
    ),
    Misconception(
        name="smoothing-factor-applied-twice",
        function="smooth_labels",
        find="= 1 - alpha\n",
        put="= 1 - alpha * num_classes / (num_classes - 1)\n",
        message="You convert alpha from one convention to the other in the true class only. Here it gets 1 − alpha.",
    ),
    Misconception(
        name="smoothing-over-the-batch",
        function="smooth_labels",
        find="alpha / (num_classes - 1)",
        put="alpha / max(1, len(target) - 1)",
        message="You divide by the number of examples. Alpha is shared by the K − 1 other classes.",
    ),
    Misconception(
        name="soft-loss-is-a-sum",
        function="cross_entropy_soft",
        find=".mean()",
        put=".sum()",
        message="You add the losses of the examples. The loss is their mean.",
    ),
    Misconception(
        name="soft-loss-cut-from-the-graph",
        function="cross_entropy_soft",
        find=".sum(dim=1).mean()",
        put=".sum(dim=1).mean().item()",
        message="Your loss is right, but cut off from the network: .item(), float() and detach() stop the gradient. Return the tensor.",
    ),
    Misconception(
        name="soft-loss-mean-over-classes",
        function="cross_entropy_soft",
        find=".sum(dim=1).mean()",
        put=".mean()",
        message="You take the mean over the classes too. Over the classes it is a sum, and over the examples a mean.",
    ),
    Misconception(
        name="soft-loss-unstable",
        function="cross_entropy_soft",
        find="torch.log_softmax(logits, dim=1)",
        put="torch.softmax(logits, dim=1).log()",
        message="At large logits a probability becomes 0 and its logarithm minus infinity. Use log_softmax, which never leaves the logarithms.",
    ),
    Misconception(
        name="soft-loss-with-a-floor",
        function="cross_entropy_soft",
        find="torch.log_softmax(logits, dim=1)",
        put="torch.softmax(logits, dim=1).clamp(min=1e-12).log()",
        message="A floor under the probabilities makes the loss finite, but wrong at large logits. Use log_softmax.",
    ),
    Misconception(
        name="soft-loss-of-the-largest-target",
        function="cross_entropy_soft",
        find="return -(target * torch.log_softmax(logits, dim=1)).sum(dim=1).mean()",
        put="return torch.nn.functional.cross_entropy(logits, target.argmax(dim=1))",
        message="You turn the soft targets into hard ones by argmax. All classes take part, each with its own weight.",
    ),
    Misconception(
        name="soft-loss-softmax-over-the-batch",
        function="cross_entropy_soft",
        find="log_softmax(logits, dim=1)",
        put="log_softmax(logits, dim=0)",
        message="Your softmax runs over the examples. The probabilities of one example's classes sum to 1: dim=1.",
    ),
    # Task 7: mixup, FGSM, several tasks
    Misconception(
        name="mixup-labels-not-mixed",
        function="mixup",
        find="lam * y + (1 - lam) * y[permutation]",
        put="y",
        message="You mix the inputs, but not the labels. The label of a mixture is a mixture.",
    ),
    Misconception(
        name="mixup-lam-on-the-partner",
        function="mixup",
        find="return lam * x + (1 - lam) * x[permutation], lam * y + (1 - lam) * y[permutation]",
        put="return (1 - lam) * x + lam * x[permutation], (1 - lam) * y + lam * y[permutation]",
        message="Your lam weighs the partner. Here it is the weight of the example itself.",
    ),
    Misconception(
        name="mixup-labels-the-other-way",
        function="mixup",
        find="lam * y + (1 - lam) * y[permutation]",
        put="(1 - lam) * y + lam * y[permutation]",
        message="Inputs and labels are mixed with opposite weights. Both give lam to the example itself.",
    ),
    Misconception(
        name="mixup-inverse-permutation",
        function="mixup",
        find="return lam",
        put="permutation = permutation.argsort()\n    return lam",
        message="You use the inverse permutation. The partner of example i is permutation[i]: x[permutation].",
    ),
    Misconception(
        name="fgsm-normalized-gradient",
        function="fgsm",
        find="grad.sign()",
        put="grad / grad.norm()",
        message="You walk along the gradient, scaled to length 1. FGSM moves every entry by eps: take the sign.",
    ),
    Misconception(
        name="fgsm-downhill",
        function="fgsm",
        find="return (x + eps",
        put="return (x - eps",
        message="You go downhill, which helps the network. The adversary goes uphill, to a larger loss.",
    ),
    Misconception(
        name="fgsm-not-clipped",
        function="fgsm",
        find=".clamp(low, high)",
        put="",
        message="Your images leave the valid range. Clip the result to low and high.",
    ),
    Misconception(
        name="fgsm-clipped-to-one",
        function="fgsm",
        find=".clamp(low, high)",
        put=".clamp(0, 1)",
        message="You clip to 0 and 1 whatever the range is. Use low and high: the input may be standardized, or in gray values.",
    ),
    Misconception(
        name="fgsm-moves-where-the-gradient-is-zero",
        function="fgsm",
        find="grad.sign()",
        put="torch.where(grad >= 0, 1.0, -1.0).to(x.dtype)",
        message="Entries with a gradient of exactly 0 are moved too. The sign of 0 is 0.",
    ),
    Misconception(
        name="multitask-cut-from-the-graph",
        function="multitask_loss",
        find="return sum(weight * loss for weight, loss in zip(weights, losses, strict=True))",
        put="return torch.tensor(sum(weight * float(loss) for weight, loss in zip(weights, losses)))",
        message="Your loss is right, but cut from the graph: float(), .item(), detach() and torch.tensor() stop the gradient. Add the tensors themselves.",
    ),
    Misconception(
        name="multitask-last-one-wins",
        function="multitask_loss",
        find="return sum(weight * loss for weight, loss in zip(weights, losses, strict=True))",
        put="for weight, loss in zip(weights, losses):\n        total = weight * loss\n    return total",
        message="Only the last task counts: you assign in the loop where you should add.",
    ),
    Misconception(
        name="multitask-mean",
        function="multitask_loss",
        find="strict=True))",
        put="strict=True)) / len(losses)",
        message="You divide by the number of tasks. The loss is the weighted sum.",
    ),
    Misconception(
        name="multitask-weights-ignored",
        function="multitask_loss",
        find="weight * loss for",
        put="loss for",
        message="Your loss adds the tasks without their weights.",
    ),
    # Task 8: splits
    Misconception(
        name="split-rest-to-the-last",
        function="three_way_split",
        find="first, second = round(n * fractions[0]), round(n * (fractions[0] + fractions[1]))",
        put="first = int(n * fractions[0])\n    second = first + int(n * fractions[1])",
        message="You round two sizes down and give the rest to the third part, which can be nearly two too large. Round the places of the cuts.",
    ),
    Misconception(
        name="split-loses-the-remainder",
        function="three_way_split",
        find="return order[:first], order[first:second], order[second:]",
        put="a, b, c = (int(n * f + 1e-9) for f in fractions)\n    return order[:a], order[a : a + b], order[a + b : a + b + c]",
        message="Rounding every size down loses examples. Cut one shuffled list at two places: then nothing can get lost.",
    ),
    Misconception(
        name="split-not-shuffled",
        function="three_way_split",
        find="torch.randperm(n, generator=generator)",
        put="torch.arange(n)",
        message="You do not shuffle. Data is often sorted by class; then some classes would only be in the test set.",
    ),
    Misconception(
        name="split-shuffled-within-the-parts",
        function="three_way_split",
        find="return order[:first], order[first:second], order[second:]",
        put="parts = torch.arange(n).tensor_split([first, second])\n"
        "    return tuple(part[torch.randperm(len(part), generator=generator)] for part in parts)",
        message="You cut first and shuffle within the parts, so the same examples are always in the same part. Shuffle before cutting.",
    ),
    Misconception(
        name="split-test-part-not-shuffled",
        function="three_way_split",
        code="""
def three_way_split(n, fractions, generator):
    first, second = round(n * fractions[0]), round(n * (fractions[0] + fractions[1]))
    order = torch.randperm(second, generator=generator)
    return order[:first], order[first:], torch.arange(second, n)
""",
        message="Your test part is always the end of the data, which may be sorted by class. Shuffle all indices, then cut.",
    ),
    Misconception(
        name="split-drawn-three-times",
        function="three_way_split",
        find="return order[:first], order[first:second], order[second:]",
        put="again, third = torch.randperm(n, generator=generator), torch.randperm(n, generator=generator)\n"
        "    return order[:first], again[first:second], third[second:]",
        message="You shuffle anew for each part, so examples are in two parts or in none. Shuffle once, then cut.",
    ),
    Misconception(
        name="split-test-within-validation",
        function="three_way_split",
        find="order[first:second], order[second:]",
        put="order[first:], order[second:]",
        message="Your validation part contains the test part. What has chosen the model cannot judge it.",
    ),
    Misconception(
        name="split-swaps-too-little",
        function="three_way_split",
        find="    order = torch.randperm(n, generator=generator)\n",
        put="    order = torch.arange(n)\n"
        "    for _ in range(n):\n"
        "        i, j = torch.randint(n, (2,), generator=generator).tolist()\n"
        "        order[[i, j]] = order[[j, i]]\n",
        message="You swap n random pairs, which leaves many examples where they were. torch.randperm makes every order equally likely.",
    ),
    Misconception(
        name="split-without-its-generator",
        function="three_way_split",
        find="torch.randperm(n, generator=generator)",
        put="torch.randperm(n)",
        message="You shuffle with PyTorch's global generator. Pass generator=generator, or the test set changes from run to run.",
    ),
    Misconception(
        name="split-seeded-inside",
        function="three_way_split",
        find="torch.randperm(n, generator=generator)",
        put="torch.randperm(n, generator=torch.Generator().manual_seed(0))",
        message="You make a generator inside, so every call cuts the same way. Draw from the generator that is given.",
    ),
    Misconception(
        name="folds-not-shuffled",
        function="k_fold",
        find="torch.randperm(n, generator=generator)",
        put="torch.arange(n)",
        message="You do not shuffle. If the data is sorted by class, a fold has classes that its training part has never seen.",
    ),
    Misconception(
        name="folds-lose-the-remainder",
        function="k_fold",
        find="torch.randperm(n, generator=generator).tensor_split(k)",
        put="torch.randperm(n, generator=generator)[: n // k * k].tensor_split(k)",
        message="If k does not divide n you leave examples out. Every example is validated on once.",
    ),
    Misconception(
        name="folds-last-takes-the-rest",
        function="k_fold",
        find="torch.randperm(n, generator=generator).tensor_split(k)",
        put="torch.randperm(n, generator=generator).tensor_split([n // k * i for i in range(1, k)])",
        message="Your last fold takes all the rest, and can be much larger. The sizes differ by at most one: deal the rest one by one.",
    ),
    Misconception(
        name="folds-shuffled-each-time",
        function="k_fold",
        find="return [(torch.cat([*folds[:i], *folds[i + 1 :]]), folds[i]) for i in range(k)]",
        put="""pairs = []
    for i in range(k):
        order = torch.randperm(n, generator=generator).tensor_split(k)
        pairs.append((torch.cat([*order[:i], *order[i + 1 :]]), order[i]))
    return pairs""",
        message="You shuffle anew for each fold, so some examples are validated on twice and others never. Shuffle once.",
    ),
    Misconception(
        name="folds-train-and-validation-swapped",
        function="k_fold",
        find="(torch.cat([*folds[:i], *folds[i + 1 :]]), folds[i])",
        put="(folds[i], torch.cat([*folds[:i], *folds[i + 1 :]]))",
        message="Train and validation are exchanged: one fold validates, the other k − 1 train.",
    ),
    Misconception(
        name="folds-leak-into-training",
        function="k_fold",
        find="torch.cat([*folds[:i], *folds[i + 1 :]])",
        put="torch.cat(folds)",
        message="Your training part contains the fold it is validated on. Leave that fold out.",
    ),
    # Task 9: tuning
    Misconception(
        name="curse-of-five-percent",
        function="winners_curse",
        find="tail=0.025",
        put="tail=0.05",
        message="Your default tail is 5 %. An improvement is a false alarm of the upper tail only: 2.5 %.",
    ),
    Misconception(
        name="curse-in-float32",
        function="winners_curse",
        find="1 - (1 - tail) ** trials",
        put="float(1 - (1 - torch.tensor(tail)) ** trials)",
        message="torch.tensor(tail) is float32: of a small tail little is left in 1 − tail. Python's own floats are float64.",
    ),
    Misconception(
        name="curse-adds-up",
        function="winners_curse",
        find="1 - (1 - tail) ** trials",
        put="trials * tail",
        message="You add the probabilities. That is an upper bound, and for 100 trials it is 2.5, no probability. One minus the probability of no alarm.",
    ),
    Misconception(
        name="curse-of-no-alarm",
        function="winners_curse",
        find="1 - (1 - tail) ** trials",
        put="(1 - tail) ** trials",
        message="This is the probability of no false alarm at all. Take one minus it.",
    ),
    Misconception(
        name="search-log-as-uniform",
        function="random_search",
        find="low * (high / low) ** u()",
        put="low + (high - low) * u()",
        message='You draw "loguniform" uniformly: of values from 0.0001 to 1, nine in ten are above 0.1. Draw the logarithm uniformly.',
    ),
    Misconception(
        name="search-returns-the-logarithm",
        function="random_search",
        find="low * (high / low) ** u()",
        put="math.log10(low) + (math.log10(high) - math.log10(low)) * u()",
        message="Your log-uniform values are the exponents. Raise 10 to them, or take exp: the result lies between low and high.",
    ),
    Misconception(
        name="search-same-trial-again",
        function="random_search",
        find="return [{name: draw[kind](*limits) for name, (kind, *limits) in space.items()} for _ in range(trials)]",
        put="one = {name: draw[kind](*limits) for name, (kind, *limits) in space.items()}\n"
        "    return [dict(one) for _ in range(trials)]",
        message="All your trials are the same one, copied. Draw anew for each.",
    ),
    Misconception(
        name="search-one-number-per-trial",
        function="random_search",
        code="""
def random_search(space, trials, generator):
    found = []
    for _ in range(trials):
        u = torch.rand((), generator=generator, dtype=torch.float64).item()
        draw = {
            "uniform": lambda low, high, u=u: low + (high - low) * u,
            "loguniform": lambda low, high, u=u: low * (high / low) ** u,
            "choice": lambda values, u=u: values[int(u * len(values))],
        }
        found.append({name: draw[kind](*limits) for name, (kind, *limits) in space.items()})
    return found
""",
        message="One random number decides all values of a trial, so they rise and fall together. Draw one for each value.",
    ),
    Misconception(
        name="search-seeded-inside",
        function="random_search",
        find="    def u():\n",
        put="    generator = torch.Generator().manual_seed(0)\n\n    def u():\n",
        message="You make a generator inside, so every call searches the same places. Draw from the generator that is given.",
    ),
    Misconception(
        name="search-without-its-generator",
        function="random_search",
        find="torch.rand((), generator=generator, dtype",
        put="torch.rand((), dtype",
        message="You draw from PyTorch's global generator. Pass generator=generator.",
    ),
    Misconception(
        name="search-choice-by-index",
        function="random_search",
        find="values[int(u() * len(values))]",
        put="int(u() * len(values))",
        message="For a choice you return the index. Return the value that stands there.",
    ),
    Misconception(
        name="search-choice-leaves-out-the-last",
        function="random_search",
        find="values[int(u() * len(values))]",
        put="values[int(u() * (len(values) - 1))]",
        message="The last value of a choice is never drawn: the index runs from 0 to len(values) − 1, both included.",
    ),
    Misconception(
        name="search-choice-in-turn",
        function="random_search",
        code="""
def random_search(space, trials, generator):
    def u():
        return torch.rand((), generator=generator, dtype=torch.float64).item()

    found = []
    for i in range(trials):
        draw = {
            "uniform": lambda low, high: low + (high - low) * u(),
            "loguniform": lambda low, high: low * (high / low) ** u(),
            "choice": lambda values, i=i: values[i % len(values)],
        }
        found.append({name: draw[kind](*limits) for name, (kind, *limits) in space.items()})
    return found
""",
        message="Your choices go through the values in turn. That is a grid; draw each independently, so that a value may repeat.",
    ),
]
