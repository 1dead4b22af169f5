"""Pictures as arrays: geometry, selections, crops, transforms, hints, compositing.

NumPy and OpenCV only: no torch, no files.
"""

from expressedit_mcp.imaging.brush import Paint, paint_under
from expressedit_mcp.imaging.colour import profile_note, srgb_crop
from expressedit_mcp.imaging.composite import Patch, apply_patch, outside_unchanged
from expressedit_mcp.imaging.crop import (
    CropPlan,
    aspect_buckets,
    extract,
    plan_crop,
    resize,
    restore,
)
from expressedit_mcp.imaging.drag import drag_under
from expressedit_mcp.imaging.finder import Face, Finder, face_at, face_outline
from expressedit_mcp.imaging.geometry import Box, Size
from expressedit_mcp.imaging.guided import guided_upsample
from expressedit_mcp.imaging.hints import canny_hint
from expressedit_mcp.imaging.membrane import correct_rim
from expressedit_mcp.imaging.overlay import draw_grid
from expressedit_mcp.imaging.picture import Picture, to_8_bit, to_rgb
from expressedit_mcp.imaging.preservation import STRUCTURE_PASSES, preserve, window_radius_px
from expressedit_mcp.imaging.selection import (
    Selection,
    box_selection,
    ellipse_selection,
    feather,
    grow,
    mask_selection,
    polygon_selection,
    union,
)
from expressedit_mcp.imaging.transform import move_under, scale_under
from expressedit_mcp.imaging.warp import Move, Swell, liquify_under

__all__ = [
    "STRUCTURE_PASSES",
    "Box",
    "CropPlan",
    "Face",
    "Finder",
    "Move",
    "Paint",
    "Patch",
    "Picture",
    "Selection",
    "Size",
    "Swell",
    "apply_patch",
    "aspect_buckets",
    "box_selection",
    "canny_hint",
    "correct_rim",
    "drag_under",
    "draw_grid",
    "ellipse_selection",
    "extract",
    "face_at",
    "face_outline",
    "feather",
    "grow",
    "guided_upsample",
    "liquify_under",
    "mask_selection",
    "move_under",
    "outside_unchanged",
    "paint_under",
    "plan_crop",
    "polygon_selection",
    "preserve",
    "profile_note",
    "resize",
    "restore",
    "scale_under",
    "srgb_crop",
    "to_8_bit",
    "to_rgb",
    "union",
    "window_radius_px",
]
