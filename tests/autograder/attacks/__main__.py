"""`python -m tests.autograder.attacks`: run the corpus, print what each attack got, here and with stock nbgrader."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from pathlib import Path

from autograder.sandbox.levels import LEVELS
from tests.autograder.attacks import ours, stock_nbgrader
from tests.autograder.attacks.corpus import FAMILIES, read_corpus


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.autograder.attacks", description=__doc__)
    parser.add_argument("--only", nargs="+", default=[""], help="attacks whose family/name contains one of these")
    parser.add_argument("--stock", action=argparse.BooleanOptionalAction, default=True, help="run stock nbgrader too")
    parser.add_argument("--ours", action=argparse.BooleanOptionalAction, default=True, help="run our engine")
    parser.add_argument("--workers", type=int, default=1, help="processes that grade, here")
    parser.add_argument("--level", choices=LEVELS, help="the sandbox's level, here; by default the best there is")
    options = parser.parse_args()
    attacks = read_corpus(options.only)
    if not attacks:
        parser.error(f"no attack is called {' or '.join(options.only)}")
    here, there, left = {}, {}, ""
    with tempfile.TemporaryDirectory(prefix="attacks-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        if options.ours:
            outcomes, left = ours.run(attacks, folder / "ours", workers=options.workers, level=options.level)
            here = {outcome.attack.key: outcome for outcome in outcomes}
        if options.stock:
            for outcome in stock_nbgrader.run(attacks, folder / "stock"):
                there[outcome.attack.key] = outcome
                print(f"stock {outcome.attack.key}: {outcome.not_run or outcome.broken}", file=sys.stderr, flush=True)
    for attack in attacks:
        print(f"\n{attack.key}\n  tries: {attack.tries}")
        if options.ours:
            print(f"  ours:  {here[attack.key].broken or 'gains nothing'}")
        if options.stock:
            outcome = there[attack.key]
            print(f"  stock: {'not run: ' + outcome.not_run if outcome.not_run else outcome.broken or 'gains nothing'}")
    print(f"\n{'family':12} {'attacks':>8} {'win here':>9} {'win at stock':>13} {'not run there':>14}")
    for family in (*FAMILIES, ""):
        chosen = [attack for attack in attacks if family in ("", attack.family)]
        counts = Counter()
        for attack in chosen:
            counts["ours"] += bool(options.ours and here[attack.key].broken)
            counts["stock"] += bool(options.stock and there[attack.key].broken)
            counts["not run"] += bool(options.stock and there[attack.key].not_run)
        cells = [
            str(counts[name]) if asked else "-"
            for name, asked in (("ours", options.ours), ("stock", options.stock), ("not run", options.stock))
        ]
        print(f"{family or 'all':12} {len(chosen):>8} {cells[0]:>9} {cells[1]:>13} {cells[2]:>14}")
    if left:
        print(f"\nLeft over by nobody knows whom: {left}")
    return int(any(outcome.broken for outcome in here.values()) or bool(left))


if __name__ == "__main__":
    sys.exit(main())
