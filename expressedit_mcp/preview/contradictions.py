"""Tags that cannot be true of one face: the tag records' own facts, for the tags drawn here."""

# tag | tags that contradict it; each pair is listed once
_PAIRS = """
+_+ | bored, closed eyes, empty eyes
._. | closed eyes, sparkling eyes
0_0 | closed eyes, half-closed eyes
3: | :3, grin, smile
:/ | grin, open mouth, smile
:3 | :<, frown, open mouth
:< | :>, grin, smile
:> | frown
:c | c:, smile
:d | clenched teeth, closed mouth, d:, dot mouth, frown, light smile, o3o, sad
:i | open mouth, smile
:o | clenched teeth, closed mouth, grin, smile
:p | frown, serious
:q | frown, serious
:t | grin, open mouth, smile
:| | frown, open mouth, smile
;) | closed eyes, frown, open mouth
;3 | closed eyes, frown
;d | closed eyes, closed mouth, frown
;o | closed eyes, closed mouth
;p | closed eyes, frown, serious
;q | closed eyes, frown, serious
=_= | looking at viewer, sparkling eyes, wide-eyed
>:( | happy, smile
>:) | frown, sad, shy
>_< | crying with eyes open, half-closed eyes, looking at viewer, wide-eyed
>_o | closed eyes
@_@ | closed eyes, determined, serious
^^^ | bored, sleepy
^_^ | angry, crying with eyes open, half-closed eyes, looking at viewer, sad, wide-eyed
anger vein | happy
angry | expressionless, giggling, happy, happy tears, light smile, lovestruck
angry | nervous smile, pleading eyes, scared, shy, sleepy, smile, yawning
annoyed | happy, laughing, smile
averting eyes | closed eyes, glaring, looking at viewer, staring
awestruck | bored, sleepy, unamused
bags under eyes | sparkling eyes
biting own lip | open mouth, tongue out
blank eyes | closed eyes, constricted pupils, heart-shaped pupils, sparkling eyes
blank stare | closed eyes, glaring, smile
blush | turn pale
blush stickers | turn pale
bored | crazy, crying, curious, determined, embarrassed, excited, flustered
bored | flying sweatdrops, horrified, jealous, laughing, lovestruck, nervous
bored | nervous sweating, pain, panicking, stifled laugh, surprised, yandere
c: | frown
chestnut mouth | closed mouth
clenched teeth | closed mouth, grin, jaw drop, open mouth, parted lips, tongue out
closed eyes | constricted pupils, crazy eyes, cross-eyed, crying with eyes open
closed eyes | dilated pupils, empty eyes, glaring, glowing eyes, half-closed eyes
closed eyes | heart-shaped pupils, jitome, looking at viewer, looking down
closed eyes | looking to the side, looking up, narrowed eyes, o_o, one eye closed
closed eyes | pleading eyes, rolling eyes, sanpaku, sideways glance, solid circle eyes
closed eyes | sparkling eyes, squinting, star-shaped pupils, staring, uneven eyes
closed eyes | upturned eyes, wide-eyed
closed mouth | d:, diamond mouth, evil grin, grin, jaw drop, laughing, licking lips
closed mouth | open mouth, parted lips, screaming, shouting, tongue out, triangle mouth
closed mouth | xd, yawning
confused | determined
constricted pupils | dilated pupils, empty eyes, no pupils
crazy | shy, sleepy
crazy eyes | half-closed eyes, sleepy
crazy smile | expressionless, light smile, sad, shy
cross-eyed | looking to the side
crying | happy, laughing
curious | disgust
d: | smile
dazed | determined, glaring, serious
depressed | excited, happy, laughing
despair | determined, happy, happy tears
determined | dizzy, drunk, scared, sleepy, squeans
dilated pupils | no pupils
disappointed | excited, happy
disdain | happy, scared, shy
disgust | happy, lovestruck, smile
dizzy | serious
dot mouth | grin, open mouth
doyagao | sad, scared, worried
drunk | serious
embarrassed | smug
empty eyes | glowing eyes, heart-shaped pupils, sparkling eyes, star-shaped pupils
evil grin | sad, scared, shy
evil smile | sad, sad smile, scared, shy
excited | exhausted, expressionless, gloom (expression), sigh, sleepy, unamused
expressionless | flustered, grin, laughing, light smile, panicking, sad, screaming
expressionless | shouting, smile, smirk, sobbing, surprised
false smile | happy, laughing
frown | grin, light smile, smile, smirk, x3
frustrated | happy, smug
full-face blush | light blush, turn pale
furious | happy, light smile, shy, smile
giggling | sad, serious
glaring | happy, pleading eyes, shy
gloom (expression) | happy
grimace | happy, smile
grin | light smile, o3o, pout, puckered lips, puffy cheeks, pursed lips, sad, sad smile
grin | scowl, wavy mouth
half-closed eyes | o_o, sleeping, surprised, wide-eyed
happy | horrified, jealous, lonely, pain, sad, scared, scowl, sneer, sobbing, sulking
happy | worried
happy tears | sad
heart-shaped pupils | no pupils, star-shaped pupils
jaw drop | smile
jitome | sparkling eyes, wide-eyed
laughing | lonely, sad, sad smile, serious, sigh, sulking, thinking, unamused, yandere
light blush | turn pale
looking at viewer | looking down, looking to the side, looking up, nose bubble
looking at viewer | rolling eyes, sleeping, u_u, x_x, xd
looking down | looking up, rolling eyes, upturned eyes
narrowed eyes | wide-eyed
nervous | smug
nervous smile | smug
no pupils | slit pupils
nose blush | turn pale
nose bubble | wide-eyed
one eye closed | wide-eyed
open mouth | parted lips, pout, puckered lips, pursed lips, wavy mouth, x mouth
pain | smile
panicking | thinking
pleading eyes | smug
pout | smile
puckered lips | smile
puffy cheeks | smile
raised eyebrow | raised eyebrows
raised eyebrows | v-shaped eyebrows
raised inner eyebrows | v-shaped eyebrows
sad | smile, smirk, smug, stifled laugh, teasing
sanpaku | sparkling eyes
scared | smug, sneer, teasing
scowl | smile
screaming | sleeping
serious | smile, stifled laugh
shaded face | sparkling eyes
shouting | sleeping
shy | smug, sneer
sleeping | wide-eyed
sleepy | surprised, wide-eyed
smile | sobbing, t_t, unamused, wince, x mouth, yawning
smug | worried
solid circle eyes | sparkling eyes
sparkling eyes | x_x
squinting | wide-eyed
streaming tears | teardrop, tearing up
t_t | wide-eyed
u_u | wide-eyed
v-shaped eyebrows | worried
wide-eyed | wince, x3, xd
"""


def _both_ways(text: str) -> dict[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in text.strip().splitlines():
        tag, _, others = line.partition(" | ")
        for other in others.split(", "):
            found.setdefault(tag, set()).add(other)
            found.setdefault(other, set()).add(tag)
    return {tag: frozenset(others) for tag, others in found.items()}


CONTRADICTIONS: dict[str, frozenset[str]] = _both_ways(_PAIRS)
