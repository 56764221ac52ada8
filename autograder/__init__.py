"""The grading system: build, sandbox, judge, grade, gradebook, report, command line."""

import sys

# jsonschema, which nbformat imports, compiles a grammar of internationalised addresses if it finds one: 1.7 s of CPU,
# to check a format that no notebook has. Without the grammar it leaves that one check out.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
