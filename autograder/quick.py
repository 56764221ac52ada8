"""Imported first by whatever starts a process: keeps the import of nbformat quick.

jsonschema, which nbformat imports, compiles a grammar of internationalised addresses if it finds one: 1.7 s of CPU, to
check a format that no notebook has. Without the grammar it leaves that one check out.
"""

import sys

sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
