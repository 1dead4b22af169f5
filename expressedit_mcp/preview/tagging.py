"""From tags to an expression, and from an expression to every tag that it shows."""

from collections.abc import Iterable

from .contradictions import CONTRADICTIONS
from .expression import PARTS, Expression
from .states import EXTRAS, IRIS_STATES
from .tags import RULES
from .words import IMPLIED_WORDS, WORDS

EXPRESSION_TAGS: tuple[str, ...] = (*RULES, *WORDS)

_UNTAGGED_EXTRAS = {"gloom lines"}
_LOOKS_WITHOUT_GAZE = ("blank", "spiral")


def expression_tags(expression: Expression) -> tuple[str, ...]:
    """Every tag that the expression shows, implied ones too, from eyes to marks to words."""
    e = expression
    gazes = e.shows_iris and IRIS_STATES[e.iris].look not in _LOOKS_WITHOUT_GAZE
    shown = [
        tag for tag, rule in RULES.items() if _shows(e, rule) and (gazes or "gaze" not in rule)
    ]
    words = [e.emotion] if e.emotion else []
    implied = [word for tag in (*shown, *words) for word in IMPLIED_WORDS.get(tag, ())]
    return tuple(dict.fromkeys((*shown, *(word for word in implied if word not in words), *words)))


def expression_from_tags(tags: Iterable[str]) -> Expression:
    """The expression that the tags describe; parts without a tag follow the word, or neutral.

    Takes prompt forms such as "closed eyes", "one eye closed", ":d", in any order. A tag of a part
    beats a word for the whole face. Raises ValueError for an unknown tag (naming the accepted
    ones), for two tags that give one part different states, and for two words.
    """
    names = list(dict.fromkeys(canonical_tag(tag) for tag in tags))
    rules = {name: RULES[name] for name in names if name in RULES}
    emotion = _word_of(names)
    choices = WORDS[emotion] if emotion else {}
    parts: dict = {}
    for part in PARTS:
        wanted = tuple(choices.get(part, ()))
        state = _state_of(part, wanted, {n: r[part] for n, r in rules.items() if part in r})
        if state is not None:
            parts[part] = state
    extras = _extras_of({n: r["extras"] for n, r in rules.items() if "extras" in r})
    default = choices.get("extras", ((),))[0]
    if extras:
        extras |= _UNTAGGED_EXTRAS & set(default)
    chosen = tuple(extra for extra in EXTRAS if extra in (extras or default))
    return Expression(**parts, extras=chosen, emotion=emotion)


def canonical_tag(tag: str) -> str:
    """The tag as it is listed, from a prompt form or an underscored name.

    Raises ValueError for an unknown tag, naming the accepted ones.
    """
    plain = tag.strip().lower()
    for form in (plain, plain.replace("_", " ")):
        if form in RULES or form in WORDS:
            return form
    raise ValueError(f"unknown expression tag {tag!r}; accepted: {', '.join(EXPRESSION_TAGS)}")


def contradictory_pair(tags: Iterable[str]) -> tuple[str, str] | None:
    """Two of the tags that cannot be true of one face, or None."""
    shown = set(tags)
    for tag in shown:
        clash = CONTRADICTIONS.get(tag, frozenset()) & shown
        if clash:
            return tag, min(clash)
    return None


def _shows(expression: Expression, rule: dict[str, tuple[str, ...]]) -> bool:
    return all(
        any(extra in expression.extras for extra in states)
        if part == "extras"
        else getattr(expression, part) in states
        for part, states in rule.items()
    )


def _word_of(names: list[str]) -> str | None:
    """The one word for the whole face among the tags, leaving out what other tags imply."""
    implied = {word for name in names for word in IMPLIED_WORDS.get(name, ())}
    words = [name for name in names if name in WORDS and name not in implied]
    if len(words) > 1:
        raise ValueError(f"tags {words[0]!r} and {words[1]!r} both describe the whole face")
    return words[0] if words else None


def _state_of(
    part: str, wanted: tuple[str, ...], accepted: dict[str, tuple[str, ...]]
) -> str | None:
    """The state that all tags accept, if possible one that the word wants."""
    if not accepted:
        return wanted[0] if wanted else None
    by_size = sorted(accepted, key=lambda name: len(accepted[name]))
    fitting = [s for s in accepted[by_size[0]] if all(s in a for a in accepted.values())]
    if not fitting:
        clash = next(
            (n for n in by_size if not set(accepted[n]) & set(accepted[by_size[0]])), by_size[-1]
        )
        raise ValueError(f"tags {by_size[0]!r} and {clash!r} both describe the {part}")
    return next((state for state in wanted if state in fitting), fitting[0])


def _extras_of(accepted: dict[str, tuple[str, ...]]) -> set[str]:
    extras: set[str] = set()
    for states in sorted(accepted.values(), key=len):
        if not extras & set(states):
            extras.add(states[0])
    return extras
