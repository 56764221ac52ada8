"""Right implementations that look different: each must earn full marks."""

from autograder.variants import Alternative

ALTERNATIVES = [
    Alternative(
        name="float64-statistics-and-distances",
        function="cutout",
        why="statistics in float64; the hole by distances from the centre; the coin first, columns before rows",
        code="""
def channel_stats(images):
    x = images.double().div_(255)
    return x.mean(dim=(0, 2, 3)), x.var(dim=(0, 2, 3), unbiased=False).sqrt()


def normalize(images, mean, std):
    mean = torch.tensor([float(m) for m in mean]).view(1, -1, 1, 1)
    std = torch.tensor([float(s) for s in std]).view(1, -1, 1, 1)
    return images.float().div_(255).sub_(mean).div_(std)


def cutout(images, size, p, fill, generator):
    n, c, h, w = images.shape
    coin = torch.rand(n, generator=generator) < p
    cx = torch.randint(0, w, (n,), generator=generator)
    cy = torch.randint(0, h, (n,), generator=generator)
    dy = torch.arange(h)[None, :, None] - cy[:, None, None]
    dx = torch.arange(w)[None, None, :] - cx[:, None, None]
    before, after = size // 2, size - size // 2
    hole = (dy >= -before) & (dy < after) & (dx >= -before) & (dx < after) & coin[:, None, None]
    values = torch.zeros(c, dtype=images.dtype) + torch.as_tensor(fill).to(images.dtype)
    out = images.clone()
    out.copy_(torch.where(hole.unsqueeze(1), values[None, :, None, None], out))
    return out
""",
    ),
    Alternative(
        name="running-sums-and-unfold",
        function="cutout",
        why="masks by a running sum over starts and ends; one number for both coordinates; crops from unfolded windows",
        code="""
def random_crop_flip(images, padding, generator):
    n, c, h, w = images.shape
    last = images.is_contiguous(memory_format=torch.channels_last) and not images.is_contiguous()
    padded = torch.zeros(n, c, h + 2 * padding, w + 2 * padding, dtype=images.dtype)
    padded[:, :, padding : padding + h, padding : padding + w] = images
    which = torch.randint((2 * padding + 1) ** 2, (n,), generator=generator)
    windows = padded.unfold(2, h, 1).unfold(3, w, 1)
    out = windows[torch.arange(n), :, which // (2 * padding + 1), which % (2 * padding + 1)]
    coins = torch.randint(2, (n, 1, 1, 1), generator=generator).bool()
    out = torch.where(coins, torch.flip(out, [-1]), out)
    return out.contiguous(memory_format=torch.channels_last if last else torch.contiguous_format)


def cutout(images, size, p, fill, generator):
    n, c, h, w = images.shape
    place = torch.randint(h * w, (n,), generator=generator)
    coin = torch.bernoulli(torch.full((n,), float(p)), generator=generator).bool()

    def band(centre, length):
        edges = torch.zeros(n, length + 1, dtype=torch.long)
        start = (centre - size // 2).clamp(min=0)
        end = (centre - size // 2 + size).clamp(0, length)
        edges.scatter_add_(1, start[:, None].clamp(max=length), torch.ones(n, 1, dtype=torch.long))
        edges.scatter_add_(1, end[:, None], -torch.ones(n, 1, dtype=torch.long))
        return edges.cumsum(1)[:, :length] > 0

    mask = band(place // w, h)[:, :, None] * band(place % w, w)[:, None, :] * coin[:, None, None]
    out = images.clone()
    if isinstance(fill, int | float):
        return out.masked_fill_(mask[:, None], fill)
    for channel in range(c):
        out[:, channel].masked_fill_(mask, fill[channel])
    return out
""",
    ),
    Alternative(
        name="gather-and-selected-images",
        function="cutout",
        why="crops by two gathers, the flip before the crop; only the images that the coin chooses are touched",
        code="""
def random_crop_flip(images, padding, generator):
    n, c, h, w = images.shape
    flip = torch.rand(n, generator=generator) > 0.5
    flipped = images.clone()
    flipped[flip] = images[flip].flip(-1)
    x = torch.nn.functional.pad(flipped, [padding] * 4)
    dx = torch.randint(0, 2 * padding + 1, (n,), generator=generator)
    dy = torch.randint(0, 2 * padding + 1, (n,), generator=generator)
    rows = (dy[:, None] + torch.arange(h)).reshape(n, 1, h, 1).expand(n, c, h, x.shape[3])
    x = x.gather(2, rows)
    columns = (dx[:, None] + torch.arange(w)).reshape(n, 1, 1, w).expand(n, c, h, w)
    return torch.empty_like(images).copy_(x.gather(3, columns))


def cutout(images, size, p, fill, generator):
    out = images.clone()
    n, c, h, w = images.shape
    chosen = (torch.rand(n, generator=generator) < p).nonzero().squeeze(1)
    k = len(chosen)
    top = torch.floor(torch.rand(k, generator=generator, dtype=torch.float64) * h).long() - size // 2
    left = torch.floor(torch.rand(k, generator=generator, dtype=torch.float64) * w).long() - size // 2
    bottom, right = torch.clamp(top + size, max=h), torch.clamp(left + size, max=w)
    top, left = torch.clamp(top, min=0), torch.clamp(left, min=0)
    y = torch.arange(h).view(1, h, 1)
    x = torch.arange(w).view(1, 1, w)
    inside = (y >= top.view(-1, 1, 1)) & (y < bottom.view(-1, 1, 1))
    inside = inside & (x >= left.view(-1, 1, 1)) & (x < right.view(-1, 1, 1))
    fill = torch.as_tensor(fill, dtype=images.dtype).flatten().expand(c).reshape(1, c, 1, 1)
    out[chosen] = torch.where(inside[:, None], fill, out[chosen])
    return out
""",
    ),
    Alternative(
        name="numpy-without-a-loop",
        function="cutout",
        why="NumPy for masks and indices, and its own generator seeded from the one given",
        code="""
import numpy as np


def numpy_generator(generator):
    return np.random.default_rng(torch.randint(2**62, (4,), generator=generator).tolist())


def channel_stats(images):
    x = images.numpy().astype(np.float64) / 255
    return x.mean(axis=(0, 2, 3)), x.std(axis=(0, 2, 3))


def normalize(images, mean, std):
    mean, std = np.asarray(mean, np.float32), np.asarray(std, np.float32)
    x = (images.numpy().astype(np.float32) / 255 - mean[:, None, None]) / std[:, None, None]
    return torch.empty_like(images, dtype=torch.float32).copy_(torch.from_numpy(x))


def random_crop_flip(images, padding, generator):
    draw = numpy_generator(generator)
    n, _, h, w = images.shape
    padded = np.pad(images.numpy(), ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    rows = draw.integers(0, 2 * padding + 1, (n, 1)) + np.arange(h)
    columns = draw.integers(0, 2 * padding + 1, (n, 1)) + np.arange(w)
    columns = np.where(draw.random((n, 1)) < 0.5, columns[:, ::-1], columns)
    out = padded[np.arange(n)[:, None, None], :, rows[:, :, None], columns[:, None, :]]
    return torch.empty_like(images).copy_(torch.from_numpy(out.transpose(0, 3, 1, 2).copy()))


def cutout(images, size, p, fill, generator):
    draw = numpy_generator(generator)
    n, c, h, w = images.shape
    top = draw.integers(0, h, n) - size // 2
    left = draw.integers(0, w, n) - size // 2
    y, x = np.ogrid[:h, :w]
    hole = (y >= top[:, None, None]) & (y < (top + size)[:, None, None])
    hole = hole & (x >= left[:, None, None]) & (x < (left + size)[:, None, None])
    hole &= (draw.random(n) < p)[:, None, None]
    value = torch.as_tensor(fill).to(images.dtype).numpy().reshape(-1, 1, 1)
    out = np.where(hole[:, None], value, images.numpy())
    return torch.empty_like(images).copy_(torch.from_numpy(out))
""",
    ),
    Alternative(
        name="shifts-one-after-the-other",
        function="random_crop_flip",
        why="a loop over the offsets, not over images; the hole as a sum of shifted centres",
        code="""
def channel_stats(images):
    first = second = 0
    for part in images.split(1000):
        x = part.long()
        first = first + x.sum(dim=(0, 2, 3))
        second = second + (x * x).sum(dim=(0, 2, 3))
    n = images.numel() // images.shape[1]
    variance = (n * second - first**2).double() / n**2
    return (first.double() / n / 255).tolist(), (variance.sqrt() / 255).tolist()


def random_crop_flip(images, padding, generator):
    n, c, h, w = images.shape
    padded = F.pad(images, (padding, padding, padding, padding), value=0)
    dy, dx = (torch.randint(2 * padding + 1, (n, 1, 1, 1), generator=generator) for _ in range(2))
    out = torch.empty_like(images)
    for y in range(2 * padding + 1):
        for x in range(2 * padding + 1):
            out.copy_(torch.where((dy == y) & (dx == x), padded[:, :, y : y + h, x : x + w], out))
    coins = torch.rand(n, 1, 1, 1, generator=generator) < 0.5
    out.copy_(torch.where(coins, out.flip(3), out))
    return out


def cutout(images, size, p, fill, generator):
    n, c, h, w = images.shape
    row = F.one_hot(torch.randint(h, (n,), generator=generator), h).bool()
    column = F.one_hot(torch.randint(w, (n,), generator=generator), w).bool()

    def widened(centre):
        padded = F.pad(centre, (size, size))
        shifted = [padded.roll(i - size // 2, dims=1)[:, size : size + centre.shape[1]] for i in range(min(size, 20))]
        if size >= 2 * centre.shape[1]:
            return torch.ones_like(centre)
        return torch.stack(shifted).any(dim=0) if shifted else torch.zeros_like(centre)

    hole = widened(row)[:, None, :, None] & widened(column)[:, None, None, :]
    hole = hole & (torch.rand(n, 1, 1, 1, generator=generator) < p)
    fill = torch.as_tensor(fill).to(images).reshape(-1, 1, 1)
    return torch.where(hole, fill, images)
""",
    ),
    Alternative(
        name="grid-sampling",
        function="random_crop_flip",
        why="an affine grid with nearest neighbours; Cutout by the normalized distance to the centre",
        code="""
def random_crop_flip(images, padding, generator):
    n, c, h, w = images.shape
    sign = torch.where(torch.rand(n, generator=generator) < 0.5, 1.0, -1.0).double()
    ty = torch.randint(-padding, padding + 1, (n,), generator=generator).double() * 2 / h
    tx = torch.randint(-padding, padding + 1, (n,), generator=generator).double() * 2 / w
    theta = torch.zeros(n, 2, 3, dtype=torch.float64)
    theta[:, 0, 0], theta[:, 1, 1], theta[:, 0, 2], theta[:, 1, 2] = sign, 1.0, tx, ty
    grid = F.affine_grid(theta, [n, c, h, w], align_corners=False)
    out = F.grid_sample(images.double(), grid, mode="nearest", padding_mode="zeros", align_corners=False)
    return torch.empty_like(images).copy_(out)


def cutout(images, size, p, fill, generator):
    n, c, h, w = images.shape
    cy = torch.randint(h, (n, 1, 1, 1), generator=generator)
    cx = torch.randint(w, (n, 1, 1, 1), generator=generator)
    shift = 0.5 if size % 2 == 0 else 0.0
    y, x = torch.arange(h).reshape(1, 1, h, 1), torch.arange(w).reshape(1, 1, 1, w)
    far = torch.maximum((y - cy + shift).abs(), (x - cx + shift).abs())
    hole = (far < size / 2) & (torch.rand(n, 1, 1, 1, generator=generator) < p)
    keep = (~hole).to(images.dtype)
    fill = torch.as_tensor(fill).to(images.dtype).reshape(-1, 1, 1)
    return images * keep + fill * (1 - keep)
""",
    ),
    Alternative(
        name="sequential-block-and-scheduler",
        function="train_and_validate",
        why="one nn.Sequential with biases; a LambdaLR; validation in parts; a copy of the weights",
        code="""
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride=1):
        super().__init__()
        self.main = nn.Sequential(
            nn.Conv2d(in_channels, out_channels, kernel_size=3, stride=stride, padding=1),
            nn.BatchNorm2d(out_channels),
            nn.ReLU(inplace=True),
            nn.Conv2d(out_channels, out_channels, kernel_size=3, stride=1, padding="same"),
            nn.BatchNorm2d(out_channels),
        )
        self.down = None
        if stride > 1 or in_channels != out_channels:
            self.down = nn.ModuleList(
                [nn.Conv2d(in_channels, out_channels, 1, stride), nn.BatchNorm2d(out_channels)]
            )

    def forward(self, x):
        shortcut = x
        if self.down is not None:
            for module in self.down:
                shortcut = module(shortcut)
        y = self.main(x)
        y += shortcut
        return y.relu_()


def one_cycle_lr(step, *, peak_lr, peak_step, total_steps):
    import numpy as np

    if peak_step == 0:
        return float(np.interp(step, [0, total_steps], [peak_lr, 0.0]))
    return float(np.interp(step, [0, peak_step, total_steps], [0.0, peak_lr, 0.0]))


def train_and_validate(config):
    x, y = config["train"]
    vx, vy = config["validation"]
    model = config["network"](config["seed"])
    opt = torch.optim.SGD(
        model.parameters(), config["peak_lr"], momentum=0.9, weight_decay=config["weight_decay"], nesterov=True
    )
    size = config["batch_size"]
    total = config["epochs"] * len(range(0, len(x), size))

    def factor(step):
        return one_cycle_lr(step, peak_lr=1.0, peak_step=total // 4, total_steps=total)

    scheduler = torch.optim.lr_scheduler.LambdaLR(opt, factor)
    generator = torch.Generator()
    generator.manual_seed(config["seed"])
    losses, accuracies = [], []
    for epoch in range(config["epochs"]):
        model.train()
        order = torch.randperm(len(x), generator=generator)
        seen = []
        for start in range(0, len(x), size):
            index = order[start : start + size]
            opt.zero_grad(set_to_none=True)
            images = augment(
                x[index],
                padding=config["padding"],
                size=config["size"],
                p=config["p"],
                generator=generator,
                training=model.training,
            )
            each = F.cross_entropy(model(images), y[index], reduction="none")
            each.mean().backward()
            opt.step()
            scheduler.step()
            seen += each.detach().tolist()
        losses.append(sum(seen) / len(seen))
        model.eval()
        correct = 0
        with torch.inference_mode():
            for start in range(0, len(vx), 3):
                correct += (model(vx[start : start + 3]).argmax(1) == vy[start : start + 3]).sum().item()
        accuracies.append(correct / len(vx))
    weights = {name: value.detach().clone() for name, value in model.state_dict().items()}
    return {"train_loss": losses, "validation_accuracy": accuracies, "weights": weights}
""",
    ),
    Alternative(
        name="loader-and-whole-epochs",
        function="train_and_validate",
        why="a DataLoader with the generator; tensors in the history; the shortcut decided in forward, alone at first; loops in tune",
        code="""
class ResidualBlock(nn.Module):
    def __init__(self, in_channels, out_channels, stride):
        super().__init__()
        self.projection = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False) if (
            stride != 1 or in_channels != out_channels
        ) else None
        if self.projection is not None:
            self.norm3 = nn.BatchNorm2d(out_channels)
        self.b = nn.Conv2d(out_channels, out_channels, (3, 3), 1, 1, bias=False)
        self.a = nn.Conv2d(in_channels, out_channels, (3, 3), stride, 1, bias=False)
        self.norm_b, self.norm_a = nn.BatchNorm2d(out_channels), nn.BatchNorm2d(out_channels)
        nn.init.zeros_(self.norm_b.weight)

    def forward(self, x):
        y = F.relu(self.norm_a(self.a(x)))
        y = self.norm_b(self.b(y))
        x = x if self.projection is None else self.norm3(self.projection(x))
        return F.relu(x + y)


def one_cycle_lr(step, *, peak_lr, peak_step, total_steps):
    if step >= total_steps:
        return torch.tensor(0.0)
    up = step / peak_step if peak_step else 1.0
    down = (total_steps - step) / (total_steps - peak_step)
    return torch.tensor(peak_lr * min(up, down, 1.0))


def train_and_validate(config):
    network = config["network"](config["seed"])
    generator = torch.Generator().manual_seed(config["seed"])
    data = torch.utils.data.TensorDataset(*config["train"])
    loader = torch.utils.data.DataLoader(data, config["batch_size"], shuffle=True, generator=generator)
    decayed = [w for w in network.parameters() if w.ndim > 1]
    others = [w for w in network.parameters() if w.ndim <= 1]
    groups = [{"params": decayed, "weight_decay": config["weight_decay"]}, {"params": others, "weight_decay": 0.0}]
    optimizer = torch.optim.SGD(groups, lr=0.1, momentum=0.9, nesterov=True)
    total, step = config["epochs"] * len(loader), 0
    losses, shares = [], []
    settings = {k: config[k] for k in ("padding", "size", "p")}
    with torch.random.fork_rng():
        for _ in range(config["epochs"]):
            network.train()
            loss_sum = torch.zeros((), dtype=torch.float64)
            for x, y in loader:
                for group in optimizer.param_groups:
                    group["lr"] = float(
                        one_cycle_lr(step, peak_lr=config["peak_lr"], peak_step=total // 4, total_steps=total)
                    )
                step += 1
                loss = nn.CrossEntropyLoss()(network(augment(x, **settings, generator=generator, training=True)), y)
                network.zero_grad()
                loss.backward()
                optimizer.step()
                loss_sum += loss.detach().double() * len(x)
            losses.append(loss_sum / len(data))
            network.eval()
            x, y = config["validation"]
            shares.append((network(augment(x, **settings, generator=generator, training=False)).argmax(1) == y).double().mean())
    return dict(train_loss=losses, validation_accuracy=shares, weights=network.state_dict())


def tune(sizes, probabilities, run):
    table, best, best_value = {}, None, -1.0
    for size in sizes:
        for p in probabilities:
            table[size, p] = value = run(size, p)
            if value > best_value:
                best, best_value = [size, p], value
    return best, table


def paired_comparison(a, b, confidence=0.95):
    from scipy import stats

    d = [float(x) - float(y) for x, y in zip(a, b)]
    mean = sum(d) / len(d)
    if all(v == d[0] for v in d):
        return mean, 0.0
    half = stats.sem(d) * stats.t.ppf(0.5 + confidence / 2, len(d) - 1)
    return mean, float(half)
""",
    ),
    Alternative(
        name="epochs-augmented-in-advance",
        function="train_and_validate",
        why="all images of an epoch are augmented anew at its start; the mean and interval as tensors",
        code="""
def augment(images, *, padding, size, p, generator, training):
    if training:
        images = random_crop_flip(images, padding=padding, generator=generator)
        images = cutout(images, size=size, p=p, fill=[0.0] * images.shape[1], generator=generator)
        return images
    return images.clone()


def train_and_validate(config):
    c = dict(config)
    images, labels = c["train"]
    n, b = len(images), c["batch_size"]
    network = c["network"](c["seed"])
    generator = torch.Generator().manual_seed(c["seed"])
    optimizer = torch.optim.SGD(network.parameters(), 1.0, 0.9, 0.0, c["weight_decay"], True)
    steps = c["epochs"] * (-(-n // b))
    rates = [one_cycle_lr(i, peak_lr=c["peak_lr"], peak_step=steps // 4, total_steps=steps) for i in range(steps)]
    rates = iter(rates)
    history = {"train_loss": [], "validation_accuracy": []}
    for epoch in range(c["epochs"]):
        fresh = augment(images, padding=c["padding"], size=c["size"], p=c["p"], generator=generator, training=True)
        order = torch.rand(n, generator=generator).argsort()
        network.train()
        seen = 0.0
        while len(order):
            batch, order = order[:b], order[b:]
            optimizer.param_groups[0]["lr"] = float(next(rates))
            optimizer.zero_grad()
            loss = F.cross_entropy(network(fresh[batch]), labels[batch])
            loss.backward()
            optimizer.step()
            seen += float(loss) * len(batch)
        history["train_loss"].append(seen / n)
        network.train(False)
        with torch.no_grad():
            x, y = c["validation"]
            history["validation_accuracy"].append(float((network(x).max(1).indices == y).float().mean()))
    network.train()
    history["weights"] = network.state_dict()
    return history


def tune(sizes, probabilities, run):
    pairs = list(itertools.product(sizes, probabilities))
    values = [run(size, p) for size, p in pairs]
    clean = [-1.0 if value != value else value for value in values]
    return pairs[clean.index(max(clean))], dict(zip(pairs, values))


def paired_comparison(a, b, confidence=0.95):
    a, b = torch.as_tensor(a).double(), torch.as_tensor(b).double()
    d = a - b
    n = d.numel()
    error = torch.sqrt(((d - d.mean()) ** 2).sum() / (n - 1) / n)
    return [d.mean(), error * -t_quantile((1 - confidence) / 2, n - 1)]
""",
    ),
    Alternative(
        name="ufuncs-and-vmap-free-masks",
        function="cutout",
        why="the mask as a product of clipped ramps; draws in one call; fill by lerp in floats",
        code="""
def cutout(images, size, p, fill, generator):
    if size == 0 or p == 0:
        return images.clone()
    n, c, h, w = images.shape
    u = torch.rand(3, n, 1, 1, 1, generator=generator, dtype=torch.float64)
    cy, cx = (u[0] * h).floor(), (u[1] * w).floor()
    y = torch.arange(h, dtype=torch.float64).view(1, 1, h, 1)
    x = torch.arange(w, dtype=torch.float64).view(1, 1, 1, w)
    half = size // 2
    rows = (y - cy + half + 1).clamp(0, 1) * (cy - half + size - y).clamp(0, 1)
    columns = (x - cx + half + 1).clamp(0, 1) * (cx - half + size - x).clamp(0, 1)
    mask = rows * columns * (u[2] < p)
    value = torch.as_tensor(fill, dtype=torch.float64).reshape(1, -1, 1, 1)
    out = images.double() * (1 - mask) + value * mask
    return torch.empty_like(images).copy_(out)


def normalize(images, mean, std):
    mean, std = torch.as_tensor(mean).float(), torch.as_tensor(std).float()
    return torch.addcmul(
        (-mean / std)[:, None, None], images.float(), (1 / (255 * std))[:, None, None]
    ).clone(memory_format=torch.preserve_format)
""",
    ),
    Alternative(
        name="weights-as-arrays",
        function="trained_weights",
        why="NumPy arrays in float16",
        find="return weights_from_text(",
        put="return (lambda text: {name: value.half().numpy() for name, value in weights_from_text(text).items()})(",
    ),
]
