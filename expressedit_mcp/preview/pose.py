"""The numbers that one expression is drawn from."""

from dataclasses import dataclass, replace

from .expression import Expression
from .states import (
    BROW_STATES,
    EYE_STATES,
    GAZE_STATES,
    IRIS_STATES,
    JAW_DROPS,
    BrowPose,
    EyePose,
    IrisState,
)

_WIDE_EYED_IRIS_SCALE = 0.86


@dataclass(frozen=True)
class FacePose:
    """The numbers of an expression; lengths in figure units, gaze points right and down."""

    left_eye: EyePose
    right_eye: EyePose
    iris: IrisState
    left_iris_scale: float
    right_iris_scale: float
    gaze: tuple[float, float]
    together: float
    left_brow: BrowPose
    right_brow: BrowPose
    brow_crease: bool
    mouth_scale: tuple[float, float]
    jaw_drop: float
    cheek_puff: float

    def eye(self, side: int) -> EyePose:
        """The eye of a side, -1 or 1."""
        return self.left_eye if side < 0 else self.right_eye

    def brow(self, side: int) -> BrowPose:
        """The brow of a side, -1 or 1."""
        return self.left_brow if side < 0 else self.right_brow

    def iris_scale(self, side: int) -> float:
        """The iris' size on a side, relative to the character's own."""
        return self.left_iris_scale if side < 0 else self.right_iris_scale


def pose_of(expression: Expression) -> FacePose:
    """The numbers from which the expression is drawn."""
    e = expression
    gaze, iris = GAZE_STATES[e.gaze], IRIS_STATES[e.iris]
    eyes, brows = EYE_STATES[e.eyes], BROW_STATES[e.brows]
    marked_left = e.side == "left"
    opening = e.eye_opening * gaze.opening

    def eye(marked: bool) -> EyePose:
        pose = eyes.marked if marked and eyes.marked else eyes.both
        return replace(pose, opening=min(pose.opening * opening, 1.4))

    def brow(marked: bool) -> BrowPose:
        pose = brows.marked if marked and brows.marked else brows.both
        return replace(pose, tilt=pose.tilt + e.brow_tilt, drop=pose.drop - e.brow_raise)

    scale = iris.scale * e.iris_scale
    if e.eyes == "wide-eyed" and e.iris == "normal":
        scale *= _WIDE_EYED_IRIS_SCALE
    aside = -gaze.aside if marked_left else gaze.aside
    return FacePose(
        left_eye=eye(marked_left),
        right_eye=eye(not marked_left),
        iris=replace(iris, pupil=iris.pupil * e.pupil_scale),
        left_iris_scale=scale * (1 + iris.uneven * marked_left),
        right_iris_scale=scale * (1 + iris.uneven * (not marked_left)),
        gaze=(aside + e.gaze_offset[0], gaze.down - iris.lift + e.gaze_offset[1]),
        together=gaze.together,
        left_brow=brow(marked_left),
        right_brow=brow(not marked_left),
        brow_crease=brows.crease,
        mouth_scale=(e.mouth_width, e.mouth_height),
        jaw_drop=JAW_DROPS.get(e.mouth, 0.0),
        cheek_puff=1.0 if "puffy cheeks" in e.extras else 0.0,
    )
