import nbformat
import pytest
from conftest import stream
from nbformat.v4 import new_code_cell, new_notebook, new_output

from vaecourse import notebooks


def notebook_with(
    *cell_outputs: nbformat.NotebookNode, **cell_metadata: object
) -> nbformat.NotebookNode:
    cell = new_code_cell("f()", id="a", execution_count=7, outputs=list(cell_outputs))
    cell.metadata.update(nbformat.from_dict(cell_metadata))
    return new_notebook(cells=[cell])


def image(**about: object) -> nbformat.NotebookNode:
    return new_output("display_data", data={"image/png": "AAAA"}, metadata={"image/png": about})


def messy() -> nbformat.NotebookNode:
    nb = notebook_with(
        stream("a\n"),
        stream("b\n"),
        stream("\r 50%|█████     | 1/2 [00:00<00:00]", "stderr"),
        image(alt="Two curves fall."),
        new_output("execute_result", data={"text/plain": "3"}, execution_count=7),
        papermill={"duration": 1.5},
        execution={"iopub.status.busy": "2020"},
        tags=[],
    )
    nb.cells.insert(0, new_code_cell("k = 2", metadata={"tags": ["injected-parameters"]}))
    nb.cells.append(new_code_cell("g()", id="b", execution_count=9))
    nb.metadata = nbformat.from_dict(
        {
            "papermill": {"version": "1"},
            "widgets": {},
            "kernelspec": {"name": "my-kernel", "display_name": "Mine", "language": "python"},
            "language_info": {"name": "python", "version": "3.12.1"},
        }
    )
    return nb


def test_the_normal_form_has_nothing_that_changes_from_run_to_run() -> None:
    nb = notebooks.normalise(messy())
    assert [cell.execution_count for cell in nb.cells] == [1, 2]
    assert [cell.id for cell in nb.cells] == ["a", "b"]
    assert nb.cells[0].metadata == {"mystnb": {"image": {"alt": "Two curves fall."}}}
    assert [o.output_type for o in nb.cells[0].outputs] == [
        "stream",
        "display_data",
        "execute_result",
    ]
    assert nb.cells[0].outputs[0].text == "a\nb\n"
    assert nb.cells[0].outputs[2].execution_count == 1
    assert nb.metadata.kernelspec.name == "python3"
    assert nb.metadata.language_info == {"name": "python"}
    assert "papermill" not in nb.metadata
    assert "widgets" not in nb.metadata


def test_the_normal_form_of_a_normal_form_is_itself_and_the_original_is_left_alone() -> None:
    nb = messy()
    once = notebooks.normalise(nb)
    assert notebooks.normalise(once) == once
    assert nb == {**messy(), "cells": nb.cells}
    assert nb.cells[1].execution_count == 7


def test_progress_bars_go_and_warnings_stay() -> None:
    text = "  0%|    | 0/2 [00:00<?]\rUserWarning: careful\n100%|████| 2/2 [00:01]\n12it [00:01]\n"
    (cell,) = notebooks.normalise(notebook_with(stream(text, "stderr"))).cells
    assert [o.text for o in cell.outputs] == ["UserWarning: careful\n"]


def test_a_percentage_that_was_printed_stays() -> None:
    (cell,) = notebooks.normalise(notebook_with(stream("50%| of it\n"))).cells
    assert cell.outputs[0].text == "50%| of it\n"


def test_widgets_are_dropped_because_nothing_could_draw_them() -> None:
    view = {"application/vnd.jupyter.widget-view+json": {}, "text/plain": "interactive()"}
    nb = notebook_with(new_output("display_data", data=view))
    assert notebooks.normalise(nb).cells[0].outputs == []


def test_alt_text_that_no_output_has_any_more_is_removed() -> None:
    nb = notebook_with(image(), mystnb={"image": {"alt": "old", "width": "50%"}})
    assert notebooks.normalise(nb).cells[0].metadata == {"mystnb": {"image": {"width": "50%"}}}
    nb = notebook_with(stream("x"), mystnb={"image": {"alt": "old"}})
    assert notebooks.normalise(nb).cells[0].metadata == {}


def test_two_figures_in_a_cell_share_both_alt_texts() -> None:
    nb = notebook_with(image(alt="One."), image(alt="Two."), image(alt="One."))
    assert notebooks.normalise(nb).cells[0].metadata.mystnb.image.alt == "One. Two."


@pytest.mark.parametrize("alt", [3, ["a"], {"a": "b"}, ""])
def test_an_alt_text_that_is_none_is_no_alt_text(alt: object) -> None:
    (cell,) = notebooks.normalise(notebook_with(image(alt=alt), image(alt="A."))).cells
    assert cell.metadata.mystnb.image.alt == "A."
    nb = notebook_with(
        new_output("display_data", data={"image/png": ""}, metadata={"image/png": alt})
    )
    assert notebooks.normalise(nb).cells[0].metadata == {}


def test_the_stored_form_is_a_list_of_steps_that_each_leave_the_original_alone() -> None:
    nb = messy()
    for step in notebooks.STORED_FORM:
        notebooks.apply([step], nb)
    assert nb.cells[1].execution_count == 7
    assert notebooks.apply(notebooks.STORED_FORM, nb) == notebooks.normalise(nb)
    assert notebooks.apply([], nb) == nb
