"""Trained weights may be handed in as a safetensors file beside the notebook, or as its text in a cell."""

from __future__ import annotations

import json
from typing import Any

import nbformat
import pytest
import torch

from autograder import grade_notebook
from autograder.assignment import Assignment, load_assignment
from autograder.build import reference_solutions, submission_notebook

NAMES = {torch.float16: "F16", torch.bfloat16: "BF16", torch.float32: "F32", torch.float64: "F64", torch.int64: "I64"}

FROM_A_FILE = """
def trained_weights():
    with open("weights.safetensors", "rb") as file:
        return weights_from_bytes(file.read())


"""


@pytest.fixture(scope="module")
def cutout() -> Assignment:
    return load_assignment("cutout")


@pytest.fixture(scope="module")
def reference(cutout: Assignment) -> Any:
    return cutout.load_reference()


def safetensors(tensors: dict[str, torch.Tensor]) -> bytes:
    """A file as the library of that name writes it, with a note in its header."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    body = b""
    for name, tensor in tensors.items():
        raw = tensor.reshape(-1).view(torch.uint8).numpy().tobytes()
        entry = {"dtype": NAMES[tensor.dtype], "shape": list(tensor.shape)}
        header[name] = entry | {"data_offsets": [len(body), len(body) + len(raw)]}
        body += raw
    head = json.dumps(header).encode()
    return len(head).to_bytes(8, "little") + head + body


def test_a_file_earns_what_its_text_earns(cutout: Assignment, reference: Any) -> None:
    work = reference_solutions(cutout)
    work["trained"] = FROM_A_FILE + work["trained"][work["trained"].index("def test_predictions") :]
    notebook = nbformat.writes(submission_notebook(cutout, work)).encode()
    task = cutout.task_of("trained_weights").name
    weights = {name: tensor.clone() for name, tensor in reference.trained_weights().items()}
    counts = {"blocks.batches": torch.tensor([7])}

    def earned(files: dict[str, bytes]) -> dict[str, float]:
        result = grade_notebook(notebook, cutout, unsafe=True, files=files)
        return {test.grade_id: test.points for test in result.tests if test.task == task}

    assert earned({"weights.safetensors": safetensors(weights | counts)}) == {
        "trained-weights-test": 4.0,
        "claim-test": 3.0,
    }
    assert earned({}) == {"trained-weights-test": 0.0, "claim-test": 0.0}


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_numbers_of_every_kind_are_read(reference: Any, dtype: torch.dtype) -> None:
    tensor = torch.tensor([[1.0, -2.5, 0.125]]).to(dtype)
    found = reference.weights_from_bytes(safetensors({"a.weight": tensor, "count": torch.tensor(3)}))
    assert found.keys() == {"a.weight"}
    assert found["a.weight"].dtype == torch.float32
    assert found["a.weight"].tolist() == [[1.0, -2.5, 0.125]]


def test_what_is_written_can_be_read(reference: Any) -> None:
    weights = {"weight": torch.tensor([0.5, 3.0]), "count": torch.tensor(3)}
    for found in (
        reference.weights_from_bytes(reference.weights_to_bytes(weights)),
        reference.weights_from_text(reference.weights_to_text(weights)),
    ):
        assert {name: tensor.tolist() for name, tensor in found.items()} == {"weight": [0.5, 3.0]}


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lambda data: data[:-1], "is the end missing"),
        (lambda data: data[9:], "is the first part missing"),
        (lambda data: data + bytes(1_000_000), "more than the 1,000,000 that are read"),
        (lambda data: data.replace(b"[0, 16]", b"[0, 12]"), "damaged"),
    ],
)
def test_damage_is_told(reference: Any, damage: Any, said: str) -> None:
    data = safetensors({"weight": torch.ones(4)})
    with pytest.raises(ValueError, match=said):
        reference.weights_from_bytes(damage(data))
