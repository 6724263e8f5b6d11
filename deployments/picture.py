"""Images as the libraries take them."""

from __future__ import annotations

import numpy as np
import PIL.Image
from numpy.typing import NDArray

from deployments.values import Image

# Colors that are told apart on any picture.
PALETTE = [
    (230, 57, 70),
    (29, 120, 220),
    (42, 157, 90),
    (244, 162, 30),
    (142, 68, 173),
    (0, 170, 190),
    (214, 80, 150),
    (120, 120, 40),
]


def rgb(image: Image) -> NDArray[np.uint8]:
    """uint8 [height, width, 3]; what is transparent becomes white."""
    if image.pixels.shape[2] == 3:
        return image.pixels
    colour, alpha = image.pixels[..., :3].astype(np.uint16), image.pixels[..., 3:].astype(np.uint16)
    return ((colour * alpha + 255 * (255 - alpha)) // 255).astype(np.uint8)


def to_pil(image: Image) -> PIL.Image.Image:
    """Mode RGB."""
    return PIL.Image.fromarray(rgb(image))


def from_pil(image: PIL.Image.Image) -> Image:
    """Any mode; transparency is dropped."""
    return Image(np.asarray(image.convert("RGB")))
