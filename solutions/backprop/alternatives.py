"""Right implementations that look different: each must earn full marks."""

from autograder.variants import Alternative

ALTERNATIVES = [
    Alternative(
        name="in-place-and-restored",
        function="numerical_gradient",
        why="moves one entry of x in place and puts the old value back; indexes any shape; the difference is a float",
        code="""
def numerical_gradient(f, x, eps=1e-6):
    gradient = torch.zeros_like(x)
    for index in itertools.product(*(range(size) for size in x.shape)):
        old = x[index].clone()
        x[index] = old + eps
        above = float(f(x))
        x[index] = old - eps
        below = float(f(x))
        x[index] = old
        gradient[index] = (above - below) / (2 * eps)
    return gradient


def relative_error(a, b):
    worst = 0.0
    for p, q in zip(a.flatten().tolist(), b.flatten().tolist(), strict=True):
        worst = max(worst, abs(p - q) / max(1e-8, abs(p) + abs(q)))
    return worst
""",
    ),
    Alternative(
        name="steps-from-the-identity",
        function="numerical_gradient",
        why="takes all steps as rows of an identity matrix; the relative error by torch.maximum",
        code="""
def numerical_gradient(f, x, eps=1e-6):
    steps = (eps * torch.eye(x.numel(), dtype=x.dtype)).reshape(-1, *x.shape)
    above = torch.stack([torch.as_tensor(f(x + step), dtype=x.dtype) for step in steps])
    below = torch.stack([torch.as_tensor(f(x - step), dtype=x.dtype) for step in steps])
    return ((above - below) / (2 * eps)).reshape(x.shape)


def relative_error(a, b):
    floor = torch.full_like(a, 1e-8)
    return torch.amax(torch.abs(a - b) / torch.maximum(floor, torch.abs(a) + torch.abs(b))).item()
""",
    ),
    Alternative(
        name="cache-is-a-dict",
        function="linear_forward",
        why="torch.nn.functional.linear, a dict as cache, a list as result",
        code="""
def linear_forward(x, weight, bias):
    return torch.nn.functional.linear(x, weight, bias), {"x": x, "weight": weight}


def linear_backward(grad_y, cache):
    grad_weight = torch.einsum("no,ni->oi", grad_y, cache["x"])
    return [grad_y.matmul(cache["weight"]), grad_weight, torch.ones(len(grad_y), dtype=grad_y.dtype) @ grad_y]
""",
    ),
    Alternative(
        name="cache-is-a-closure",
        function="linear_forward",
        why="the cache is a function that does the backward pass",
        code="""
def linear_forward(x, weight, bias):
    def backward(grad_y):
        return grad_y @ weight, (x.T @ grad_y).T, grad_y.sum(0)

    return bias + x @ weight.t(), backward


def linear_backward(grad_y, cache):
    return cache(grad_y)
""",
    ),
    Alternative(
        name="loop-over-examples",
        function="linear_forward",
        why="loops over the examples, an object as cache",
        code="""
class Saved:
    pass


def linear_forward(x, weight, bias):
    saved = Saved()
    saved.x, saved.weight = x, weight
    return torch.stack([weight @ row + bias for row in x]), saved


def linear_backward(grad_y, cache):
    grad_x = torch.zeros_like(cache.x)
    grad_weight = torch.zeros_like(cache.weight)
    grad_bias = torch.zeros_like(grad_y[0])
    for n, (row, grad) in enumerate(zip(cache.x, grad_y, strict=True)):
        grad_x[n] = cache.weight.T @ grad
        grad_weight += torch.outer(grad, row)
        grad_bias += grad
    return grad_x, grad_weight, grad_bias
""",
    ),
    Alternative(
        name="library-activations",
        function="relu_forward",
        why="torch.relu, torch.sigmoid; caches the input and computes the slope from it again",
        code="""
def relu_forward(x):
    return torch.relu(x), x


def relu_backward(grad_y, cache):
    grad_x = grad_y.clone()
    grad_x[cache <= 0] = 0
    return grad_x


def sigmoid_forward(x):
    return torch.sigmoid(x), (x,)


def sigmoid_backward(grad_y, cache):
    s = torch.sigmoid(cache[0])
    return grad_y * s * (1 - s)


def tanh_forward(x):
    return x.tanh(), x


def tanh_backward(grad_y, cache):
    return grad_y / torch.cosh(cache) ** 2
""",
    ),
    Alternative(
        name="activations-by-hand",
        function="relu_forward",
        why="exponentials of negative numbers only; the mask is taken from the output; tanh from a sigmoid",
        code="""
def relu_forward(x):
    y = torch.maximum(x, torch.zeros_like(x))
    return y, y


def relu_backward(grad_y, cache):
    return torch.where(cache > 0, grad_y, torch.zeros_like(grad_y))


def sigmoid_forward(x):
    small = torch.exp(-x.abs())
    y = torch.where(x >= 0, 1 / (1 + small), small / (1 + small))
    return y, {"y": y}


def sigmoid_backward(grad_y, cache):
    return (cache["y"] - cache["y"].square()) * grad_y


def tanh_forward(x):
    y = 2 * torch.sigmoid(2 * x) - 1
    return y, y


def tanh_backward(grad_y, cache):
    return (1 - cache) * (1 + cache) * grad_y
""",
    ),
    Alternative(
        name="cross-entropy-by-the-library",
        function="softmax_cross_entropy",
        why="log_softmax, a one-hot matrix, the loss as a float",
        code="""
def softmax_cross_entropy(logits, target):
    n, k = logits.shape
    log_p = torch.log_softmax(logits, dim=-1)
    one_hot = torch.nn.functional.one_hot(target, k).to(logits.dtype)
    return (-(one_hot * log_p).sum() / n).item(), (log_p.exp() - one_hot) / n
""",
    ),
    Alternative(
        name="cross-entropy-by-logsumexp",
        function="softmax_cross_entropy",
        why="logsumexp and gather, softmax for the gradient",
        code="""
def softmax_cross_entropy(logits, target):
    picked = logits.gather(1, target[:, None])[:, 0]
    loss = (torch.logsumexp(logits, dim=1) - picked).mean()
    grad = torch.softmax(logits, dim=1)
    grad.scatter_add_(1, target[:, None], -torch.ones_like(picked)[:, None])
    grad /= target.numel()
    return loss, grad
""",
    ),
    Alternative(
        name="cross-entropy-row-by-row",
        function="softmax_cross_entropy",
        why="a loop over the examples, the largest logit subtracted in a copy",
        code="""
def softmax_cross_entropy(logits, target):
    loss, grad = 0.0, torch.empty_like(logits)
    for n in range(len(target)):
        row = logits[n] - max(logits[n].tolist())
        total = row.exp().sum()
        loss += (total.log() - row[target[n]]).item() / len(target)
        grad[n] = row.exp() / total
        grad[n, target[n]] -= 1
    return loss, grad / logits.shape[0]
""",
    ),
    Alternative(
        name="network-without-the-small-functions",
        function="mlp_loss_and_gradients",
        why="plain tensor operations, hidden layers kept in a list, lists for tuples",
        code="""
def mlp_loss_and_gradients(parameters, x, target, activation="relu"):
    function = {"relu": torch.relu, "sigmoid": torch.sigmoid, "tanh": torch.tanh}[activation]
    slope = {"relu": lambda y: (y > 0).to(y.dtype), "sigmoid": lambda y: y * (1 - y), "tanh": lambda y: 1 - y * y}
    inputs = [x]
    for i, (weight, bias) in enumerate(parameters):
        z = inputs[-1] @ weight.T + bias
        inputs.append(z if i == len(parameters) - 1 else function(z))
    logits = inputs.pop()
    loss = torch.nn.functional.cross_entropy(logits, target)
    delta = torch.softmax(logits, dim=1)
    delta[torch.arange(len(x)), target] -= 1
    delta = delta / len(x)
    gradients = [None] * len(parameters)
    for i in range(len(parameters) - 1, -1, -1):
        gradients[i] = [delta.T @ inputs[i], delta.sum(dim=0)]
        if i > 0:
            delta = delta @ parameters[i][0] * slope[activation](inputs[i])
    return loss.item(), gradients
""",
    ),
    Alternative(
        name="layers-as-objects",
        function="mlp_loss_and_gradients",
        why="a class for each layer, with methods forward and backward of its own",
        code="""
class Layer:
    def __init__(self, weight, bias):
        self.weight, self.bias = weight, bias

    def forward(self, x):
        self.x = x
        return x @ self.weight.T + self.bias

    def backward(self, grad_y):
        self.gradients = grad_y.T @ self.x, grad_y.sum(dim=0)
        return grad_y @ self.weight


class Activation:
    def __init__(self, name):
        self.name = name

    def forward(self, x):
        self.y = getattr(torch, self.name)(x)
        return self.y

    def backward(self, grad_y):
        return grad_y * {"relu": self.y > 0, "sigmoid": self.y - self.y**2, "tanh": 1 - self.y**2}[self.name]


def mlp_loss_and_gradients(parameters, x, target, activation="relu"):
    *layers, _ = [part for layer in parameters for part in (Layer(*layer), Activation(activation))]
    for layer in layers:
        x = layer.forward(x)
    loss, gradient = softmax_cross_entropy(x, target)
    for layer in reversed(layers):
        gradient = layer.backward(gradient)
    return loss, [layer.gradients for layer in layers[::2]]
""",
    ),
    Alternative(
        name="recursive-network",
        function="mlp_loss_and_gradients",
        why="recursion over the layers in place of two loops",
        code="""
def mlp_loss_and_gradients(parameters, x, target, activation="relu"):
    pairs = {
        "relu": (relu_forward, relu_backward),
        "sigmoid": (sigmoid_forward, sigmoid_backward),
        "tanh": (tanh_forward, tanh_backward),
    }
    forward, backward = pairs[activation]

    def below(layers, inputs):
        scores, cache = linear_forward(inputs, *layers[0])
        if len(layers) == 1:
            loss, grad = softmax_cross_entropy(scores, target)
            gradients = ()
        else:
            hidden, activation_cache = forward(scores)
            loss, gradients, grad = below(layers[1:], hidden)
            grad = backward(grad, activation_cache)
        grad_inputs, grad_weight, grad_bias = linear_backward(grad, cache)
        return loss, ((grad_weight, grad_bias), *gradients), grad_inputs

    loss, gradients, _ = below(list(parameters), x)
    return loss, gradients
""",
    ),
    Alternative(
        name="unbroadcast-at-once",
        function="unbroadcast",
        why="one sum over all dimensions, then a view; or the library's sum_to_size",
        code="""
def unbroadcast(grad, shape):
    added = grad.ndim - len(shape)
    padded = (1,) * added + tuple(shape)
    dims = [i for i, (large, small) in enumerate(zip(grad.shape, padded, strict=True)) if large != small]
    return (grad.sum(dim=dims) if dims else grad).reshape(shape)
""",
    ),
    Alternative(
        name="unbroadcast-by-the-library",
        function="unbroadcast",
        why="sum_to_size",
        code="""
def unbroadcast(grad, shape):
    return grad.sum_to_size(*shape) if len(shape) else grad.sum()
""",
    ),
    Alternative(
        name="engine-with-closures",
        function="Value",
        why="closures like micrograd's, a topological order by depth-first search without recursion, inner nodes set to 0 first",
        code="""
class Value:
    def __init__(self, data, children=()):
        self.data = float(data)
        self.grad = 0.0
        self.children = tuple(children)
        self.send = lambda: None

    def __add__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data + other.data, (self, other))

        def send():
            self.grad += out.grad
            other.grad += out.grad

        out.send = send
        return out

    def __mul__(self, other):
        other = other if isinstance(other, Value) else Value(other)
        out = Value(self.data * other.data, (self, other))

        def send():
            self.grad += other.data * out.grad
            other.grad += self.data * out.grad

        out.send = send
        return out

    def _unary(self, data, slope):
        out = Value(data, (self,))

        def send():
            self.grad += slope * out.grad

        out.send = send
        return out

    def __pow__(self, n):
        return self._unary(self.data**n, n * self.data ** (n - 1))

    def __neg__(self):
        return self._unary(-self.data, -1.0)

    def __sub__(self, other):
        return self + (-other)

    def __truediv__(self, other):
        return self * (other**-1 if isinstance(other, Value) else 1 / other)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, number):
        return Value(number) - self

    def __rtruediv__(self, number):
        return Value(number) / self

    def exp(self):
        return self._unary(math.exp(self.data), math.exp(self.data))

    def log(self):
        return self._unary(math.log(self.data), 1 / self.data)

    def tanh(self):
        t = (math.exp(2 * self.data) - 1) / (math.exp(2 * self.data) + 1)
        return self._unary(t, 1 - t * t)

    def relu(self):
        return self._unary(self.data if self.data > 0 else 0.0, 1.0 if self.data > 0 else 0.0)

    def backward(self):
        order, seen, pending = [], set(), [(self, False)]
        while pending:
            node, done = pending.pop()
            if done:
                order.append(node)
            elif node not in seen:
                seen.add(node)
                pending.append((node, True))
                pending += [(child, False) for child in node.children]
        for node in order:
            if node.children:
                node.grad = 0.0
        self.grad += 1.0
        for node in reversed(order):
            node.send()
""",
    ),
    Alternative(
        name="engine-sorted-by-age",
        function="Value",
        why="numbers the nodes as they are made: sorted by number, latest first, is a topological order; tensors for numbers",
        code="""
import heapq

COUNTER = itertools.count()


class Value:
    def __init__(self, data, parents=()):
        self.data = torch.as_tensor(data, dtype=torch.float64)
        self.grad = torch.zeros((), dtype=torch.float64)
        self.parents = parents
        self.number = next(COUNTER)

    def __add__(self, other):
        other = Value.of(other)
        return Value(self.data + other.data, ((self, 1.0), (other, 1.0)))

    def __mul__(self, other):
        other = Value.of(other)
        return Value(self.data * other.data, ((self, other.data), (other, self.data)))

    def __sub__(self, other):
        other = Value.of(other)
        return Value(self.data - other.data, ((self, 1.0), (other, -1.0)))

    def __truediv__(self, other):
        other = Value.of(other)
        return Value(self.data / other.data, ((self, 1 / other.data), (other, -self.data / other.data**2)))

    def __pow__(self, n):
        return Value(self.data**n, ((self, n * self.data ** (n - 1)),))

    def __neg__(self):
        return Value(-self.data, ((self, -1.0),))

    def __radd__(self, number):
        return Value.of(number) + self

    def __rmul__(self, number):
        return Value.of(number) * self

    def __rsub__(self, number):
        return Value.of(number) - self

    def __rtruediv__(self, number):
        return Value.of(number) / self

    def exp(self):
        return Value(self.data.exp(), ((self, self.data.exp()),))

    def log(self):
        return Value(self.data.log(), ((self, 1 / self.data),))

    def tanh(self):
        return Value(self.data.tanh(), ((self, 1 - self.data.tanh() ** 2),))

    def relu(self):
        return Value(self.data.clamp(min=0), ((self, (self.data > 0).double()),))

    @staticmethod
    def of(number):
        return number if isinstance(number, Value) else Value(number)

    def backward(self):
        flow = {self.number: torch.ones((), dtype=torch.float64)}
        nodes, heap = {self.number: self}, [-self.number]
        while heap:
            number = -heapq.heappop(heap)
            nodes[number].grad = nodes[number].grad + flow[number]
            for parent, slope in nodes[number].parents:
                if parent.number not in nodes:
                    nodes[parent.number] = parent
                    flow[parent.number] = torch.zeros((), dtype=torch.float64)
                    heapq.heappush(heap, -parent.number)
                flow[parent.number] = flow[parent.number] + slope * flow[number]
""",
    ),
    Alternative(
        name="engine-with-a-raised-recursion-limit",
        function="Value.backward",
        why="counts the uses by recursion, with a recursion limit that fits the graph",
        find="""        uses = {}
        pending = [self]
        while pending:
            for parent, _ in pending.pop().parents:
                if id(parent) not in uses:
                    uses[id(parent)] = 0
                    pending.append(parent)
                uses[id(parent)] += 1
""",
        put="""        import sys

        uses = {}

        def count(node):
            for parent, _ in node.parents:
                uses[id(parent)] = uses.get(id(parent), 0) + 1
                if uses[id(parent)] == 1:
                    count(parent)

        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(1_000_000)
        count(self)
        sys.setrecursionlimit(limit)
""",
    ),
    Alternative(
        name="jacobian-products-by-einsum",
        function="vjp_softmax",
        why="einsum, the two terms apart; in place on a copy",
        code="""
def vjp_softmax(probabilities, cotangent):
    result = probabilities * cotangent
    result -= probabilities * torch.einsum("nk,nk->n", probabilities, cotangent)[:, None]
    return result


def jvp_linear(weight, tangent):
    return torch.einsum("oi,ni->no", weight, tangent)
""",
    ),
    Alternative(
        name="jacobian-products-row-by-row",
        function="vjp_softmax",
        why="a loop over the examples",
        code="""
def vjp_softmax(probabilities, cotangent):
    return torch.stack([p * (u - torch.dot(p, u)) for p, u in zip(probabilities, cotangent, strict=True)])


def jvp_linear(weight, tangent):
    return (weight @ tangent.T).T
""",
    ),
    Alternative(
        name="train-epoch-by-epoch",
        function="train",
        why="loops over epochs and slices, clones and then changes its own copy in place, losses as tensors",
        code="""
def train(parameters, x, target, *, lr, steps, batch_size, generator, activation="relu"):
    own = [[weight.clone(), bias.clone()] for weight, bias in parameters]
    n, losses = x.shape[0], []
    while len(losses) < steps:
        order = torch.randperm(n, generator=generator)
        x_epoch, target_epoch = x[order], target[order]
        for start in range(0, n, batch_size):
            if len(losses) == steps:
                break
            xb, tb = x_epoch[start : start + batch_size], target_epoch[start : start + batch_size]
            loss, gradients = mlp_loss_and_gradients(own, xb, tb, activation)
            losses.append(torch.as_tensor(loss))
            for layer, gradient in zip(own, gradients, strict=True):
                layer[0].sub_(lr * gradient[0])
                layer[1].sub_(lr * gradient[1])
    return own, losses
""",
    ),
    Alternative(
        name="permutation-by-sorting",
        function="train",
        why="draws the permutation by sorting random numbers of the generator, one epoch after the other, as plain lists",
        find="torch.randperm(len(x), generator=generator)",
        put="torch.rand(len(x), generator=generator).argsort()",
    ),
    Alternative(
        name="permutations-in-advance",
        function="train",
        why="draws the permutations of all epochs before the first step; loads batches with a DataLoader-like generator function",
        code="""
def train(parameters, x, target, *, lr, steps, batch_size, generator, activation="relu"):
    def batches():
        epochs = math.ceil(steps / math.ceil(len(x) / batch_size))
        for order in [torch.randperm(len(x), generator=generator) for _ in range(epochs)]:
            yield from order.split(batch_size)

    losses = []
    for _, batch in zip(range(steps), batches(), strict=False):
        loss, gradients = mlp_loss_and_gradients(parameters, x[batch], target[batch], activation)
        losses.append(float(loss))
        parameters = tuple((w - lr * gw, b - lr * gb) for (w, b), (gw, gb) in zip(parameters, gradients, strict=True))
    return parameters, losses
""",
    ),
    Alternative(
        name="preallocated-outputs",
        function="linear_forward",
        code="""
def linear_forward(x, weight, bias):
    y = torch.empty(len(x), len(weight), dtype=x.dtype)
    torch.matmul(x, weight.T, out=y)
    y += bias
    return y, (x.numpy().copy(), weight.clone())


def linear_backward(grad_y, cache):
    x, weight = torch.from_numpy(cache[0]), cache[1]
    return grad_y @ weight, (x.T @ grad_y).T, grad_y.sum(axis=0)
""",
        why="writes into memory of its own with out= and keeps a NumPy copy, which tensors that require gradients would refuse",
    ),
]
