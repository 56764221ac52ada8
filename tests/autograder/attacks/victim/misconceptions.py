from autograder.variants import Misconception

MISCONCEPTIONS = [
    Misconception(name="square", function="double", find="2 * x", put="x * x", message="Twice is not a square."),
    Misconception(name="ascent", function="step", find="p -= ", put="p += ", message="You go uphill."),
]
