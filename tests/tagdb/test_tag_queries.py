"""The held-out queries are whole, fair, and not among what is indexed."""

from collections import Counter
from pathlib import Path

from tagdb.checks import grams
from tagdb.evaluation import judge, load_queries, summary
from tagdb.records import LANGUAGES, load_tags, load_texts

QUERIES = load_queries(Path(__file__).parent.parent / "data" / "queries")
TAGS = {tag.tag for tag in load_tags()}


def test_every_tag_is_asked_for_twice_in_each_language():
    single = Counter((q.lang, q.gold[0]) for q in QUERIES if q.set == "single")
    assert single == {(language, tag): 2 for language in LANGUAGES for tag in TAGS}
    assert Counter(q.set for q in QUERIES if q.lang == "en") == {
        "single": 392,
        "multi": 50,
        "alias": 50,
        "none": 30,
        "negation": 25,
    }


def test_labels_are_tags_and_do_not_overlap():
    assert len({q.id for q in QUERIES}) == len(QUERIES)
    for query in QUERIES:
        labels = (*query.gold, *query.accept)
        assert set(labels) | set(query.denied) <= TAGS, query.id
        assert len(set(labels)) == len(labels), query.id
        assert not set(query.denied) & set(query.gold), query.id
        assert bool(query.gold) or query.set in ("none", "negation"), query.id


def test_glosses_are_given_for_all_but_english():
    assert all(bool(q.gloss) == (q.lang != "en") for q in QUERIES if q.set == "single")


def test_no_query_is_nearly_an_indexed_text():
    holders: dict[str, list[int]] = {}
    sets = [grams(text.text) for text in load_texts()]
    for index, own in enumerate(sets):
        for gram in own:
            holders.setdefault(gram, []).append(index)
    for query in QUERIES:
        own = grams(query.text)
        if query.set == "alias" or len(own) < 8:
            continue
        shared = Counter(index for gram in own for index in holders.get(gram, ()))
        for index, count in shared.most_common(1):
            assert count / len(own | sets[index]) <= 0.35, (query.id, query.text)


def test_figures_by_hand():
    query = next(q for q in QUERIES if q.set == "single" and q.accept)
    others = [tag for tag in sorted(TAGS) if tag not in (*query.gold, *query.accept)]
    judged = judge(query, [others[0], query.accept[0], query.gold[0], *others[1:]])
    assert (judged.right_rank, judged.gold_rank) == (1, 2)
    figures = summary([judged])
    assert (figures["hit@1"], figures["hit@3"], figures["gold@3"]) == (0.0, 1.0, 1.0)
    assert abs(figures["mrr"] - 1 / 3) < 1e-9
