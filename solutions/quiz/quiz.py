# ---
# jupyter:
#   kernelspec: {display_name: Python 3, language: python, name: python3}
#   descent:
#     title: Quiz
#     quiz: true
#     budget: {cell_seconds: 20, call_seconds: 5}
# ---

# %% [markdown]
# # Quiz
#
# Twelve questions, three from each of four topics, each with one right option. Which questions you get, and in which
# order their options stand, is drawn from your student ID: your neighbour has others.
#
# **How to work.** Write your ID where the first task asks for it, and run the notebook from the top. Under each topic stand your
# three questions. Answer with three letters in their order, such as `"BAD"`, and run the cell below: it says whether
# your answer can be read. Whether it is right, the grader says: how many of the three, and so which topic to read again.
#
# You may use the lectures, PyTorch and paper. Guessing earns a quarter of the points, on average.

# %% nbgrader={"grade": false, "grade_id": "setup", "locked": true, "schema_version": 3, "solution": false, "task": false}
import hashlib

from IPython.display import Markdown

from utils.checks import check_equal, check_true, passed_visible

# %% jupyter={"source_hidden": true} nbgrader={"grade": false, "grade_id": "bank", "locked": true, "schema_version": 3, "solution": false, "task": false}
# All questions, by topic and name; which option is right does not stand here.
QUESTIONS = {
    "gradients": {
        "paths": (
            "A loss depends on a weight along two paths of the graph. What is its derivative by the weight?",
            [
                "The product of the derivatives of both paths",
                "The sum over both paths of the products of the derivatives along each",
                "The product along the shorter path",
                "The mean of the products along both paths",
            ],
        ),
        "cost": (
            "A loss has a million parameters. What does its whole gradient cost by reverse mode?",
            [
                "A million evaluations of the loss, one for each parameter",
                "Two million evaluations, one to each side of each parameter",
                "A few times what one evaluation of the loss costs",
                "A matrix of a million rows and a million columns",
            ],
        ),
        "linear": (
            r"$Y = X W^\top + b$ with $X$ of shape $(N, D)$ and $W$ of shape $(K, D)$. With $G = \partial L / \partial Y$, what is $\partial L / \partial W$?",
            [
                r"$G^\top X$",
                r"$X^\top G$",
                "$G W$",
                r"$X G^\top$",
            ],
        ),
        "step": (
            "A central difference in float64 gets worse when its step $h$ shrinks from $10^{-6}$ to $10^{-12}$. Why?",
            [
                "Both values agree in most of their digits, so their difference is mostly rounding error",
                "The error of the formula grows like $1/h^2$",
                "$10^{-12}$ is smaller than the smallest float64 number",
                "The function has to be evaluated more often",
            ],
        ),
        "rows": (
            "The loss is the mean cross-entropy of a batch. What do the entries of its gradient by the logits of one example add up to?",
            [
                "To zero",
                "To one",
                "To $1/N$, with $N$ the size of the batch",
                "That depends on the logits",
            ],
        ),
        "accumulate": (
            "`loss.backward()` runs on one batch, then, on a new graph, on another batch. Nothing is set to zero in between. What does `w.grad` hold?",
            [
                "The gradient of the second batch",
                "The mean of both gradients",
                "The sum of both gradients",
                "Nothing, since the second call raises an error",
            ],
        ),
        "memory": (
            "`total = total + loss` runs in every step of a training loop, and memory grows. What holds on to it?",
            [
                "`total` refers to every graph so far, with the tensors that backward needs",
                "The optimizer keeps every loss until the end of the epoch",
                "PyTorch never frees memory by itself",
                "`backward` makes a copy of the model in each step",
            ],
        ),
        "slopes": (
            r"Which is true of the derivatives of $\tanh$ and of the sigmoid $\sigma$?",
            [
                "Both are smaller than 1 everywhere",
                "Both are 1 at zero",
                r"$\tanh'$ is at most 1, and 1 only at zero; $\sigma'$ is at most $\tfrac14$",
                r"$\tanh'$ is at most $\tfrac14$; $\sigma'$ is at most 1",
            ],
        ),
    },
    "optimizers": {
        "correction": (
            "By what does Adam divide its average $m_t$ of the gradients at step $t$?",
            [
                r"By $1 - \beta_1$",
                r"By $1 - \beta_1^t$",
                "By $t$",
                r"By $\beta_1^t$",
            ],
        ),
        "first": (
            r"Adam takes its first step with learning rate $\eta$, from a gradient entry $g$ that is not tiny. How far does this parameter move?",
            [
                r"$\eta\,|g|$",
                r"$\eta\,(1 - \beta_1)\,|g|$",
                r"About $3.2\,\eta$",
                r"About $\eta$, whatever the size of $g$",
            ],
        ),
        "limit": (
            "Gradient descent on a quadratic whose largest curvature is 10. Which learning rates do not diverge?",
            [
                "Those below 0.1",
                "Those below 0.2",
                "Those below 10",
                "Those below 0.05",
            ],
        ),
        "condition": (
            r"A quadratic has condition number $\kappa$. What does well-tuned momentum change?",
            [
                r"The number of steps no longer depends on $\kappa$",
                r"Only a constant factor, $1 / (1 - \mu)$",
                r"The number of steps grows like $\sqrt\kappa$ and not like $\kappa$",
                r"The number of steps grows like $\log \kappa$",
            ],
        ),
        "error": (
            "A batch grows from 100 to 10,000 examples. What becomes of the standard error of its gradient?",
            [
                "It falls to a hundredth",
                "It falls to a tenth",
                "It stays as it was, since the gradient is unbiased with both",
                "It falls to a ten-thousandth",
            ],
        ),
        "forms": (
            r"PyTorch writes $v \leftarrow \mu v + g$, $\theta \leftarrow \theta - \eta v$. Others put $\eta$ into the velocity: $v \leftarrow \mu v - \eta g$, $\theta \leftarrow \theta + v$. When do the two paths differ?",
            [
                "From the second step on",
                r"If $\mu$ is larger than 0.9",
                "Never",
                "Once the learning rate has changed",
            ],
        ),
        "newton": (
            "One step of Newton's method on a quadratic with a positive definite Hessian",
            [
                "lands on the minimum if it starts close enough",
                "is one of as many steps as there are dimensions",
                "lands on the minimum from any start",
                "needs a tuned learning rate to land on the minimum",
            ],
        ),
        "cosine": (
            "`CosineAnnealingLR(optimizer, T_max=10)` is stepped for 15 epochs. What happens after epoch 10?",
            [
                "The rate stays at its minimum",
                "The rate becomes negative",
                "The rate rises again",
                "The rate jumps back to its start",
            ],
        ),
    },
    "signals": {
        "kaiming": (
            r"Why is the variance of Kaiming's initialization $2 / \text{fan in}$ and not $1 / \text{fan in}$?",
            [
                "The bias adds as much variance as the weights",
                "The factor is the mean of what the forward and the backward pass need",
                "Relu halves the second moment of a symmetric signal",
                "A uniform distribution has half the variance of a normal one",
            ],
        ),
        "equal": (
            "All units of a hidden layer start with the same weights, which are not zero. What happens in training?",
            [
                "The units get the same gradients, so they stay equal",
                "Nothing moves, since all gradients are zero",
                "The first minibatch makes them different",
                "It takes one epoch longer",
            ],
        ),
        "orthogonal": (
            "A real square matrix is orthogonal if and only if",
            [
                "all its singular values are larger than 0",
                "its largest singular value is 1",
                "its determinant is 1",
                "all its singular values are 1",
            ],
        ),
        "bound": (
            "The Jacobian of each of 20 layers has the largest singular value 0.9. How large is the gradient at the first layer, compared with that at the last?",
            [
                r"Exactly $0.9^{20} \approx 0.12$ of it",
                r"At most $0.9^{20} \approx 0.12$ of it",
                "At most 0.9 of it",
                "That cannot be bounded without the smallest singular values",
            ],
        ),
        "evaluation": (
            "With which mean and variance does batch normalization normalize in evaluation mode?",
            [
                "With those of the batch at hand",
                "With those of the whole test set",
                "With 0 and 1",
                "With the running ones that were collected in training",
            ],
        ),
        "bias": (
            "A linear layer stands directly before batch normalization. What does its bias do?",
            [
                "Nothing, since the mean is subtracted",
                "It is the only shift, since batch normalization has none",
                r"It adds to $\beta$, so the shift is twice as large",
                "It keeps the variance from being zero",
            ],
        ),
        "clipping": (
            "What does clipping by the global norm, with threshold $c$, do to a gradient?",
            [
                "It limits every entry to $[-c, c]$",
                "It scales every gradient to length $c$",
                "It shortens a gradient that is longer than $c$, and keeps its direction",
                "It leaves out the step if the gradient is longer than $c$",
            ],
        ),
        "skip": (
            "Why do skip connections help gradients through many layers?",
            [
                "They make every singular value of a block 1",
                "They keep activations between $-1$ and 1",
                "They halve the number of layers",
                "The Jacobian of a block becomes the identity plus a term, so one path has the factor 1",
            ],
        ),
    },
    "generalization": {
        "winner": (
            "Twenty equally good models are compared on one validation set. What is true of the best one's score there?",
            [
                "It is too good, since the model was chosen for its luck there",
                "It is fair, since nothing was trained on the validation set",
                "It is fair if the validation set has more than a thousand examples",
                "It is too low, since the other nineteen were worse",
            ],
        ),
        "once": (
            "You measure five settings on the test set and report the best. What is wrong?",
            [
                "Nothing, since no gradient came from the test set",
                "Nothing, if the settings were fixed beforehand",
                "The test set has chosen the setting, so the figure is too good",
                "Only the number of settings: three would be fine",
            ],
        ),
        "recipe": (
            "Human error 1 %, training error 5 %, validation error 8 %. What comes first?",
            [
                "More training data, since the validation error is the largest",
                "Stronger regularization, since there is a gap",
                "A larger validation set",
                "A lower training error: a larger model, or longer training",
            ],
        ),
        "zeros": (
            "Why does an L1 penalty, minimized with soft thresholding, set weights exactly to zero where L2 does not?",
            [
                "Its pull towards zero stays the same as the weight shrinks, while that of L2 fades",
                "L1 is larger than L2 for every weight",
                "Its pull towards zero grows as the weight shrinks",
                "It rounds small weights",
            ],
        ),
        "decoupled": (
            "How does Adam with an L2 term in the gradient differ from AdamW?",
            [
                "Not at all, if the strengths are scaled by the learning rate",
                "L2 shrinks every weight more than AdamW does",
                "AdamW leaves the biases out",
                r"Its decay, too, is divided by $\sqrt{\hat v}$: weights with large gradients decay less",
            ],
        ),
        "dropout": (
            "`nn.Dropout(0.3)` in training: by what are the activations multiplied that are kept?",
            [
                "By 0.7",
                "By $1 / 0.7$",
                "By $1 / 0.3$",
                "By 1, and by 0.7 in evaluation",
            ],
        ),
        "stopping": (
            "Early stopping with patience 5 ends training after epoch 30. Which parameters are used?",
            [
                "Those of epoch 30",
                "The mean of epochs 26 to 30",
                "Those of epoch 25, the best on the validation set",
                "Those with the lowest training loss",
            ],
        ),
        "smoothing": (
            "`CrossEntropyLoss(label_smoothing=0.1)` with ten classes: what is the target for the true class?",
            [
                "0.9",
                "0.91",
                "0.99",
                "0.1",
            ],
        ),
    },
}


# %% nbgrader={"grade": false, "grade_id": "drawing", "locked": true, "schema_version": 3, "solution": false, "task": false}
LETTERS = "ABCD"


def shuffled(student, things):
    """The things in an order that depends on the student's ID and on nothing else."""
    key = student.strip().lower()
    return sorted(things, key=lambda thing: hashlib.sha256(f"{key}/{thing}".encode()).digest())


def draw(student, topic):
    """Three questions for a student: (name, text, options in their order) each."""
    names = shuffled(student, QUESTIONS[topic])[:3]
    return [(name, QUESTIONS[topic][name][0], shuffled(student, QUESTIONS[topic][name][1])) for name in names]


def as_text(questions):
    """Questions as Markdown, with a letter for each option."""
    parts = []
    for number, (_, text, options) in enumerate(questions, start=1):
        lines = [f"- **{letter}.** {option}" for letter, option in zip(LETTERS, options, strict=True)]
        parts.append(f"**Question {number}.** {text}\n\n" + "\n".join(lines))
    return "\n\n".join(parts)


def read_letters(answer):
    """The letters of an answer such as "BAD", "b, a, d" or ["B", "A", "D"]."""
    return [character for character in "".join(answer).upper() if character.isalpha()]


def marks(letters, questions, right):
    """How many letters stand for the right option; `right` has it by name of the question."""
    chosen = [options[LETTERS.index(letter)] for letter, (_, _, options) in zip(letters, questions, strict=True)]
    return sum(option == right[name] for option, (name, _, _) in zip(chosen, questions, strict=True))


# %% [markdown] task={"name": "draw", "minutes": 2, "difficulty": 1}
# ## Your questions
#
# **Write** `student_id()`, which returns your student ID as text, as your course knows it; capitals do not matter. The
# questions below are drawn from it, so run the notebook again after you change it.


# %% nbgrader={"grade": false, "grade_id": "student-id", "locked": false, "schema_version": 3, "solution": true, "task": false}
def student_id():
    """Your student ID, such as "s1234567"."""
    ### BEGIN SOLUTION
    return "rosalind"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "student-id-given", "locked": true, "points": 0, "schema_version": 3, "solution": false, "task": false}
# Test: an ID is there.
check_true(student_id().strip() != "", "your student ID is not empty")
passed_visible("student_id")

# %% [markdown] task={"name": "gradients", "minutes": 7, "difficulty": 2}
# ## Topic 1. Gradients and autograd
#
# To read again if points are missing here: lectures 1, 2 and 4.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-gradients", "locked": true, "schema_version": 3, "solution": false, "task": false}
Markdown(as_text(draw(student_id(), "gradients")))


# %% nbgrader={"grade": false, "grade_id": "gradients", "locked": false, "schema_version": 3, "solution": true, "task": false}
def gradients():
    """Your three letters for this topic, in the order of the questions, such as "BAD"."""
    ### BEGIN SOLUTION
    return "CDA"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "gradients-answers", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: three letters, each from A to D.
letters = read_letters(gradients())
check_equal(len(letters), 3, "the number of letters in your answer, one for each question")
check_true(set(letters) <= set(LETTERS), "each letter is A, B, C or D")
passed_visible("gradients")
### BEGIN HIDDEN TESTS
right = {
    "paths": "The sum over both paths of the products of the derivatives along each",
    "cost": "A few times what one evaluation of the loss costs",
    "linear": r"$G^\top X$",
    "step": "Both values agree in most of their digits, so their difference is mostly rounding error",
    "rows": "To zero",
    "accumulate": "The sum of both gradients",
    "memory": "`total` refers to every graph so far, with the tensors that backward needs",
    "slopes": r"$\tanh'$ is at most 1, and 1 only at zero; $\sigma'$ is at most $\tfrac14$",
}
points = marks(letters, draw(student_id(), "gradients"), right)
points
### END HIDDEN TESTS


# %% [markdown] task={"name": "optimizers", "minutes": 7, "difficulty": 2}
# ## Topic 2. Optimizers and schedules
#
# To read again if points are missing here: lectures 5, 6, 7 and 8.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-optimizers", "locked": true, "schema_version": 3, "solution": false, "task": false}
Markdown(as_text(draw(student_id(), "optimizers")))


# %% nbgrader={"grade": false, "grade_id": "optimizers", "locked": false, "schema_version": 3, "solution": true, "task": false}
def optimizers():
    """Your three letters for this topic, in the order of the questions, such as "BAD"."""
    ### BEGIN SOLUTION
    return "DAA"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "optimizers-answers", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: three letters, each from A to D.
letters = read_letters(optimizers())
check_equal(len(letters), 3, "the number of letters in your answer, one for each question")
check_true(set(letters) <= set(LETTERS), "each letter is A, B, C or D")
passed_visible("optimizers")
### BEGIN HIDDEN TESTS
right = {
    "correction": r"By $1 - \beta_1^t$",
    "first": r"About $\eta$, whatever the size of $g$",
    "limit": "Those below 0.2",
    "condition": r"The number of steps grows like $\sqrt\kappa$ and not like $\kappa$",
    "error": "It falls to a tenth",
    "forms": "Once the learning rate has changed",
    "newton": "lands on the minimum from any start",
    "cosine": "The rate rises again",
}
points = marks(letters, draw(student_id(), "optimizers"), right)
points
### END HIDDEN TESTS


# %% [markdown] task={"name": "signals", "minutes": 7, "difficulty": 2}
# ## Topic 3. Initialization, normalization and depth
#
# To read again if points are missing here: lectures 4 and 9.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-signals", "locked": true, "schema_version": 3, "solution": false, "task": false}
Markdown(as_text(draw(student_id(), "signals")))


# %% nbgrader={"grade": false, "grade_id": "signals", "locked": false, "schema_version": 3, "solution": true, "task": false}
def signals():
    """Your three letters for this topic, in the order of the questions, such as "BAD"."""
    ### BEGIN SOLUTION
    return "BCC"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "signals-answers", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: three letters, each from A to D.
letters = read_letters(signals())
check_equal(len(letters), 3, "the number of letters in your answer, one for each question")
check_true(set(letters) <= set(LETTERS), "each letter is A, B, C or D")
passed_visible("signals")
### BEGIN HIDDEN TESTS
right = {
    "kaiming": "Relu halves the second moment of a symmetric signal",
    "equal": "The units get the same gradients, so they stay equal",
    "orthogonal": "all its singular values are 1",
    "bound": r"At most $0.9^{20} \approx 0.12$ of it",
    "evaluation": "With the running ones that were collected in training",
    "bias": "Nothing, since the mean is subtracted",
    "clipping": "It shortens a gradient that is longer than $c$, and keeps its direction",
    "skip": "The Jacobian of a block becomes the identity plus a term, so one path has the factor 1",
}
points = marks(letters, draw(student_id(), "signals"), right)
points
### END HIDDEN TESTS


# %% [markdown] task={"name": "generalization", "minutes": 7, "difficulty": 2}
# ## Topic 4. Generalization, regularization and model selection
#
# To read again if points are missing here: lectures 10 to 14.

# %% tags=["experiment"] nbgrader={"grade": false, "grade_id": "experiment-generalization", "locked": true, "schema_version": 3, "solution": false, "task": false}
Markdown(as_text(draw(student_id(), "generalization")))


# %% nbgrader={"grade": false, "grade_id": "generalization", "locked": false, "schema_version": 3, "solution": true, "task": false}
def generalization():
    """Your three letters for this topic, in the order of the questions, such as "BAD"."""
    ### BEGIN SOLUTION
    return "DAB"
    ### END SOLUTION


# %% nbgrader={"grade": true, "grade_id": "generalization-answers", "locked": true, "points": 3, "schema_version": 3, "solution": false, "task": false}
# Test: three letters, each from A to D.
letters = read_letters(generalization())
check_equal(len(letters), 3, "the number of letters in your answer, one for each question")
check_true(set(letters) <= set(LETTERS), "each letter is A, B, C or D")
passed_visible("generalization")
### BEGIN HIDDEN TESTS
right = {
    "winner": "It is too good, since the model was chosen for its luck there",
    "once": "The test set has chosen the setting, so the figure is too good",
    "recipe": "A lower training error: a larger model, or longer training",
    "zeros": "Its pull towards zero stays the same as the weight shrinks, while that of L2 fades",
    "decoupled": r"Its decay, too, is divided by $\sqrt{\hat v}$: weights with large gradients decay less",
    "dropout": "By $1 / 0.7$",
    "stopping": "Those of epoch 25, the best on the validation set",
    "smoothing": "0.91",
}
points = marks(letters, draw(student_id(), "generalization"), right)
points
### END HIDDEN TESTS
