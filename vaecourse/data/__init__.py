"""Images in [0, 1] as tensors, by name: `load("digits")`.

`print(listing())` shows the sets, from the one table in `table.py`; a folder of your own pictures
is loaded by its path. Downloads and prepared tensors live in the folder that the environment
variable `VAECOURSE_DATA` names, or else in the user's cache folder. What is asked for is used, or
an error says what to do.
"""

from vaecourse.data.augmenting import augmented
from vaecourse.data.celeba import CELEBA_ATTRIBUTES
from vaecourse.data.faces import FACE_FACTORS, draw_faces, random_factors
from vaecourse.data.images import Images, check_colour, check_images
from vaecourse.data.kept import data_root, unwritable
from vaecourse.data.loading import fetch, identity, listing, load, without_network
from vaecourse.data.table import NAMES

__all__ = [
    "CELEBA_ATTRIBUTES",
    "FACE_FACTORS",
    "NAMES",
    "Images",
    "augmented",
    "check_colour",
    "check_images",
    "data_root",
    "draw_faces",
    "fetch",
    "identity",
    "listing",
    "load",
    "random_factors",
    "unwritable",
    "without_network",
]
