"""Whether a text denies what it names: "did not smile", 笑わなかった, 没有笑, 웃지 않았다."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterable

from tagdb.normalize import is_cjk, is_hangul, is_kana

# Roots of verbs: too short to name a tag in a text, plain enough to deny some.
DENIED_ROOTS = {
    **dict.fromkeys(("笑", "웃"), frozenset({"smile", "laughing"})),
    **dict.fromkeys(("泣", "哭", "울"), frozenset({"crying", "sobbing"})),
    **dict.fromkeys(("怒", "화내", "화나"), frozenset({"angry"})),
    **dict.fromkeys(("驚", "惊", "놀라"), frozenset({"surprised"})),
}
_NEAR = 8
_LEAST_CJK, _LEAST_LATIN = 5, 8
_CLAUSE_END = re.compile(r"[.,;:!?。、\n\u2014\"”」]+ ?|\b(?=(?:and|but|while|as|then|when|yet) )")
# Before the word, in its clause. "Could not stop smiling" is a smile, so some words turn it round.
_EN_BEFORE = re.compile(
    r"\b(?:not|never|without|no|nor|neither|cannot|hardly|nobody|nothing|none|\w+n't|instead of"
    r"|rather than|anything but|far from|rid of|stopped|refus\w+ to|fail\w* to|remov\w+|delet\w+"
    r"|eras\w+)\b"
)
_EN_TURN = re.compile(
    r"\b(?:stop|help|hide|resist|suppress|contain|hold|but|only|just|merely|simply|keep|fight"
    r"|wonder|doubt|miss|mistake|hiding|stopping|more|matter)\b"
)
_EN_AFTER = re.compile(
    r"^ (?:[\w']+ ){0,2}?(?:gone|vanish\w*|fade\w*|died|dying|disappear\w*|nowhere|missing|never came)\b"
)
_EN_WINDOW_WORDS = 5
_JA_AFTER = re.compile(
    r"^(?:[ぁ-んー]{0,7}?|[^。、!?]{0,5}?)(?:ない|なかった|なく|なし|(?<![はまら])ず(?![っれるか])|ません"
    r"|ぬまま|どころか|不要|いらな|抜き)"
    r"|^[^。、!?]{0,2}?(?:消え|消し|やめ|外し)"
)
_JA_TURN = re.compile(
    r"しかない|にはいられ|ざるを得|それどころでは|かもしれ|違いない|しょうがない|仕方|たまらな|止まら"
    r"|隠[せしさ]|抑え|こらえ|堪え|禁じ得|禁じえ|絶え|やま[なず]|ほかない|ばかりでな|だけでな|でなく"
)
_ZH_BEFORE = re.compile(
    r"(?:(?:没有|没|不要|不用|别|并未|从未|未曾|毫无|不再|不许|不必|去掉|删掉|无需)[^,。!?:;、]{0,4}|[不未无]|不曾|毫不)$"
)
_ZH_TURN = re.compile(
    r"(?:[忍禁止掩藏遮收憋压]不住|控制不住|不由得|不由自主|不禁|不住地?|差点没|无不|不得不|不能不|不停地?|不断"
    r"|没忍住|没憋住|没来得及|不知|不免|别提多|好不|不觉)[^,。!?]{0,3}$"
)
_ZH_AFTER = re.compile(r"^[^,。!?]{0,3}?(?:不出来|不起来|不见了|消失|全无|没了|敛去)")
_KO_AFTER = re.compile(
    r"^[^,.!?]{0,3}?(?:지(?:는|도)? ?않|지(?:는)? ?못|지(?:는)? ?마|지(?:는)? ?말|기는커녕|[은는이가도] ?없"
    r"| 없이|[은는이가도] 아니|[이가] 사라|[을를]? ?빼고|[을를]? ?지워| 말고|기를 멈)"
)
_KO_TURN = re.compile(
    r"(?:참|감추|숨기|멈추|그치|주체하|억누르|이기|막)지(?:는|도|를)? ?(?:못|않)|지 않을 수 없|수밖에 없|어쩔 수"
    r"|수가 없|터지"
)
_KO_BEFORE = re.compile(r"(?:^|\s)(?:안|못) ?$")


def asserted_part(form: str, denied: Iterable[tuple[int, int]]) -> str:
    """The text without the clauses that hold a denied stretch; all of it where little else is left.

    `form` is normalised; `denied` are extents (start, end) in it.
    """
    ends = [match.end() for match in _CLAUSE_END.finditer(form)]
    bounds = [0, *ends, len(form)]
    stretches = tuple(denied)
    kept = [
        form[start:end]
        for start, end in itertools.pairwise(bounds)
        if not any(start < stop and begin < end for begin, stop in stretches)
    ]
    rest = "".join(kept).strip()
    letters = sum(map(str.isalnum, rest))
    return rest if letters >= (_LEAST_CJK if any(map(is_cjk, rest)) else _LEAST_LATIN) else form


def is_denied_english(previous: list[str], after: str) -> bool:
    """True when the words before one in its clause, or those right after it, say that it is not so."""
    near = " ".join(previous[-_EN_WINDOW_WORDS:])
    negators = list(_EN_BEFORE.finditer(near))
    if negators and not _EN_TURN.search(near, negators[-1].end()):
        return True
    return bool(_EN_AFTER.search(after))


def is_denied_cjk(form: str, start: int, end: int) -> bool:
    """True when the words round form[start:end] (normalised text) say that it is not so."""
    before, after = form[max(0, start - _NEAR) : start], form[end : end + 2 * _NEAR]
    if any(map(is_hangul, form)):
        return bool(_KO_BEFORE.search(before)) or _denied_after(_KO_AFTER, _KO_TURN, after)
    if any(map(is_kana, form)):
        # normalising turns katakana to hiragana, so one spelling serves
        return _denied_after(_JA_AFTER, _JA_TURN, after)
    if _ZH_BEFORE.search(before) and not _ZH_TURN.search(before):
        return True
    return bool(_ZH_AFTER.search(after))


def _denied_after(pattern: re.Pattern[str], turn: re.Pattern[str], after: str) -> bool:
    return bool(pattern.search(after)) and not turn.search(after)
