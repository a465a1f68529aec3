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
from torch import Tensor, nn

from vaecourse.errors import CourseError
from vaecourse.latent import prior_grid
from vaecourse.networks import Autoencoder, ConvDecoder, ConvEncoder, MLPDecoder, MLPEncoder
from vaecourse.plotting import (
    CLASS_COLOURS,
    Figure,
    axes_of,
    decoded_manifold,
    difference_grid,
    dot_groups,
    draw_decoded_manifold,
    draw_extent,
    draw_latent_scatter,
    image_grid,
    latent_scatter,
    line_plot,
    loss_curves,
    loss_diagram,
    network_diagram,
    new_figure,
    reconstruction_pairs,
    with_minus,
)
from vaecourse.vae import VAE

ALT = "A figure drawn by a test"


def images(count: int, channels: int = 1, height: int = 5, width: int = 4) -> Tensor:
    rng = torch.Generator().manual_seed(0)
    return torch.rand(count, channels, height, width, generator=rng)


def codes(count: int = 60) -> tuple[Tensor, Tensor]:
    """Points z and classes y, of which 3 is missing."""
    rng = torch.Generator().manual_seed(0)
    y = torch.tensor([0, 1, 2, 4])[torch.arange(count) % 4]
    return torch.randn(count, 2, generator=rng) + y[:, None], y


TRAIN = {"loss": [91.0, 84.0, 80.0], "recon_nll": [90.0, 80.0, 75.0], "kl": [1.0, 4.0, 5.0]}
VALIDATION = {
    "loss": [120.5, 90.0, 83.5, 81.5],
    "recon_nll": [120.0, 88.0, 79.0, 76.0],
    "kl": [0.5, 2.0, 4.5, 5.5],
}


def history(train: dict[str, list[float]], validation: dict[str, list[float]]) -> Any:
    return SimpleNamespace(train=train, validation=validation)


def mlp_vae() -> VAE:
    return VAE(MLPEncoder(6, hidden=(40, 20)), MLPDecoder(3, hidden=(30, 50)))


def conv_autoencoder() -> Autoencoder:
    return Autoencoder(ConvEncoder(8, nn.LeakyReLU), ConvDecoder(8, nn.LeakyReLU))


DIGIT = torch.zeros(1, 1, 28, 28)

DRAWINGS: dict[str, Callable[[str], Figure]] = {
    "image_grid": lambda alt: image_grid(images(7), alt, columns=3, titles=["first"]),
    "colour": lambda alt: image_grid(images(3, channels=3), alt, row_labels=["row"]),
    "reconstruction_pairs": lambda alt: reconstruction_pairs(images(4), images(4) / 2, alt),
    "latent_scatter": lambda alt: latent_scatter(*codes(), alt),
    "decoded_manifold": lambda alt: decoded_manifold(images(9), prior_grid(3)[1], alt),
    "difference_grid": lambda alt: difference_grid(images(4) - 0.5, alt, columns=2),
    "loss_curves": lambda alt: loss_curves(history(TRAIN, VALIDATION), alt),
    "dot_groups": lambda alt: dot_groups({"a": [1, 2], "b": [3]}, alt, ylabel="y"),
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


def test_what_draws_into_axes_draws_as_the_figure_of_its_own_does() -> None:
    figure = new_figure(ALT)
    left, right = axes_of(figure, 1, 2)[0]
    _, coordinates = prior_grid(3)
    draw_latent_scatter(left, *codes(), limit=3)
    draw_decoded_manifold(right, images(9), coordinates)
    (alone,) = latent_scatter(*codes(), ALT, limit=3).axes
    for here, there in zip(left.lines, alone.lines, strict=True):
        assert np.array_equal(here.get_xydata(), there.get_xydata())
    assert left.get_xlim() == alone.get_xlim()
    assert np.array_equal(pictures(figure), pictures(decoded_manifold(images(9), coordinates, ALT)))


def test_the_extent_of_a_grid_is_a_square_from_its_first_coordinate_to_its_last() -> None:
    axes = axes_of(new_figure(ALT))
    draw_extent(axes, torch.tensor([-1.5, 0.0, 2.0]), "the map")
    (square,) = axes.patches
    assert square.get_bbox().extents.tolist() == [-1.5, -1.5, 2.0, 2.0]
    assert not square.get_fill()
    assert [text.get_text() for text in axes.texts] == ["the map"]


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


@pytest.mark.parametrize("scale", [1.0, 3.0, 0.01])
def test_the_ticks_of_a_manifold_are_round_numbers_at_their_true_places(scale: float) -> None:
    """Between the middles of two cells, as far as the number is between their coordinates."""
    z, coordinates = prior_grid(15)
    coordinates = scale * coordinates
    for dimension in (0, 1):
        x = scale * z[:, dimension].view(-1, 1, 1, 1)  # each cell is as bright as its coordinate
        (axes,) = decoded_manifold(x, coordinates, ALT).axes
        ticks = (axes.xaxis, axes.yaxis)[dimension]
        values = [float(name.get_text().replace("−", "-")) for name in ticks.get_ticklabels()]
        assert 4 <= len(values) <= 9
        assert 0 in values
        assert np.diff(values) == pytest.approx(values[1] - values[0])
        assert f"{(values[1] - values[0]):.0e}"[0] in "125"
        for place, value in zip(ticks.get_ticklocs(), values, strict=True):
            i = int(place - 0.5)
            between = place - 0.5 - i
            ends = coordinates[i : i + 2].tolist()
            there = ends[0] + between * (ends[-1] - ends[0])
            assert there == pytest.approx(value, abs=1e-3 * scale)


def test_the_sheet_of_a_manifold_rises_with_its_coordinates() -> None:
    z, coordinates = prior_grid(9)
    for dimension in (0, 1):
        figure = decoded_manifold(z[:, dimension].view(-1, 1, 1, 1), coordinates, ALT)
        assert figure.axes[0].images[0].get_extent() == [0, 9, 0, 9]
        (sheet,) = pictures(figure)
        assert np.allclose(sheet[0] if dimension == 0 else sheet[::-1, 0], coordinates)


def test_a_manifold_whose_coordinates_do_not_ascend_is_refused() -> None:
    with pytest.raises(CourseError, match=r"coordinates that ascend, .*; try latent.prior_grid"):
        decoded_manifold(images(9), prior_grid(3)[1].flip(0), ALT)


@pytest.mark.parametrize("bad", [math.inf, -math.inf, math.nan])
def test_a_manifold_with_an_end_that_is_not_finite_is_refused(bad: float) -> None:
    with pytest.raises(CourseError, match=r"expected finite coordinates .*; try latent.prior_grid"):
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
    panels = loss_curves(history(TRAIN, VALIDATION), ALT).axes
    titles = [axes.get_title(loc="left") for axes in panels]
    assert titles == ["reconstruction (starts at 120, above this scale)", "KL"]
    for axes, name in zip(panels, ("recon_nll", "kl"), strict=True):
        assert lines(axes) == {
            "training images": list(enumerate(TRAIN[name], start=1)),
            "held-out images": list(enumerate(VALIDATION[name])),
        }
        assert "nats" in axes.get_ylabel()
    legend = panels[0].get_legend()
    assert legend is not None
    assert {text.get_text() for text in legend.get_texts()} == lines(panels[0]).keys()


def test_loss_curves_have_a_panel_for_whatever_term_a_history_names() -> None:
    terms = {"loss": [3.0, 2.0], "recon_nll": [2.0, 1.5], "code_book": [1.0, 0.5]}
    panels = loss_curves(history(terms, {}), ALT).axes
    assert [axes.get_title(loc="left") for axes in panels] == ["reconstruction", "code book"]
    (alone,) = loss_curves(history({"loss": [3.0, 2.0]}, {}), ALT).axes
    assert lines(alone) == {"training images": [(1, 3), (2, 2)]}


def test_loss_curves_of_an_autoencoder_are_one_panel() -> None:
    terms = {name: TRAIN[name] for name in ("loss", "recon_nll")}
    assert len(loss_curves(history(terms, {}), ALT).axes) == 1


def test_no_epochs_have_no_curves() -> None:
    empty: list[dict[str, list[float]]] = [{}, {"loss": []}]
    for nothing in empty:
        with pytest.raises(CourseError, match="a History of one epoch or more"):
            loss_curves(history(nothing, {}), ALT)


def test_the_first_epochs_do_not_hide_the_gap_between_training_and_held_out_images() -> None:
    """And the panel tells what it cuts off."""
    train = [200.0] + [120.0 - i for i in range(20)]
    held_out = [543.0, 210.0] + [130.0 - i / 2 for i in range(20)]
    (axes,) = loss_curves(history({"loss": train}, {"loss": held_out}), ALT).axes
    low, high = axes.get_ylim()
    assert high < 140
    assert (held_out[-1] - train[-1]) / (high - low) > 0.4
    assert "starts at 543" in axes.get_title(loc="left")


def test_a_panel_that_hides_nothing_is_not_cut() -> None:
    rising = [6 - 6 * 0.8**i for i in range(1, 30)]
    (axes,) = loss_curves(history({"kl": rising}, {"kl": [0.0, *rising]}), ALT).axes
    low, high = axes.get_ylim()
    assert low == 0
    assert high > max(rising)
    assert axes.get_title(loc="left") == "KL"


def test_negative_nats_are_seen() -> None:
    (axes,) = loss_curves(history({"recon_nll": [10.0, -200.0, -300.0]}, {}), ALT).axes
    assert axes.get_ylim()[0] <= -300


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


def test_a_curve_may_end_before_x_does_and_not_after_it() -> None:
    (axes,) = line_plot([1, 2, 3], {"a": [5, 6]}, ALT, xlabel="x", ylabel="y").axes
    assert lines(axes) == {"a": [(1, 5), (2, 6)]}
    with pytest.raises(CourseError, match=r"expected curves of 2 points.* got one of 3"):
        line_plot([1, 2], {"a": [5, 6, 7]}, ALT, xlabel="x", ylabel="y")


def test_the_axes_of_a_line_plot_may_be_logarithmic_with_ticks_as_told() -> None:
    (axes,) = line_plot(
        [0.1, 10], {"a": [1, 2]}, ALT, xlabel="x", ylabel="y", xscale="log", yscale="log",
        xticks=[0.1, 1, 10],
    ).axes  # fmt: skip
    assert (axes.get_xscale(), axes.get_yscale()) == ("log", "log")
    assert axes.get_xticks().tolist() == [0.1, 1, 10]
    assert [name.get_text() for name in axes.get_xticklabels()] == ["0.1", "1", "10"]


def test_a_reference_is_a_level_line_with_its_name() -> None:
    level = {"published": 3.5}
    for figure in (
        line_plot([1, 2], {"a": [3, 4]}, ALT, xlabel="x", ylabel="y", reference=level),
        dot_groups({"a": [3, 4]}, ALT, ylabel="y", reference=level),
    ):
        (axes,) = figure.axes
        assert axes.lines[-1].get_ydata() == [3.5, 3.5]
        assert [text.get_text() for text in axes.texts] == ["published"]


def test_every_dot_of_a_group_is_seen_at_its_value_near_its_name() -> None:
    groups: dict[str, Any] = {"one": [3.0, 3.0, 3.0, 4.0], "two": torch.tensor([1.0]), "none": []}
    (axes,) = dot_groups(groups, ALT, ylabel="y", limits=(0, 5)).axes
    for place, (line, values) in enumerate(zip(axes.lines, groups.values(), strict=True)):
        x, y = np.asarray(line.get_data())
        assert y.tolist() == list(map(float, values))
        assert len(set(x.tolist())) == len(values)
        assert np.abs(x - place).max(initial=0) < 0.4
    assert [name.get_text() for name in axes.get_xticklabels()] == list(groups)
    assert len({line.get_marker() for line in axes.lines}) == 3
    (mean,) = axes.collections  # one dot needs none
    assert np.asarray(mean.get_paths()[0].vertices)[:, 1].tolist() == [3.25, 3.25]
    assert axes.get_ylim() == (0, 5)


def test_numbers_are_named_with_a_true_minus_sign() -> None:
    assert [with_minus(x) for x in (-0.5, -0.0, 10, 2.0)] == ["−0.5", "0", "10", "2"]


# -- differences -------------------------------------------------------------------------------


def test_differences_are_white_at_zero_and_on_one_scale_that_is_told() -> None:
    differences = torch.zeros(2, 1, 3, 3)
    differences[0, 0, 0, 0], differences[1, 0, 2, 2] = -0.5, 0.2
    figure = difference_grid(differences, ALT)
    cells = [axes.images[0] for axes in figure.axes if axes.images]
    for cell, values in zip(cells, differences, strict=True):
        assert np.array_equal(np.asarray(cell.get_array()), values[0])
        assert cell.get_clim() == (-0.5, 0.5)
        below, zero, above = cell.to_rgba(np.array([-0.5, 0.0, 0.5]))
        assert min(zero) > 0.95
        assert below[2] > below[0]  # blue
        assert above[0] > above[2]  # red
    names = [name.get_text() for name in figure.axes[-1].get_xticklabels()]
    assert names == ["−0.50", "0", "+0.50"]


def test_no_difference_at_all_is_drawn() -> None:
    assert png(difference_grid(torch.zeros(2, 1, 3, 3), ALT))


def test_differences_of_colours_are_refused() -> None:
    with pytest.raises(CourseError, match=r"differences of grey images.* \(2, 3, 4, 4\); try"):
        difference_grid(torch.zeros(2, 3, 4, 4), ALT)


# -- diagrams ----------------------------------------------------------------------------------


def words(figure: Figure) -> list[str]:
    """The texts of a diagram from top to bottom, those of a row from left to right."""
    (axes,) = figure.axes
    placed = [(-y, x, t.get_text()) for t in axes.texts for x, y in [t.get_position()]]
    return [text.replace("\n", " ") for _, _, text in sorted(placed) if text]


def test_a_diagram_of_a_vae_has_the_sizes_of_its_layers_and_the_random_step() -> None:
    said = [text for text in words(network_diagram(mlp_vae(), DIGIT)) if "coder" not in text]
    assert said == [
        *("x: 1 × 28 × 28", "linear, ReLU", "40", "linear, ReLU", "20", "linear"),
        *("μ: 3", "log σ²: 3", "ε ~ N(0, I): 3", "z = μ + σ · ε: 3"),
        *("linear, ReLU", "30", "linear, ReLU", "50", "linear", "logits: 1 × 28 × 28"),
        *("sigmoid", "x_recon: 1 × 28 × 28"),
    ]


def test_a_diagram_of_an_autoencoder_has_channels_and_no_random_step() -> None:
    said = words(network_diagram(conv_autoencoder(), DIGIT))
    shapes = [text for text in said if "×" in text and "conv" not in text]
    assert shapes == [
        *("x: 1 × 28 × 28", "32 × 14 × 14", "64 × 7 × 7"),
        *("64 × 7 × 7", "64 × 14 × 14", "32 × 28 × 28", "logits: 1 × 28 × 28"),
        "x_recon: 1 × 28 × 28",
    ]
    assert "z: 8" in said
    assert "conv. 3 × 3 stride 2, LeakyReLU" in said
    assert not any("ε" in text or "σ" in text for text in said)


def test_a_part_that_is_no_sequential_is_one_box() -> None:
    class Halved(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Sequential(nn.Linear(40, 40), nn.ReLU(), nn.Linear(40, 20))

        def forward(self, x: Tensor) -> Tensor:
            return self.inner(x)

    encoder = nn.Sequential(nn.Flatten(), nn.Linear(784, 40), Halved(), nn.Linear(20, 2))
    said = words(network_diagram(Autoencoder(encoder, MLPDecoder(2)), DIGIT))
    said.remove("encoder")
    assert said[1:7] == ["linear", "40", "Halved", "20", "linear", "z: 2"]


@pytest.mark.parametrize("draw", [network_diagram, loss_diagram])
@pytest.mark.parametrize("make", [mlp_vae, conv_autoencoder])
def test_a_diagram_fits_a_phone_and_nothing_is_cut_off(
    draw: Callable[..., Figure], make: Callable[[], nn.Module]
) -> None:
    figure = draw(make(), DIGIT)
    assert 100 * figure.get_figwidth() <= 450  # CSS pixels, where a phone has some 390
    figure.draw_without_rendering()
    (axes,) = figure.axes
    for text in axes.texts:
        assert float(text.get_fontsize()) >= 9.5
        box = text.get_window_extent()
        assert min(box.x0, box.y0) >= 0
        assert box.x1 <= figure.bbox.x1
        assert box.y1 <= figure.bbox.y1


@pytest.mark.parametrize("draw", [network_diagram, loss_diagram])
@pytest.mark.parametrize("make", [mlp_vae, conv_autoencoder])
def test_a_diagram_leaves_the_model_and_the_random_state_as_they_were(
    draw: Callable[..., Figure], make: Callable[[], nn.Module]
) -> None:
    model = make().train()
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    state = torch.random.get_rng_state()
    draw(model, DIGIT)
    assert all(part.training and not part._forward_hooks for part in model.modules())
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert torch.equal(torch.random.get_rng_state(), state)


def test_the_alt_text_of_a_diagram_names_its_shapes() -> None:
    network, loss = network_diagram(mlp_vae(), DIGIT).alt, loss_diagram(mlp_vae(), DIGIT).alt
    assert network.index("28") < network.index("40") < network.index("20") < network.index("size 3")
    assert network.index("size 3") < network.index("30") < network.index("50")
    assert all(word in loss for word in ("784 pixels", "size 3", "kl"))
    for alt in (f(conv_autoencoder(), DIGIT).alt for f in (network_diagram, loss_diagram)):
        assert not any(word in alt for word in ("σ", "ε", "kl", "variational"))


def test_the_diagram_of_a_loss_has_what_goes_into_each_term() -> None:
    assert words(loss_diagram(mlp_vae(), DIGIT)) == [
        *("x 1 × 28 × 28", "logits 1 × 28 × 28", "μ 3", "log σ² 3"),
        *("−log p(x|z) sum of 784 pixels", "KL(q(z|x) ‖ p(z)) sum of 3 dimensions"),
        *("recon_nll", "kl", "loss = recon_nll + β · kl"),
        "nats, one number an image; with β = 1 the loss is −ELBO",
    ]
    said = words(loss_diagram(conv_autoencoder(), DIGIT))
    assert "loss = recon_nll" in said
    assert not any("kl" in text.lower() for text in said)


@pytest.mark.parametrize("shape", [(2, 1, 28, 28), (1, 28, 28), (0, 1, 28, 28)])
def test_a_diagram_of_other_than_one_image_is_refused(shape: tuple[int, ...]) -> None:
    for draw in (network_diagram, loss_diagram):
        with pytest.raises(CourseError, match=r"expected one image.*; try x\[:1\]"):
            draw(mlp_vae(), torch.zeros(shape))


@pytest.mark.parametrize("coloured", [False, True], ids=["few colours", "many"])
def test_a_stored_picture_is_the_drawn_one_pixel_for_pixel(coloured: bool) -> None:
    images = torch.rand(4, 3 if coloured else 1, 28, 28)
    figure = image_grid(images, ALT)
    drawn, data = io.BytesIO(), figure._repr_mimebundle_()[0]
    figure.savefig(drawn, format="png")
    stored = io.BytesIO(base64.b64decode(data["image/png"]))
    wanted = np.asarray(Image.open(drawn).convert("RGB"))
    assert (np.asarray(Image.open(stored).convert("RGB")) == wanted).all()
