"""What checkpoints want round the expression tags, as data with their sources."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

from tagdb.records import ExpressionTag


class PromptStyle(BaseModel):
    """What one kind of checkpoint wants round the expression tags, in the prompt grammar.

    `cutoff_year` is the last year of its training data, 0 for "knows every live tag": a tag that
    got its name later is written as the word it had before. `slot_negatives` adds to the negative
    prompt what would contradict the expression.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    prefix: str = ""
    suffix: str = ""
    negative_prompt: str = ""
    cutoff_year: int = 0
    slot_negatives: bool = False

    def word(self, record: ExpressionTag) -> str:
        """The word by which the checkpoint knows a tag."""
        is_later = 0 < self.cutoff_year < record.live_since
        return record.legacy_prompt_word if is_later else record.prompt_form


STYLES: dict[str, PromptStyle] = {
    style.name: style
    for style in (
        PromptStyle(name="plain"),
        # Trained on Danbooru2023 with quality words from "worst" to "best quality, masterpiece":
        # https://huggingface.co/OnomaAIResearch/Illustrious-xl-early-release-v0
        # "amazing quality" and the negatives are what checkpoints made from it are used with:
        # https://tensor.art/models/849516334959261898
        PromptStyle(
            name="illustrious",
            suffix="masterpiece, best quality, amazing quality",
            negative_prompt="bad quality, worst quality, worst detail, sketch, censor, nsfw",
            cutoff_year=2023,
            slot_negatives=True,
        ),
        # Its card's prefix and negatives, without the animal words that would fight a character's
        # ears and tail; data up to 2024-10-23: https://huggingface.co/Laxhar/noobai-XL-1.0
        PromptStyle(
            name="noobai",
            prefix="masterpiece, best quality, newest, absurdres, highres, safe",
            negative_prompt="nsfw, worst quality, old, early, low quality, lowres, signature, "
            "username, logo, bad hands, mutated hands",
            cutoff_year=2024,
            slot_negatives=True,
        ),
        # All six score words in front, source and rating words; made to need no negatives.
        # Published in January 2024: https://civitai.com/models/257749
        PromptStyle(
            name="pony",
            prefix="score_9, score_8_up, score_7_up, score_6_up, score_5_up, score_4_up, "
            "source_anime, rating_safe",
            cutoff_year=2023,
            slot_negatives=True,
        ),
        # The base model of July 2023 knows no tags, so the words of its makers' anime preset:
        # https://github.com/twri/sdxl_prompt_styler/blob/main/sdxl_styles.json
        PromptStyle(
            name="sdxl",
            suffix="anime artwork, anime style, highly detailed",
            negative_prompt="photo, realism, deformed, disfigured, low contrast",
            cutoff_year=2022,
            slot_negatives=True,
        ),
    )
}
