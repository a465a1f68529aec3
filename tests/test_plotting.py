"""What the figures hold, and that their alt text goes where they go."""

import base64
import io
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from IPython.core.formatters import DisplayFormatter
from IPython.core.pylabtools import select_figure_formats
from matplotlib.axes import Axes
from PIL import Image
from torch import Tensor

from vaecourse.errors import CourseError
from vaecourse.latent import prior_grid
from vaecourse.plotting import (
    CLASS_COLOURS,
    Figure,
    axes_of,
    decoded_manifold,
    image_grid,
    latent_scatter,
    line_plot,
    loss_curves,
    new_figure,
    reconstruction_pairs,
)

ALT = "A figure drawn by a test"


def images(count: int, channels: int = 1, height: int = 5, width: int = 4) -> Tensor:
    rng = torch.Generator().manual_seed(0)
    return torch.rand(count, channels, height, width, generator=rng)


def codes(count: int = 60) -> tuple[Tensor, Tensor]:
    """Points z and classes y, of which 3 is missing."""
    rng = torch.Generator().manual_seed(0)
    y = torch.tensor([0, 1, 2, 4])[torch.arange(count) % 4]
    return torch.randn(count, 2, generator=rng) + y[:, None], y


TRAIN = {"recon_nll": [90.0, 80.0, 75.0], "kl": [1.0, 4.0, 5.0], "elbo": [-91.0, -84.0, -80.0]}
VALIDATION = {
    "recon_nll": [120.0, 88.0, 79.0, 76.0],
    "kl": [0.5, 2.0, 4.5, 5.5],
    "elbo": [-120.5, -90.0, -83.5, -81.5],
}
NONE: dict[str, list[float]] = {"recon_nll": [], "kl": [], "elbo": []}

DRAWINGS: dict[str, Callable[[str], Figure]] = {
    "image_grid": lambda alt: image_grid(images(7), alt, columns=3, titles=["first"]),
    "colour": lambda alt: image_grid(images(3, channels=3), alt, row_labels=["row"]),
    "reconstruction_pairs": lambda alt: reconstruction_pairs(images(4), images(4) / 2, alt),
    "latent_scatter": lambda alt: latent_scatter(*codes(), alt),
    "decoded_manifold": lambda alt: decoded_manifold(images(9), prior_grid(3)[1], alt),
    "loss_curves": lambda alt: loss_curves(TRAIN, VALIDATION, alt),
    "line_plot": lambda alt: line_plot(
        [1, 2], {"a": [3, 4], "b": [4, 5]}, alt, xlabel="x", ylabel="y"
    ),
}
every_drawing = pytest.mark.parametrize("draw", DRAWINGS.values(), ids=DRAWINGS.keys())


def png(figure: Figure) -> bytes:
    data, _ = figure._repr_mimebundle_()
    return base64.b64decode(data["image/png"], validate=True)


def pixels(figure: Figure) -> np.ndarray:
    """The picture as grey values in 0…1 (height, width)."""
    with Image.open(io.BytesIO(png(figure))) as picture:
        return np.asarray(picture.convert("L")) / 255


def pictures(figure: Figure) -> list[np.ndarray]:
    """The arrays of the images in a figure, axes by axes."""
    return [np.asarray(image.get_array()) for axes in figure.axes for image in axes.images]


def lines(axes: Axes) -> dict[str, list[tuple[float, float]]]:
    """The points (x, y) of each line by its label."""
    return {
        str(line.get_label()): list(zip(*np.asarray(line.get_data()).tolist(), strict=True))
        for line in axes.lines
    }


# -- the picture and its alt text --------------------------------------------------------------


@every_drawing
def test_a_drawing_is_a_png_with_its_alt_text(draw: Callable[[str], Figure]) -> None:
    figure = draw(ALT)
    data, metadata = figure._repr_mimebundle_(include=None, exclude=None)
    assert isinstance(figure, Figure)
    assert png(figure).startswith(b"\x89PNG\r\n\x1a\n")
    assert metadata["image/png"]["alt"] == ALT
    assert ALT in data["text/plain"]


@every_drawing
def test_the_width_said_is_that_of_the_picture(draw: Callable[[str], Figure]) -> None:
    """In CSS pixels, of which the file has half as many again, for sharp screens."""
    figure = draw(ALT)
    _, metadata = figure._repr_mimebundle_()
    assert pixels(figure).shape[1] == pytest.approx(1.5 * metadata["image/png"]["width"], abs=2)


@every_drawing
def test_the_same_tensors_give_the_same_bytes(draw: Callable[[str], Figure]) -> None:
    assert png(draw(ALT)) == png(draw(ALT))


@every_drawing
def test_a_drawing_opens_no_pyplot_figure_and_leaves_the_style_alone(
    draw: Callable[[str], Figure],
) -> None:
    before = dict(plt.rcParams)
    png(draw(ALT))
    assert plt.get_fignums() == []
    assert dict(plt.rcParams) == before


@every_drawing
@pytest.mark.parametrize("alt", ["", " \n"])
def test_a_drawing_without_alt_text_is_refused(draw: Callable[[str], Figure], alt: str) -> None:
    with pytest.raises(CourseError, match=r"expected alt text .* try one sentence"):
        draw(alt)


def format_by_ipython(figure: Figure, formats: set[str]) -> tuple[dict[str, Any], dict[str, Any]]:
    """What IPython stores in a notebook; `formats` are registered as `%matplotlib inline` does."""
    formatter = DisplayFormatter()
    if formats:
        select_figure_formats(SimpleNamespace(display_formatter=formatter), formats)
    return formatter.format(figure)


@every_drawing
@pytest.mark.parametrize("formats", [set(), {"png"}], ids=["plain", "inline"])
def test_a_notebook_stores_the_picture_and_its_alt_text(
    draw: Callable[[str], Figure], formats: set[str]
) -> None:
    data, metadata = format_by_ipython(draw(ALT), formats)
    assert base64.b64decode(data["image/png"]).startswith(b"\x89PNG\r\n\x1a\n")
    assert metadata["image/png"]["alt"] == ALT


def test_a_new_figure_is_empty_and_as_large_as_asked() -> None:
    figure = new_figure(ALT, 4.0, 2.5)
    assert figure.get_size_inches().tolist() == [4.0, 2.5]
    assert figure.alt == ALT
    assert figure.axes == []


def test_axes_come_alone_or_as_an_array_of_rows_and_columns() -> None:
    assert isinstance(axes_of(new_figure(ALT)), Axes)
    assert axes_of(new_figure(ALT), 1, 1).shape == (1, 1)
    assert axes_of(new_figure(ALT), 2, 3).shape == (2, 3)


# -- images ------------------------------------------------------------------------------------


def test_a_grid_holds_every_image_row_by_row() -> None:
    x = images(7)
    figure = image_grid(x, ALT, columns=3)
    assert len(figure.axes) == 9
    for i, axes in enumerate(figure.axes):
        place = axes.get_subplotspec()
        assert place is not None
        assert (place.rowspan.start, place.colspan.start) == divmod(i, 3)
        if i < 7:
            (picture,) = axes.images
            assert np.array_equal(np.asarray(picture.get_array()), x[i, 0])
        else:
            assert not axes.images
            assert not axes.axison


def test_a_grid_is_no_wider_than_its_images() -> None:
    assert len(image_grid(images(4), ALT).axes) == 4
    assert len(image_grid(images(11), ALT).axes) == 20


def test_colour_images_keep_their_channels() -> None:
    x = images(2, channels=3)
    for drawn, image in zip(pictures(image_grid(x, ALT)), x, strict=True):
        assert np.array_equal(drawn, image.permute(1, 2, 0))


def test_grey_runs_from_0_to_1_whatever_the_image_holds() -> None:
    half = torch.full((1, 1, 8, 8), 0.5)
    for figure in (image_grid(half, ALT), decoded_manifold(half, torch.zeros(1), ALT)):
        (picture,) = (image for axes in figure.axes for image in axes.images)
        assert picture.get_clim() == (0, 1)
        assert picture.get_cmap()(1.0)[:3] == (1, 1, 1)  # white is 1
        assert np.abs(pixels(figure) - 0.5).min() < 0.01


def test_values_outside_0_to_1_are_drawn_as_the_nearest_end() -> None:
    x = torch.tensor([-3.0, 0.25, 7.0, 1.0]).view(1, 1, 2, 2)
    (drawn,) = pictures(image_grid(x, ALT))
    assert drawn.tolist() == [[0, 0.25], [1, 1]]


def test_an_image_stands_right_side_up() -> None:
    x = torch.ones(1, 1, 4, 4)
    x[..., 2:, :2] = 0  # black below on the left
    for figure in (image_grid(x, ALT), decoded_manifold(x, torch.zeros(1), ALT)):
        figure.axes[0].set_position((0, 0, 1, 1))
        figure.axes[0].set_axis_off()
        picture = pixels(figure)
        height, width = picture.shape
        middles = picture[height // 4 :: height // 2, :][:, width // 4 :: width // 2][:2, :2]
        assert middles.tolist() == [[1, 1], [0, 1]]


def test_titles_stand_above_columns_and_labels_beside_rows() -> None:
    figure = image_grid(images(4), ALT, columns=2, titles=["left", "right"], row_labels=["a", "b"])
    assert [axes.get_title() for axes in figure.axes] == ["left", "right", "", ""]
    assert [axes.get_ylabel() for axes in figure.axes] == ["a", "", "b", ""]


@pytest.mark.parametrize("shape", [(1, 5, 4), (5, 4), (0, 1, 5, 4), (3, 2, 5, 4)])
def test_a_tensor_that_holds_no_images_is_refused(shape: tuple[int, ...]) -> None:
    x = torch.zeros(shape)
    for draw in (lambda: image_grid(x, ALT), lambda: reconstruction_pairs(x, x, ALT)):
        with pytest.raises(CourseError, match=r"expected images of shape .*; try"):
            draw()


def test_an_image_with_a_gradient_is_drawn_and_left_as_it_was() -> None:
    x = images(2).requires_grad_()
    before = x.detach().clone()
    image_grid(x, ALT)
    reconstruction_pairs(x, x.square(), ALT)
    decoded_manifold(x[:1], torch.zeros(1), ALT)
    assert torch.equal(x.detach(), before)


def test_a_reconstruction_stands_below_its_original() -> None:
    x, x_recon = images(6), images(6) / 2
    figure = reconstruction_pairs(x, x_recon, ALT, count=4)
    assert np.array_equal(pictures(figure), torch.cat([x[:4], x_recon[:4]])[:, 0])
    assert len(figure.axes) == 8
    assert [figure.axes[i].get_ylabel() for i in (0, 4)] == ["original", "reconstruction"]


def test_fewer_pairs_than_asked_for_are_all_drawn() -> None:
    assert len(pictures(reconstruction_pairs(images(3), images(3), ALT))) == 6


def test_reconstructions_of_another_shape_are_refused() -> None:
    with pytest.raises(CourseError, match=r"\(4, 1, 5, 4\) and \(3, 1, 5, 4\); try"):
        reconstruction_pairs(images(4), images(3), ALT)


# -- the latent space --------------------------------------------------------------------------


def test_a_scatter_draws_every_point_as_its_own_digit() -> None:
    z, y = codes()
    (axes,) = latent_scatter(z, y, ALT).axes
    assert [line.get_marker() for line in axes.lines] == ["$0$", "$1$", "$2$", "$4$"]
    for line, label in zip(axes.lines, [0, 1, 2, 4], strict=True):
        assert np.array_equal(line.get_xydata(), z[y == label])
        assert line.get_color() == CLASS_COLOURS[label]
        assert line.get_linestyle() == "None"


def test_a_scatter_names_every_class_once_on_a_point_of_its_own() -> None:
    z, y = codes()
    (axes,) = latent_scatter(z, y, ALT).axes
    assert [text.get_text() for text in axes.texts] == ["0", "1", "2", "4"]
    for text in axes.texts:
        distances = (z[y == int(text.get_text())] - torch.tensor(text.get_position())).norm(dim=1)
        assert distances.min() < 1e-6


def test_a_class_is_named_where_its_points_are_densest() -> None:
    """The mean of two clouds lies in neither."""
    rng = torch.Generator().manual_seed(0)
    dense = 0.1 * torch.randn(200, 2, generator=rng) + 5
    loose = torch.randn(200, 2, generator=rng) - 5
    (axes,) = latent_scatter(torch.cat([loose, dense]), torch.zeros(400).int(), ALT).axes
    assert np.linalg.norm(np.array(axes.texts[0].get_position()) - 5) < 0.3


def test_ten_classes_have_ten_colours() -> None:
    assert len(set(CLASS_COLOURS)) == 10
    (axes,) = latent_scatter(torch.rand(30, 2), torch.arange(30) % 10, ALT).axes
    assert [line.get_color() for line in axes.lines] == list(CLASS_COLOURS)


def test_the_limit_of_a_scatter_holds_for_both_axes() -> None:
    (axes,) = latent_scatter(*codes(), ALT, limit=2.5).axes
    assert axes.get_xlim() == axes.get_ylim() == (-2.5, 2.5)


def test_a_unit_of_a_scatter_is_as_long_across_as_up() -> None:
    (axes,) = latent_scatter(*codes(), ALT).axes
    assert axes.get_aspect() == 1


def test_a_scatter_and_a_manifold_draw_into_axes_that_are_there() -> None:
    figure = new_figure(ALT)
    left, right = axes_of(figure, 1, 2)[0]
    assert latent_scatter(*codes(), ALT, axes=left) is figure
    assert decoded_manifold(images(9), prior_grid(3)[1], ALT, axes=right) is figure
    assert len(left.lines) == 4
    assert len(right.images) == 1


@pytest.mark.parametrize(
    ("z", "y"),
    [
        (torch.zeros(5, 3), torch.zeros(5)),
        (torch.zeros(5), torch.zeros(5)),
        (torch.zeros(5, 2), torch.zeros(4)),
    ],
)
def test_codes_that_are_no_points_of_a_plane_are_refused(z: Tensor, y: Tensor) -> None:
    with pytest.raises(CourseError, match=r"z of shape \(n, 2\) .*; try a model with latent_dim=2"):
        latent_scatter(z, y, ALT)


def test_labels_that_are_no_classes_are_refused() -> None:
    """As those of the ellipses, which are two axes each."""
    with pytest.raises(CourseError):
        latent_scatter(torch.zeros(5, 2), torch.zeros(5, 2), ALT)


@pytest.mark.parametrize("side", [1, 3, 6])
def test_the_cell_of_a_manifold_at_row_and_column_is_the_image_of_that_place(side: int) -> None:
    x = images(side**2)
    (sheet,) = pictures(decoded_manifold(x, prior_grid(side)[1], ALT))
    assert sheet.shape == (side * 5, side * 4)
    for row in range(side):
        for column in range(side):
            cell = sheet[row * 5 : (row + 1) * 5, column * 4 : (column + 1) * 4]
            assert np.array_equal(cell, x[row * side + column, 0])


def test_the_ticks_of_a_manifold_name_the_coordinates_of_the_cells_they_stand_at() -> None:
    """Each cell shows its own z: its brightness is z₁ in one sheet, z₂ in the other."""
    z, axis = prior_grid(9)
    for dimension in (0, 1):
        x = z[:, dimension].view(-1, 1, 1, 1)
        figure = decoded_manifold(x, axis, ALT)
        (axes,) = figure.axes
        (sheet,) = pictures(figure)
        left, right, bottom, top = axes.images[0].get_extent()
        assert (left, right, bottom, top) == (0, 9, 0, 9)
        ticks = axes.xaxis if dimension == 0 else axes.yaxis
        assert len(ticks.get_ticklocs()) == 5
        for place, name in zip(ticks.get_ticklocs(), ticks.get_ticklabels(), strict=True):
            cell = sheet[0, int(place)] if dimension == 0 else sheet[int(top - place), 0]
            assert name.get_text().replace("−", "-") == f"{cell:.1f}"


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_a_manifold_with_an_end_that_is_not_finite_is_refused(bad: float) -> None:
    with pytest.raises(CourseError, match=r"expected a finite axis .*; try latent.prior_grid"):
        decoded_manifold(images(4), torch.tensor([0.0, bad]), ALT)


def test_a_manifold_of_another_number_of_images_is_refused() -> None:
    with pytest.raises(CourseError, match=r"n² grey images, got 3 points .* \(8, 1, 5, 4\)"):
        decoded_manifold(images(8), prior_grid(3)[1], ALT)


@pytest.mark.parametrize(
    "x",
    [
        torch.zeros(9, 5, 4),
        pytest.param(
            torch.zeros(9, 3, 5, 4),
        ),
    ],
)
def test_a_manifold_of_other_than_grey_images_is_refused(x: Tensor) -> None:
    with pytest.raises(CourseError):
        decoded_manifold(x, prior_grid(3)[1], ALT)


# -- curves ------------------------------------------------------------------------------------


def test_loss_curves_hold_the_numbers_given_train_from_1_and_validation_from_0() -> None:
    (axes,) = loss_curves(TRAIN, VALIDATION, ALT).axes
    drawn = lines(axes)
    assert drawn == {
        "reconstruction, train": list(enumerate(TRAIN["recon_nll"], start=1)),
        "reconstruction, validation": list(enumerate(VALIDATION["recon_nll"])),
        "KL, train": list(enumerate(TRAIN["kl"], start=1)),
        "KL, validation": list(enumerate(VALIDATION["kl"])),
    }
    legend = axes.get_legend()
    assert legend is not None
    assert {text.get_text() for text in legend.get_texts()} == drawn.keys()
    assert "nats" in axes.get_ylabel()


def test_loss_curves_without_validation_or_kl_leave_them_out() -> None:
    train = TRAIN | {"kl": [0.0, 0.0, 0.0]}
    (axes,) = loss_curves(train, NONE, ALT).axes
    assert lines(axes).keys() == {"reconstruction, train"}


def test_the_nats_of_loss_curves_start_at_zero() -> None:
    (axes,) = loss_curves(TRAIN, VALIDATION, ALT).axes
    low, high = axes.get_ylim()
    assert low == 0
    assert high > 120


def test_negative_nats_are_seen() -> None:
    train = TRAIN | {"recon_nll": [10.0, -200.0, -300.0]}
    (axes,) = loss_curves(train, NONE, ALT).axes
    low, high = axes.get_ylim()
    assert low <= -300
    assert high >= 10


@pytest.mark.parametrize("as_tensor", [False, True])
def test_a_line_plot_holds_the_numbers_given(as_tensor: bool) -> None:
    make: Callable[[list[float]], Any] = torch.tensor if as_tensor else list
    curves = {"up": make([3.0, 4.0]), "down": make([2.0, 1.0])}
    (axes,) = line_plot(make([1.0, 5.0]), curves, ALT, xlabel="beta", ylabel="nats").axes
    assert lines(axes) == {"up": [(1, 3), (5, 4)], "down": [(1, 2), (5, 1)]}
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("beta", "nats")


def test_colour_is_never_the_only_sign_of_a_line() -> None:
    curves: dict[str, Any] = {str(i): [0, i] for i in range(4)}
    figure = line_plot([0, 1], curves, ALT, xlabel="x", ylabel="y")
    drawn = figure.axes[0].lines
    for sign in ("color", "linestyle", "marker"):
        assert len({getattr(line, f"get_{sign}")() for line in drawn}) == 4
    unmarked = line_plot([0, 1], curves, ALT, xlabel="x", ylabel="y", markers=False)
    assert {line.get_marker() for line in unmarked.axes[0].lines} == {""}


def test_one_line_needs_no_legend() -> None:
    one = line_plot([0, 1], {"a": [0, 1]}, ALT, xlabel="x", ylabel="y")
    two = line_plot([0, 1], {"a": [0, 1], "b": [1, 0]}, ALT, xlabel="x", ylabel="y")
    assert one.axes[0].get_legend() is None
    assert two.axes[0].get_legend() is not None


def test_more_curves_than_there_are_dashes_are_refused_and_none_is_lost() -> None:
    curves = {str(i): [0.0, i] for i in range(5)}
    with pytest.raises(CourseError, match="expected 4 curves or fewer, got 5"):
        line_plot([0, 1], curves, ALT, xlabel="x", ylabel="y")
    del curves["4"]
    figure = line_plot([0, 1], curves, ALT, xlabel="x", ylabel="y")
    assert [line.get_label() for line in figure.axes[0].lines] == list(curves)
