"""Latent sliders: something to move with one's own hands, in Jupyter and on the page.

Each function gives what ends a cell: a live widget, or, where VAECOURSE_STATIC is set when the
package is imported (as it is while a chapter is run for the book), the same explorer as a page that
needs no kernel. Each has a file here, and one of the same name in js/.
"""

from vaecourse.explorer.along import along
from vaecourse.explorer.betas import effective_beta
from vaecourse.explorer.between import interpolate
from vaecourse.explorer.bound import bound
from vaecourse.explorer.ellipses import ellipses
from vaecourse.explorer.erase import erase
from vaecourse.explorer.explore import explore
from vaecourse.explorer.graph import graph
from vaecourse.explorer.normal import normal
from vaecourse.explorer.page import Page, shown_on
from vaecourse.explorer.sketch import draw_digit
from vaecourse.explorer.slide import slide_attribute

__all__ = [
    "Page",
    "along",
    "bound",
    "draw_digit",
    "effective_beta",
    "ellipses",
    "erase",
    "explore",
    "graph",
    "interpolate",
    "normal",
    "shown_on",
    "slide_attribute",
]
