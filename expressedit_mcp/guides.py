"""The MCP prompts: how an assistant should go about a user's wish."""

from __future__ import annotations


def change_expression(image: str, expression: str) -> str:
    """The steps from a picture and a wish to the changed picture."""
    return (
        f"Change the expression of the character in {image} to: {expression}.\n"
        "1. open_image to get an image_id. 2. search_expression_tags with the wish. 3. build_prompt with the "
        "chosen tags and the character's hair and eye colour as character; it says which edits to make. "
        "4. Where open_image found the face each edit's region is ready; else view_image with grid=True to find "
        "the box of each part to edit and of the whole face. "
        "5. edit_expression once for each edit, with the face as context. 6. Look at the result and at "
        "what its answer says the face now shows; if it does not read as wished, try another seed or a higher "
        "strength. Tell the user the final path."
    )


def story_to_expression(story: str, image: str = "", character: str = "") -> str:
    """The steps from a line of a story to expression tags, and to edits where a picture is given."""
    who = f"The character: {character}.\n" if character else ""
    steps = [
        f"Show on the character's face what this story line says:\n\n{story}\n{who}"
        "1. Say to yourself in one line of English what the face of this one character does at this moment; "
        "leave out what others feel, what is denied, and what is over. If it shows nothing, say so and stop.",
        "2. search_expression_tags with the story line as it stands as query and your line as text_en (leave "
        "text_en out when the story is English). Or choose from all tags in expressedit://tags.",
        "3. Choose one main tag, and at most two that support it on other parts of the face. When two are "
        "close, explain_tag tells them apart.",
        "4. build_prompt with the tags and the character's own look. Mend what it warns of.",
    ]
    if image:
        steps.append(
            f"5. open_image {image}, view_image with grid=True, then for each of build_prompt's edits in "
            "order: first its transforms that are needed and whose tool you have, then edit_expression on the "
            "result with the edit's prompt and negative_prompt, its region where open_image found the face (else "
            "one round what it says to select), and the whole face as context. Look at each result, and at what "
            "its answer says the face now shows, before the next; what failed gets another seed. Tell the user "
            "the final path."
        )
    else:
        steps.append("5. Answer with the tags, why each fits, and the prompts of the edits.")
    return "\n".join(steps)
