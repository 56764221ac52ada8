"""Wrong implementations that students really write, and the sentence that helps whoever wrote one."""

from autograder.variants import Misconception

# How the reference computes the norm of one gradient, as it stands in the source.
OUTER_NORM = "torch.linalg.norm(torch.outer(delta, h_in))"

MISCONCEPTIONS = [
    # Task 1: the low-rank approximation
    Misconception(
        name="smallest-terms-kept",
        function="low_rank_approximation",
        find="return (u[:, :k] * s[:k]) @ vt[:k]",
        put="start = len(s) - k\n    return (u[:, start:] * s[start:]) @ vt[start:]",
        message="You keep the k terms with the smallest singular values. The approximation needs the largest; they come first in "
        "torch.linalg.svd and last in eigh.",
    ),
    Misconception(
        name="ties-kept",
        function="low_rank_approximation",
        find="return (u[:, :k] * s[:k]) @ vt[:k]",
        put="kept = s >= s[k - 1] if k else s < 0\n    return (u[:, kept] * s[kept]) @ vt[kept]",
        message="You keep every singular value that is at least the k-th. Where several are equal, that is more than k terms: count "
        "them instead of comparing them.",
    ),
    Misconception(
        name="power-iteration-too-short",
        function="low_rank_approximation",
        code="""
def low_rank_approximation(a, k):
    kept = torch.zeros_like(a)
    for _ in range(k):
        v = torch.ones(a.shape[1], dtype=a.dtype)
        for _ in range(100):
            v = (a - kept).T @ ((a - kept) @ v)
            v = v / v.norm().clamp(min=1e-300)
        kept = kept + torch.outer((a - kept) @ v, v)
    return kept
""",
        message="You find the terms by power iteration, which is slow where two singular values are nearly equal: after a fixed number "
        "of steps the directions are still mixed. torch.linalg.svd finds them exactly.",
    ),
    Misconception(
        name="v-transposed-again",
        function="low_rank_approximation",
        find="vt[:k]",
        put="vt[:, :k].T",
        message="torch.linalg.svd returns V transposed already: its rows are the v_i. You take columns and transpose once more, which "
        "only fits by chance, for square matrices.",
    ),
    Misconception(
        name="one-term-too-many",
        function="low_rank_approximation",
        find="return (u[:, :k] * s[:k]) @ vt[:k]",
        put="return (u[:, : k + 1] * s[: k + 1]) @ vt[: k + 1]",
        message="You keep k + 1 terms. Counting starts at 0, so the first k are those before index k.",
    ),
    Misconception(
        name="one-term-too-few",
        function="low_rank_approximation",
        find="return (u[:, :k] * s[:k]) @ vt[:k]",
        put="last = max(k - 1, 0)\n    return (u[:, :last] * s[:last]) @ vt[:last]",
        message="You keep k - 1 terms: a slice that ends at k - 1 leaves out the k-th.",
    ),
    Misconception(
        name="singular-values-left-out",
        function="low_rank_approximation",
        find="(u[:, :k] * s[:k]) @ vt[:k]",
        put="u[:, :k] @ vt[:k]",
        message="Your sum has u_i v_i without σ_i in front. All information about size is in the singular values.",
    ),
    Misconception(
        name="singular-values-squared",
        function="low_rank_approximation",
        find="* s[:k])",
        put="* s[:k] ** 2)",
        message="Each term is multiplied by σ_i². If your σ_i come from the eigenvalues of AᵀA, take their square root.",
    ),
    Misconception(
        name="residual-returned",
        function="low_rank_approximation",
        find="return (u[:, :k] * s[:k]) @ vt[:k]",
        put="return a - (u[:, :k] * s[:k]) @ vt[:k]",
        message="You return what the approximation leaves out. Return the k terms that are kept.",
    ),
    Misconception(
        name="eigenvectors-of-a",
        function="low_rank_approximation",
        code="""
def low_rank_approximation(a, k):
    if a.shape[0] != a.shape[1]:
        u, s, vt = torch.linalg.svd(a, full_matrices=False)
        return (u[:, :k] * s[:k]) @ vt[:k]
    values, vectors = torch.linalg.eigh(a)
    leading = values.argsort(descending=True)[:k]
    return (vectors[:, leading] * values[leading]) @ vectors[:, leading].T
""",
        message="For square matrices you use eigenvalues and eigenvectors of A. They are not singular values: A need not be symmetric, and "
        "a negative eigenvalue can be the largest in size. Use the SVD for every shape.",
    ),
    Misconception(
        name="cropped-instead-of-approximated",
        function="low_rank_approximation",
        find="(u[:, :k] * s[:k]) @ vt[:k]",
        put="((u * s) @ vt)[:, :k]",
        message="You compute all of A and keep k of its columns. The k terms have to be chosen before the product, in U, Σ and Vᵀ.",
    ),
    Misconception(
        name="columns-centred",
        function="low_rank_approximation",
        find="u, s, vt = torch.linalg.svd(a, full_matrices=False)\n    return (u[:, :k] * s[:k]) @ vt[:k]",
        put="mean = a.mean(dim=0)\n"
        "    u, s, vt = torch.linalg.svd(a - mean, full_matrices=False)\n"
        "    return (u[:, :k] * s[:k]) @ vt[:k] + mean",
        message="You subtract the mean of each column first, as principal component analysis does. Here the matrix itself is approximated, "
        "and adding the mean back costs one more rank.",
    ),
    Misconception(
        name="small-terms-cut-off",
        function="low_rank_approximation",
        find="u[:, :k] * s[:k]",
        put="u[:, :k] * s[:k] * (s[:k] > 1e-6)",
        message="You leave out terms with small singular values. They may be small because the whole matrix is: keep all k.",
    ),
    Misconception(
        name="storage-is-the-product",
        function="storage_cost",
        find="k * (m + n)",
        put="k * m * n",
        message="You count k full matrices. A term u vᵀ is stored as two vectors, with m and n numbers, and multiplied out when it is needed.",
    ),
    Misconception(
        name="storage-without-parentheses",
        function="storage_cost",
        find="k * (m + n)",
        put="k * m + n",
        message="You store n numbers once in all. Each of the k terms has its own v with n entries.",
    ),
    Misconception(
        name="storage-counts-singular-values",
        function="storage_cost",
        find="(m + n)",
        put="(m + n + 1)",
        message="You count the k singular values as well. Here they are multiplied into one of the two vectors and cost nothing.",
    ),
    Misconception(
        name="storage-of-full-factors",
        function="storage_cost",
        find="k * (m + n)",
        put="m * m + n * n + k",
        message="You count all of U and V. Only the k columns that are used have to be stored.",
    ),
    Misconception(
        name="storage-capped",
        function="storage_cost",
        find="k * (m + n)",
        put="min(k * (m + n), m * n)",
        message="You return the size of the full matrix where the terms need more than that. The cost of the terms is asked for, also where "
        "they are not worth it.",
    ),
    Misconception(
        name="energy-not-squared",
        function="energy_kept",
        find="singular_values**2",
        put="singular_values",
        message="Your shares are those of the singular values. The energy is the squared norm: sum their squares.",
    ),
    Misconception(
        name="energy-left-out",
        function="energy_kept",
        find="squares[:k].sum()",
        put="squares[k:].sum()",
        message="You return the share that is left out. It should be 0 for k = 0 and grow with k.",
    ),
    Misconception(
        name="energy-as-norm",
        function="energy_kept",
        find="return squares[:k].sum() / squares.sum()",
        put="return (squares[:k].sum() / squares.sum()).sqrt()",
        message="You return the ratio of the norms. The energy is the ratio of the squared norms: leave the root out.",
    ),
    Misconception(
        name="energy-of-one-term",
        function="energy_kept",
        find="squares[:k].sum()",
        put="squares[max(k - 1, 0)] * (k > 0)",
        message="You return the share of the k-th term alone. Sum the first k.",
    ),
    Misconception(
        name="energy-of-one-more",
        function="energy_kept",
        find="squares[:k].sum()",
        put="squares[: k + 1].sum()",
        message="You sum k + 1 terms. For k = 0 nothing is kept and the share is 0.",
    ),
    Misconception(
        name="energy-of-no-term-is-all",
        function="energy_kept",
        find="squares[:k].sum()",
        put="squares.cumsum(dim=0)[k - 1]",
        message="For k = 0 the index k − 1 is −1, the last entry, which is the sum of all. No term keeps nothing: a slice [:k] gets it right.",
    ),
    Misconception(
        name="energy-of-ties",
        function="energy_kept",
        find="squares[:k].sum()",
        put="(squares[squares >= squares[k - 1]].sum() if k else 0 * squares[0])",
        message="You keep every value that is at least as large as the k-th: of equal ones too many. Take the first k.",
    ),
    Misconception(
        name="energy-as-count",
        function="energy_kept",
        find="return squares[:k].sum() / squares.sum()",
        put="return k / len(squares)",
        message="You return the share of the terms, whatever their size. Weigh each with its squared singular value.",
    ),
    Misconception(
        name="energy-with-floor",
        function="energy_kept",
        find="/ squares.sum()",
        put="/ (squares.sum() + 1e-8)",
        message="You add a small number to the sum that you divide by. Where all singular values are small, it decides the share. They are "
        "not all 0, so nothing has to be added.",
    ),
    # Task 2: the bounds of the gain
    Misconception(
        name="wide-matrix-loses-nothing",
        function="gain_bounds",
        find="0.0 if rows < columns else singular_values[-1]",
        put="singular_values[-1]",
        message="For a wide matrix you return its smallest listed singular value. It has fewer of them than input directions, and the other "
        "directions are mapped to 0: the smallest gain is 0.",
    ),
    Misconception(
        name="tall-taken-for-wide",
        function="gain_bounds",
        find="rows < columns",
        put="rows > columns",
        message="You treat tall matrices as you should treat wide ones. A direction must be lost when there are more columns (inputs) than "
        "rows (outputs).",
    ),
    Misconception(
        name="only-square-keeps",
        function="gain_bounds",
        find="rows < columns",
        put="rows != columns",
        message="You return 0 for every matrix that is not square. A tall one has an output for each input direction, and its smallest gain is "
        "its smallest singular value.",
    ),
    Misconception(
        name="eigenvalues-as-gains",
        function="gain_bounds",
        find="singular_values = torch.linalg.svdvals(a)\n",
        put="square = a.shape[0] == a.shape[1]\n"
        "    singular_values = torch.linalg.eigvals(a).abs().sort(descending=True).values if square "
        "else torch.linalg.svdvals(a)\n",
        message="You take the absolute eigenvalues of A. They say nothing about lengths unless A is normal: a shear has eigenvalues 1 and "
        "stretches all the same. Use singular values.",
    ),
    Misconception(
        name="squared-gains",
        function="gain_bounds",
        find="torch.linalg.svdvals(a)",
        put="torch.linalg.svdvals(a) ** 2",
        message="Your bounds are squared: the eigenvalues of AᵀA are the squares of the singular values. Take the root.",
    ),
    Misconception(
        name="frobenius-as-largest-gain",
        function="gain_bounds",
        find="return smallest, singular_values[0]",
        put="return smallest, torch.linalg.norm(a)",
        message="Your largest gain is the Frobenius norm, the root of the sum of all σ_i². No single direction gets all of it: the largest "
        "gain is σ_1.",
    ),
    Misconception(
        name="bounds-swapped",
        function="gain_bounds",
        find="return smallest, singular_values[0]",
        put="return singular_values[0], smallest",
        message="Your bounds come in the wrong order: the smallest first, then the largest.",
    ),
    Misconception(
        name="zeros-ignored",
        function="gain_bounds",
        find="else singular_values[-1]",
        put="else singular_values[singular_values > 1e-5 * singular_values[0]][-1]",
        message="You return the smallest singular value that is not 0. If one is 0, some x ≠ 0 is mapped to 0, and the smallest gain is 0.",
    ),
    Misconception(
        name="gains-of-the-axes",
        function="gain_bounds",
        find="singular_values = torch.linalg.svdvals(a)\n",
        put="singular_values = torch.linalg.norm(a, dim=0).sort(descending=True).values\n",
        message="You look at the coordinate axes only: the norms of the columns. The largest and the smallest gain are usually reached in "
        "between. Use singular values.",
    ),
    Misconception(
        name="small-gains-cut-off",
        function="gain_bounds",
        find="    return smallest, singular_values[0]",
        put="    smallest = smallest if smallest > 1e-6 else 0.0\n    return smallest, singular_values[0]",
        message="You return 0 for a small smallest gain. It may be small because the whole matrix is: 1e-8 is no 0.",
    ),
    # Task 3: the gains of a product
    Misconception(
        name="product-of-bounds",
        function="product_gain_bounds",
        code="""
def product_gain_bounds(matrices):
    smallest, largest = 1.0, 1.0
    for matrix in matrices:
        low, high = gain_bounds(matrix)
        smallest, largest = smallest * low, largest * high
    return smallest, largest
""",
        message="You multiply the bounds of the factors. That only encloses the gains of the product, since the factors need not stretch the "
        "same direction. Multiply the matrices, then ask for the bounds.",
    ),
    Misconception(
        name="product-in-reverse",
        function="product_gain_bounds",
        find="matrix @ product",
        put="product @ matrix",
        message="Your product is A_1 A_2 … A_L. The first matrix is applied first, so it stands on the right: multiply each further one from "
        "the left.",
    ),
    Misconception(
        name="no-product-of-one",
        function="product_gain_bounds",
        code="""
def product_gain_bounds(matrices):
    return gain_bounds(torch.linalg.multi_dot(list(matrices)[::-1]))
""",
        message="torch.linalg.multi_dot wants at least two matrices, and there may be a single one. Begin with the first and multiply in a loop.",
    ),
    Misconception(
        name="elementwise-product",
        function="product_gain_bounds",
        find="matrix @ product",
        put="matrix * product",
        message="You multiply entry by entry. One matrix after the other is a matrix product, `@`.",
    ),
    Misconception(
        name="extremes-of-the-factors",
        function="product_gain_bounds",
        code="""
def product_gain_bounds(matrices):
    bounds = [gain_bounds(matrix) for matrix in matrices]
    return min(low for low, _ in bounds), max(high for _, high in bounds)
""",
        message="You return the extremes over the single factors. The gain of the product is about all of them, one after the other.",
    ),
    Misconception(
        name="last-factor-missing",
        function="product_gain_bounds",
        find="matrices[1:]",
        put="matrices[1:-1]",
        message="The last matrix is missing in your product.",
    ),
    Misconception(
        name="first-factor-missing",
        function="product_gain_bounds",
        find="product = matrices[0]",
        put="product = torch.eye(matrices[0].shape[0], dtype=matrices[0].dtype)",
        message="The first matrix is missing in your product.",
    ),
    Misconception(
        name="product-of-largest-bounds-only",
        function="product_gain_bounds",
        find="return gain_bounds(product)",
        put="return gain_bounds(product)[0], math.prod(float(gain_bounds(matrix)[1]) for matrix in matrices)",
        message="Your largest gain is the product of the factors' own. It is an upper bound: take the largest gain of the product itself.",
    ),
    Misconception(
        name="any-wide-factor-loses",
        function="product_gain_bounds",
        find="    return gain_bounds(product)",
        put="    smallest, largest = gain_bounds(product)\n"
        "    wide = any(matrix.shape[0] < matrix.shape[1] for matrix in matrices)\n"
        "    return 0.0 if wide else smallest, largest",
        message="You return 0 as soon as one factor is wide. What it loses may never arrive there: a tall matrix before it does not reach "
        "every direction. Ask for the bounds of the product.",
    ),
    # Task 4: the Jacobian of a layer
    Misconception(
        name="slope-on-columns",
        function="layer_jacobian",
        find="[:, None] * weight",
        put=" * weight",
        message="Your slopes multiply the columns of the weight. A slope belongs to an output, so to a row: give it the shape (m, 1).",
    ),
    Misconception(
        name="jacobian-transposed",
        function="layer_jacobian",
        find="slopes[activation][:, None] * weight",
        put="(slopes[activation][:, None] * weight).T",
        message="Your Jacobian is transposed. ∂h/∂x has a row for each output and a column for each input.",
    ),
    Misconception(
        name="slope-left-out",
        function="layer_jacobian",
        find="return slopes[activation][:, None] * weight",
        put="return weight.clone()",
        message="You return the weight. That is the Jacobian of a linear layer; the others have the slope of the activation in each row.",
    ),
    Misconception(
        name="slope-of-the-output",
        function="layer_jacobian",
        find="    slopes = {",
        put="    preactivation = activate(preactivation, activation)\n    slopes = {",
        message="You take the slope at φ(z). It is taken at z, the preactivation, which is what your function is given.",
    ),
    Misconception(
        name="slope-formula-in-z",
        function="layer_jacobian",
        code="""
def layer_jacobian(weight, preactivation, activation):
    slopes = {
        "linear": torch.ones_like(preactivation),
        "sigmoid": preactivation * (1 - preactivation),
        "tanh": 1 - preactivation**2,
        "relu": (preactivation > 0).to(weight.dtype),
    }
    return slopes[activation][:, None] * weight
""",
        message="In s(1 - s) and 1 - t² the letters stand for the output of the activation, σ(z) or tanh z. You put z itself there.",
    ),
    Misconception(
        name="activation-instead-of-slope",
        function="layer_jacobian",
        find="return slopes[activation][:, None] * weight",
        put="return activate(preactivation, activation)[:, None] * weight",
        message="You multiply the weight by φ(z). The Jacobian needs the slope φ'(z).",
    ),
    Misconception(
        name="relu-slope-one-at-zero",
        function="layer_jacobian",
        find="preactivation > 0",
        put="preactivation >= 0",
        message="Your relu has slope 1 at z = 0. Here it is 0, as in PyTorch.",
    ),
    Misconception(
        name="relu-of-the-weight",
        function="layer_jacobian",
        find="return slopes[activation][:, None] * weight",
        put='return torch.relu(weight) if activation == "relu" else slopes[activation][:, None] * weight',
        message="You switch off the negative weights. relu switches off whole units: the rows whose preactivation is not positive.",
    ),
    Misconception(
        name="linear-taken-for-relu",
        function="layer_jacobian",
        find="torch.ones_like(preactivation)",
        put="(preactivation > 0).to(weight.dtype)",
        message="Your linear layer switches units off. Its slope is 1 everywhere, for negative z too.",
    ),
    Misconception(
        name="tanh-not-squared",
        function="layer_jacobian",
        find="torch.tanh(preactivation) ** 2",
        put="torch.tanh(preactivation)",
        message="Your slope of tanh is 1 - tanh z. The square is missing.",
    ),
    Misconception(
        name="tanh-with-sigmoid-slope",
        function="layer_jacobian",
        find="1 - torch.tanh(preactivation) ** 2",
        put="torch.tanh(preactivation) * (1 - torch.tanh(preactivation))",
        message="Your slope of tanh is t(1 - t), the formula of the sigmoid. That of tanh is 1 - t², which is 1 at z = 0.",
    ),
    Misconception(
        name="sigmoid-slope-half",
        function="layer_jacobian",
        find="torch.sigmoid(preactivation) * torch.sigmoid(-preactivation)",
        put="1 - torch.sigmoid(preactivation)",
        message="Your slope of the sigmoid is 1 - s. It is s(1 - s), at most 1/4: a factor is missing.",
    ),
    Misconception(
        name="sigmoid-overflow",
        function="layer_jacobian",
        find="torch.sigmoid(preactivation) * torch.sigmoid(-preactivation)",
        put="torch.exp(-preactivation) / (1 + torch.exp(-preactivation)) ** 2",
        message="Your slope of the sigmoid is nan for large negative z, where exp(-z) overflows and inf/inf remains. Compute it from "
        "torch.sigmoid.",
    ),
    Misconception(
        name="tanh-overflow",
        function="layer_jacobian",
        find="1 - torch.tanh(preactivation) ** 2",
        put="1 - (torch.sinh(preactivation) / torch.cosh(preactivation)) ** 2",
        message="Your tanh is nan for large z, where sinh and cosh overflow and inf/inf remains. Use torch.tanh.",
    ),
    # Task 5: the Jacobian of a network
    Misconception(
        name="jacobians-in-reverse",
        function="network_jacobian",
        find="layer_jacobian(weight, z, activation) @ jacobian",
        put="jacobian @ layer_jacobian(weight, z, activation)",
        message="Your product starts with the first layer on the left. The input meets the first layer first, so its Jacobian stands on the "
        "right.",
    ),
    Misconception(
        name="no-network-of-one-layer",
        function="network_jacobian",
        code="""
def network_jacobian(weights, x, activation):
    h, jacobians = x, []
    for weight in weights:
        z = weight @ h
        jacobians.append(layer_jacobian(weight, z, activation))
        h = activate(z, activation)
    return torch.linalg.multi_dot(jacobians[::-1])
""",
        message="torch.linalg.multi_dot wants at least two matrices, and a network may have a single layer. Begin with the identity and "
        "multiply in a loop.",
    ),
    Misconception(
        name="signal-not-activated",
        function="network_jacobian",
        find="h = activate(z, activation)",
        put="h = z",
        message="You pass z on to the next layer. It receives h = φ(z), so your slopes are taken at the wrong places.",
    ),
    Misconception(
        name="slopes-at-the-input",
        function="network_jacobian",
        find="z = weight @ h",
        put="z = weight @ x",
        message="Every layer of yours sees the network's input. Follow the signal: layer ℓ receives h of layer ℓ - 1.",
    ),
    Misconception(
        name="last-layer-linear",
        function="network_jacobian",
        code="""
def network_jacobian(weights, x, activation):
    h, jacobian = x, torch.eye(len(x), dtype=x.dtype)
    for i, weight in enumerate(weights):
        z = weight @ h
        last = i == len(weights) - 1
        jacobian = layer_jacobian(weight, z, "linear" if last else activation) @ jacobian
        h = activate(z, activation)
    return jacobian
""",
        message="Your last layer has no activation. Here every layer has one, the last too.",
    ),
    Misconception(
        name="network-jacobian-transposed",
        function="network_jacobian",
        find="return jacobian",
        put="return jacobian.T",
        message="Your Jacobian is transposed: a row for each output of the network, a column for each input.",
    ),
    Misconception(
        name="product-of-weights",
        function="network_jacobian",
        find="layer_jacobian(weight, z, activation) @ jacobian",
        put="weight @ jacobian",
        message="You multiply the weights alone. The slopes of the activations stand between them.",
    ),
    Misconception(
        name="only-the-last-layer",
        function="network_jacobian",
        find="layer_jacobian(weight, z, activation) @ jacobian",
        put="layer_jacobian(weight, z, activation)",
        message="You return the Jacobian of the last layer. Multiply it with what you have so far.",
    ),
    Misconception(
        name="slopes-after-the-activation",
        function="network_jacobian",
        find="layer_jacobian(weight, z, activation)",
        put="layer_jacobian(weight, activate(z, activation), activation)",
        message="You hand h to layer_jacobian, which takes the slope at the preactivation z.",
    ),
    Misconception(
        name="one-slope-for-all",
        function="network_jacobian",
        code="""
def network_jacobian(weights, x, activation):
    h, product = x, torch.eye(len(x), dtype=x.dtype)
    for weight in weights:
        z = weight @ h
        product = weight @ product
        h = activate(z, activation)
    return layer_jacobian(product, z, activation)
""",
        message="You use the slopes of the last layer only. Every layer has an activation, and each one multiplies its own slopes in.",
    ),
    Misconception(
        name="network-relu-slope-one-at-zero",
        function="network_jacobian",
        find="        jacobian = layer_jacobian(weight, z, activation) @ jacobian",
        put='        at = torch.where(z == 0, 1.0, z) if activation == "relu" else z\n'
        "        jacobian = layer_jacobian(weight, at, activation) @ jacobian",
        message="Your relu has slope 1 at z = 0, where a unit lands whenever all that arrives is 0. Here the slope is 0.",
    ),
    # Task 6: the norms of the gradients
    Misconception(
        name="last-layer-first",
        function="gradient_norms",
        find="norms.insert(0, " + OUTER_NORM + ")",
        put="norms.append(" + OUTER_NORM + ")",
        message="Your norms start with the last layer. They are computed in this order, but returned with the first layer first.",
    ),
    Misconception(
        name="norm-of-the-error",
        function="gradient_norms",
        find=OUTER_NORM,
        put="torch.linalg.norm(delta)",
        message="You return the norm of ∂L/∂z. The gradient of the weight is that times the signal that came in: δ hᵀ.",
    ),
    Misconception(
        name="norm-of-activation-gradient",
        function="gradient_norms",
        find=OUTER_NORM,
        put="torch.linalg.norm(grad_h)",
        message="You return the norm of the gradient with respect to the layer's output. Asked for is that of its weight, δ hᵀ.",
    ),
    Misconception(
        name="output-instead-of-input",
        function="gradient_norms",
        find=OUTER_NORM,
        put="torch.linalg.norm(torch.outer(delta, activate(z, activation)))",
        message="You multiply δ by the output of the layer. The gradient of a weight has the signal that came in.",
    ),
    Misconception(
        name="weights-see-the-input",
        function="gradient_norms",
        find="torch.outer(delta, h_in)",
        put="torch.outer(delta, x)",
        message="You multiply δ of every layer by the network's input. Layer ℓ received h of layer ℓ - 1.",
    ),
    Misconception(
        name="last-slope-missing",
        function="gradient_norms",
        code="""
def gradient_norms(weights, x, grad_output, activation):
    h, layers = x, []
    for weight in weights:
        z = weight @ h
        layers.append((weight, h, z))
        h = activate(z, activation)
    delta, norms = grad_output, []
    for weight, h_in, z in reversed(layers):
        if norms:
            delta = layer_jacobian(torch.eye(len(z), dtype=z.dtype), z, activation) @ delta
        norms.insert(0, torch.linalg.norm(torch.outer(delta, h_in)))
        delta = weight.T @ delta
    return torch.stack(norms)
""",
        message="You take grad_output for ∂L/∂z of the last layer. It is the gradient after the last activation, so the slope of the last "
        "layer comes in as well.",
    ),
    Misconception(
        name="own-slope-missing",
        function="gradient_norms",
        find="torch.outer(delta, h_in)",
        put="torch.outer(grad_h, h_in)",
        message="You multiply ∂L/∂h of the layer by the signal that came in. It is ∂L/∂z: the slope of the layer's own activation belongs to "
        "its gradient, too.",
    ),
    Misconception(
        name="backward-relu-slope-one-at-zero",
        function="gradient_norms",
        find="        delta = slopes @ grad_h",
        put='        slopes = torch.diag((z >= 0).to(z.dtype)) if activation == "relu" else slopes\n        delta = slopes @ grad_h',
        message="Your relu has slope 1 at z = 0, where a unit lands whenever all that arrives is 0. Here the slope is 0.",
    ),
    Misconception(
        name="slopes-forgotten",
        function="gradient_norms",
        find="delta = slopes @ grad_h",
        put="delta = grad_h",
        message="Your error goes back through the weights only. At every layer it is also multiplied by the slope of the activation.",
    ),
    Misconception(
        name="weight-not-transposed",
        function="gradient_norms",
        find="weight.T @ delta",
        put="weight @ delta",
        message="You send the error back through W. The way back is Wᵀ, from the outputs to the inputs.",
    ),
    Misconception(
        name="backward-signal-not-activated",
        function="gradient_norms",
        find="        h = activate(z, activation)",
        put="        h = z",
        message="Your forward pass hands z to the next layer. It receives h = φ(z).",
    ),
    Misconception(
        name="norms-squared",
        function="gradient_norms",
        find=OUTER_NORM,
        put="torch.linalg.norm(torch.outer(delta, h_in)) ** 2",
        message="Your norms are squared. Take the root of the sum of squares (and mind that the square of 1e-170 is 0).",
    ),
    Misconception(
        name="root-mean-square",
        function="gradient_norms",
        find=OUTER_NORM,
        put="torch.outer(delta, h_in).square().mean().sqrt()",
        message="You return the root mean square of the entries. The Frobenius norm has the sum, not the mean.",
    ),
    Misconception(
        name="norm-with-floor",
        function="gradient_norms",
        find=OUTER_NORM,
        put="torch.linalg.norm(torch.outer(delta, h_in)) + 1e-12",
        message="You add a small number to each norm. The norms of a deep network are smaller than that, and they are what we want to see.",
    ),
    Misconception(
        name="norms-in-float32",
        function="gradient_norms",
        find="torch.stack(norms)",
        put="torch.tensor([float(norm) for norm in norms])",
        message="Your norms end in float32, where everything below 1e-45 is 0. Give `torch.tensor` the dtype float64, or return a list.",
    ),
    # Task 7: the slope
    Misconception(
        name="slope-in-decades",
        function="log_norm_slope",
        find="torch.log(",
        put="torch.log10(",
        message="You take the logarithm to base 10. The slope is asked for with the natural logarithm, torch.log.",
    ),
    Misconception(
        name="slope-without-logarithm",
        function="log_norm_slope",
        find="torch.log(torch.as_tensor(norms, dtype=torch.float64))",
        put="torch.as_tensor(norms, dtype=torch.float64)",
        message="You fit a line to the norms. Fit it to their natural logarithms.",
    ),
    Misconception(
        name="slope-from-the-end",
        function="log_norm_slope",
        find="return layers @ logs",
        put="return -layers @ logs",
        message="The sign of your slope is flipped: it counts the layers from the end. Norms that grow from the first layer to the last have a "
        "positive slope.",
    ),
    Misconception(
        name="slope-of-the-ends",
        function="log_norm_slope",
        find="return layers @ logs / (layers @ layers)",
        put="return (logs[-1] - logs[0]) / (len(logs) - 1)",
        message="You join the first and the last point. The least-squares line takes all layers into account.",
    ),
    Misconception(
        name="line-through-the-origin",
        function="log_norm_slope",
        find="layers = layers - layers.mean()",
        put="layers = layers + 1",
        message="Your line goes through the origin. Let it have an intercept: subtract the mean of the layer indices first.",
    ),
    Misconception(
        name="factor-instead-of-slope",
        function="log_norm_slope",
        find="return layers @ logs / (layers @ layers)",
        put="return torch.exp(layers @ logs / (layers @ layers))",
        message="You return the factor per layer, the exponential of the slope. Return the slope.",
    ),
    Misconception(
        name="correlation-instead-of-slope",
        function="log_norm_slope",
        find="return layers @ logs / (layers @ layers)",
        put="logs = logs - logs.mean()\n    return layers @ logs / torch.sqrt((layers @ layers) * (logs @ logs))",
        message="You return the correlation, which is between -1 and 1. The slope is divided by the sum of squares of the layer index alone.",
    ),
    Misconception(
        name="logarithm-with-floor",
        function="log_norm_slope",
        find="torch.as_tensor(norms, dtype=torch.float64))",
        put="torch.as_tensor(norms, dtype=torch.float64) + 1e-12)",
        message="You add a small number before the logarithm. All norms below it look alike, and the slope of a deep network is lost.",
    ),
    Misconception(
        name="logarithm-in-float32",
        function="log_norm_slope",
        find="torch.as_tensor(norms, dtype=torch.float64)",
        put="torch.as_tensor(norms, dtype=torch.float32).double()",
        message="You convert the norms to float32, in which everything below 1e-45 is 0 and has no logarithm. Stay in float64.",
    ),
    # Task 8: the critical standard deviation
    Misconception(
        name="variance-instead-of-std",
        function="critical_weight_std",
        find="math.sqrt(needed / fan_in)",
        put="needed / fan_in",
        message="You return the variance of the weights. Return its root, the standard deviation.",
    ),
    Misconception(
        name="relu-like-linear",
        function="critical_weight_std",
        find='"relu": 2.0',
        put='"relu": 1.0',
        message="You treat relu like a linear layer. It sets half of the second moment to 0, so the weights need twice the variance.",
    ),
    Misconception(
        name="factor-outside-the-root",
        function="critical_weight_std",
        find="math.sqrt(needed / fan_in)",
        put="needed / math.sqrt(fan_in)",
        message="For relu you double the standard deviation. The variance is doubled, so the 2 belongs under the root.",
    ),
    Misconception(
        name="relu-needs-less",
        function="critical_weight_std",
        find='"relu": 2.0',
        put='"relu": 0.5',
        message="You halve the variance for relu. relu already halves the second moment; the weights have to make up for it.",
    ),
    Misconception(
        name="variance-preserved",
        function="critical_weight_std",
        find='"relu": 2.0',
        put='"relu": 2 / (1 - 1 / math.pi)',
        message="For relu you keep the variance of the activations. What the next layer sums up is their second moment, with the mean in it: "
        "relu needs exactly 2.",
    ),
    Misconception(
        name="tanh-gain",
        function="critical_weight_std",
        find='"tanh": 1.0',
        put='"tanh": 25 / 9',
        message="You use the gain 5/3 that libraries recommend for tanh. It makes up for saturation; in the limit of small signals tanh is linear and "
        "needs 1.",
    ),
    Misconception(
        name="tanh-like-relu",
        function="critical_weight_std",
        find='"tanh": 1.0',
        put='"tanh": 2.0',
        message="You double the variance for tanh. Nothing is cut off for small signals: its slope at 0 is 1, as in a linear layer.",
    ),
    Misconception(
        name="uniform-bound",
        function="critical_weight_std",
        find="needed / fan_in",
        put="3 * needed / fan_in",
        message="You return the bound of a uniform distribution, which is √3 times its standard deviation. Leave the 3 out.",
    ),
    Misconception(
        name="grows-with-fan-in",
        function="critical_weight_std",
        find="needed / fan_in",
        put="needed * fan_in",
        message="Your standard deviation grows with the number of inputs. More inputs add up to more, so each weight has to be smaller.",
    ),
    # Task 9: clipping
    Misconception(
        name="always-rescaled",
        function="clip_grad_norm",
        find="max(max_norm, norm)",
        put="max(norm, 1e-300)",
        message="You rescale every gradient to length max_norm, also the short ones, which are amplified. The factor is at most 1.",
    ),
    Misconception(
        name="each-tensor-on-its-own",
        function="clip_grad_norm",
        find="return [scale * grad for grad in grads], norm",
        put="return [grad * (max_norm / max(max_norm, grad.double().norm().item())) for grad in grads], norm",
        message="You clip each tensor by its own norm, which changes the direction. One factor for all, from the global norm.",
    ),
    Misconception(
        name="norm-not-rooted",
        function="clip_grad_norm",
        find=".norm().item()",
        put=".square().sum().item()",
        message="Your norm is the sum of squares. The root is missing.",
    ),
    Misconception(
        name="norm-after-clipping",
        function="clip_grad_norm",
        find="grads], norm",
        put="grads], norm * scale",
        message="You return the norm after clipping. Return the one before: it tells whether anything was clipped.",
    ),
    Misconception(
        name="clipped-in-place",
        function="clip_grad_norm",
        find="[scale * grad for grad in grads]",
        put="[grad.mul_(scale) for grad in grads]",
        message="You change the gradients that you were given. Return new tensors.",
    ),
    Misconception(
        name="zero-divided-by-zero",
        function="clip_grad_norm",
        find="scale = max_norm / max(max_norm, norm)",
        put="scale = 1.0 if 0 < norm <= max_norm else max_norm / torch.tensor(norm).double() if norm else math.nan",
        message="Gradients of 0 become nan: you divide by their norm. They are shorter than max_norm, so they stay as they are.",
    ),
    Misconception(
        name="factor-upside-down",
        function="clip_grad_norm",
        find="max_norm / max(max_norm, norm)",
        put="max(max_norm, norm) / max_norm",
        message="Your factor is upside down: long gradients get longer. It is max_norm divided by the norm.",
    ),
    Misconception(
        name="sum-of-norms",
        function="clip_grad_norm",
        find="torch.cat([grad.flatten().double() for grad in grads]).norm().item()",
        put="sum(grad.double().norm().item() for grad in grads)",
        message="You add the norms of the tensors. Norms of parts do not add, their squares do: take the root of the sum of squares.",
    ),
    Misconception(
        name="sum-of-absolute-values",
        function="clip_grad_norm",
        find=".norm().item()",
        put=".abs().sum().item()",
        message="Your norm is the sum of the absolute entries. The Euclidean norm is the root of the sum of squares.",
    ),
    Misconception(
        name="largest-absolute-value",
        function="clip_grad_norm",
        find=".norm().item()",
        put=".abs().max().item()",
        message="Your norm is the largest absolute entry. The Euclidean norm is the root of the sum of squares.",
    ),
    Misconception(
        name="entries-clipped-by-norm",
        function="clip_grad_norm",
        find="[scale * grad for grad in grads]",
        put="[grad.clamp(-max_norm, max_norm) for grad in grads]",
        message="You limit each entry, which changes the direction. Clipping by norm multiplies all entries by one factor.",
    ),
    Misconception(
        name="long-gradients-dropped",
        function="clip_grad_norm",
        find="max_norm / max(max_norm, norm)",
        put="float(norm <= max_norm)",
        message="You throw long gradients away. Shorten them to max_norm and keep their direction.",
    ),
    Misconception(
        name="norm-overflows",
        function="clip_grad_norm",
        find=".double() for grad in grads",
        put=".float() for grad in grads",
        message="Your norm is computed in float32, which ends at 1e38 (and squares end at 1e19). Compute it in float64.",
    ),
    Misconception(
        name="only-positive-entries-limited",
        function="clip_grad_value",
        find="grad.clamp(-limit, limit)",
        put="grad.clamp(max=limit)",
        message="You limit entries from above only. An entry of -4 is too large as well: the limits are -limit and limit.",
    ),
    Misconception(
        name="sign-lost",
        function="clip_grad_value",
        find="grad.clamp(-limit, limit)",
        put="grad.abs().clamp(max=limit)",
        message="Your clipped entries have lost their sign: a step would go the wrong way. Clip to [-limit, limit].",
    ),
    Misconception(
        name="all-entries-scaled",
        function="clip_grad_value",
        find="grad.clamp(-limit, limit)",
        put="grad * (limit / max(limit, max(float(g.abs().max()) for g in grads)))",
        message="You scale all entries until the largest fits. Clipping by value changes only those beyond the limit.",
    ),
    Misconception(
        name="long-entries-dropped",
        function="clip_grad_value",
        find="grad.clamp(-limit, limit)",
        put="grad * (grad.abs() <= limit)",
        message="You set the entries beyond the limit to 0. Set them to the limit, with their sign.",
    ),
    Misconception(
        name="value-clipped-in-place",
        function="clip_grad_value",
        find="grad.clamp(-limit, limit)",
        put="grad.clamp_(-limit, limit)",
        message="You change the gradients that you were given. Return new tensors.",
    ),
]
