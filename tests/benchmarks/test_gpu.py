"""The GPU benchmark at toy size on a CPU: every part runs, goes on where it stopped, and makes its table."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from benchmarks import gpu

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def options(tmp_path: Path) -> list[str]:
    return [
        "--device",
        "cpu",
        "--tiny",
        "--results",
        str(tmp_path / "results"),
        "--checkpoints",
        str(tmp_path / "kept"),
    ]


def test_without_a_gpu_it_says_so_in_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    message = gpu.main(["94"])
    assert message
    assert message.startswith("no GPU here: ")
    assert message.count("\n") == 0


def test_without_results_there_is_no_table(options: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.main(["tables", *options]) is None
    assert "nothing has been measured yet" in capsys.readouterr().out


def test_cost_of_a_network() -> None:
    assert gpu.flops_per_image(gpu.PARTS["cutout"].arms["with"]) == pytest.approx(3.329e9, rel=1e-3)
    assert gpu.flops_per_image(gpu.Recipe()) == pytest.approx(2.272e9, rel=1e-3)
    assert gpu.peak_flops("NVIDIA H200") == 989e12
    assert gpu.peak_flops("CPU") is None


def test_the_arms_of_the_comparison_differ_in_cutout_alone() -> None:
    arms = gpu.PARTS["cutout"].arms
    assert gpu.replace(arms["with"], cutout_size=0) == arms["without"]
    assert (arms["with"].cutout_size, arms["with"].epochs, arms["with"].batch_size) == (16, 200, 128)


def test_the_gap_has_its_interval() -> None:
    """Differences 0.7, 0.8 and 0.9 points: mean 0.8, half width 4.303 · 0.1/√3."""
    without = {seed: {"accuracy": 0.95} for seed in range(3)}
    with_cutout = {seed: {"accuracy": 0.957 + 0.001 * seed} for seed in range(3)}
    assert gpu.gap(without, with_cutout).startswith(
        "The error falls by 0.80 ± 0.25 points (95 %, Student's t, 3 seeds)."
    )
    assert "0.70 points in one pair" in gpu.gap(without, {0: with_cutout[0]})
    assert gpu.gap(without, {}).startswith("Published: 4.72 % to 3.99 %")


@pytest.mark.slow
def test_a_run_has_a_process_of_its_own_and_is_made_only_once(
    options: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    assert gpu.main(["94", *options]) is None
    path = tmp_path / "results" / "94.json"
    results = json.loads(path.read_text())
    (run,) = results["runs"].values()
    assert 0 < run["seconds"] < run["seconds_with_start_up"]
    assert 0 <= run["accuracy"] <= 1
    assert run["share_of_peak"] is None, "nobody knows the peak of this CPU"
    assert not list((tmp_path / "kept").iterdir())
    before = path.read_text()
    assert gpu.main(["94", *options]) is None
    assert path.read_text() == before, "nothing is measured twice"
    shown = capsys.readouterr().out
    assert "| resnet9 | 1 |" in shown
    assert "digits upsampled to 32×32" in shown

    results["device"] = "another one"
    path.write_text(json.dumps(results))
    message = gpu.main(["94", *options])
    assert message
    assert message.endswith("94.json has results with other device: move it away to measure anew.")


@pytest.mark.slow
def test_a_run_that_is_cut_short_goes_on(
    options: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "results" / "cutout.json"
    one = ["cutout", *options, "--only", "with", "0"]
    assert gpu.main([*one, "--seconds", "0"]) is None
    assert not path.exists()
    assert (tmp_path / "kept" / "cutout-with-0.pt").exists()
    assert gpu.main(one) is None
    run = json.loads(path.read_text())["runs"]["with/0"]
    assert run["seconds_with_start_up"] is None, "its start-up was in another process"
    assert not (tmp_path / "kept" / "cutout-with-0.pt").exists()
    assert gpu.main(["cutout", *options, "--minutes", "0"]) is None
    assert gpu.main(["augment", *options]) is None
    shown = capsys.readouterr().out
    assert "The time is up; the same command goes on with part cutout." in shown
    assert "| with | 1 |" in shown
    assert "Published: 4.72 % to 3.99 %" in shown
    assert "| bfloat16 |" in shown
