"""Wrong implementations that students really write, and the sentence that helps whoever wrote one."""

from autograder.variants import Misconception

# The reference's Value.backward, as it stands in the source.
BACKWARD = """        uses = {}
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
"""

# A right topological order, from the loss to the leaves.
ONE_CACHE = (
    "A second forward pass overwrites what the first one kept. A network has several activations: return a cache of its "
    "own from every pass."
)

ORDER = """
        order, seen, pending = [], set(), [(self, False)]
        while pending:
            node, left = pending.pop()
            if left:
                order.insert(0, node)
            elif id(node) not in seen:
                seen.add(id(node))
                pending.append((node, True))
                pending.extend((parent, False) for parent, _ in node.parents)
"""

MISCONCEPTIONS = [
    # Task 1: the numerical gradient
    Misconception(
        name="one-sided-difference",
        function="numerical_gradient",
        find="(f(x + step) - f(x - step)) / (2 * eps)",
        put="(f(x + step) - f(x)) / eps",
        message="You take the difference to one side only. Its error is of order eps. Move to both sides and divide by 2 eps.",
    ),
    Misconception(
        name="backward-difference",
        function="numerical_gradient",
        find="(f(x + step) - f(x - step)) / (2 * eps)",
        put="(f(x) - f(x - step)) / eps",
        message="You take the difference to the left side only. Its error is of order eps. Move to both sides and divide by "
        "2 eps.",
    ),
    Misconception(
        name="central-difference-not-halved",
        function="numerical_gradient",
        find="/ (2 * eps)",
        put="/ eps",
        message="Your gradient is twice too large: between the two points lies a distance of 2 eps, not eps.",
    ),
    Misconception(
        name="precedence-of-division",
        function="numerical_gradient",
        find="/ (2 * eps)",
        put="/ 2 * eps",
        message="Your difference is divided by 2 and then multiplied by eps. Put the denominator 2 eps in parentheses.",
    ),
    Misconception(
        name="all-coordinates-at-once",
        function="numerical_gradient",
        find="step[i] = eps",
        put="step[:] = eps",
        message="You move all coordinates at once, so every entry is the sum of all derivatives. Move one and leave the others.",
    ),
    Misconception(
        name="step-size-ignored",
        function="numerical_gradient",
        find="slopes = []",
        put="slopes, eps = [], 1e-6",
        message="Your function uses a step of its own. Use the argument eps, whatever its value.",
    ),
    Misconception(
        name="x-left-shifted",
        function="numerical_gradient",
        code="""
def numerical_gradient(f, x, eps=1e-6):
    gradient = torch.zeros_like(x)
    for index in itertools.product(*map(range, x.shape)):
        x[index] += eps
        above = f(x)
        x[index] -= 2 * eps
        gradient[index] = (above - f(x)) / (2 * eps)
    return gradient
""",
        message="You move x in place and never move it back, so each later coordinate is evaluated at another point and x ends "
        "changed. Save the old value and restore it.",
    ),
    Misconception(
        name="x-restored-by-arithmetic",
        function="numerical_gradient",
        code="""
def numerical_gradient(f, x, eps=1e-6):
    gradient = torch.zeros_like(x)
    for index in itertools.product(*map(range, x.shape)):
        x[index] += eps
        above = f(x)
        x[index] -= 2 * eps
        gradient[index] = (above - f(x)) / (2 * eps)
        x[index] += eps
    return gradient
""",
        message="You move x back by adding eps again. In floating point this is not the old value to the last bit. Save the old "
        "value and put it back.",
    ),
    Misconception(
        name="perturbs-a-copy",
        function="numerical_gradient",
        code="""
def numerical_gradient(f, x, eps=1e-6):
    flat = x.reshape(-1)
    slopes = []
    for i in range(flat.numel()):
        old = flat[i].item()
        flat[i] = old + eps
        above = f(x)
        flat[i] = old - eps
        below = f(x)
        flat[i] = old
        slopes.append((above - below) / (2 * eps))
    return torch.tensor(slopes, dtype=x.dtype).reshape(x.shape)
""",
        message="Your gradient is 0 when x is a transpose: reshape and flatten copy such a tensor, so you move the copy while f sees "
        "the old x. Build x plus a step and pass that to f.",
    ),
    Misconception(
        name="gradient-not-reshaped",
        function="numerical_gradient",
        find="return torch.tensor(slopes, dtype=x.dtype).reshape(x.shape)",
        put="return torch.tensor(slopes, dtype=x.dtype)",
        message="Your gradient is one long vector. Give it the shape of x.",
    ),
    Misconception(
        name="gradient-in-default-dtype",
        function="numerical_gradient",
        find="return torch.tensor(slopes, dtype=x.dtype).reshape(x.shape)",
        put="return torch.tensor(slopes, dtype=torch.float32).reshape(x.shape)",
        message="Your gradient is float32 whatever the dtype of x: a tensor made without dtype= is. Make it in the dtype of x.",
    ),
    Misconception(
        name="relative-error-without-floor",
        function="relative_error",
        find=".clamp(min=1e-8)",
        put="",
        message="Two zeros give 0/0, which is NaN. The denominator has a floor of 1e-8.",
    ),
    Misconception(
        name="relative-error-floor-added",
        function="relative_error",
        find=".clamp(min=1e-8)",
        put=".add(1e-8)",
        message="You add 1e-8 to the denominator. The floor is a maximum: max(1e-8, |a| + |b|).",
    ),
    Misconception(
        name="relative-error-mean",
        function="relative_error",
        find=".max()",
        put=".mean()",
        message="You return the mean of the errors. One wrong entry among thousands would not be seen: return the largest.",
    ),
    Misconception(
        name="relative-error-signed",
        function="relative_error",
        find="(a - b).abs()",
        put="(a - b)",
        message="Your numerator has a sign, so an entry where a is below b counts as small. Take |a - b|.",
    ),
    Misconception(
        name="relative-error-of-norms",
        function="relative_error",
        code="""
def relative_error(a, b):
    return (a - b).norm() / max(1e-8, float(a.norm() + b.norm()))
""",
        message="You compare the norms of the whole tensors. A wrong small entry disappears in them: compare entry by entry and take "
        "the largest.",
    ),
    Misconception(
        name="relative-error-by-second-only",
        function="relative_error",
        find="(a.abs() + b.abs())",
        put="b.abs()",
        message="You divide by |b| alone. The denominator is |a| + |b|, which treats both alike.",
    ),
    Misconception(
        name="relative-error-abs-of-sum",
        function="relative_error",
        find="(a.abs() + b.abs())",
        put="(a + b).abs()",
        message="You divide by |a + b|, which is small when the signs differ. The denominator is |a| + |b|.",
    ),
    # Task 2: the linear layer
    Misconception(
        name="weight-not-transposed",
        function="linear_forward",
        find="weight.T",
        put="weight",
        message="You multiply x with the weight as it is. The weight has shape (out_features, in_features): transpose it.",
    ),
    Misconception(
        name="bias-forgotten",
        function="linear_forward",
        find="x @ weight.T + bias",
        put="x @ weight.T",
        message="Your y lacks the bias.",
    ),
    Misconception(
        name="weight-gradient-transposed",
        function="linear_backward",
        find="grad_y.T @ x",
        put="x.T @ grad_y",
        message="Your gradient of the weight is transposed. It has the shape of the weight, (out_features, in_features).",
    ),
    Misconception(
        name="input-gradient-with-transposed-weight",
        function="linear_backward",
        find="grad_y @ weight,",
        put="grad_y @ weight.T,",
        message="Your gradient of x uses the transposed weight. Forward the weight is transposed, backward it is not.",
    ),
    Misconception(
        name="bias-gradient-not-summed",
        function="linear_backward",
        find="grad_y.sum(dim=0)",
        put="grad_y",
        message="Your gradient of the bias has one row per example. All examples share one bias: sum over the batch.",
    ),
    Misconception(
        name="bias-gradient-over-outputs",
        function="linear_backward",
        find="grad_y.sum(dim=0)",
        put="grad_y.sum(dim=1)",
        message="Your gradient of the bias is summed over the outputs. There is one bias per output: sum over the examples.",
    ),
    Misconception(
        name="bias-gradient-mean",
        function="linear_backward",
        find="grad_y.sum(dim=0)",
        put="grad_y.mean(dim=0)",
        message="You take the mean over the batch for the bias. The 1/N is in grad_y already: sum.",
    ),
    Misconception(
        name="bias-gradient-keeps-the-batch",
        function="linear_backward",
        find="grad_y.sum(dim=0)",
        put="grad_y.sum(dim=0, keepdim=True)",
        message="Your gradient of the bias has shape (1, out_features). The bias has shape (out_features,): drop the first dimension.",
    ),
    Misconception(
        name="weight-gradient-divided-by-batch",
        function="linear_backward",
        find="grad_y.T @ x",
        put="grad_y.T @ x / len(x)",
        message="You divide the gradient of the weight by the number of examples. The 1/N is in grad_y already.",
    ),
    Misconception(
        name="linear-gradients-in-another-order",
        function="linear_backward",
        find="grad_y @ weight, grad_y.T @ x, grad_y.sum(dim=0)",
        put="grad_y.T @ x, grad_y.sum(dim=0), grad_y @ weight",
        message="You return the gradients in another order. The order is x, weight, bias.",
    ),
    Misconception(
        name="one-cache-for-all-layers",
        function="linear_forward",
        code="""
LAST = {}


def linear_forward(x, weight, bias):
    LAST["x"], LAST["weight"] = x, weight
    return x @ weight.T + bias, LAST
def linear_backward(grad_y, cache):
    x, weight = LAST["x"], LAST["weight"]
    return grad_y @ weight, grad_y.T @ x, grad_y.sum(dim=0)
""",
        message="A second forward pass overwrites what the first one kept. Return a cache of its own from every forward pass.",
    ),
    # Task 3: activations
    Misconception(
        name="relu-slope-one-at-zero",
        function="relu_forward",
        find="x > 0",
        put="x >= 0",
        message="Your relu has slope 1 at 0. By the convention here it is 0: the gradient passes where x is above 0.",
    ),
    Misconception(
        name="relu-mask-without-gradient",
        function="relu_backward",
        find="grad_y * cache",
        put="cache.to(grad_y.dtype)",
        message="You return the slope of relu alone. Multiply it with grad_y: this is the chain rule.",
    ),
    Misconception(
        name="relu-in-place",
        function="relu_forward",
        find="return x.clamp(min=0), x > 0",
        put="x.clamp_(min=0)\n    return x, x > 0",
        message="Your relu overwrites x. The caller still needs it: work on a copy.",
    ),
    Misconception(
        name="relu-of-the-gradient",
        function="relu_backward",
        find="grad_y * cache",
        put="grad_y.clamp(min=0) * cache",
        message="You also cut the negative gradients to 0. What counts backward is the sign of x, not that of the gradient.",
    ),
    Misconception(
        name="relu-backward-is-relu",
        function="relu_backward",
        find="grad_y * cache",
        put="grad_y.clamp(min=0)",
        message="You apply relu to the gradient. The gradient passes where x was positive, whatever the sign of the gradient.",
    ),
    Misconception(
        name="absolute-value-for-relu",
        function="relu_forward",
        find="x.clamp(min=0), x > 0",
        put="x.abs(), x > 0",
        message="Your relu keeps the size of negative numbers. It makes them 0.",
    ),
    Misconception(
        name="leaky-relu",
        function="relu_forward",
        code="""
def relu_forward(x):
    return torch.where(x > 0, x, 0.01 * x), torch.where(x > 0, 1.0, 0.01).to(x.dtype)
""",
        message="Your function lets a little of the negative numbers through: this is leaky relu. relu makes them 0, with slope 0.",
    ),
    Misconception(
        name="one-cache-for-every-relu",
        function="relu_forward",
        code="""
LAST = {}


def relu_forward(x):
    LAST["mask"] = x > 0
    return x.clamp(min=0), LAST
def relu_backward(grad_y, cache):
    return grad_y * LAST["mask"]
""",
        message=ONE_CACHE,
    ),
    Misconception(
        name="one-cache-for-every-sigmoid",
        function="sigmoid_forward",
        code="""
LAST = {}


def sigmoid_forward(x):
    LAST["y"] = torch.sigmoid(x)
    return LAST["y"], LAST
def sigmoid_backward(grad_y, cache):
    return grad_y * LAST["y"] * (1 - LAST["y"])
""",
        message=ONE_CACHE,
    ),
    Misconception(
        name="one-cache-for-every-tanh",
        function="tanh_forward",
        code="""
LAST = {}


def tanh_forward(x):
    LAST["y"] = torch.tanh(x)
    return LAST["y"], LAST
def tanh_backward(grad_y, cache):
    return grad_y * (1 - LAST["y"] ** 2)
""",
        message=ONE_CACHE,
    ),
    Misconception(
        name="sigmoid-slope-of-the-input",
        function="sigmoid_forward",
        find="return y, y",
        put="return y, x",
        message="Your slope of the sigmoid is x (1 - x). The formula s (1 - s) is about the output s: keep y in the cache, not x.",
    ),
    Misconception(
        name="sigmoid-applied-twice",
        function="sigmoid_backward",
        find="grad_y * cache * (1 - cache)",
        put="grad_y * torch.sigmoid(cache) * (1 - torch.sigmoid(cache))",
        message="Your backward pass applies the sigmoid to a value that is its output already. Use the cached output as it is.",
    ),
    Misconception(
        name="sigmoid-overflow",
        function="sigmoid_forward",
        find="(1 + torch.tanh(x / 2)) / 2",
        put="torch.exp(x) / (1 + torch.exp(x))",
        message="Your sigmoid is NaN for large inputs: exp(1000) is infinite, and inf/inf is NaN. Use only exponentials of negative "
        "numbers.",
    ),
    Misconception(
        name="sigmoid-slope-overflow",
        function="sigmoid_forward",
        code="""
def sigmoid_forward(x):
    return torch.sigmoid(x), x


def sigmoid_backward(grad_y, cache):
    return grad_y * torch.exp(-cache) / (1 + torch.exp(-cache)) ** 2
""",
        message="The slope of your sigmoid is NaN at large negative inputs: exp(1000) is infinite. Compute it from the output, as "
        "y (1 - y).",
    ),
    Misconception(
        name="sigmoid-sign",
        function="sigmoid_forward",
        find="torch.tanh(x / 2)",
        put="torch.tanh(-x / 2)",
        message="Your sigmoid falls instead of rising: the exponent of e is -x.",
    ),
    Misconception(
        name="sigmoid-slope-without-gradient",
        function="sigmoid_backward",
        find="grad_y * cache * (1 - cache)",
        put="cache * (1 - cache)",
        message="You return the slope of the sigmoid alone. Multiply it with grad_y: this is the chain rule.",
    ),
    Misconception(
        name="sigmoid-slope-of-tanh",
        function="sigmoid_backward",
        find="grad_y * cache * (1 - cache)",
        put="grad_y * (1 - cache**2)",
        message="You use the slope of tanh, 1 - y². That of the sigmoid is y (1 - y).",
    ),
    Misconception(
        name="sigmoid-changes-its-cache",
        function="sigmoid_backward",
        find="grad_y * cache * (1 - cache)",
        put="cache.mul_(1 - cache).mul_(grad_y)",
        message="Your backward pass of the sigmoid writes into its cache, which is the y that the caller holds, too. Make a new "
        "tensor.",
    ),
    Misconception(
        name="tanh-slope-without-square",
        function="tanh_backward",
        find="cache**2",
        put="cache",
        message="Your slope of tanh is 1 - y. It is 1 - y².",
    ),
    Misconception(
        name="tanh-slope-of-the-input",
        function="tanh_forward",
        find="return y, y",
        put="return y, x",
        message="Your slope of tanh is 1 - x². The formula 1 - y² is about the output: keep y in the cache, not x.",
    ),
    Misconception(
        name="tanh-slope-of-sigmoid",
        function="tanh_backward",
        find="grad_y * (1 - cache**2)",
        put="grad_y * cache * (1 - cache)",
        message="You use the slope of the sigmoid, y (1 - y). That of tanh is 1 - y².",
    ),
    Misconception(
        name="tanh-overflow",
        function="tanh_forward",
        find="torch.tanh(x)",
        put="(torch.exp(x) - torch.exp(-x)) / (torch.exp(x) + torch.exp(-x))",
        message="Your tanh is NaN for large inputs: exp(1000) is infinite, and inf/inf is NaN. torch.tanh is safe.",
    ),
    Misconception(
        name="tanh-applied-twice",
        function="tanh_backward",
        find="cache**2",
        put="torch.tanh(cache) ** 2",
        message="Your backward pass applies tanh to a value that is its output already. Use the cached output as it is.",
    ),
    Misconception(
        name="tanh-changes-its-cache",
        function="tanh_backward",
        find="grad_y * (1 - cache**2)",
        put="cache.square_().neg_().add_(1).mul_(grad_y)",
        message="Your backward pass of tanh writes into its cache, which is the y that the caller holds, too. Make a new tensor.",
    ),
    # Task 4: softmax and cross-entropy
    Misconception(
        name="softmax-without-shift",
        function="softmax_cross_entropy",
        find="shifted = logits - logits.max(dim=1, keepdim=True).values",
        put="shifted = logits",
        message="Your loss overflows for large logits: exp(1000) is infinite. Subtract the largest logit of each row first.",
    ),
    Misconception(
        name="one-shift-for-all-rows",
        function="softmax_cross_entropy",
        find="logits.max(dim=1, keepdim=True).values",
        put="logits.max()",
        message="You subtract the largest logit of the whole batch. A row far below it becomes log 0. Each row needs its own maximum.",
    ),
    Misconception(
        name="shift-by-column",
        function="softmax_cross_entropy",
        find="logits.max(dim=1, keepdim=True).values",
        put="logits.max(dim=0, keepdim=True).values",
        message="You subtract the largest logit of each column, which changes the probabilities. Classes lie along dimension 1: take "
        "the maximum of each row.",
    ),
    Misconception(
        name="log-of-softmax",
        function="softmax_cross_entropy",
        find="log_p = shifted - shifted.exp().sum(dim=1, keepdim=True).log()",
        put="log_p = torch.log(torch.softmax(logits, dim=1))",
        message="You take the logarithm of a probability that has become 0, so the loss is infinite. Compute log p directly, without "
        "going through p.",
    ),
    Misconception(
        name="log-of-softmax-with-epsilon",
        function="softmax_cross_entropy",
        find="log_p = shifted - shifted.exp().sum(dim=1, keepdim=True).log()",
        put="log_p = torch.log(torch.softmax(logits, dim=1) + 1e-12)",
        message="A small number inside the logarithm hides the overflow, and caps the loss. Compute log p directly, without going "
        "through p.",
    ),
    Misconception(
        name="softmax-over-the-batch",
        function="softmax_cross_entropy",
        code="""
def softmax_cross_entropy(logits, target):
    log_p = torch.log_softmax(logits, dim=0)
    rows = torch.arange(len(target))
    grad_logits = log_p.exp()
    grad_logits[rows, target] -= 1
    return -log_p[rows, target].mean(), grad_logits / len(target)
""",
        message="Your probabilities sum to 1 over the batch. They sum to 1 over the classes of each example: use dimension 1.",
    ),
    Misconception(
        name="softmax-twice",
        function="softmax_cross_entropy",
        code="""
def softmax_cross_entropy(logits, target):
    p = torch.softmax(logits, dim=1)
    log_p = torch.log_softmax(p, dim=1)
    rows = torch.arange(len(target))
    grad_logits = log_p.exp()
    grad_logits[rows, target] -= 1
    return -log_p[rows, target].mean(), grad_logits / len(target)
""",
        message="You apply softmax twice, so the loss cannot come near 0. The logits go into one softmax.",
    ),
    Misconception(
        name="loss-summed",
        function="softmax_cross_entropy",
        find="-log_p[rows, target].mean()",
        put="-log_p[rows, target].sum()",
        message="Your loss is the sum over the examples. It is their mean.",
    ),
    Misconception(
        name="loss-and-gradient-summed",
        function="softmax_cross_entropy",
        find="return -log_p[rows, target].mean(), grad_logits / len(target)",
        put="return -log_p[rows, target].sum(), grad_logits",
        message="Your loss and your gradient are sums over the examples. Both are means: divide by N.",
    ),
    Misconception(
        name="loss-sign",
        function="softmax_cross_entropy",
        find="-log_p[rows, target].mean()",
        put="log_p[rows, target].mean()",
        message="Your loss has the wrong sign: log p is negative, the loss is not.",
    ),
    Misconception(
        name="gradient-without-mean",
        function="softmax_cross_entropy",
        find="grad_logits / len(target)",
        put="grad_logits",
        message="Your gradient lacks the 1/N of the mean: it is that of the sum over the examples.",
    ),
    Misconception(
        name="gradient-divided-by-entries",
        function="softmax_cross_entropy",
        find="grad_logits / len(target)",
        put="grad_logits / logits.numel()",
        message="You divide the gradient by N·K. The mean is over the N examples only.",
    ),
    Misconception(
        name="gradient-divided-by-classes",
        function="softmax_cross_entropy",
        find="grad_logits / len(target)",
        put="grad_logits / logits.shape[1]",
        message="You divide the gradient by the number of classes. The mean is over the N examples.",
    ),
    Misconception(
        name="gradient-sign",
        function="softmax_cross_entropy",
        find="grad_logits / len(target)",
        put="-grad_logits / len(target)",
        message="Your gradient has the wrong sign: it is the probability minus the one-hot target.",
    ),
    Misconception(
        name="target-not-subtracted",
        function="softmax_cross_entropy",
        find="    grad_logits[rows, target] -= 1\n",
        put="",
        message="Your gradient is the probabilities alone. Subtract 1 at the right class of each example.",
    ),
    Misconception(
        name="target-columns-in-gradient",
        function="softmax_cross_entropy",
        find="grad_logits[rows, target] -= 1",
        put="grad_logits[:, target] -= 1",
        message="grad[:, target] names whole columns, so 1 is subtracted in every row. Use one row index for each target.",
    ),
    Misconception(
        name="target-columns-in-loss",
        function="softmax_cross_entropy",
        find="-log_p[rows, target].mean()",
        put="-log_p[:, target].mean()",
        message="log_p[:, target] is an N by N matrix: every example with every target. Use one row index for each target.",
    ),
    Misconception(
        name="loss-per-example",
        function="softmax_cross_entropy",
        find="-log_p[rows, target].mean()",
        put="-log_p[rows, target]",
        message="You return one loss per example. Return their mean.",
    ),
    Misconception(
        name="logits-changed",
        function="softmax_cross_entropy",
        find="shifted = logits - logits.max(dim=1, keepdim=True).values",
        put="logits -= logits.max(dim=1, keepdim=True).values\n    shifted = logits",
        message="You subtract the maximum from the caller's logits in place. Put the result in a new tensor.",
    ),
    # Task 5: the network
    Misconception(
        name="activation-after-the-last-layer",
        function="mlp_loss_and_gradients",
        code="""
def mlp_loss_and_gradients(parameters, x, target, activation="relu"):
    forward, backward = {
        "relu": (relu_forward, relu_backward),
        "sigmoid": (sigmoid_forward, sigmoid_backward),
        "tanh": (tanh_forward, tanh_backward),
    }[activation]
    hidden, caches = x, []
    for weight, bias in parameters:
        hidden, linear_cache = linear_forward(hidden, weight, bias)
        hidden, activation_cache = forward(hidden)
        caches.append((linear_cache, activation_cache))
    loss, grad = softmax_cross_entropy(hidden, target)
    gradients = []
    for linear_cache, activation_cache in reversed(caches):
        grad = backward(grad, activation_cache)
        grad, grad_weight, grad_bias = linear_backward(grad, linear_cache)
        gradients.insert(0, (grad_weight, grad_bias))
    return loss, gradients
""",
        message="You apply the activation after the last layer too. The logits go into the loss as they are.",
    ),
    Misconception(
        name="network-gradients-reversed",
        function="mlp_loss_and_gradients",
        find="gradients.insert(0, (grad_weight, grad_bias))",
        put="gradients.append((grad_weight, grad_bias))",
        message="Your gradients are in the order of the backward pass, last layer first. Return them in the order of the parameters.",
    ),
    Misconception(
        name="always-relu",
        function="mlp_loss_and_gradients",
        find="}[activation]",
        put='}["relu"]',
        message="Your network uses relu whatever is asked for. Use the argument activation.",
    ),
    Misconception(
        name="always-relu-backward",
        function="mlp_loss_and_gradients",
        find="grad = backward(grad, activation_cache)",
        put="grad = grad * (activation_cache > 0)",
        message="Forward you use the activation that is asked for, backward that of relu. Each activation has its own slope.",
    ),
    Misconception(
        name="activation-skipped-backward",
        function="mlp_loss_and_gradients",
        find="        grad = backward(grad, activation_cache)\n",
        put="",
        message="Your backward pass goes through the linear layers only. Between two of them it must pass the activation.",
    ),
    Misconception(
        name="bias-before-weight",
        function="mlp_loss_and_gradients",
        code="""
def mlp_loss_and_gradients(parameters, x, target, activation="relu"):
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
    grad, grad_weight, grad_bias = linear_backward(grad, last_cache)
    gradients = [(grad_bias, grad_weight)]
    for linear_cache, activation_cache in reversed(caches):
        grad, grad_weight, grad_bias = linear_backward(backward(grad, activation_cache), linear_cache)
        gradients.insert(0, (grad_bias, grad_weight))
    return loss, gradients
""",
        message="Your pairs hold the bias first. They are (grad_weight, grad_bias), like the parameters.",
    ),
    Misconception(
        name="caches-in-forward-order",
        function="mlp_loss_and_gradients",
        find="in reversed(caches):",
        put="in caches:",
        message="Your backward pass takes the caches in the order of the forward pass. The last layer comes first.",
    ),
    Misconception(
        name="flat-list-of-gradients",
        function="mlp_loss_and_gradients",
        find="    return loss, gradients",
        put="    return loss, [gradient for layer in gradients for gradient in layer]",
        message="You return one flat list. Return a list with a pair (grad_weight, grad_bias) per layer.",
    ),
    Misconception(
        name="two-layers-only",
        function="mlp_loss_and_gradients",
        code="""
def mlp_loss_and_gradients(parameters, x, target, activation="relu"):
    forward, backward = {
        "relu": (relu_forward, relu_backward),
        "sigmoid": (sigmoid_forward, sigmoid_backward),
        "tanh": (tanh_forward, tanh_backward),
    }[activation]
    (w1, b1), (w2, b2) = parameters
    scores, cache1 = linear_forward(x, w1, b1)
    hidden, cache2 = forward(scores)
    logits, cache3 = linear_forward(hidden, w2, b2)
    loss, grad = softmax_cross_entropy(logits, target)
    grad, grad_w2, grad_b2 = linear_backward(grad, cache3)
    _, grad_w1, grad_b1 = linear_backward(backward(grad, cache2), cache1)
    return loss, [(grad_w1, grad_b1), (grad_w2, grad_b2)]
""",
        message="Your function works for exactly two layers. Loop over the parameters: one layer and ten must work as well.",
    ),
    Misconception(
        name="activation-before-the-first-layer",
        function="mlp_loss_and_gradients",
        find="hidden, caches = x, []",
        put="hidden, caches = forward(x)[0], []",
        message="You apply the activation to the data before the first layer. It stands between the layers only.",
    ),
    Misconception(
        name="data-in-place-of-hidden",
        function="mlp_loss_and_gradients",
        code="""
def mlp_loss_and_gradients(parameters, x, target, activation="relu"):
    forward, backward = {
        "relu": (relu_forward, relu_backward),
        "sigmoid": (sigmoid_forward, sigmoid_backward),
        "tanh": (tanh_forward, tanh_backward),
    }[activation]
    hidden, caches = x, []
    for weight, bias in parameters[:-1]:
        scores, linear_cache = linear_forward(hidden, weight, bias)
        hidden, _ = forward(scores)
        caches.append((linear_cache, forward(hidden)[1]))
    logits, last_cache = linear_forward(hidden, *parameters[-1])
    loss, grad = softmax_cross_entropy(logits, target)
    grad, *last_gradients = linear_backward(grad, last_cache)
    gradients = [tuple(last_gradients)]
    for linear_cache, activation_cache in reversed(caches):
        grad, grad_weight, grad_bias = linear_backward(backward(grad, activation_cache), linear_cache)
        gradients.insert(0, (grad_weight, grad_bias))
    return loss, gradients
""",
        message="Your slopes are taken at the output of the activation, as if it had been applied twice. For relu this makes no "
        "difference, for sigmoid and tanh it does: keep the cache of the forward pass.",
    ),
    # Task 6: unbroadcast
    Misconception(
        name="stretched-dimensions-not-summed",
        function="unbroadcast",
        code="""
def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(dim=0)
    return grad
""",
        message="You sum over the dimensions that were added on the left, not over those of size 1 that were stretched.",
    ),
    Misconception(
        name="added-dimensions-not-summed",
        function="unbroadcast",
        code="""
def unbroadcast(grad, shape):
    for i, size in enumerate(shape):
        if size == 1:
            grad = grad.sum(dim=i, keepdim=True)
    return grad
""",
        message="You sum over the dimensions of size 1, not over those that were added on the left.",
    ),
    Misconception(
        name="empty-dimension-not-summed",
        function="unbroadcast",
        code="""
def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(dim=0)
    for i, size in enumerate(shape):
        if size == 1 and grad.shape[i] > 1:
            grad = grad.sum(dim=i, keepdim=True)
    return grad
""",
        message="Size 1 is stretched to size 0, too: of an empty batch nothing is summed, and the gradient is 0. Sum wherever `shape` says 1.",
    ),
    Misconception(
        name="mean-for-sum",
        function="unbroadcast",
        code="""
def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.mean(dim=0)
    for i, size in enumerate(shape):
        if size == 1:
            grad = grad.mean(dim=i, keepdim=True)
    return grad
""",
        message="You take the mean over the copies. Each copy adds its gradient: sum.",
    ),
    Misconception(
        name="stretched-dimension-dropped",
        function="unbroadcast",
        code="""
def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad.sum(dim=0)
    for i in reversed(range(len(shape))):
        if shape[i] == 1:
            grad = grad.sum(dim=i)
    return grad
""",
        message="A stretched dimension disappears from your result. It stays, with size 1: keepdim=True.",
    ),
    Misconception(
        name="aligned-at-the-left",
        function="unbroadcast",
        find="grad = grad.sum(dim=0)",
        put="grad = grad.sum(dim=-1)",
        message="You line the shapes up at the left. Broadcasting lines them up at the right: the added dimensions are the first ones.",
    ),
    Misconception(
        name="one-added-dimension-only",
        function="unbroadcast",
        find="while grad.ndim > len(shape):",
        put="if grad.ndim > len(shape):",
        message="You sum over one added dimension. There may be several.",
    ),
    Misconception(
        name="first-copy-only",
        function="unbroadcast",
        code="""
def unbroadcast(grad, shape):
    while grad.ndim > len(shape):
        grad = grad[0]
    for i, size in enumerate(shape):
        if size == 1:
            grad = grad.narrow(i, 0, 1)
    return grad
""",
        message="You keep the gradient of the first copy only. The gradients of all copies are summed.",
    ),
    Misconception(
        name="reshape-for-sum",
        function="unbroadcast",
        code="""
def unbroadcast(grad, shape):
    return grad.reshape(shape)
""",
        message="You reshape. A copy in the forward pass is a sum in the backward pass: fewer entries come from adding.",
    ),
    Misconception(
        name="one-stretched-dimension-only",
        function="unbroadcast",
        find="            grad = grad.sum(dim=i, keepdim=True)\n",
        put="            grad = grad.sum(dim=i, keepdim=True)\n            break\n",
        message="You sum over one stretched dimension. There may be several.",
    ),
    # Task 7: the engine
    Misconception(
        name="last-path-wins",
        function="Value.backward",
        find="received.get(id(parent), 0.0) + derivative * received[id(node)]",
        put="derivative * received[id(node)]",
        message="A node that is used twice keeps only the gradient of one use. Gradients of several uses add up: +=.",
    ),
    Misconception(
        name="sends-once-per-path",
        function="Value.backward",
        find=BACKWARD,
        put="""
        def send(node):
            for parent, derivative in node.parents:
                parent.grad += derivative * node.grad
                send(parent)

        self.grad = 1.0
        send(self)
""",
        message="A node sends all that it has received each time a path reaches it, so early messages count again and again. Each node "
        "sends once, after it has received from everything that uses it.",
    ),
    Misconception(
        name="walks-every-path",
        function="Value.backward",
        find=BACKWARD,
        put="""
        pending = [(self, 1.0)]
        while pending:
            node, gradient = pending.pop()
            node.grad += gradient
            pending.extend((parent, derivative * gradient) for parent, derivative in node.parents)
""",
        message="You follow each path to the end. Their number doubles with each x = x + x. Visit each node once, in topological order.",
    ),
    Misconception(
        name="breadth-first-order",
        function="Value.backward",
        find=BACKWARD,
        put="""
        received = {id(self): 1.0}
        queue = [self]
        for node in queue:
            node.grad += received[id(node)]
            for parent, derivative in node.parents:
                if id(parent) not in received:
                    received[id(parent)] = 0.0
                    queue.append(parent)
                received[id(parent)] += derivative * received[id(node)]
""",
        message="You visit the nodes by their distance from the loss. A node with a short and a long path then sends before it has "
        "received everything. Use a topological order.",
    ),
    Misconception(
        name="depth-first-order",
        function="Value.backward",
        find=BACKWARD,
        put="""
        order, seen, pending = [], set(), [self]
        while pending:
            node = pending.pop()
            if id(node) not in seen:
                seen.add(id(node))
                order.append(node)
                pending.extend(parent for parent, _ in reversed(node.parents))
        received = dict.fromkeys(seen, 0.0)
        received[id(self)] = 1.0
        for node in order:
            node.grad += received[id(node)]
            for parent, derivative in node.parents:
                received[id(parent)] += derivative * received[id(node)]
""",
        message="You visit the nodes in the order in which a depth-first search meets them. A node may come too early: it must stand "
        "after everything that uses it, as in the reversed order in which the search leaves the nodes.",
    ),
    Misconception(
        name="recursive-order",
        function="Value.backward",
        find=BACKWARD,
        put="""
        order, seen = [], set()

        def visit(node):
            if id(node) not in seen:
                seen.add(id(node))
                for parent, _ in node.parents:
                    visit(parent)
                order.append(node)

        visit(self)
        received = dict.fromkeys(seen, 0.0)
        received[id(self)] = 1.0
        for node in reversed(order):
            node.grad += received[id(node)]
            for parent, derivative in node.parents:
                received[id(parent)] += derivative * received[id(node)]
""",
        message="Your search for the order calls itself, and Python stops at about 1,000 nested calls. Use a loop with a list of pending "
        "nodes.",
    ),
    Misconception(
        name="inner-gradients-sent-again",
        function="Value.backward",
        find=BACKWARD,
        put=ORDER
        + """
        self.grad = 1.0
        for node in order:
            for parent, derivative in node.parents:
                parent.grad += derivative * node.grad
""",
        message="On a second call the inner nodes still hold the gradient of the first one and send it again. Keep the gradients of one "
        "call apart from .grad, or set inner nodes to 0 first.",
    ),
    Misconception(
        name="gradients-replaced-by-a-second-call",
        function="Value.backward",
        find="node.grad += received[id(node)]",
        put="node.grad = received[id(node)]",
        message="After a second call the gradients are still those of one call. backward() adds to .grad what it finds.",
    ),
    Misconception(
        name="starts-from-the-data",
        function="Value.backward",
        find="received = {id(self): 1.0}",
        put="received = {id(self): self.data}",
        message="Your backward pass starts with the value of the loss. It starts with its derivative with respect to itself, 1.",
    ),
    Misconception(
        name="nodes-told-apart-by-their-number",
        function="Value.backward",
        find=BACKWARD,
        put="""
        order, seen, pending = [], set(), [(self, False)]
        while pending:
            node, left = pending.pop()
            if left:
                order.append(node)
            elif node.data not in seen:
                seen.add(node.data)
                pending.append((node, True))
                pending.extend((parent, False) for parent, _ in node.parents)
        received = {id(node): 0.0 for node in order}
        received[id(self)] = 1.0
        for node in reversed(order):
            node.grad += received[id(node)]
            for parent, derivative in node.parents:
                received[id(parent)] = received.get(id(parent), 0.0) + derivative * received[id(node)]
""",
        message="You take two nodes with equal numbers for one. Tell nodes apart by identity, with id(node).",
    ),
    Misconception(
        name="direct-parents-only",
        function="Value.backward",
        find=BACKWARD,
        put="""
        self.grad += 1.0
        for parent, derivative in self.parents:
            parent.grad += derivative
""",
        message="You reach the direct parents of the loss only. Go on to their parents, down to the leaves.",
    ),
    Misconception(
        name="only-leaves-get-gradients",
        function="Value.backward",
        find="            node.grad += received[id(node)]",
        put="            if not node.parents:\n                node.grad += received[id(node)]",
        message="Only your leaves get a gradient. Every node on the way has one too, the loss itself included: there it is 1.",
    ),
    Misconception(
        name="factors-swapped",
        function="Value.__mul__",
        find="((self, other.data), (other, self.data))",
        put="((self, self.data), (other, other.data))",
        message="Your derivatives of a * b are swapped: with respect to a it is b.",
    ),
    Misconception(
        name="numbers-not-wrapped-in-a-sum",
        function="Value.__add__",
        find="other = other if isinstance(other, Value) else Value(other)",
        put="",
        message="Your sum needs a Value on both sides. Make a Value from a plain number first.",
    ),
    Misconception(
        name="numbers-not-wrapped-in-a-product",
        function="Value.__mul__",
        find="other = other if isinstance(other, Value) else Value(other)",
        put="",
        message="Your product needs a Value on both sides. Make a Value from a plain number first.",
    ),
    Misconception(
        name="number-on-the-left-missing",
        function="Value",
        find="def __radd__(self, number):",
        put="def plus(self, number):",
        message="Your Value can be added to a number only from the left: 2 + v calls v.__radd__(2).",
    ),
    Misconception(
        name="number-minus-value-swapped",
        function="Value.__rsub__",
        find="-self + number",
        put="self - number",
        message="2 - v gives v - 2. In __rsub__ the number stands on the left.",
    ),
    Misconception(
        name="number-by-value-swapped",
        function="Value.__rtruediv__",
        find="self**-1 * number",
        put="self / number",
        message="2 / v gives v / 2. In __rtruediv__ the number stands on the left.",
    ),
    Misconception(
        name="power-keeps-its-exponent",
        function="Value.__pow__",
        find="exponent * self.data ** (exponent - 1)",
        put="exponent * self.data**exponent",
        message="Your derivative of x**n is n x**n. The exponent goes down by one.",
    ),
    Misconception(
        name="power-without-factor",
        function="Value.__pow__",
        find="exponent * self.data ** (exponent - 1)",
        put="self.data ** (exponent - 1)",
        message="Your derivative of x**n lacks the factor n.",
    ),
    Misconception(
        name="difference-passes-plus",
        function="Value.__sub__",
        find="return self + -other",
        put="""other = other if isinstance(other, Value) else Value(other)
        return Value(self.data - other.data, ((self, 1.0), (other, 1.0)))""",
        message="Your derivative of a - b with respect to b is 1. It is -1.",
    ),
    Misconception(
        name="negation-passes-plus",
        function="Value.__neg__",
        find="self * -1",
        put="Value(-self.data, ((self, 1.0),))",
        message="Your derivative of -a is 1. It is -1.",
    ),
    Misconception(
        name="quotient-sign",
        function="Value.__truediv__",
        find="return self * other**-1",
        put="""other = other if isinstance(other, Value) else Value(other)
        return Value(self.data / other.data, ((self, 1 / other.data), (other, self.data / other.data**2)))""",
        message="Your derivative of a / b with respect to b lacks the minus sign: it is -a / b².",
    ),
    Misconception(
        name="slope-of-exp-is-x",
        function="Value.exp",
        find="((self, result),)",
        put="((self, self.data),)",
        message="Your derivative of exp(x) is x. It is exp(x), the result.",
    ),
    Misconception(
        name="slope-of-log-from-the-result",
        function="Value.log",
        find="1 / self.data",
        put="1 / math.log(self.data)",
        message="Your derivative of log(x) is 1 / log(x). It is 1 / x.",
    ),
    Misconception(
        name="slope-of-tanh-without-square",
        function="Value.tanh",
        find="1 - result**2",
        put="1 - result",
        message="Your derivative of tanh is 1 - y. It is 1 - y².",
    ),
    Misconception(
        name="slope-of-relu-is-one",
        function="Value.relu",
        find="float(self.data > 0)",
        put="1.0",
        message="Your derivative of relu is 1 everywhere. For x up to 0 it is 0.",
    ),
    Misconception(
        name="slope-of-relu-at-zero",
        function="Value.relu",
        find="self.data > 0",
        put="self.data >= 0",
        message="Your relu has slope 1 at 0. By the convention here it is 0.",
    ),
    # Task 8: products with Jacobians
    Misconception(
        name="softmax-diagonal-only",
        function="vjp_softmax",
        find="probabilities * (cotangent - inner)",
        put="probabilities * (1 - probabilities) * cotangent",
        message="You use the diagonal of the Jacobian only, p (1 - p). A logit also moves the other probabilities: there is -p pᵀ.",
    ),
    Misconception(
        name="softmax-without-normalization",
        function="vjp_softmax",
        find="probabilities * (cotangent - inner)",
        put="probabilities * cotangent",
        message="You have the part diag(p) u. The other part, -p (pᵀ u), comes from the sum in the denominator of softmax.",
    ),
    Misconception(
        name="one-sum-for-all-rows",
        function="vjp_softmax",
        find=".sum(dim=1, keepdim=True)",
        put=".sum()",
        message="You take one sum over the whole batch. Each example has its own pᵀ u.",
    ),
    Misconception(
        name="sum-over-the-batch",
        function="vjp_softmax",
        find=".sum(dim=1, keepdim=True)",
        put=".sum(dim=0, keepdim=True)",
        message="You sum over the examples. pᵀ u is a sum over the classes of one example.",
    ),
    Misconception(
        name="mean-over-the-classes",
        function="vjp_softmax",
        find=".sum(dim=1, keepdim=True)",
        put=".mean(dim=1, keepdim=True)",
        message="You take a mean over the classes. pᵀ u is a sum.",
    ),
    Misconception(
        name="softmax-of-probabilities",
        function="vjp_softmax",
        find="inner = (probabilities",
        put="probabilities = torch.softmax(probabilities, dim=1)\n    inner = (probabilities",
        message="You apply softmax to the probabilities. They are its output already.",
    ),
    Misconception(
        name="jacobian-of-log-softmax",
        function="vjp_softmax",
        code="""
def vjp_softmax(probabilities, cotangent):
    return cotangent - probabilities * cotangent.sum(dim=1, keepdim=True)
""",
        message="You multiply with the Jacobian of log-softmax. That of softmax is diag(p) - p pᵀ.",
    ),
    Misconception(
        name="softmax-jacobian-formed",
        function="vjp_softmax",
        code="""
def vjp_softmax(probabilities, cotangent):
    jacobian = torch.diag_embed(probabilities) - probabilities[:, :, None] * probabilities[:, None, :]
    return (jacobian @ cotangent[:, :, None])[:, :, 0]
""",
        message="You form the Jacobian, which has K² entries per example. Multiply without it: p ⊙ (u - pᵀ u).",
    ),
    Misconception(
        name="examples-multiplied-with-each-other",
        function="vjp_softmax",
        find="(probabilities * cotangent).sum(dim=1, keepdim=True)",
        put="(probabilities @ cotangent.T).diagonal()[:, None]",
        message="You multiply each example with every other one, an N × N matrix, and keep its diagonal. Each row needs only its "
        "own sum of p u.",
    ),
    Misconception(
        name="jvp-weight-not-transposed",
        function="jvp_linear",
        find="weight.T",
        put="weight",
        message="You multiply with the weight as it is: this is the backward direction. Forward, a row of tangent meets the transposed "
        "weight.",
    ),
    Misconception(
        name="jvp-result-transposed",
        function="jvp_linear",
        find="tangent @ weight.T",
        put="weight @ tangent.T",
        message="Your result has one example per column. The batch comes first: (N, out_features).",
    ),
    Misconception(
        name="jvp-summed-over-the-batch",
        function="jvp_linear",
        find="tangent @ weight.T",
        put="(tangent @ weight.T).sum(dim=0)",
        message="You sum over the batch. Each example has its own tangent and its own result.",
    ),
    Misconception(
        name="linear-jacobian-formed",
        function="jvp_linear",
        code="""
def jvp_linear(weight, tangent):
    n = len(tangent)
    jacobian = torch.kron(torch.eye(n, dtype=weight.dtype), weight)
    return (jacobian @ tangent.reshape(-1)).reshape(n, -1)
""",
        message="You form the Jacobian of the whole batch, with (N·out)·(N·in) entries, almost all of them 0. Each example meets the same "
        "weight: one matrix product.",
    ),
    # Task 9: training
    Misconception(
        name="no-shuffling",
        function="train",
        find="torch.randperm(len(x), generator=generator)",
        put="torch.arange(len(x))",
        message="You take the examples in their given order. Draw a permutation from the generator for each epoch.",
    ),
    Misconception(
        name="rotation-for-permutation",
        function="train",
        find="torch.randperm(len(x), generator=generator)",
        put="torch.arange(len(x)).roll(int(torch.randint(len(x), (), generator=generator)))",
        message="Each epoch begins at another example and then keeps to the given order, so the same examples meet in a batch again and "
        "again. Draw a permutation.",
    ),
    Misconception(
        name="generator-ignored",
        function="train",
        find="torch.randperm(len(x), generator=generator)",
        put="torch.randperm(len(x))",
        message="Your permutation does not come from the generator, so a run cannot be repeated. Pass generator=generator.",
    ),
    Misconception(
        name="one-permutation-for-all-epochs",
        function="train",
        find="""    losses, batches = [], []
    for _ in range(steps):
        if not batches:
            batches = list(torch.randperm(len(x), generator=generator).split(batch_size))
""",
        put="""    losses, batches = [], []
    permutation = torch.randperm(len(x), generator=generator)
    for _ in range(steps):
        if not batches:
            batches = list(permutation.split(batch_size))
""",
        message="You draw one permutation and use it in every epoch. Draw a fresh one when an epoch starts.",
    ),
    Misconception(
        name="fresh-permutation-for-every-step",
        function="train",
        find="""        if not batches:
            batches = list(torch.randperm(len(x), generator=generator).split(batch_size))
        batch = batches.pop(0)
""",
        put="""        batch = torch.randperm(len(x), generator=generator)[:batch_size]
""",
        message="You draw a fresh permutation for every step, so an epoch does not hold each example once. Draw one per epoch and cut it "
        "into batches.",
    ),
    Misconception(
        name="drawn-with-replacement",
        function="train",
        find="""        if not batches:
            batches = list(torch.randperm(len(x), generator=generator).split(batch_size))
        batch = batches.pop(0)
""",
        put="""        batch = torch.randint(len(x), (min(batch_size, len(x)),), generator=generator)
""",
        message="You draw examples with replacement: some come twice, others never. Cut a permutation into batches.",
    ),
    Misconception(
        name="last-batch-dropped",
        function="train",
        find="batches = list(torch.randperm(len(x), generator=generator).split(batch_size))",
        put="""batches = list(torch.randperm(len(x), generator=generator).split(batch_size))
            if len(batches) > 1 and len(batches[-1]) < batch_size:
                batches.pop()""",
        message="You drop the last batch when it is smaller. It belongs to the epoch.",
    ),
    Misconception(
        name="batches-across-epochs",
        function="train",
        find="""        if not batches:
            batches = list(torch.randperm(len(x), generator=generator).split(batch_size))
        batch = batches.pop(0)
""",
        put="""        while len(batches) < min(batch_size, len(x)):
            batches += torch.randperm(len(x), generator=generator).tolist()
        batch, batches = batches[:batch_size][: len(x)], batches[min(batch_size, len(x)) :]
""",
        message="You fill the last batch of an epoch with examples of the next one. It is smaller instead.",
    ),
    Misconception(
        name="all-examples-in-every-step",
        function="train",
        find=".split(batch_size)",
        put=".split(len(x))",
        message="Every step uses all examples. Cut the permutation into batches of batch_size.",
    ),
    Misconception(
        name="uphill",
        function="train",
        find="(weight - lr * grad_weight, bias - lr * grad_bias)",
        put="(weight + lr * grad_weight, bias + lr * grad_bias)",
        message="You go uphill: the step is against the gradient.",
    ),
    Misconception(
        name="biases-not-trained",
        function="train",
        find="(weight - lr * grad_weight, bias - lr * grad_bias)",
        put="(weight - lr * grad_weight, bias)",
        message="Your biases stay as they were. They take the same step as the weights.",
    ),
    Misconception(
        name="gradient-divided-by-the-batch-size",
        function="train",
        find="(weight - lr * grad_weight, bias - lr * grad_bias)",
        put="(weight - lr * grad_weight / len(batch), bias - lr * grad_bias / len(batch))",
        message="You divide the gradient by the number of examples once more. The loss is a mean already.",
    ),
    Misconception(
        name="gradient-summed-over-the-batch",
        function="train",
        find="(weight - lr * grad_weight, bias - lr * grad_bias)",
        put="(weight - lr * grad_weight * len(batch), bias - lr * grad_bias * len(batch))",
        message="Your step grows with the number of examples. The gradient is that of the mean.",
    ),
    Misconception(
        name="always-from-the-start",
        function="train",
        find="""        parameters = [
            (weight - lr * grad_weight, bias - lr * grad_bias)
            for (weight, bias), (grad_weight, grad_bias) in zip(parameters, gradients, strict=True)
        ]
    return parameters, losses
""",
        put="""        trained = [
            (weight - lr * grad_weight, bias - lr * grad_bias)
            for (weight, bias), (grad_weight, grad_bias) in zip(parameters, gradients, strict=True)
        ]
    return trained, losses
""",
        message="Every step starts again from the initial parameters. It starts from where the step before ended.",
    ),
    Misconception(
        name="loss-after-the-step",
        function="train",
        find="""        losses.append(float(loss))
        parameters = [
            (weight - lr * grad_weight, bias - lr * grad_bias)
            for (weight, bias), (grad_weight, grad_bias) in zip(parameters, gradients, strict=True)
        ]
""",
        put="""        parameters = [
            (weight - lr * grad_weight, bias - lr * grad_bias)
            for (weight, bias), (grad_weight, grad_bias) in zip(parameters, gradients, strict=True)
        ]
        losses.append(float(mlp_loss_and_gradients(parameters, x[batch], target[batch], activation)[0]))
""",
        message="You record the loss after the step. losses[i] is that of the batch before step i.",
    ),
    Misconception(
        name="loss-of-all-examples",
        function="train",
        find="losses.append(float(loss))",
        put="losses.append(float(mlp_loss_and_gradients(parameters, x, target, activation)[0]))",
        message="You record the loss of all examples. losses[i] is that of the batch of step i.",
    ),
    Misconception(
        name="activation-not-passed-on",
        function="train",
        find="x[batch], target[batch], activation)",
        put="x[batch], target[batch])",
        message="You do not pass the activation on, so the network is trained with relu.",
    ),
    Misconception(
        name="targets-not-shuffled",
        function="train",
        find="x[batch], target[batch], activation)",
        put="x[batch], target[torch.arange(len(batch))], activation)",
        message="You shuffle the examples but not their targets. Index both with the same batch.",
    ),
    Misconception(
        name="steps-taken-for-epochs",
        function="train",
        find="""    for _ in range(steps):
        if not batches:
            batches = list(torch.randperm(len(x), generator=generator).split(batch_size))
        batch = batches.pop(0)
""",
        put="""    for batch in [b for _ in range(steps) for b in torch.randperm(len(x), generator=generator).split(batch_size)]:
""",
        message="You make `steps` passes over the data. One step is one batch.",
    ),
    Misconception(
        name="parameters-changed",
        function="train",
        find="""        parameters = [
            (weight - lr * grad_weight, bias - lr * grad_bias)
            for (weight, bias), (grad_weight, grad_bias) in zip(parameters, gradients, strict=True)
        ]
""",
        put="""        for (weight, bias), (grad_weight, grad_bias) in zip(parameters, gradients, strict=True):
            weight -= lr * grad_weight
            bias -= lr * grad_bias
""",
        message="You train the caller's tensors: -= changes them in place. Make new ones, or clone them at the start.",
    ),
]
