"""Kinds of contract for import-linter that do not mind rooms which do not exist yet.

import-linter's own `protected` and `forbidden` contracts fail when a module they name is not
there. Here a name that matches nothing allows nothing, and everything else is checked.
All look at direct imports, deferred and `TYPE_CHECKING` ones included.
"""

import sys
from typing import ClassVar

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output

__all__ = ["AvoidsContract", "KnowsOnlyContract", "OnlyInContract", "SeparateContract"]


def is_inside(module: str, packages: list[str]) -> bool:
    """True if `module` is one of `packages` or lies below one."""
    return any(module == package or module.startswith(f"{package}.") for package in packages)


class _DirectImportContract(Contract):
    """Reports the direct imports that a subclass finds wrong, with file line and text."""

    def wrong_imports(self, graph: ImportGraph) -> list[tuple[str, str]]:
        """The (importer, imported) pairs that break the contract, sorted."""
        raise NotImplementedError

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Broken if there is any wrong import."""
        wrong = [
            detail
            for importer, imported in self.wrong_imports(graph)
            for detail in graph.get_import_details(importer=importer, imported=imported)
        ]
        return ContractCheck(kept=not wrong, metadata={"wrong": wrong})

    def render_broken_contract(self, check: ContractCheck) -> None:
        """Print one line per wrong import."""
        for detail in check.metadata["wrong"]:
            output.print_error(
                f"{detail['importer']}:{detail['line_number']} imports {detail['imported']}"
                f" ({detail['line_contents']})",
                bold=False,
            )
        output.new_line()


class OnlyInContract(_DirectImportContract):
    """`modules` are imported by `allowed` (and what lies below) and by themselves, by nobody else."""

    type_name: ClassVar[str] = "only_in"
    modules = fields.ListField(subfield=fields.StringField())
    allowed = fields.ListField(subfield=fields.StringField(), required=False, default=[])

    def wrong_imports(self, graph: ImportGraph) -> list[tuple[str, str]]:
        """Imports of a guarded module from outside the allowed packages."""
        guarded: list[str] = self.modules  # type: ignore[assignment]  # a field until instantiated
        allowed: list[str] = self.allowed  # type: ignore[assignment]
        return sorted(
            (importer, imported)
            for imported in graph.modules
            if is_inside(imported, guarded)
            for importer in graph.find_modules_that_directly_import(imported)
            if not is_inside(importer, allowed + guarded)
        )


class KnowsOnlyContract(_DirectImportContract):
    """`package` imports itself, the standard library and `allowed`; `exempt` below it is free."""

    type_name: ClassVar[str] = "knows_only"
    package = fields.StringField()
    allowed = fields.ListField(subfield=fields.StringField(), required=False, default=[])
    exempt = fields.ListField(subfield=fields.StringField(), required=False, default=[])

    def wrong_imports(self, graph: ImportGraph) -> list[tuple[str, str]]:
        """Imports from the package of anything it has not been allowed."""
        package: str = self.package  # type: ignore[assignment]  # a field until instantiated
        allowed: list[str] = self.allowed  # type: ignore[assignment]
        exempt: list[str] = self.exempt  # type: ignore[assignment]
        return sorted(
            (importer, imported)
            for importer in graph.modules
            if is_inside(importer, [package]) and not is_inside(importer, exempt)
            for imported in graph.find_modules_directly_imported_by(importer)
            if not is_inside(imported, [package, *allowed])
            and imported.partition(".")[0] not in sys.stdlib_module_names
        )


class AvoidsContract(_DirectImportContract):
    """`packages` import none of `modules`."""

    type_name: ClassVar[str] = "avoids"
    packages = fields.ListField(subfield=fields.StringField())
    modules = fields.ListField(subfield=fields.StringField())

    def wrong_imports(self, graph: ImportGraph) -> list[tuple[str, str]]:
        """Imports of one of the modules from one of the packages."""
        packages: list[str] = self.packages  # type: ignore[assignment]  # a field until instantiated
        modules: list[str] = self.modules  # type: ignore[assignment]
        return sorted(
            (importer, imported)
            for importer in graph.modules
            if is_inside(importer, packages)
            for imported in graph.find_modules_directly_imported_by(importer)
            if is_inside(imported, modules)
        )


class SeparateContract(_DirectImportContract):
    """No two of `packages` know each other."""

    type_name: ClassVar[str] = "separate"
    packages = fields.ListField(subfield=fields.StringField())

    def wrong_imports(self, graph: ImportGraph) -> list[tuple[str, str]]:
        """Imports from one of the packages of another one."""
        packages: list[str] = self.packages  # type: ignore[assignment]  # a field until instantiated
        return sorted(
            (importer, imported)
            for own in packages
            for importer in graph.modules
            if is_inside(importer, [own])
            for imported in graph.find_modules_directly_imported_by(importer)
            if is_inside(imported, [other for other in packages if other != own])
        )
