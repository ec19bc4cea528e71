import msgspec
import pytest
from matplotlib.colors import to_hex

from matbench.present.figures.heatmap import (
    DARK_CELL,
    LIGHT_CELL,
    MOST_SIZES,
    alt_heatmap,
    draw_heatmap,
    finding_heatmap,
    rows_heatmap,
)
from matbench.present.style import DARK, LIGHT, contrast


def cells(figure):
    """{(column, line): (face colour, text, text colour)} of the filled cells."""
    ax = figure.axes[0]
    texts = {text.get_position(): text for text in ax.texts}
    boxes = ax.collections[0]
    found = {}
    for path, face in zip(boxes.get_paths(), boxes.get_facecolors(), strict=True):
        place = tuple(round(each) for each in path.vertices[:4].mean(axis=0))
        found[place] = (to_hex(face), texts[place].get_text(), texts[place].get_color())
    return found


def dotted(figure):
    return figure.axes[0].collections[1].get_paths()


def test_each_cell_is_the_share_of_the_peak_on_as_many_threads(made):
    card = made.card("fast")
    rows = [made.row(card, n, 2 * n**3 / (made.peak * share), threads=1) for n, share in ((64, 0.5), (128, 0.03))]
    found = cells(draw_heatmap(made.table(rows)))
    assert {place: text for place, (_, text, _) in found.items()} == {(0, 0): "50", (1, 0): "3.0"}


@pytest.mark.parametrize("dark", [False, True])
def test_numbers_stand_out_from_their_cells(table, dark):
    found = cells(draw_heatmap(table, dark=dark))
    assert len(found) > 100
    assert all(contrast(face, ink) >= 4.5 for face, _, ink in found.values())
    assert not {LIGHT_CELL, DARK_CELL} & {LIGHT.paper, DARK.paper}


def test_a_higher_share_has_a_lighter_cell(made):
    shares = (0.0001, 0.001, 0.01, 0.1, 0.9)
    rows = [
        made.row(made.card("k"), n, 2 * n**3 / (made.peak * share))
        for n, share in zip(range(8, 48, 8), shares, strict=True)
    ]
    found = cells(draw_heatmap(made.table(rows)))
    light = [contrast(found[column, 0][0], "#000000") for column in range(len(shares))]
    assert light == sorted(light)


def test_predictions_have_a_dotted_frame_and_a_tilde_in_the_numbers(table):
    predicted = [row for row in table.rows if row.extrapolated]
    assert predicted
    assert len(dotted(draw_heatmap(table))) == len(predicted)
    marked = [cell for line in rows_heatmap(table).rows for cell in line if str(cell).startswith("~")]
    assert len(marked) == len(predicted)


def test_many_sizes_are_thinned_but_the_largest_and_the_numbers_stay(made):
    rows = [made.row(made.card("k"), n, 1e-3 * n) for n in range(8, 8 + 40)]
    figure = draw_heatmap(made.table(rows))
    assert len(cells(figure)) == MOST_SIZES
    labels = [label.get_text() for label in figure.axes[0].get_xticklabels()]
    assert (labels[0], labels[-1]) == ("8", "47")
    assert len(rows_heatmap(made.table(rows)).columns) == 2 + 40
    assert any("20 sizes" in text.get_text() for text in figure.texts)


def test_without_a_peak_there_is_no_share(made):
    table = made.table([made.row(made.card("k"), 64, 1.0, dtype="float64")], peaks=())
    bare = msgspec.structs.replace(
        table, rows=tuple(msgspec.structs.replace(row, peak_share=None) for row in table.rows)
    )
    assert finding_heatmap(bare) == "No share of the peak can be told: the peak of float64 was not measured."
    assert alt_heatmap(bare).startswith("Empty chart.")
    assert rows_heatmap(bare).rows == ()
    assert any("not measured" in text.get_text() for text in draw_heatmap(bare).axes[0].texts)


def test_the_finding_names_who_reaches_half_of_the_peak_and_the_best_of_the_others(made):
    rows = [
        made.row(made.card(name), n, 2 * n**3 / (made.peak * share))
        for name, n, share in (
            ("blas", 64, 0.4),
            ("blas", 128, 0.6),
            ("loop", 64, 0.1),
            ("loop", 128, 0.2),
        )
    ]
    assert finding_heatmap(made.table(rows)) == (
        "In float64, half of the peak is reached by blas on 1 thread (from n = 128); "
        "of the others loop on 1 thread gets to 20 % at most."
    )
    assert finding_heatmap(made.table(rows[2:])) == (
        "In float64, no rung reaches half of the peak: loop on 1 thread gets to 20 % at most."
    )
