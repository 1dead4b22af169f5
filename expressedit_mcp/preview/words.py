"""The words for a whole face, and what each may look like.

Each part lists the states that go with the word, the plainest first; parts left out stay neutral.
Extras list whole choices of marks.
"""

Choices = dict[str, tuple]

_V = ("v-shaped eyebrows",)
_SAD = ("raised inner eyebrows", "worried brows")
_SIDEWARD = ("averting eyes", "looking to the side", "looking down")

WORDS: dict[str, Choices] = {
    "happy": {
        "mouth": ("smile", ":d", "grin", "light smile", "c:"),
        "eyes": ("open", "^_^", "open", "closed eyes"),
        "brows": ("none", "raised eyebrows"),
        "iris": ("normal", "normal", "sparkling eyes"),
        "extras": ((), ("light blush",), ("blush",)),
    },
    "excited": {
        "mouth": (":d", "open mouth", "fang smile", "laugh"),
        "eyes": ("wide-eyed", "open"),
        "iris": ("sparkling eyes", "+_+", "star-shaped pupils", "normal"),
        "brows": ("raised eyebrows", "none"),
        "extras": ((), ("blush",)),
    },
    "laughing": {
        "mouth": ("laugh", ":d"),
        "eyes": ("^_^", "closed eyes", ">_<", "open"),
        "brows": ("none", "raised eyebrows"),
        "extras": ((), ("blush",), ("tearing up",)),
    },
    "giggling": {
        "mouth": (":d", "smile", "c:"),
        "eyes": ("^_^", "closed eyes", "half-closed eyes"),
        "extras": (("light blush",), ("blush",), ()),
    },
    "stifled laugh": {
        "mouth": ("pursed lips", ":i", "wavy mouth"),
        "eyes": ("^_^", "squinting", "squeezed shut"),
        "brows": ("raised inner eyebrows", "none"),
        "extras": (("puffy cheeks",), ("puffy cheeks", "tearing up"), ("blush", "puffy cheeks")),
    },
    "lovestruck": {
        "iris": ("heart-shaped pupils",),
        "mouth": ("open mouth", ":d", "smile", "parted lips"),
        "eyes": ("open", "half-closed eyes"),
        "brows": ("raised inner eyebrows", "none"),
        "extras": (("blush",), ("blush", "spoken heart")),
    },
    "awestruck": {
        "eyes": ("wide-eyed",),
        "iris": ("sparkling eyes", "dilated pupils"),
        "mouth": ("parted lips", "open mouth", ":o"),
        "brows": ("raised eyebrows",),
    },
    "surprised": {
        "eyes": ("wide-eyed",),
        "iris": ("constricted pupils", "normal"),
        "mouth": ("open mouth", ":o", "triangle mouth", "chestnut mouth"),
        "brows": ("raised eyebrows",),
        "extras": ((), ("^^^",), ("sweatdrop",)),
    },
    "expressionless": {
        "mouth": ("closed mouth", ":|"),
        "eyes": ("open", "open", "jitome"),
        "iris": ("normal", "empty eyes"),
    },
    "serious": {
        "mouth": (":|", "closed mouth", "frown"),
        "eyes": ("hard lids", "narrowed eyes"),
        "brows": ("v-shaped eyebrows", "furrowed brow"),
    },
    "determined": {
        "mouth": (":|", "closed mouth", "clenched teeth", "light smile"),
        "eyes": ("open", "hard lids"),
        "brows": _V,
    },
    "thinking": {
        "gaze": ("looking up", "looking to the side"),
        "mouth": ("closed mouth", ":/", ":|"),
        "brows": ("raised eyebrow", "furrowed brow"),
    },
    "curious": {
        "eyes": ("wide-eyed", "open"),
        "brows": ("raised eyebrows", "raised eyebrow"),
        "mouth": (":o", "parted lips", "closed mouth"),
    },
    "confused": {
        "brows": ("raised eyebrow", "worried brows"),
        "mouth": (":/", "wavy mouth", "parted lips", ":o"),
        "eyes": ("open", "uneven eyes"),
        "extras": ((), ("sweatdrop",), ("squeans",)),
    },
    "smug": {
        "mouth": ("smirk", ":3", "grin"),
        "eyes": ("half-closed eyes", "narrowed eyes", "jitome"),
        "brows": ("v-shaped eyebrows", "raised eyebrow"),
    },
    "doyagao": {
        "mouth": ("smirk", ":3", "grin"),
        "eyes": ("half-closed eyes", "narrowed eyes"),
        "brows": _V,
        "extras": (("puff of air",), ("light blush", "puff of air")),
    },
    "teasing": {
        "mouth": ("smirk", "fang smile", ":p"),
        "eyes": ("half-closed eyes", "one eye closed"),
        "brows": ("raised eyebrow", "none"),
        "extras": ((), ("light blush",)),
    },
    "angry": {
        "brows": ("v-shaped eyebrows", "furious brows"),
        "mouth": ("frown", "clenched teeth", "open mouth", "pout"),
        "eyes": ("hard lids", "open", "narrowed eyes"),
        "extras": ((), ("anger vein",), ("anger vein", "blush")),
    },
    "furious": {
        "brows": ("furious brows",),
        "mouth": ("shout", "clenched teeth", "grimace"),
        "eyes": ("hard lids", "wide-eyed"),
        "iris": ("constricted pupils", "normal"),
        "extras": (("anger vein",), ("anger vein", "shaded face")),
    },
    "annoyed": {
        "brows": ("furrowed brow", "v-shaped eyebrows"),
        "mouth": ("frown", ":/", "pursed lips", "closed mouth"),
        "eyes": ("jitome", "half-closed eyes"),
        "extras": ((), ("anger vein",), ("sweatdrop",)),
    },
    "frustrated": {
        "brows": ("furious brows", "worried brows"),
        "mouth": ("clenched teeth", "wavy mouth", "grimace"),
        "eyes": ("hard lids", "squeezed shut"),
        "extras": ((), ("blush",), ("anger vein",)),
    },
    "scowl": {
        "brows": ("furious brows", "furrowed brow"),
        "mouth": ("frown", ":c"),
        "eyes": ("hard lids", "narrowed eyes"),
    },
    "glaring": {
        "brows": ("v-shaped eyebrows", "furious brows"),
        "mouth": ("closed mouth", "frown", ":|"),
        "eyes": ("hard lids", "narrowed eyes"),
        "iris": ("normal", "sanpaku"),
    },
    "jealous": {
        "brows": ("v-shaped eyebrows", "furrowed brow"),
        "mouth": ("pout", ":t", "frown"),
        "eyes": ("narrowed eyes", "jitome"),
        "gaze": ("sideways glance", "looking to the side"),
        "extras": ((), ("blush",)),
    },
    "sulking": {
        "mouth": ("pout", ":t", ":<"),
        "eyes": ("open", "half-closed eyes"),
        "gaze": ("looking to the side", "averting eyes"),
        "brows": ("v-shaped eyebrows", "furrowed brow"),
        "extras": (("blush",), ("puffy cheeks",), ()),
    },
    "unamused": {
        "eyes": ("jitome", "half-closed eyes"),
        "mouth": (":|", ":/", "closed mouth"),
        "brows": ("none", "furrowed brow"),
        "extras": ((), ("sweatdrop",)),
    },
    "bored": {
        "eyes": ("heavy lids", "half-closed eyes"),
        "mouth": ("closed mouth", ":|", ":/"),
        "gaze": ("looking to the side", "looking at viewer"),
    },
    "disgust": {
        "brows": ("furrowed brow", "worried brows"),
        "mouth": ("sneer", "grimace", ":c"),
        "eyes": ("squinting", "narrowed eyes"),
        "extras": ((), ("turn pale",)),
    },
    "disdain": {
        "eyes": ("half-closed eyes", "narrowed eyes"),
        "gaze": ("looking down",),
        "mouth": ("frown", "sneer", "closed mouth"),
        "brows": ("furrowed brow", "raised eyebrow"),
        "extras": ((), ("shaded face",)),
    },
    "sneer": {
        "mouth": ("sneer",),
        "eyes": ("narrowed eyes", "half-closed eyes"),
        "brows": ("v-shaped eyebrows", "raised eyebrow"),
    },
    "sigh": {
        "eyes": ("closed eyes", "half-closed eyes", "u_u"),
        "mouth": ("parted lips", ":o"),
        "brows": ("raised inner eyebrows", "none"),
        "extras": (("puff of air",), ("puff of air", "sweatdrop")),
    },
    "sad": {
        "brows": _SAD,
        "mouth": ("frown", ":<", "wavy mouth", "closed mouth"),
        "eyes": ("half-closed eyes", "open"),
        "gaze": ("looking down", "looking at viewer", "averting eyes"),
        "extras": ((), ("tearing up",)),
    },
    "sad smile": {
        "brows": ("raised inner eyebrows",),
        "mouth": ("light smile", "smile"),
        "eyes": ("half-closed eyes", "open"),
        "extras": ((), ("tearing up",), ("teardrop",)),
    },
    "lonely": {
        "brows": ("raised inner eyebrows",),
        "mouth": ("closed mouth", ":<"),
        "eyes": ("half-closed eyes",),
        "gaze": ("looking down", "looking to the side"),
    },
    "disappointed": {
        "brows": ("raised inner eyebrows",),
        "mouth": ("frown", ":/", "parted lips"),
        "eyes": ("half-closed eyes", "heavy lids"),
        "gaze": ("looking down", "looking at viewer"),
        "extras": ((), ("sweatdrop",)),
    },
    "depressed": {
        "brows": _SAD,
        "mouth": ("frown", "closed mouth", "wavy mouth"),
        "eyes": ("heavy lids", "half-closed eyes"),
        "iris": ("empty eyes",),
        "extras": (("gloom lines",), ("bags under eyes", "gloom lines")),
    },
    "gloom (expression)": {
        "brows": _SAD,
        "mouth": ("frown", "wavy mouth", "closed mouth"),
        "eyes": ("half-closed eyes", "open"),
        "iris": ("empty eyes", "normal"),
        "extras": (("gloom lines",),),
    },
    "despair": {
        "brows": ("worried brows",),
        "mouth": ("parted lips", "wavy mouth", "open mouth"),
        "eyes": ("wide-eyed",),
        "iris": ("empty eyes", "constricted pupils"),
        "extras": (("turn pale",), ("shaded face",), ("streaming tears",)),
    },
    "crying": {
        "brows": _SAD,
        "mouth": ("wavy mouth", "open mouth", "frown", "sob"),
        "eyes": ("open", "closed eyes", "half-closed eyes", ">_<"),
        "extras": (("tears",), ("blush", "tears"), ("streaming tears",)),
    },
    "crying with eyes open": {
        "brows": _SAD,
        "mouth": ("wavy mouth", "open mouth", "frown", "parted lips"),
        "eyes": ("open", "wide-eyed"),
        "extras": (("tears",), ("streaming tears",), ("blush", "tears")),
    },
    "sobbing": {
        "brows": ("worried brows",),
        "mouth": ("sob",),
        "eyes": ("closed eyes", "squeezed shut", ">_<"),
        "extras": (("streaming tears",), ("blush", "streaming tears"), ("tears",)),
    },
    "happy tears": {
        "mouth": ("smile", ":d", "light smile"),
        "eyes": ("closed eyes", "open", "^_^"),
        "brows": ("raised inner eyebrows", "none"),
        "extras": (("tears",), ("blush", "tears")),
    },
    "scared": {
        "brows": ("worried brows", "raised inner eyebrows"),
        "mouth": ("wavy mouth", "open mouth", "grimace"),
        "eyes": ("wide-eyed",),
        "iris": ("constricted pupils",),
        "extras": ((), ("nervous sweating",), ("turn pale",), ("tearing up",)),
    },
    "horrified": {
        "brows": ("worried brows",),
        "mouth": ("d:", "scream", "grimace"),
        "eyes": ("wide-eyed",),
        "iris": ("constricted pupils",),
        "extras": (("turn pale",), ("nervous sweating", "turn pale")),
    },
    "panicking": {
        "brows": ("worried brows",),
        "mouth": ("wavy mouth", "open mouth", "sob"),
        "eyes": ("wide-eyed", "open"),
        "iris": ("@_@", "constricted pupils"),
        "extras": (("flying sweatdrops",), ("blush", "flying sweatdrops")),
    },
    "nervous": {
        "brows": _SAD,
        "mouth": ("wavy mouth", "closed mouth", "pursed lips"),
        "gaze": ("looking to the side", "averting eyes", "looking at viewer"),
        "extras": (("sweatdrop",), ("nervous sweating",), ("blush", "sweatdrop")),
    },
    "nervous smile": {
        "brows": _SAD,
        "mouth": ("nervous smile",),
        "gaze": ("looking at viewer", "looking to the side"),
        "extras": (("sweatdrop",), ("nervous sweating",)),
    },
    "worried": {
        "brows": ("worried brows", "raised inner eyebrows"),
        "mouth": ("frown", "parted lips", "closed mouth"),
        "extras": ((), ("sweatdrop",)),
    },
    "embarrassed": {
        "brows": _SAD,
        "mouth": ("wavy mouth", "closed mouth", "pout"),
        "eyes": ("open", "half-closed eyes", ">_<"),
        "gaze": ("averting eyes", "looking to the side", "looking at viewer"),
        "extras": (("blush",), ("full-face blush",), ("blush", "flying sweatdrops")),
    },
    "flustered": {
        "brows": ("worried brows", "raised inner eyebrows"),
        "mouth": ("wavy mouth", "open mouth"),
        "eyes": ("wide-eyed", "open"),
        "iris": ("normal", "@_@"),
        "extras": (("flying sweatdrops", "full-face blush"), ("blush", "flying sweatdrops")),
    },
    "shy": {
        "brows": ("raised inner eyebrows",),
        "mouth": ("closed mouth", "light smile", "dot mouth"),
        "eyes": ("open", "half-closed eyes"),
        "gaze": _SIDEWARD,
        "extras": (("blush",), ("light blush",)),
    },
    "sleeping": {
        "eyes": ("closed eyes", "u_u"),
        "mouth": ("parted lips", ":o", "closed mouth"),
        "extras": ((), ("nose bubble",), ("drooling",)),
    },
    "sleepy": {
        "eyes": ("heavy lids", "half-closed eyes"),
        "mouth": ("closed mouth", ":o", "parted lips"),
        "brows": ("none", "raised inner eyebrows"),
        "extras": ((), ("drooling",)),
    },
    "yawning": {
        "mouth": ("yawn",),
        "eyes": ("closed eyes", "squeezed shut", "half-closed eyes"),
        "brows": ("raised inner eyebrows", "raised eyebrows"),
        "extras": (("tearing up",), ()),
    },
    "exhausted": {
        "eyes": ("heavy lids", "half-closed eyes", "closed eyes"),
        "mouth": ("open mouth", "parted lips", "wavy mouth"),
        "brows": ("worried brows",),
        "extras": (("nervous sweating",), ("bags under eyes", "nervous sweating")),
    },
    "drunk": {
        "eyes": ("half-closed eyes", "heavy lids"),
        "mouth": ("open mouth", "nervous smile", ":d"),
        "extras": (("nose blush",), ("full-face blush",), ("nose blush", "squeans")),
    },
    "dizzy": {
        "iris": ("@_@",),
        "mouth": ("wavy mouth", "open mouth"),
        "brows": ("raised inner eyebrows", "none"),
        "extras": ((), ("squeans",), ("sweatdrop",)),
    },
    "dazed": {
        "eyes": ("half-closed eyes", "open"),
        "iris": ("empty eyes", "no pupils"),
        "mouth": ("parted lips", "open mouth"),
    },
    "pain": {
        "eyes": ("squeezed shut", "wince", ">_<"),
        "mouth": ("clenched teeth", "grimace"),
        "brows": ("worried brows", "furious brows"),
        "extras": ((), ("nervous sweating",), ("tearing up",)),
    },
    "shouting": {
        "mouth": ("shout",),
        "brows": ("v-shaped eyebrows", "furious brows"),
        "eyes": ("open", "hard lids", "closed eyes"),
    },
    "screaming": {
        "mouth": ("scream",),
        "eyes": ("wide-eyed", "squeezed shut"),
        "iris": ("constricted pupils", "normal"),
        "brows": ("worried brows", "furious brows"),
    },
    "crazy": {
        "eyes": ("wide-eyed", "uneven eyes"),
        "iris": ("crazy eyes", "constricted pupils"),
        "mouth": ("crazy smile", "evil grin"),
        "brows": ("v-shaped eyebrows", "raised eyebrows"),
        "extras": ((), ("shaded face",)),
    },
    "yandere": {
        "iris": ("empty eyes", "constricted pupils"),
        "mouth": ("crazy smile", "evil smile", "smile"),
        "eyes": ("open", "wide-eyed"),
        "extras": (("blush", "shaded face"), ("shaded face",), ("blush",)),
    },
    "false smile": {
        "mouth": ("smile", "light smile"),
        "iris": ("empty eyes", "normal"),
        "eyes": ("closed eyes", "half-closed eyes"),
        "extras": (("shaded face",), ("shaded face", "sweatdrop")),
    },
    "staring": {
        "eyes": ("wide-eyed", "open"),
        "iris": ("sanpaku", "normal"),
        "mouth": (":|", "closed mouth", "dot mouth"),
    },
    "blank stare": {
        "eyes": ("wide-eyed", "open"),
        "iris": ("empty eyes", "no pupils"),
        "mouth": ("closed mouth", "parted lips", "dot mouth"),
    },
}  # fmt: skip

# Words that are shown wherever another tag is.
IMPLIED_WORDS: dict[str, tuple[str, ...]] = {
    "furious": ("angry",),
    "doyagao": ("smug",),
    "crying with eyes open": ("crying",),
    "streaming tears": ("crying",),
}
