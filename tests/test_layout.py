"""The repository keeps to its own plan: files that must agree, chapters in order."""

import re
import tomllib
from pathlib import Path

import nbformat
import pytest
import yaml
from nbformat import NotebookNode
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from vaecourse import notebooks

ROOT = Path(__file__).parents[1]
BOOK = ROOT / "book"

# -- dependencies ------------------------------------------------------------------------------

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def direct_requirements() -> set[str]:
    """What the package needs, with the extras that `all` stands for."""
    extras = PROJECT["optional-dependencies"]
    (everything,) = map(Requirement, extras["all"])
    chosen = [line for extra in everything.extras for line in extras[extra]]
    return {*PROJECT["dependencies"], *chosen}


def test_the_extra_all_stands_for_every_extra_but_the_peers_of_the_benchmarks() -> None:
    (everything,) = map(Requirement, PROJECT["optional-dependencies"]["all"])
    assert everything.extras == PROJECT["optional-dependencies"].keys() - {"all", "benchmarks"}


def test_environment_yml_names_the_package_with_all_its_extras() -> None:
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    python, _pip, listed = environment["dependencies"]
    python_wanted = Requirement(python).specifier
    assert str(python_wanted) == str(Requirement(f"python{PROJECT['requires-python']}").specifier)
    assert listed["pip"] == ["-c constraints.txt", "-e .[all]"]


def test_constraints_pin_every_direct_requirement_at_a_version_it_allows() -> None:
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins: dict[str, list[str]] = {}
    for line in lines:
        if not line.startswith("#"):
            pin = Requirement(line)
            (exact,) = pin.specifier
            assert exact.operator == "=="
            pins.setdefault(canonicalize_name(pin.name), []).append(exact.version)
    for requirement in map(Requirement, direct_requirements()):
        versions = pins[canonicalize_name(requirement.name)]
        assert all(version in requirement.specifier for version in versions), requirement


@pytest.mark.parametrize("name", ["constraints.txt", "benchmarks/constraints.txt"])
def test_constraints_name_no_address(name: str) -> None:
    text = (ROOT / name).read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index|@ file|--find-links", text)


# -- the chapters ------------------------------------------------------------------------------


def listed(entry: dict) -> list[str]:
    children = [c for key in ("parts", "chapters", "sections") for c in entry.get(key) or []]
    return [
        *([entry["file"]] if "file" in entry else []),
        *(f for c in children for f in listed(c)),
    ]


TOC = listed(yaml.safe_load((BOOK / "_toc.yml").read_text(encoding="utf-8")))
CHAPTERS = [BOOK / f"{name}.ipynb" for name in TOC if (BOOK / f"{name}.ipynb").exists()]
chapters = pytest.mark.parametrize("path", CHAPTERS, ids=lambda path: path.stem)


def outputs(nb: NotebookNode) -> list[NotebookNode]:
    return [output for cell in notebooks.code_cells(nb) for output in cell.outputs]


@chapters
def test_a_stored_chapter_is_not_stale(path: Path) -> None:
    assert not notebooks.is_stale(path), f"vaecourse run {path.stem} --save"


@chapters
def test_a_stored_chapter_is_in_its_normal_form(path: Path) -> None:
    nb = notebooks.read(path)
    assert notebooks.normalise(nb) == nb, f"vaecourse run {path.stem} --save"
    text = path.read_text(encoding="utf-8")
    assert text == nbformat.writes(nb).rstrip("\n") + "\n"


@chapters
def test_a_stored_chapter_is_small(path: Path) -> None:
    assert path.stat().st_size < 2_000_000


@chapters
def test_the_networks_and_scripts_of_a_chapters_explorers_are_under_a_megabyte(path: Path) -> None:
    pages = [
        output.get("data", {}).get("text/html", "") for output in outputs(notebooks.read(path))
    ]
    explorers = [page for page in pages if "vaecourse-explorer" in page]
    size = sum(len(re.sub(r"data:image/png;base64,[^\"]+", "", page)) for page in explorers)
    assert size < 1_000_000


@chapters
def test_every_figure_of_a_stored_chapter_has_alt_text(path: Path) -> None:
    for output in outputs(notebooks.read(path)):
        if "image/png" in output.get("data", {}):
            assert output.metadata["image/png"]["alt"].strip()


@chapters
def test_a_stored_chapter_holds_no_error_no_warning_and_no_memory_address(path: Path) -> None:
    for output in outputs(notebooks.read(path)):
        assert output.output_type != "error"
        assert output.get("name") != "stderr", output.text
        assert " at 0x" not in output.get("data", {}).get("text/plain", "")


@chapters
def test_the_scales_of_a_chapter_set_parameters_that_it_has(path: Path) -> None:
    nb = notebooks.read(path)
    for scale in nb.metadata.get("vaecourse", {}).get("scales", {}).values():
        assert scale.keys() <= set(notebooks.parameter_names(nb))


@chapters
def test_the_picture_at_the_top_of_a_chapter_is_the_one_that_it_makes(path: Path) -> None:
    nb = notebooks.read(path)
    picture = notebooks.goal_picture(nb)
    assert picture == (BOOK / "images" / f"{path.stem}.png").read_bytes()
    assert f"(images/{path.stem}.png)" in nb.cells[0].source
