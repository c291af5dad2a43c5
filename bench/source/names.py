"""Which modules are the project's own, where they lie, and which of them carry no arithmetic."""

from __future__ import annotations

from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]
NAME = "trustdm.bench"
"""What the folder ``PROJECT`` is imported as."""
PLUMBING = (
    "trustdm",
    *(f"{NAME}.{name}" for name in ("contracts", "errors", "parameters", "registry", "tasks.contract")),
)
"""Modules that carry no arithmetic: their edits do not make a result another result."""
PLUMBING_PACKAGE = f"{NAME}.capabilities"


def ours(module: str) -> bool:
    """Whether a module of that name is the project's."""
    return module in ("trustdm", NAME) or module.startswith(f"{NAME}.")


def plumbing(module: str) -> bool:
    """Whether what is taken from the module counts by its name only."""
    return module in PLUMBING or module == PLUMBING_PACKAGE or module.startswith(f"{PLUMBING_PACKAGE}.")


def file_of(module: str) -> Path | None:
    """The file of a module of the project; None if there is none."""
    if not ours(module) or module == "trustdm":
        return None
    stem = PROJECT.joinpath(*module.split(".")[2:])
    return next((file for file in (stem.with_suffix(".py"), stem / "__init__.py") if file.is_file()), None)


def name_of(path: Path) -> str:
    """The name of the project's module in a file; empty for anybody else's file."""
    if not path.is_relative_to(PROJECT):
        return ""
    parts = path.relative_to(PROJECT).with_suffix("").parts
    return ".".join([NAME, *(parts[:-1] if parts[-1] == "__init__" else parts)])


def beyond_modules(chain: tuple[str, ...]) -> tuple[str, ...]:
    """What is left of ``trustdm.bench.stats.wilson`` behind the module; all of it where it begins otherwise."""
    depth = 1
    if chain[0] != "trustdm":
        return chain
    while depth < len(chain) and (file_of(".".join(chain[: depth + 1])) or chain[: depth + 1] == ("trustdm", "bench")):
        depth += 1
    return chain[depth:]
