"""Wrong optimizers, schedules and second-order steps that students really write, each with the sentence that helps."""

from autograder.variants import Misconception

MINIBATCHES = [
    Misconception(
        name="minibatches-not-shuffled",
        function="minibatches",
        find="torch.randperm(n, generator=generator)",
        put="torch.arange(n)",
        message="Your batches come in the order of the data set. If neighbours are alike, every gradient is biased: shuffle "
        "all indices first.",
    ),
    Misconception(
        name="minibatches-from-global-generator",
        function="minibatches",
        find="torch.randperm(n, generator=generator)",
        put="torch.randperm(n)",
        message="You shuffle with torch's global generator. Draw from the generator that is given, or nobody can repeat your run.",
    ),
    Misconception(
        name="minibatches-with-replacement",
        function="minibatches",
        find="torch.randperm(n, generator=generator)",
        put="torch.randint(n, (n,), generator=generator)",
        message="You draw indices with replacement, so an epoch sees some examples twice and others never. Shuffle the indices "
        "0 to n - 1 instead.",
    ),
    Misconception(
        name="minibatches-same-order-every-epoch",
        function="minibatches",
        find="torch.randperm(n, generator=generator)",
        put="torch.randperm(n, generator=torch.Generator().manual_seed(0))",
        message="Every epoch has the same order, because you seed a generator yourself. Go on drawing from the one that is given.",
    ),
    Misconception(
        name="minibatches-drop-last-ignored",
        function="minibatches",
        find="n - n % batch_size if drop_last else n",
        put="n",
        message="With drop_last the short batch at the end must be left out; you still return it.",
    ),
    Misconception(
        name="minibatches-full-last-batch-dropped",
        function="minibatches",
        find="n - n % batch_size if drop_last else n",
        put="n - (n % batch_size or batch_size) if drop_last else n",
        message="With drop_last you drop the last batch even when it is full. Only a short one goes.",
    ),
    Misconception(
        name="minibatches-dropped-before-the-shuffle",
        function="minibatches",
        code="""
def minibatches(n, batch_size, generator, drop_last=False):
    stop = n - n % batch_size if drop_last else n
    order = torch.randperm(stop, generator=generator)
    for start in range(0, stop, batch_size):
        yield order[start : start + batch_size]
""",
        message="With drop_last the last examples of the data set are never seen, in any epoch. Shuffle all n indices first, then "
        "leave out the short batch.",
    ),
    Misconception(
        name="minibatches-of-equal-size",
        function="minibatches",
        code="""
def minibatches(n, batch_size, generator, drop_last=False):
    order = torch.randperm(n, generator=generator)
    batches = order.chunk(math.ceil(n / batch_size))
    return [batch for batch in batches if len(batch) == batch_size or not drop_last]
""",
        message="You cut the list into so many parts of about equal size. All batches but the last have exactly batch_size examples: use "
        "`split`, not `chunk`.",
    ),
    Misconception(
        name="minibatches-sorted-inside",
        function="minibatches",
        find="yield order[start : start + batch_size]",
        put="yield order[start : start + batch_size].sort().values",
        message="You sort the indices of each batch. Cut the shuffled list and leave its order as it is.",
    ),
    Misconception(
        name="minibatches-only-batches-shuffled",
        function="minibatches",
        code="""
def minibatches(n, batch_size, generator, drop_last=False):
    blocks = list(torch.arange(n).split(batch_size))
    last = [blocks.pop()] if n % batch_size else []
    order = torch.randperm(len(blocks), generator=generator).tolist()
    yield from [blocks[i] for i in order]
    if not drop_last:
        yield from last
""",
        message="You shuffle the batches, but each batch still holds neighbours of the data set. Shuffle the examples, then cut.",
    ),
    Misconception(
        name="scaled-lr-square-root",
        function="scaled_lr",
        find="base_lr * batch / base_batch",
        put="base_lr * (batch / base_batch) ** 0.5",
        message="You scale the rate with the square root of the batch size. The linear scaling rule makes it k times as large "
        "for a batch that is k times as large.",
    ),
    Misconception(
        name="scaled-lr-whole-multiples",
        function="scaled_lr",
        find="base_lr * batch / base_batch",
        put="base_lr * (batch // base_batch)",
        message="You count how many times the base batch fits into the batch, with //. The ratio is a fraction: a batch that is "
        "half as large gets half the rate.",
    ),
    Misconception(
        name="scaled-lr-upside-down",
        function="scaled_lr",
        find="base_lr * batch / base_batch",
        put="base_lr * base_batch / batch",
        message="Your rate falls when the batch grows. A larger batch is more reliable and earns a larger rate.",
    ),
]

SGD = [
    Misconception(
        name="sgd-decay-makes-parameters-grow",
        function="sgd",
        find="grad + weight_decay * param",
        put="grad - weight_decay * param",
        message="Your weight decay has the wrong sign: it makes the parameters grow. It is added to the gradient.",
    ),
    Misconception(
        name="sgd-decay-without-lr",
        function="sgd",
        find="param - lr * (grad + weight_decay * param)",
        put="param - lr * grad - weight_decay * param",
        message="Your weight decay is not multiplied by lr. It is a part of the gradient, so the rate multiplies both.",
    ),
    Misconception(
        name="sgd-decay-ignored",
        function="sgd",
        find="grad + weight_decay * param",
        put="grad",
        message="Your step ignores weight_decay: add weight_decay times the parameter to the gradient.",
    ),
    Misconception(
        name="sgd-rests-at-a-zero-gradient",
        function="sgd",
        find="    return param",
        put="    if not grad.any():\n        return param, state\n    return param",
        message="You do nothing when the gradient is 0. The weight decay still pulls the parameter towards 0.",
    ),
    Misconception(
        name="sgd-in-place",
        function="sgd",
        find="return param - lr * (grad + weight_decay * param), state",
        put="return param.sub_(lr * (grad + weight_decay * param)), state",
        message="You change the parameter that was given to you. Return a new tensor: subtract without an in-place operation, or "
        "clone first.",
    ),
    Misconception(
        name="max-stable-lr-one-over",
        function="max_stable_lr",
        find="2 / torch",
        put="1 / torch",
        message="1/λ_max reaches the bottom of the steepest direction in one step. You may go twice as far before the walk "
        "diverges: the limit is 2/λ_max.",
    ),
    Misconception(
        name="max-stable-lr-flattest-direction",
        function="max_stable_lr",
        find="eigvalsh(hessian)[-1]",
        put="eigvalsh(hessian)[0]",
        message="You take the smallest eigenvalue. The steepest direction, the one with the largest eigenvalue, diverges first.",
    ),
    Misconception(
        name="max-stable-lr-diagonal",
        function="max_stable_lr",
        find="torch.linalg.eigvalsh(hessian)[-1]",
        put="hessian.diagonal().max()",
        message="You look only at the diagonal of the Hessian. Its largest eigenvalue can be larger than every diagonal entry.",
    ),
    Misconception(
        name="max-stable-lr-power-iteration-from-ones",
        function="max_stable_lr",
        code="""
def max_stable_lr(hessian):
    direction = torch.ones(len(hessian), dtype=hessian.dtype)
    for _ in range(1000):
        direction = hessian @ direction
        direction = direction / direction.norm()
    return 2 / (direction @ hessian @ direction)
""",
        message="Your power iteration starts from a vector of ones. Where the steepest direction is at right angles to it, it is "
        "never found: ask torch.linalg.eigvalsh for all eigenvalues.",
    ),
]

MOMENTUM = [
    Misconception(
        name="momentum-velocity-forgotten",
        function="momentum",
        find="return param - lr * velocity, velocity",
        put="return param - lr * velocity, None",
        message="Your velocity is forgotten after each step, so this is plain gradient descent. Return it as the state.",
    ),
    Misconception(
        name="momentum-as-an-average",
        function="momentum",
        find="momentum * velocity + grad",
        put="momentum * velocity + (1 - momentum) * grad",
        message="Your velocity is an average, with 1 - μ before the gradient, so your steps are ten times too short at μ = 0.9. "
        "Here the velocity is a sum: no factor before the gradient.",
    ),
    Misconception(
        name="momentum-in-goodfellows-form",
        function="momentum",
        code="""
def momentum(param, grad, state, *, lr, momentum=0.9):
    velocity = torch.zeros_like(param) if state is None else state
    velocity = momentum * velocity - lr * grad
    return param + velocity, velocity
""",
        message="This is Goodfellow's form: the rate is baked into the velocity. In PyTorch's form the current rate multiplies the "
        "whole velocity, which differs as soon as the rate changes.",
    ),
    Misconception(
        name="momentum-stops-at-a-zero-gradient",
        function="momentum",
        find="    velocity = momentum * velocity + grad",
        put="    if not grad.any():\n        return param, state\n    velocity = momentum * velocity + grad",
        message="You stand still when the gradient is 0. The velocity carries the parameter on, and gets smaller.",
    ),
    Misconception(
        name="momentum-lr-twice",
        function="momentum",
        find="momentum * velocity + grad",
        put="momentum * velocity + lr * grad",
        message="You multiply by lr twice: once as the gradient enters the velocity, once in the step. Keep the second one only.",
    ),
    Misconception(
        name="goodfellow-in-pytorchs-form",
        function="momentum_goodfellow",
        code="""
def momentum_goodfellow(param, grad, state, *, lr, momentum=0.9):
    velocity = torch.zeros_like(param) if state is None else state
    velocity = momentum * velocity + grad
    return param - lr * velocity, velocity
""",
        message="This is PyTorch's form. In Goodfellow's, the rate multiplies the gradient as it enters the velocity, so old "
        "speed keeps its old rate.",
    ),
    Misconception(
        name="goodfellow-velocity-subtracted",
        function="momentum_goodfellow",
        find="return param + velocity",
        put="return param - velocity",
        message="Your velocity already points downhill, since it contains -lr times the gradient: add it to the parameter.",
    ),
    Misconception(
        name="goodfellow-rate-multiplies-all",
        function="momentum_goodfellow",
        find="return param + velocity, velocity",
        put="return param + lr * velocity, velocity",
        message="You multiply by lr twice. The velocity already contains it, so add the velocity as it is.",
    ),
    Misconception(
        name="nesterov-is-plain-momentum",
        function="nesterov",
        find="lr * (grad + momentum * velocity)",
        put="lr * velocity",
        message="This is plain momentum: you step with the velocity itself, or you take the old velocity for the look-ahead. Nesterov "
        "steps with the gradient plus μ times the new velocity.",
    ),
    Misconception(
        name="nesterov-remembers-the-step",
        function="nesterov",
        code="""
def nesterov(param, grad, state, *, lr, momentum=0.9):
    velocity = torch.zeros_like(param) if state is None else state
    velocity = momentum * velocity + grad
    step = grad + momentum * velocity
    return param - lr * step, step
""",
        message="You remember the step that you took. The state must be the velocity b alone, without the look-ahead.",
    ),
    Misconception(
        name="nesterov-rate-baked-in",
        function="nesterov",
        code="""
def nesterov(param, grad, state, *, lr, momentum=0.9):
    velocity = torch.zeros_like(param) if state is None else state
    velocity = momentum * velocity - lr * grad
    return param + momentum * velocity - lr * grad, velocity
""",
        message="The rate is baked into your velocity, as in Sutskever's form. In PyTorch's form the current rate multiplies the "
        "whole step, which differs as soon as the rate changes.",
    ),
]

ADAPTIVE = [
    Misconception(
        name="adagrad-sum-forgotten",
        function="adagrad",
        find="(total.sqrt() + eps), total",
        put="(total.sqrt() + eps), None",
        message="Your sum of squares starts again at every call, so every step has the same length. Return it as the state.",
    ),
    Misconception(
        name="adagrad-eps-inside-the-root",
        function="adagrad",
        find="total.sqrt() + eps",
        put="(total + eps).sqrt()",
        message="Your eps stands inside the root, where it acts like √eps. The convention here is √r + eps.",
    ),
    Misconception(
        name="adagrad-eps-missing",
        function="adagrad",
        find="total.sqrt() + eps",
        put="total.sqrt()",
        message="Without eps a parameter whose gradient has always been 0 becomes 0/0. Add eps to the root.",
    ),
    Misconception(
        name="adagrad-without-the-root",
        function="adagrad",
        find="total.sqrt() + eps",
        put="total + eps",
        message="You divide by the sum of squares. Take its square root, so that the step does not depend on the gradient's unit.",
    ),
    Misconception(
        name="adagrad-step-before-the-update",
        function="adagrad",
        find="return param - lr * grad / (total.sqrt() + eps)",
        put="return param - lr * grad / ((torch.zeros_like(param) if state is None else state).sqrt() + eps)",
        message="Your step divides by the sum without the current gradient, so the first step divides by eps alone. Add the new "
        "square first.",
    ),
    Misconception(
        name="rmsprop-alpha-swapped",
        function="rmsprop",
        find="alpha * average + (1 - alpha) * grad.square()",
        put="(1 - alpha) * average + alpha * grad.square()",
        message="You swapped alpha and 1 - alpha: alpha is the weight of what is remembered, 1 - alpha that of the new square.",
    ),
    Misconception(
        name="rmsprop-is-adagrad",
        function="rmsprop",
        find="alpha * average + (1 - alpha) * grad.square()",
        put="average + grad.square()",
        message="This is AdaGrad: the sum never forgets. RMSProp keeps an average with weights alpha and 1 - alpha.",
    ),
    Misconception(
        name="rmsprop-eps-inside-the-root",
        function="rmsprop",
        find="average.sqrt() + eps",
        put="(average + eps).sqrt()",
        message="Your eps stands inside the root, as in Goodfellow's Algorithm 8.5, where it acts like √eps. The convention here "
        "is PyTorch's, √r + eps.",
    ),
    Misconception(
        name="rmsprop-without-the-root",
        function="rmsprop",
        find="average.sqrt() + eps",
        put="average + eps",
        message="You divide by the mean square itself. Take its root: RMS is the root of the mean square.",
    ),
    Misconception(
        name="rmsprop-bias-corrected",
        function="rmsprop",
        code="""
def rmsprop(param, grad, state, *, lr, alpha=0.99, eps=1e-8):
    average, t = (torch.zeros_like(param), 0) if state is None else state
    average, t = alpha * average + (1 - alpha) * grad.square(), t + 1
    return param - lr * grad / ((average / (1 - alpha**t)).sqrt() + eps), (average, t)
""",
        message="You correct the bias of the average, which is Adam's idea. Plain RMSProp does not: its first steps are long.",
    ),
]

ADAM = [
    Misconception(
        name="adam-correction-without-power",
        function="adam",
        code="""
def adam(param, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8):
    m, v = (torch.zeros_like(param), torch.zeros_like(param)) if state is None else state
    beta1, beta2 = betas
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad.square()
    return param - lr * (m / (1 - beta1)) / ((v / (1 - beta2)).sqrt() + eps), (m, v)
""",
        message="Your first step is right and your second one is too large: you divide by 1 − β₁ and 1 − β₂ instead of 1 − β₁ᵗ and "
        "1 − β₂ᵗ. Count the calls, t = 1, 2, …, keep the count in the state, and use the powers.",
    ),
    Misconception(
        name="adam-no-bias-correction",
        function="adam",
        code="""
def adam(param, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8):
    m, v = (torch.zeros_like(param), torch.zeros_like(param)) if state is None else state
    beta1, beta2 = betas
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad.square()
    return param - lr * m / (v.sqrt() + eps), (m, v)
""",
        message="Your first step is 3.16 times too long: m and v start at 0, and the bias correction is missing. Divide them by "
        "1 − β₁ᵗ and 1 − β₂ᵗ.",
    ),
    Misconception(
        name="adam-only-m-corrected",
        function="adam",
        find="v_hat = v / (1 - beta2**t)",
        put="v_hat = v",
        message="Your first step is 31.6 times too long: you correct the bias of m but not that of v.",
    ),
    Misconception(
        name="adam-only-v-corrected",
        function="adam",
        find="m_hat = m / (1 - beta1**t)",
        put="m_hat = m",
        message="Your first step is ten times too short: you correct the bias of v but not that of m.",
    ),
    Misconception(
        name="adam-betas-swapped",
        function="adam",
        find="beta1, beta2 = betas",
        put="beta2, beta1 = betas",
        message="You swapped the two betas: the first one averages the gradients, the second one their squares.",
    ),
    Misconception(
        name="adam-eps-inside-the-root",
        function="adam",
        find="v_hat.sqrt() + eps",
        put="(v_hat + eps).sqrt()",
        message="Your eps stands inside the root. With gradients near 1 nobody sees it; with gradients of 1e-4 your steps are "
        "too short. The convention here is √v̂ + eps.",
    ),
    Misconception(
        name="adam-eps-beside-uncorrected-v",
        function="adam",
        code="""
def adam(param, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8):
    m, v, t = (torch.zeros_like(param), torch.zeros_like(param), 0) if state is None else state
    beta1, beta2 = betas
    t += 1
    m = beta1 * m + (1 - beta1) * grad
    v = beta2 * v + (1 - beta2) * grad.square()
    lr = lr * (1 - beta2**t) ** 0.5 / (1 - beta1**t)
    return param - lr * m / (v.sqrt() + eps), (m, v, t)
""",
        message="You add eps to √v before the correction. That is the form with ε̂ of Adam's paper, whose ε̂ is another one: here "
        "eps stands beside the corrected √v̂.",
    ),
    Misconception(
        name="adam-gradient-in-place-of-m",
        function="adam",
        find="lr * m_hat / (v_hat",
        put="lr * grad / (v_hat",
        message="Your step uses the gradient where the average m̂ belongs: without it there is no momentum.",
    ),
    Misconception(
        name="adam-corrected-averages-stored",
        function="adam",
        find="(m, v, t)",
        put="(m_hat, v_hat, t)",
        message="You store the corrected averages, so the correction is applied again and again. Store m and v; m̂ and v̂ are for "
        "this step only.",
    ),
    Misconception(
        name="adam-count-starts-at-two",
        function="adam",
        find="torch.zeros_like(param), 0)",
        put="torch.zeros_like(param), 1)",
        message="Your count is one ahead: at the first step t is 1. With t = 2 the first step is too short.",
    ),
    Misconception(
        name="adam-state-forgotten",
        function="adam",
        find="(m, v, t)",
        put="None",
        message="Your averages and the count are forgotten after each step. Return all three as the state.",
    ),
    Misconception(
        name="adam-changes-its-state",
        function="adam",
        code="""
def adam(param, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8):
    if state is None:
        state = {"m": torch.zeros_like(param), "v": torch.zeros_like(param), "t": 0}
    beta1, beta2 = betas
    state["t"] += 1
    state["m"].mul_(beta1).add_(grad, alpha=1 - beta1)
    state["v"].mul_(beta2).addcmul_(grad, grad, value=1 - beta2)
    m_hat = state["m"] / (1 - beta1 ** state["t"])
    v_hat = state["v"] / (1 - beta2 ** state["t"])
    return param - lr * m_hat / (v_hat.sqrt() + eps), state
""",
        message="You change the state that was given to you, so a second call with it gives another answer. Build new averages and "
        "a new count, and return those.",
    ),
    Misconception(
        name="adamw-decay-in-the-gradient",
        function="adamw",
        find="adam(param * (1 - lr * weight_decay), grad, state,",
        put="adam(param, grad + weight_decay * param, state,",
        message="You put the weight decay into the gradient, where Adam's scaling swallows it: that is Adam with L2. AdamW shrinks the "
        "parameter apart from the gradient.",
    ),
    Misconception(
        name="adamw-decay-without-lr",
        function="adamw",
        find="1 - lr * weight_decay",
        put="1 - weight_decay",
        message="Your decay is not multiplied by lr. In PyTorch's AdamW the parameter shrinks by lr · weight_decay.",
    ),
    Misconception(
        name="adamw-decay-makes-parameters-grow",
        function="adamw",
        find="1 - lr * weight_decay",
        put="1 + lr * weight_decay",
        message="Your decay has the wrong sign: it makes the parameters grow.",
    ),
    Misconception(
        name="adamw-decay-after-the-step",
        function="adamw",
        code="""
def adamw(param, grad, state, *, lr, betas=(0.9, 0.999), eps=1e-8, weight_decay=0.01):
    param, state = adam(param, grad, state, lr=lr, betas=betas, eps=eps)
    return param * (1 - lr * weight_decay), state
""",
        message="You take Adam's step first and shrink afterwards, so the step itself shrinks too. As in PyTorch: shrink first.",
    ),
    Misconception(
        name="adamw-spares-biases",
        function="adamw",
        find="1 - lr * weight_decay",
        put="1 - lr * weight_decay * (param.dim() != 1)",
        message="You leave vectors out of the decay, as some training scripts do with biases. That is their choice of what to hand "
        "to the optimizer; adamw itself decays every parameter.",
    ),
]

ADAM_CLASS = [
    Misconception(
        name="adam-stops-at-a-zero-gradient",
        function="adam",
        find="    beta1, beta2 = betas",
        put="    if not grad.any():\n        return param, state\n    beta1, beta2 = betas",
        message="You stand still when the gradient is 0. It is a gradient like any other: it goes into both averages, is counted, and the "
        "average m carries the parameter on.",
    ),
    Misconception(
        name="adam-class-state-by-shape",
        function="Adam",
        find="for i, param in enumerate(self.params):",
        put="shapes = [param.shape for param in self.params]\n"
        "            for i, param in zip(map(shapes.index, shapes), self.params):",
        message="Parameters of one shape share a state in your class. Every parameter has its own: keep it by position, or by the parameter "
        "itself.",
    ),
    Misconception(
        name="adam-class-settings-for-all-objects",
        function="Adam",
        find="self.settings = {",
        put="Adam.settings = {",
        message="Your settings belong to the class, so that a second optimizer changes those of the first one. Put them into self.",
    ),
    Misconception(
        name="adam-class-one-count-for-all",
        function="Adam",
        code="""
class Adam:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        self.params, self.lr, self.betas, self.eps, self.t = list(params), lr, betas, eps, 0
        self.m = [torch.zeros_like(p) for p in self.params]
        self.v = [torch.zeros_like(p) for p in self.params]

    def step(self):
        with torch.no_grad():
            for i, param in enumerate(self.params):
                if param.grad is not None:
                    self.t += 1
                    start = (self.m[i], self.v[i], self.t - 1)
                    value, (self.m[i], self.v[i], _) = adam(
                        param, param.grad, start, lr=self.lr, betas=self.betas, eps=self.eps
                    )
                    param.copy_(value)

    def zero_grad(self):
        for param in self.params:
            param.grad = None
""",
        message="You count every parameter as a step, so with ten parameters t is 10 after the first step. Keep one count for each "
        "parameter.",
    ),
    Misconception(
        name="adam-class-missing-gradients-counted",
        function="Adam",
        code="""
class Adam:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        self.params, self.lr, self.betas, self.eps, self.t = list(params), lr, betas, eps, 0
        self.m = [torch.zeros_like(p) for p in self.params]
        self.v = [torch.zeros_like(p) for p in self.params]

    def step(self):
        with torch.no_grad():
            self.t += 1
            for i, param in enumerate(self.params):
                if param.grad is not None:
                    start = (self.m[i], self.v[i], self.t - 1)
                    value, (self.m[i], self.v[i], _) = adam(
                        param, param.grad, start, lr=self.lr, betas=self.betas, eps=self.eps
                    )
                    param.copy_(value)

    def zero_grad(self):
        for param in self.params:
            param.grad = None
""",
        message="One count for all parameters goes on while a parameter has no gradient. Its averages then are corrected for steps "
        "that it never took: count for each parameter apart.",
    ),
    Misconception(
        name="adam-class-missing-gradient-is-zero",
        function="Adam",
        find="""                if param.grad is not None:
                    value, self.states[i] = adam(param, param.grad, self.states[i], **self.settings)
                    param.copy_(value)""",
        put="""                grad = torch.zeros_like(param) if param.grad is None else param.grad
                value, self.states[i] = adam(param, grad, self.states[i], **self.settings)
                param.copy_(value)""",
        message="A parameter without a gradient still moves, because you take the gradient for 0. Skip it: it took no part in "
        "the loss.",
    ),
    Misconception(
        name="adam-class-new-memory",
        function="Adam",
        find="param.copy_(value)",
        put="param.data = value",
        message="You give the parameter new memory. What shares the old memory, such as a view or a tied weight, no longer follows: "
        "copy the new values into the old memory.",
    ),
    Misconception(
        name="adam-class-model-never-changes",
        function="Adam",
        find="param.copy_(value)",
        put="self.params[i] = value",
        message="The model never changes. Does your step put a new tensor into your own list, or is the list empty, since a generator can be "
        "walked through only once? Keep `list(params)`, and change each parameter in place.",
    ),
    Misconception(
        name="adam-class-generator-used-up",
        function="Adam",
        code="""
class Adam:
    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8):
        self.params = params
        self.states = {}
        self.settings = {"lr": lr, "betas": betas, "eps": eps}

    def step(self):
        with torch.no_grad():
            for param in self.params:
                if param.grad is not None:
                    value, self.states[id(param)] = adam(
                        param, param.grad, self.states.get(id(param)), **self.settings
                    )
                    param.copy_(value)

    def zero_grad(self):
        for param in self.params:
            param.grad = None
""",
        message="You keep the generator itself. After the first walk through it there is nothing left, and the later steps do nothing: "
        "make a list of it.",
    ),
    Misconception(
        name="adam-class-needs-contiguous-memory",
        function="Adam.step",
        find="param.copy_(value)",
        put="param.view(-1).copy_(value.reshape(-1))",
        message="Your step fails for a parameter that is not contiguous, a transposed one for example: `view` cannot flatten it. "
        "`copy_` works for every memory layout.",
    ),
    Misconception(
        name="adam-class-step-recorded",
        function="Adam.step",
        find="with torch.no_grad():",
        put="with torch.enable_grad():",
        message="Autograd records your step, and refuses to change a parameter in place. Do the arithmetic and the copy inside "
        "torch.no_grad().",
    ),
    Misconception(
        name="zero-grad-does-nothing",
        function="Adam.zero_grad",
        find="            param.grad = None",
        put="            pass",
        message="After your zero_grad() the gradients are still there, and the next backward pass adds to them. Set them to None "
        "or to zero.",
    ),
    Misconception(
        name="zero-grad-fails-without-a-gradient",
        function="Adam.zero_grad",
        find="            param.grad = None",
        put="            param.grad.zero_()",
        message="Your zero_grad() fails when a parameter has no gradient yet. Check for None first.",
    ),
]

SCHEDULES = [
    Misconception(
        name="exponential-lr-natural-base",
        function="exponential_lr",
        find="base_lr * gamma**step",
        put="base_lr * math.exp(-gamma * step)",
        message="You use gamma as a rate in exp(-gamma · step). Here gamma is the factor of one step: base_lr times gamma to the "
        "power of step.",
    ),
    Misconception(
        name="exponential-lr-one-step-ahead",
        function="exponential_lr",
        find="gamma**step",
        put="gamma ** (step + 1)",
        message="Your rate has already decayed at step 0. The first step has number 0 and the rate base_lr.",
    ),
    Misconception(
        name="step-lr-at-every-step",
        function="step_lr",
        find="step // step_size",
        put="step / step_size",
        message="Your rate falls a little at every step. It is constant for step_size steps: round the power down with //.",
    ),
    Misconception(
        name="step-lr-one-step-late",
        function="step_lr",
        find="step // step_size",
        put="max(step - 1, 0) // step_size",
        message="Your rate drops one step too late: the drop belongs to step number step_size itself.",
    ),
    Misconception(
        name="step-lr-as-on-the-slide",
        function="step_lr",
        find="gamma ** (step // step_size)",
        put="(1 - gamma * (step // step_size))",
        message="You subtract a share of the rate at each drop, so it becomes 0 and then negative. Multiply by gamma at each drop.",
    ),
    Misconception(
        name="inverse-time-lr-power",
        function="inverse_time_lr",
        find="(1 + decay * step)",
        put="(1 + decay) ** step",
        message="You divide by (1 + decay) at each step, which is exponential decay. 1/t decay divides by 1 + decay · step.",
    ),
    Misconception(
        name="cosine-lr-degrees",
        function="cosine_lr",
        find="math.pi * progress",
        put="180 * progress",
        message="Your cosine gets degrees. math.cos takes radians: half a turn is π.",
    ),
    Misconception(
        name="cosine-lr-rises-again",
        function="cosine_lr",
        find="min(step / total_steps, 1.0)",
        put="step / total_steps",
        message="After total_steps your rate rises again, as PyTorch's CosineAnnealingLR does. Keep it at min_lr.",
    ),
    Misconception(
        name="cosine-lr-min-as-floor",
        function="cosine_lr",
        find="min_lr + 0.5 * (base_lr - min_lr) * (1 + math.cos(math.pi * progress))",
        put="max(min_lr, 0.5 * base_lr * (1 + math.cos(math.pi * progress)))",
        message="You cut a cosine that goes to 0 off at min_lr. The cosine itself goes from base_lr to min_lr.",
    ),
    Misconception(
        name="cosine-lr-min-added",
        function="cosine_lr",
        find="0.5 * (base_lr - min_lr)",
        put="0.5 * base_lr",
        message="You add min_lr on top, so the rate starts above base_lr. What falls is base_lr - min_lr.",
    ),
    Misconception(
        name="linear-to-tau-never-stops",
        function="linear_to_tau",
        find="min(step / tau, 1.0)",
        put="step / tau",
        message="After tau your rate goes on falling and becomes negative, which climbs the hill. Keep it at final_lr.",
    ),
    Misconception(
        name="linear-to-tau-with-a-floor",
        function="linear_to_tau",
        find="    progress = min(step / tau, 1.0)\n    return base_lr + progress * (final_lr - base_lr)",
        put="    return max(final_lr, base_lr + step / tau * (final_lr - base_lr))",
        message="You take final_lr as the smallest rate. It is where the line ends at step tau, and may lie above base_lr: stop the progress at "
        "1, not the rate.",
    ),
    Misconception(
        name="linear-to-tau-reversed",
        function="linear_to_tau",
        find="base_lr + progress * (final_lr - base_lr)",
        put="progress * base_lr + (1 - progress) * final_lr",
        message="Your line runs the wrong way: it starts at final_lr. At step 0 the rate is base_lr.",
    ),
    Misconception(
        name="warmup-starts-at-zero",
        function="warmup_cosine",
        find="return base_lr * (step + 1) / warmup_steps",
        put="return base_lr * step / warmup_steps",
        message="Your ramp starts with a rate of 0, which wastes the first step. It is (step + 1) / warmup_steps.",
    ),
    Misconception(
        name="warmup-cosine-not-restarted",
        function="warmup_cosine",
        code="""
def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    if step < warmup_steps:
        return base_lr * (step + 1) / warmup_steps
    return cosine_lr(step, base_lr=base_lr, total_steps=total_steps, min_lr=min_lr)
""",
        message="After the ramp your rate jumps down, because the cosine has been running all along. It starts when the ramp ends.",
    ),
    Misconception(
        name="warmup-cosine-too-long",
        function="warmup_cosine",
        find="total_steps=total_steps - warmup_steps",
        put="total_steps=total_steps",
        message="Your cosine ends warmup_steps too late: it has only total_steps - warmup_steps steps, because the ramp is part of "
        "the total.",
    ),
    Misconception(
        name="warmup-times-cosine",
        function="warmup_cosine",
        code="""
def warmup_cosine(step, *, base_lr, warmup_steps, total_steps, min_lr=0.0):
    ramp = min(1.0, (step + 1) / warmup_steps) if warmup_steps else 1.0
    return ramp * cosine_lr(step, base_lr=base_lr, total_steps=total_steps, min_lr=min_lr)
""",
        message="You multiply the ramp with a cosine that runs from step 0. First comes the ramp, up to base_lr, and then the whole "
        "cosine.",
    ),
]

PLATEAU = [
    Misconception(
        name="plateau-cuts-one-early",
        function="ReduceOnPlateau.step",
        find="self.bad > self.patience",
        put="self.bad >= self.patience",
        message="You cut after `patience` bad losses. PyTorch's rule cuts when there are more than `patience` of them.",
    ),
    Misconception(
        name="plateau-equal-is-better",
        function="ReduceOnPlateau.step",
        find="if loss < self.best * (1 - self.threshold)",
        put="if loss <= self.best",
        message="For you an equal loss is an improvement, so on a plateau the rate is never cut. A loss must be smaller than "
        "best · (1 − threshold).",
    ),
    Misconception(
        name="plateau-threshold-ignored",
        function="ReduceOnPlateau.step",
        find="self.best * (1 - self.threshold)",
        put="self.best",
        message="You ignore the threshold: a gain of one part in a million would reset the count. A loss must be smaller than "
        "best · (1 − threshold).",
    ),
    Misconception(
        name="plateau-absolute-threshold",
        function="ReduceOnPlateau.step",
        find="self.best * (1 - self.threshold)",
        put="self.best - self.threshold",
        message="Your threshold is absolute. The rule here is relative: compare with best · (1 − threshold).",
    ),
    Misconception(
        name="plateau-compares-with-the-previous",
        function="ReduceOnPlateau.step",
        find="            self.bad += 1",
        put="            self.bad += 1\n            self.best = float(loss)",
        message="You compare each loss with the previous one, so up and down looks like progress. Compare with the best so far.",
    ),
    Misconception(
        name="plateau-count-not-reset-by-a-better-loss",
        function="ReduceOnPlateau.step",
        find="            self.best = float(loss)\n            self.bad = 0",
        put="            self.best = float(loss)",
        message="A better loss must set your count of bad ones back to 0: only bad losses in a row matter.",
    ),
    Misconception(
        name="plateau-count-lowered-by-one",
        function="ReduceOnPlateau.step",
        find="            self.best = float(loss)\n            self.bad = 0",
        put="            self.best = float(loss)\n            self.bad = max(0, self.bad - 1)",
        message="A better loss takes one off your count of bad ones. It sets the count back to 0.",
    ),
    Misconception(
        name="plateau-count-not-reset-by-a-cut",
        function="ReduceOnPlateau.step",
        find="            self.lr *= self.factor\n            self.bad = 0",
        put="            self.lr *= self.factor",
        message="After a cut your count goes on, so the rate is cut at every following step. Set it back to 0.",
    ),
    Misconception(
        name="plateau-best-forgotten-after-a-cut",
        function="ReduceOnPlateau.step",
        find="            self.lr *= self.factor\n            self.bad = 0",
        put="            self.lr *= self.factor\n            self.bad = 0\n            self.best = math.inf",
        message="After a cut you forget the best loss. It is kept: a new one must beat it.",
    ),
    Misconception(
        name="plateau-nan-is-better",
        function="ReduceOnPlateau.step",
        find="if loss < self.best * (1 - self.threshold)",
        put="if not loss >= self.best * (1 - self.threshold)",
        message="A NaN counts as an improvement, because every comparison with it is false. Ask whether the loss is smaller, and let "
        "everything else be bad.",
    ),
]

SECOND_ORDER = [
    Misconception(
        name="newton-points-uphill",
        function="newton_step",
        find="torch.linalg.solve(damped, -grad)",
        put="torch.linalg.solve(damped, grad)",
        message="Your Newton step has the wrong sign. It is added to the parameters, so it is -H⁻¹ g.",
    ),
    Misconception(
        name="newton-diagonal-only",
        function="newton_step",
        find="torch.linalg.solve(damped, -grad)",
        put="-grad / damped.diagonal()",
        message="You divide by the diagonal of the Hessian and ignore how the parameters act together. Solve the whole system.",
    ),
    Misconception(
        name="newton-damping-ignored",
        function="newton_step",
        find="hessian + damping * torch.eye(len(grad), dtype=hessian.dtype)",
        put="hessian",
        message="Your step ignores the damping: add it to the diagonal of the Hessian.",
    ),
    Misconception(
        name="newton-damping-scaled-by-the-diagonal",
        function="newton_step",
        find="damping * torch.eye(len(grad), dtype=hessian.dtype)",
        put="damping * torch.diag(hessian.diagonal())",
        message="You scale the damping by the diagonal of the Hessian, as Marquardt does. Here it is damping times the identity.",
    ),
    Misconception(
        name="gauss-newton-points-uphill",
        function="gauss_newton_step",
        find="-(jacobian.T @ residual)",
        put="jacobian.T @ residual",
        message="Your Gauss-Newton step has the wrong sign, as if J were the derivative of y - f instead of the residual's own. "
        "The step to add is -(JᵀJ)⁻¹ Jᵀ r.",
    ),
    Misconception(
        name="gauss-newton-half-step",
        function="gauss_newton_step",
        find="(jacobian.T @ jacobian, ",
        put="(2 * jacobian.T @ jacobian, ",
        message="Your step is half as long as it should be: a factor 2 of ‖r‖² stands in the Hessian but not in the gradient. With "
        "½‖r‖² there is none.",
    ),
    Misconception(
        name="gauss-newton-double-step",
        function="gauss_newton_step",
        find="-(jacobian.T @ residual)",
        put="-2 * (jacobian.T @ residual)",
        message="Your step is twice as long as it should be: a factor 2 of ‖r‖² stands in the gradient but not in the Hessian. With "
        "½‖r‖² there is none.",
    ),
    Misconception(
        name="lm-damps-with-the-identity",
        function="levenberg_marquardt",
        find="torch.diag(damping * normal.diagonal())",
        put="damping * torch.eye(len(x), dtype=x.dtype)",
        message="You damp with λ I, as Levenberg did, so your path depends on the units of the parameters. Marquardt damps with "
        "λ diag(JᵀJ).",
    ),
    Misconception(
        name="lm-keeps-bad-trials",
        function="levenberg_marquardt",
        find="            damping = damping * 10",
        put="            x, cost, damping = trial, trial_cost, damping * 10",
        message="You keep a trial that does not lower the cost. Go back to where you were, and only raise the damping.",
    ),
    Misconception(
        name="lm-damping-the-wrong-way",
        function="levenberg_marquardt",
        code="""
def levenberg_marquardt(residual_fn, jacobian_fn, x0, *, damping=1e-3, steps=50):
    x, cost = x0.clone(), residual_fn(x0).square().sum()
    for _ in range(steps):
        residual, jacobian = residual_fn(x), jacobian_fn(x)
        normal = jacobian.T @ jacobian
        damped = normal + torch.diag(damping * normal.diagonal())
        trial = x + torch.linalg.solve(damped, -(jacobian.T @ residual))
        trial_cost = residual_fn(trial).square().sum()
        if trial_cost < cost:
            x, cost, damping = trial, trial_cost, damping * 10
        else:
            damping = damping / 10
    return x
""",
        message="Your damping moves the wrong way: success means that the model can be trusted, so divide by 10; failure means "
        "more damping, so multiply by 10.",
    ),
    Misconception(
        name="lm-counts-accepted-trials-only",
        function="levenberg_marquardt",
        code="""
def levenberg_marquardt(residual_fn, jacobian_fn, x0, *, damping=1e-3, steps=50):
    x, cost = x0.clone(), residual_fn(x0).square().sum()
    accepted, tried = 0, 0
    while accepted < steps and tried < 100 + steps:
        tried += 1
        residual, jacobian = residual_fn(x), jacobian_fn(x)
        normal = jacobian.T @ jacobian
        damped = normal + torch.diag(damping * normal.diagonal())
        trial = x + torch.linalg.solve(damped, -(jacobian.T @ residual))
        trial_cost = residual_fn(trial).square().sum()
        if trial_cost < cost:
            x, cost, damping, accepted = trial, trial_cost, damping / 10, accepted + 1
        else:
            damping = damping * 10
    return x
""",
        message="You count only the trials that you keep. `steps` counts all of them, rejected ones included.",
    ),
    Misconception(
        name="lm-accepts-a-nan-cost",
        function="levenberg_marquardt",
        find="if trial_cost < cost",
        put="if not trial_cost >= cost",
        message="You keep a trial whose cost is NaN, because every comparison with NaN is false. Keep a trial only if its cost is lower.",
    ),
    Misconception(
        name="lm-jacobian-of-the-start",
        function="levenberg_marquardt",
        find="jacobian = residual_fn(x), jacobian_fn(x)",
        put="jacobian = residual_fn(x), jacobian_fn(x0)",
        message="You use the Jacobian of the start all along. Evaluate it at the current point.",
    ),
    Misconception(
        name="lm-stops-when-little-is-gained",
        function="levenberg_marquardt",
        find="            x, cost, damping = trial, trial_cost, damping / 10",
        put="            if cost - trial_cost < 1e-3 * cost:\n"
        "                return trial\n"
        "            x, cost, damping = trial, trial_cost, damping / 10",
        message="You stop as soon as a trial gains little. With a large damping the first trials gain little and the later ones "
        "much: make all `steps` trials.",
    ),
    Misconception(
        name="lm-damping-capped",
        function="levenberg_marquardt",
        find="damping = damping * 10",
        put="damping = min(damping * 10, 1e3)",
        message="You do not let the damping grow beyond some limit. Where no trial below it is good, none is ever kept.",
    ),
    Misconception(
        name="lm-cost-not-updated",
        function="levenberg_marquardt",
        find="x, cost, damping = trial, trial_cost, damping / 10",
        put="x, damping = trial, damping / 10",
        message="You compare every trial with the cost of the start. After a kept trial its cost is the one to beat.",
    ),
]

LBFGS = [
    Misconception(
        name="lbfgs-points-uphill",
        function="lbfgs_direction",
        find="return -q",
        put="return q",
        message="Your direction points uphill: the result of the two loops is close to H⁻¹ g, and the direction is minus that.",
    ),
    Misconception(
        name="lbfgs-no-first-guess",
        function="lbfgs_direction",
        find="q = s.dot(y) / y.dot(y) * q",
        put="pass",
        message="The scaling γ between the loops is missing. Without it, directions that no pair knows are stepped along as if "
        "their curvature were 1.",
    ),
    Misconception(
        name="lbfgs-gamma-upside-down",
        function="lbfgs_direction",
        find="s.dot(y) / y.dot(y) * q",
        put="y.dot(y) / s.dot(y) * q",
        message="Your γ is a curvature. It has to be an inverse curvature: sᵀy / yᵀy.",
    ),
    Misconception(
        name="lbfgs-gamma-of-a-skipped-pair",
        function="lbfgs_direction",
        find="s, y = pairs[-1]",
        put="s, y = steps[-1], grad_changes[-1]",
        message="Your γ comes from the newest pair even when it is skipped, and then it is not positive. Take the newest pair that "
        "is kept.",
    ),
    Misconception(
        name="lbfgs-order-reversed",
        function="lbfgs_direction",
        find="pairs = [(s, y) for s, y in zip(steps, grad_changes, strict=True) if s.dot(y) > 0]",
        put="pairs = [(s, y) for s, y in zip(steps, grad_changes, strict=True) if s.dot(y) > 0][::-1]",
        message="You take the vectors as newest first. They come oldest first, so the first loop starts at the end of the lists.",
    ),
    Misconception(
        name="lbfgs-both-loops-newest-first",
        function="lbfgs_direction",
        find="""    for s, y in pairs:
        beta = y.dot(q) / s.dot(y)
        q = q + (alphas.pop() - beta) * s""",
        put="""    for s, y in reversed(pairs):
        beta = y.dot(q) / s.dot(y)
        q = q + (alphas.pop(0) - beta) * s""",
        message="Your second loop goes from the newest pair to the oldest, like the first. It has to go back: oldest to newest.",
    ),
    Misconception(
        name="lbfgs-alphas-misaligned",
        function="lbfgs_direction",
        find="alphas.pop()",
        put="alphas.pop(0)",
        message="In the second loop your α belong to other pairs: they were collected from the newest pair on, so read them backwards.",
    ),
    Misconception(
        name="lbfgs-uphill-pairs-kept",
        function="lbfgs_direction",
        find=" if s.dot(y) > 0]",
        put="]",
        message="You keep pairs with yᵀs ≤ 0. They describe no valley, and can turn your direction uphill: skip them.",
    ),
    Misconception(
        name="lbfgs-s-and-y-swapped",
        function="lbfgs_direction",
        find="pairs = [(s, y) for s, y in zip(steps, grad_changes, strict=True) if s.dot(y) > 0]",
        put="pairs = [(s, y) for y, s in zip(steps, grad_changes, strict=True) if s.dot(y) > 0]",
        message="You swapped s and y: s is how the parameters moved, y how the gradient changed. With both swapped you "
        "approximate the Hessian, not its inverse.",
    ),
]

MISCONCEPTIONS = [
    *MINIBATCHES,
    *SGD,
    *MOMENTUM,
    *ADAPTIVE,
    *ADAM,
    *ADAM_CLASS,
    *SCHEDULES,
    *PLATEAU,
    *SECOND_ORDER,
    *LBFGS,
]
