"""nbformat, imported without the two seconds that jsonschema takes for a grammar.

Where rfc3987_syntax is installed, and JupyterLab brings it along, jsonschema compiles its grammar
of web addresses in each process that imports it. No notebook's schema asks for such an address.
"""

import sys
from typing import Any

modules: dict[str, Any] = sys.modules

if "rfc3987_syntax" not in modules:
    modules["rfc3987_syntax"] = None  # as if it were not there
    try:
        import nbformat  # noqa: F401
    finally:
        del modules["rfc3987_syntax"]
