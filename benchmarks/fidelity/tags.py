"""Do edits show the tags that were asked for? The reader judges; the rig's own drawings are the ceiling."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmarks.fidelity.outcome import Outcome
from benchmarks.fidelity.setting import READS_AT, Bench, Edited, Subject, changed_parts
from expressedit_mcp.preview import expression_from_tags
from expressedit_mcp.preview.reader import Reading
from expressedit_mcp.preview.states import EYE_STATES
from expressedit_mcp.preview.tags import RULES
from expressedit_mcp.preview.words import WORDS

_SHOWN_PAIRS = 12


def reads_as(reading: Reading, tags: Sequence[str]) -> bool:
    """Whether the reader sees every one of the tags."""
    return all(reading.tags[tag] >= READS_AT for tag in tags)


def single_tags(bench: Bench, subjects: Sequence[Subject], tags: Sequence[str]) -> Outcome:
    """Each tag on each subject: edited, unedited, and drawn by the rig.

    Where an edit's answer says that the tag is not seen, it is tried twice more. The reader that judges is the one
    that chose, so how near the chosen try is to the rig's drawing is told beside.
    """
    outcome = Outcome()
    read = np.zeros((len(tags), 4))
    levels: list[tuple[float, float]] = []
    for row, tag in enumerate(tags):
        for subject in subjects:
            edited, drawn = bench.edit(subject, [tag]), subject.drawn([tag])
            again = bench.tried_again(subject, [tag], edited)
            readings = (
                edited.reading,
                bench.neutral(subject),
                bench.read(subject, drawn.pixels),
                again.reading,
            )
            read[row] += [reads_as(reading, [tag]) for reading in readings]
            if again is not edited:
                levels.append((_levels(edited, drawn.pixels), _levels(again, drawn.pixels)))
            if subject is subjects[0]:
                outcome.show(tag, edited.after)
                outcome.show("drawn", drawn.pixels)
    shares = read / len(subjects)
    count = len(tags) * len(subjects)
    names = ("edited", "unedited", "drawn", "edited, tried again where the answer said no")
    for name, share in zip(names, shares.mean(axis=0), strict=True):
        outcome.add(f"single tags ({len(tags)}) read as asked: {name}", f"{share:.3f}", count)
    if levels:
        first, last = np.mean(levels, axis=0)
        outcome.add(
            "levels from the drawn of those: first, chosen", f"{first:.1f}, {last:.1f}", len(levels)
        )
    sure = shares[:, 2] == 1
    outcome.add(
        f"the {sure.sum()} of them whose drawings are always read: edited",
        f"{shares[sure, 0].mean():.3f}" if sure.any() else "-",
        int(sure.sum()) * len(subjects),
    )
    outcome.add("by what they change: edited (drawn), tags", _by_parts(tags, shares), count)
    missed = [
        f"{tag} {edited:.1f} ({drawn:.1f})"
        for tag, (edited, _, drawn, _) in zip(tags, shares, strict=True)
        if edited < 1
    ]
    outcome.add("not always read as asked: edited (drawn)", ", ".join(missed) or "none", count)
    return outcome


def _levels(edited: Edited, drawn: np.ndarray) -> float:
    """Mean distance, 0..255, from a drawing inside the selection."""
    apart = np.abs(edited.after.astype(float) - drawn)
    return float(apart[edited.selected].mean())


def _by_parts(tags: Sequence[str], shares: np.ndarray) -> str:
    """Mean shares (edited, unedited, drawn) of the tags that change the same parts."""
    rows: dict[str, list[np.ndarray]] = {}
    for tag, share in zip(tags, shares, strict=True):
        rows.setdefault(" + ".join(sorted(changed_parts([tag]))), []).append(share)
    means = {parts: np.mean(row, axis=0) for parts, row in rows.items()}
    return ", ".join(f"{p} {m[0]:.2f} ({m[2]:.2f}), {len(rows[p])}" for p, m in means.items())


def pairs_of(tags: Sequence[str], count: int) -> list[tuple[str, str]]:
    """Random pairs of tags that change different parts; the same tags give the same pairs."""
    rng, pairs = np.random.default_rng(1), []
    tries = 0
    while len(pairs) < count and tries < 50 * count:
        tries += 1
        first, second = (tags[int(n)] for n in rng.choice(len(tags), 2, replace=False))
        a, b = changed_parts([first]), changed_parts([second])
        if a and b and not a & b and "emotion" not in a | b and _agree(first, second):
            pairs.append((first, second))
    return pairs


def _agree(first: str, second: str) -> bool:
    """Whether one face can show both tags; some also describe parts that they leave as they are."""
    try:
        expression_from_tags([first, second])
    except ValueError:
        return False
    return True


def tag_pairs(
    bench: Bench, subjects: Sequence[Subject], pairs: Sequence[tuple[str, str]]
) -> Outcome:
    """Two tags of different parts, in one edit and in the edits that build_prompt plans."""
    outcome = Outcome()
    edited_right = planned_right = drawn_right = judged = 0
    for number, pair in enumerate(pairs):
        subject = subjects[number % len(subjects)]
        drawn = subject.drawn(pair)
        if not set(pair) <= set(drawn.tags):  # the one hides the other, as closed eyes a gaze
            continue
        judged += 1
        edited = bench.edit(subject, pair)
        planned = bench.edit_as_planned(subject, pair)
        edited_right += reads_as(edited.reading, pair)
        planned_right += reads_as(planned.reading, pair)
        drawn_right += reads_as(bench.read(subject, drawn.pixels), pair)
        if judged <= _SHOWN_PAIRS:
            outcome.show(" + ".join(pair), edited.after)
            outcome.show("as planned", planned.after)
            outcome.show("drawn", drawn.pixels)
    outcome.add("pairs of tags read as asked: one edit", f"{edited_right / judged:.3f}", judged)
    outcome.add("pairs of tags read as asked: as planned", f"{planned_right / judged:.3f}", judged)
    outcome.add("pairs of tags read as asked: drawn", f"{drawn_right / judged:.3f}", judged)
    return outcome


def winks(bench: Bench, subjects: Sequence[Subject]) -> Outcome:
    """One eye closed, asked for by selecting that eye alone."""
    outcome = Outcome()
    right = 0
    for subject in subjects:
        for side in ("left", "right"):
            edited = bench.edit(subject, ["one eye closed"], f"{side}_eye")
            shut = {
                "left": edited.reading.left_iris is None,
                "right": edited.reading.right_iris is None,
            }
            right += shut[side] and sum(shut.values()) == 1
            outcome.show(f"wink, {side} eye selected", edited.after)
    outcome.add("winks on the asked side", f"{right / (2 * len(subjects)):.3f}", 2 * len(subjects))
    return outcome


def words(bench: Bench, subjects: Sequence[Subject], names: Sequence[str]) -> Outcome:
    """Words for the whole face, in one edit of the face: all parts must look as the word allows."""
    outcome = Outcome()
    right, drawn_right, parts = [], [], []
    for number, word in enumerate(names):
        subject = subjects[number % len(subjects)]
        edited, drawn = bench.edit(subject, [word], "face"), subject.drawn([word])
        verdict = allowed_parts(edited.reading, word)
        right.append(all(verdict.values()))
        parts += verdict.values()
        drawn_right.append(all(allowed_parts(bench.read(subject, drawn.pixels), word).values()))
        outcome.show(word, edited.after)
        outcome.show("drawn", drawn.pixels)
    outcome.add("words, all parts as the word allows: edited", f"{np.mean(right):.3f}", len(names))
    outcome.add(
        "words, all parts as the word allows: drawn", f"{np.mean(drawn_right):.3f}", len(names)
    )
    outcome.add("words, single parts: edited", f"{np.mean(parts):.3f}", len(parts))
    return outcome


def allowed_parts(reading: Reading, word: str) -> dict[str, bool]:
    """For each part that a word speaks of, whether the reader sees a state that the word allows."""
    seen = {part: read_state(reading, part) for part in reading.states}
    choices = WORDS[word]
    verdict = {}
    for part, allowed in choices.items():
        if part == "extras":
            told = {extra for choice in allowed for extra in choice}
            needed = not any(choice == () for choice in allowed)
            verdict[part] = not needed or any(
                reading.tags.get(extra, 1.0) >= READS_AT for extra in told
            )
        elif part not in ("iris", "gaze") or EYE_STATES[seen["eyes"]].both.shows_iris:
            tags = [_tags_of(part, state) for state in allowed]
            verdict[part] = _tags_of(part, seen[part]) in tags
    return verdict


def read_state(reading: Reading, part: str) -> str:
    """The likeliest state of a part."""
    chances = reading.states[part]
    return max(chances, key=chances.__getitem__)


def _tags_of(part: str, state: str) -> frozenset[str]:
    """The tags that a part's state shows by itself, were the eyes open."""
    return frozenset(tag for tag in _tags_about(part) if state in RULES[tag][part])


def _tags_about(part: str) -> list[str]:
    """The tags of one part alone; those of irises speak of open eyes too."""
    about = {part, "eyes"} if part == "iris" else {part}
    return [tag for tag, rule in RULES.items() if part in rule and set(rule) <= about]
