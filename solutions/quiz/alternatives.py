"""Other ways to write the same answers: each must earn full marks."""

from autograder.variants import Alternative

ALTERNATIVES = [
    Alternative(name="small-letters", function="gradients", find='"CDA"', put='"cda"', why="small letters"),
    Alternative(name="commas", function="gradients", find='"CDA"', put='"C, D, A"', why="commas and spaces"),
    Alternative(name="a-list", function="optimizers", find='"DAA"', put='["D", "A", "A"]', why="a list of letters"),
    Alternative(name="a-tuple", function="optimizers", find='"DAA"', put='("D", "A", "A")', why="a tuple of letters"),
    Alternative(name="numbered", function="signals", find='"BCC"', put='"1B 2C 3C"', why="numbered answers"),
    Alternative(name="lines", function="signals", find='"BCC"', put='"B\\nC\\nC\\n"', why="one letter a line"),
    Alternative(name="brackets", function="generalization", find='"DAB"', put='"(D)(A)(B)"', why="letters in brackets"),
    Alternative(
        name="capital-id", function="student_id", find='"rosalind"', put='" Rosalind "', why="an ID in capitals"
    ),
]
