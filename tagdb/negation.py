"""Whether a Japanese, Chinese or Korean text denies what it names."""

from __future__ import annotations

import re

from tagdb.normalize import is_hangul, is_kana

_NEAR = 8
_JA_AFTER = re.compile(r"^[^。、!?]{0,6}?(ない|なかった|なく|ず|ません|ぬまま)")
_JA_TURN = re.compile(r"(しかない|ずにはいられ|ざるを得|それどころではない)")
_ZH_BEFORE = re.compile(r"(没有|没|不|别|并未|从未|毫无|未曾)[^,。!?]{0,2}$")
_ZH_TURN = re.compile(r"(忍不住|禁不住|止不住|不由得|不禁|不住地?|差点没|无不)[^,。!?]{0,2}$")
_KO_AFTER = re.compile(r"^[^,.!?]{0,3}?(지 않|지는 않|지도 않|지 못|기는커녕|은 없|는 없|이 없)")
_KO_BEFORE = re.compile(r"(^|\s)(안|못) ?$")


def is_denied_cjk(form: str, start: int, end: int) -> bool:
    """True when the words round form[start:end] (normalised text) say that it is not so."""
    before, after = form[max(0, start - _NEAR) : start], form[end : end + 2 * _NEAR]
    if any(map(is_hangul, form)):
        return bool(_KO_AFTER.search(after) or _KO_BEFORE.search(before))
    if any(map(is_kana, form)):
        # normalising turns katakana to hiragana, so one spelling serves
        return bool(_JA_AFTER.search(after)) and not _JA_TURN.search(after)
    return bool(_ZH_BEFORE.search(before)) and not _ZH_TURN.search(before)
