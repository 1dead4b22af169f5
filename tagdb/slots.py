"""What a tag does to which part of the face: what to negate, what hides the irises, where to edit."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from tagdb.records import ExpressionTag

EditPart = Literal["head", "face", "eyes", "brows", "mouth", "cheeks", "hands", "marks"]

_UPPER, _LOWER = frozenset({"eyes", "brows"}), frozenset({"mouth"})
_NEGATIVES_PER_TAG, _NEGATIVES = 2, 4
# a face to be edited shows features, and common ones; moods and rare ones need no negating
_FEATURE_SLOTS = frozenset({"eyes", "pupils", "gaze", "brows", "mouth", "teeth_tongue", "cheeks"})
_COMMON = 10_000
_SHUT = frozenset(
    {"closed_eyes", "^_^", ">_<", "=_=", "u_u", "xd", "x3", "t_t", "sleeping"},
)
# no iris is drawn, so an eye colour in the prompt would only bring the old eyes back
_NO_IRIS = _SHUT | {"x_x", "blank_eyes", "solid_circle_eyes", "._.", "o_o", "0_0"}
# much used on adult pictures, whatever is meant here
_NEEDS_NSFW_NEGATED = frozenset(
    {"rolling_eyes", "heart-shaped_pupils", "drooling", "half-closed_eyes"}
)


# of one of the two eyes, and of the skin below them: no part of a face says which, or where
_ONE_EYE = frozenset({"one_eye_closed", "uneven_eyes"})
_BELOW_THE_EYES = frozenset({"bags_under_eyes", "teardrop"})
# drawn beyond the lids, up to the brows
_UP_TO_THE_BROWS = frozenset({">_<", ">_o", "o_o", "0_0", "squinting", "glowing_eyes"})


def hides_irises(records: Iterable[ExpressionTag]) -> bool:
    """True when one of the tags leaves no iris to be seen in either eye."""
    return any(record.tag in _NO_IRIS for record in records)


def edit_part(record: ExpressionTag) -> EditPart:
    """The part of the picture that a tag changes; the face where it changes several."""
    parts = set(record.parts)
    if "head" in parts:
        return "head"
    if "hands" in parts:
        return "hands"
    if record.slot == "marks" and "marks" in parts:
        return "marks"
    upper, lower = bool(parts & _UPPER), bool(parts & _LOWER)
    if "face" in parts or (upper and lower):
        return "face"
    if upper:
        return "brows" if parts <= {"brows"} else "eyes"
    if lower:
        return "mouth"
    return "cheeks" if "cheeks" in parts else "face"


def face_parts(part: EditPart, records: Sequence[ExpressionTag]) -> tuple[str, ...]:
    """The parts of a found face to select for an edit of a part of the picture; none where no such part fits.

    Where the eyes alone change these are the two eyes without brows: less of a fringe has to be drawn again.
    """
    tags = {record.tag for record in records}
    if part in ("head", "hands", "marks") or tags & (_ONE_EYE | _BELOW_THE_EYES):
        return ()
    if part == "mouth":
        return ("mouth",)
    reached = {name for record in records for name in record.parts}
    if part not in _UPPER or not reached <= _UPPER:
        return ("face",)
    alone = reached == {"eyes"} and not tags & _UP_TO_THE_BROWS
    return ("left_eye", "right_eye") if alone else ("eyes",)


def slot_negatives(
    records: Sequence[ExpressionTag], known: Iterable[ExpressionTag], part: EditPart = "face"
) -> tuple[ExpressionTag | str, ...]:
    """What would undo the expression: for each tag the commonest features that contradict it.

    Those of its own slot come first; what is asked for or implied never comes, nor what lies outside
    the edited part. At most two for a tag and four in all, and "nsfw" where the tag draws that way.
    """
    features = {r.tag: r for r in known if _is_common_feature(r) and lies_in(r, part)}
    asked = {record.tag for record in records} | {i for r in records for i in r.implies}
    found: list[ExpressionTag | str] = []
    if part != "mouth" and any(record.tag in _SHUT for record in records):
        found.append("open eyes")
    for record in records:
        opposites = [features[tag] for tag in record.contradicts if tag in features]
        opposites = [o for o in opposites if not asked.intersection((o.tag, *o.implies))]
        is_feature = record.slot in _FEATURE_SLOTS
        opposites.sort(key=lambda o: (is_feature and o.slot != record.slot, -o.post_count, o.tag))
        found += [tag for tag in opposites[:_NEGATIVES_PER_TAG] if tag not in found]
    found = found[:_NEGATIVES]
    if any(record.tag in _NEEDS_NSFW_NEGATED for record in records):
        found.append("nsfw")
    return tuple(found)


def _is_common_feature(record: ExpressionTag) -> bool:
    return (
        record.slot in _FEATURE_SLOTS
        and record.category != "emoticon"
        and record.post_count >= _COMMON
    )


def lies_in(record: ExpressionTag, part: EditPart) -> bool:
    """Whether the tag says something of the edited part: of the mouth, or of what lies above it."""
    is_lower = bool(_LOWER.intersection(record.parts))
    if part == "mouth":
        return is_lower
    return part not in ("eyes", "brows") or not is_lower
