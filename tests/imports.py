"""What modules import."""

import ast
import sys
from pathlib import Path


def foreign(module: Path, own: str) -> set[str]:
    """What it imports from elsewhere than the standard library and the package `own`."""
    imported = set[str]()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add("." * node.level + (node.module or ""))
    return {
        name
        for name in imported
        if name.partition(".")[0] not in sys.stdlib_module_names and name != own and not name.startswith(f"{own}.")
    }
