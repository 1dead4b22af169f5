"""The table of tags: which states of which parts show each tag.

A drawing shows a tag when each part named here is in one of the listed states; the first is what
the tag alone draws. Of extras one must be there. Words for the whole face are in `words`.
"""

_LAUGHS = (":d", "laugh", "fang smile")
_WINKS = ("one eye closed", ">_o", "wince")
_OPEN_EYES = ("open", "half-closed eyes", "heavy lids", "wide-eyed", "uneven eyes", "jitome",
              "narrowed eyes", "squinting", "hard lids", *_WINKS)  # fmt: skip
_V_BROWS = ("v-shaped eyebrows", "furious brows")
_SMILES = ("smile", "light smile", "c:", *_LAUGHS, "grin", "evil grin", "evil smile",
           "nervous smile", "crazy smile")  # fmt: skip
_SHUT = ("closed mouth", ":|", "smile", "light smile", "c:", ":>", ":3", "smirk", "evil smile",
         "nervous smile", "frown", ":<", ":c", ":/", "3:", "sneer", "wavy mouth", "pout", ":t",
         ":i", "pursed lips", "dot mouth", "x mouth")  # fmt: skip
_OPEN = ("open mouth", *_LAUGHS, ":o", "triangle mouth", "chestnut mouth", "diamond mouth", "d:",
         "yawn", "shout", "scream", "sob", "jaw drop", "crazy smile")  # fmt: skip
_TONGUES = ("tongue out", ":p", ":q", "licking lips")

Rule = dict[str, tuple[str, ...]]


def _same(part: str, *states: str) -> dict[str, Rule]:
    """The rules of tags that are named like their only state."""
    return {state: {part: (state,)} for state in states}


RULES: dict[str, Rule] = {
    "half-closed eyes": {"eyes": ("half-closed eyes", "heavy lids")},
    "closed eyes": {"eyes": ("closed eyes", "^_^", "u_u", "squeezed shut")},
    **_same("eyes", "^_^", "u_u", "=_=", ">_<", "x_x", "t_t", "o_o", "0_0", "._.",
            "solid circle eyes"),
    "one eye closed": {"eyes": _WINKS},
    ">_o": {"eyes": (">_o",)},
    "wince": {"eyes": ("wince", "squeezed shut")},
    **_same("eyes", "wide-eyed", "uneven eyes", "jitome", "narrowed eyes", "squinting"),
    **{
        tag: {"eyes": _OPEN_EYES, "iris": (tag,)}
        for tag in ("constricted pupils", "dilated pupils", "sanpaku", "empty eyes", "no pupils",
                    "blank eyes", "heart-shaped pupils", "star-shaped pupils", "+_+",
                    "sparkling eyes", "glowing eyes", "slit pupils", "@_@", "pleading eyes")
    },
    "crazy eyes": {"eyes": ("wide-eyed", "uneven eyes", "open"), "iris": ("crazy eyes",)},
    "looking at viewer": {"gaze": ("looking at viewer",)},
    "looking to the side": {"gaze": ("looking to the side", "sideways glance", "averting eyes")},
    **_same("gaze", "sideways glance", "averting eyes"),
    "looking up": {"gaze": ("looking up", "upturned eyes")},
    **_same("gaze", "upturned eyes", "looking down", "rolling eyes", "cross-eyed"),
    "v-shaped eyebrows": {"brows": _V_BROWS},
    "furrowed brow": {"brows": ("furrowed brow", "furious brows", "worried brows")},
    "raised eyebrows": {"brows": ("raised eyebrows",)},
    "raised eyebrow": {"brows": ("raised eyebrow",)},
    "raised inner eyebrows": {"brows": ("raised inner eyebrows", "worried brows")},
    "closed mouth": {"mouth": _SHUT},
    "open mouth": {"mouth": _OPEN},
    "smile": {"mouth": _SMILES},
    ":d": {"mouth": _LAUGHS},
    "fang": {"mouth": ("fang smile",)},
    "grin": {"mouth": ("grin", "evil grin")},
    "evil smile": {"mouth": ("evil smile", "evil grin")},
    "clenched teeth": {"mouth": ("clenched teeth", "grimace")},
    "pout": {"mouth": ("pout", ":t")},
    "tongue out": {"mouth": _TONGUES},
    **_same("mouth", ":|", "light smile", "c:", ":>", ":3", "smirk", "crazy smile", "evil grin",
            "frown", ":<", ":c", ":/", "3:", "wavy mouth", ":t", ":i", "pursed lips",
            "puckered lips", "o3o", "biting own lip", "dot mouth", "x mouth", ":o", "parted lips",
            "triangle mouth", "chestnut mouth", "diamond mouth", "d:", "jaw drop", "grimace",
            ":p", ":q", "licking lips"),
    ";d": {"eyes": _WINKS, "mouth": _LAUGHS},
    ";)": {"eyes": _WINKS, "mouth": ("smile", "light smile")},
    ";o": {"eyes": _WINKS, "mouth": (":o",)},
    ";p": {"eyes": _WINKS, "mouth": (":p",)},
    ";q": {"eyes": _WINKS, "mouth": (":q",)},
    ";3": {"eyes": _WINKS, "mouth": (":3",)},
    "xd": {"eyes": (">_<",), "mouth": _LAUGHS},
    "x3": {"eyes": (">_<",), "mouth": (":3",)},
    ">:)": {"brows": _V_BROWS, "mouth": ("smile", "light smile", "evil smile")},
    ">:(": {"brows": _V_BROWS, "mouth": ("frown",)},
    "blush": {"extras": ("blush", "nose blush", "full-face blush")},
    "tears": {"extras": ("tears", "streaming tears")},
    **_same("extras", "light blush", "nose blush", "full-face blush", "blush stickers",
            "bags under eyes", "puffy cheeks", "tearing up", "streaming tears", "teardrop",
            "sweatdrop", "nervous sweating", "flying sweatdrops", "anger vein", "shaded face",
            "turn pale", "drooling", "nosebleed", "puff of air", "^^^", "squeans",
            "spoken heart"),
    "nose bubble": {"extras": ("nose bubble",), "eyes": ("closed eyes", "^_^", "u_u", "=_=")},
}  # fmt: skip


def record_name(tag: str) -> str:
    """The name of a rig's tag in the tag store, words joined by underscores."""
    return tag.replace(" ", "_")
