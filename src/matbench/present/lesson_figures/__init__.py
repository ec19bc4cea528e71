"""The pictures of the lessons: functions of plain numbers, each with its own description in words."""

from __future__ import annotations

from matbench.present.lesson_figures.ladders import credit, ladder
from matbench.present.lesson_figures.picture import Movie, Picture, picture
from matbench.present.lesson_figures.plane import (
    arrows,
    circle_to_ellipse,
    eigen_directions,
    ellipse_movie,
    inverse,
    svd_stages,
)
from matbench.present.lesson_figures.roof import roof
from matbench.present.lesson_figures.samples import intervals, race, strips, timeline
from matbench.present.lesson_figures.shapes import arrays, broadcasting, product
from matbench.present.lesson_figures.space import sphere_to_ellipsoid
from matbench.present.lesson_figures.surface import curve_and_points, descent, heat_map

__all__ = [
    "Movie",
    "Picture",
    "arrays",
    "arrows",
    "broadcasting",
    "circle_to_ellipse",
    "credit",
    "curve_and_points",
    "descent",
    "eigen_directions",
    "ellipse_movie",
    "heat_map",
    "intervals",
    "inverse",
    "ladder",
    "picture",
    "product",
    "race",
    "roof",
    "sphere_to_ellipsoid",
    "strips",
    "svd_stages",
    "timeline",
]
