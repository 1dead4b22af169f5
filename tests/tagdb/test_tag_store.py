"""Look-up, completion and search over a real LanceDB table."""

import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tagdb import Match, TagdbError, TagStore, UnknownTagError, load_tags

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    with TagStore(load_tags(), tmp_path_factory.mktemp("tags")) as store:
        yield store


def found(store, query, count=5, **options):
    return [hit.tag.tag for hit in store.search(query, **options).hits[:count]]


@pytest.mark.parametrize(
    ("name", "tag"),
    [
        ("closed_eyes", "closed_eyes"),
        ("Closed Eyes", "closed_eyes"),
        (":)", "smile"),
        ("：）", "smile"),
        (":D", ":d"),
        (">_<", ">_<"),
        ("T_T", "t_t"),
        ("wink", "one_eye_closed"),
        ("gloom", "gloom_(expression)"),
        ("teary eyes", "tearing_up"),
        ("looking away", "averting_eyes"),
        ("ウインク", "one_eye_closed"),
        ("闭眼", "closed_eyes"),
        ("눈 감음", "closed_eyes"),
        ("owo's :3 smile", None),
        ("ドヤ顔", "doyagao"),
        ("tired", None),
        ("", None),
    ],
)
def test_get_by_any_name(store, name, tag):
    if tag is None:
        with pytest.raises(UnknownTagError):
            store.get(name)
    else:
        assert store.get(name).tag == tag


def test_every_tag_is_got_by_name_and_prompt_form(store):
    for tag in store.tags:
        assert store.get(tag.tag) is tag and store.get(tag.prompt_form) is tag
        for alias in tag.aliases:
            assert store.get(alias).tag == tag.tag


def test_unknown_tag_names_the_nearest(store):
    with pytest.raises(UnknownTagError, match="closed_eyes") as error:
        store.get("closd eyes")
    assert error.value.nearest[0] == "closed_eyes"
    assert isinstance(error.value, TagdbError)


def test_an_ambiguous_name_lists_its_tags(store):
    with pytest.raises(UnknownTagError, match="several tags") as error:
        store.get("tired")
    assert set(error.value.nearest) == {"sleepy", "exhausted"}


def test_nearest_is_limited_and_ranked(store):
    assert store.nearest("surprized")[0] == "surprised"
    assert len(store.nearest("x", limit=3)) == 3


def test_complete(store):
    assert store.complete("smi")[0] == "smile"
    assert "smirk" in store.complete("smi")
    assert "one_eye_closed" in store.complete("wink")
    assert store.complete("", limit=7) == tuple(tag.tag for tag in store.tags[:7])
    assert store.complete("qqqq") == ()


def test_categories(store):
    assert "emotion" in store.categories and store.categories == tuple(sorted(store.categories))


STORY_LINES = [
    ("She shut her eyes and a soft smile spread over her face", {"closed_eyes", "light_smile"}),
    ("His pupils shrank to pinpoints in terror", {"constricted_pupils", "scared"}),
    ("Tears streamed down her cheeks as she read the letter.", {"streaming_tears", "crying"}),
    ("He grinned from ear to ear.", {"grin"}),
    ("She bit her lip nervously and looked away.", {"biting_own_lip", "averting_eyes"}),
    ("Her mouth fell open in disbelief.", {"open_mouth", "surprised"}),
    ("He was frowning at the map, brows drawn together.", {"frown", "furrowed_brow"}),
    ("She winked and stuck out her tongue.", {"tongue_out", "one_eye_closed"}),
    ("The old man's face turned pale.", {"turn_pale"}),
    ("He glared at them, teeth clenched.", {"glaring", "clenched_teeth"}),
    ("blushing", {"blush"}),
    ("make her look smug :3", {"smug", ":3"}),
    ("expresionless", {"expressionless"}),
    ("彼女は真っ赤になって目をそらした", {"averting_eyes", "full-face_blush", "blush"}),
    ("少女は涙を浮かべて微笑んだ", {"tearing_up", "light_smile"}),
    ("彼は歯を食いしばった", {"clenched_teeth"}),
    ("她闭上了眼睛，脸上露出淡淡的微笑", {"closed_eyes", "light_smile"}),
    ("他皱着眉头，咬紧牙关", {"furrowed_brow", "clenched_teeth"}),
    ("그녀는 얼굴이 빨개져서 시선을 피했다", {"averting_eyes", "blush"}),
    ("그는 눈을 크게 뜨고 깜짝 놀랐다", {"wide-eyed", "surprised"}),
    ("😭", {"sobbing"}),
]

PLAIN_LINES = [
    "The train left the station at half past nine.",
    "He parked the car behind the old warehouse and locked it.",
    "A kettle whistled in the kitchen.",
    "The castle stands on a hill above the river.",
    "She bought three apples and a loaf of bread.",
    "Rain drummed on the tin roof all night.",
    "Please send me the report by Friday.",
    "The committee approved the budget for the coming year.",
    "She did not smile.",
    "電車は九時に駅を出発した。",
    "火车九点半离开了车站。",
    "기차는 아홉 시에 역을 떠났다.",
]


@pytest.mark.parametrize(("line", "tags"), STORY_LINES)
def test_story_lines_find_their_tags_in_the_top_five(store, line, tags):
    assert tags <= set(found(store, line))
    assert not store.search(line).no_expression


def test_most_plain_lines_name_no_expression(store):
    missed = [line for line in PLAIN_LINES if not store.search(line).no_expression]
    assert len(missed) <= 1, missed


@pytest.mark.parametrize(
    "line",
    [
        "She did not smile.",
        "彼女は微笑みを浮かべなかった。",
        "他没有笑。",
        "그는 미소를 짓지 않았다.",
    ],
)
def test_what_is_only_denied_is_no_expression(store, line):
    result = store.search(line)
    assert result.no_expression
    assert "smile" not in [hit.tag.tag for hit in result.hits[:3]]


def test_a_denial_does_not_hide_what_is_said_beside_it(store):
    result = store.search("She did not smile; her cheeks burned red.")
    assert not result.no_expression
    assert "blush" in [hit.tag.tag for hit in result.hits[:3]]


def test_scores_fall_and_lie_in_0_to_1(store):
    hits = store.search(STORY_LINES[0][0], limit=50).hits
    scores = [hit.score for hit in hits]
    assert scores == sorted(scores, reverse=True) and 0 <= scores[-1] <= scores[0] <= 1
    assert hits[0].matches[0] == Match("name", "shut eyes", "en")


def test_a_whole_query_that_is_a_name_comes_first(store):
    for tag in store.tags:
        assert found(store, tag.prompt_form, 1) == [tag.tag]


def test_search_is_deterministic_and_limited(store):
    assert store.search("angry girl", limit=4) == store.search("angry girl", limit=4)
    assert len(store.search("angry girl", limit=4).hits) == 4


def test_category_filters(store):
    hits = store.search("She blushed and smiled", category="marks").hits
    assert hits[0].tag.tag == "blush" and {hit.tag.category for hit in hits} == {"marks"}


@pytest.mark.parametrize(
    ("options", "fits"),
    [
        ({"part": "mouth"}, lambda tag: "mouth" in tag.parts),
        ({"transform": "needed"}, lambda tag: tag.transform.need == "needed"),
        (
            {"part": "eyes", "transform": "none", "category": "emotion"},
            lambda tag: (
                ("eyes" in tag.parts, tag.transform.need, tag.category) == (True, "none", "emotion")
            ),
        ),
    ],
)
def test_filters_keep_exactly_the_tags_that_fit(store, options, fits):
    hits = store.search("She shut her eyes and smiled", limit=len(store.tags), **options).hits
    assert {hit.tag.tag for hit in hits} == {tag.tag for tag in store.tags if fits(tag)}


@pytest.mark.parametrize(
    ("query", "tag", "words", "language"),
    [
        ("彼は微笑んだ", "smile", "微笑", "ja"),
        ("그는 미소를 지었다", "smile", "미소", "ko"),
        ("her face, >_<, was red", ">_<", ">_<", "en"),
    ],
)
def test_a_match_by_name_tells_its_language(store, query, tag, words, language):
    hit = next(hit for hit in store.search(query, limit=196).hits if hit.tag.tag == tag)
    assert Match("name", words, language) in hit.matches


def test_an_english_gloss_is_searched_beside_the_text(store):
    line = "彼は何も言わなかった"
    assert "frown" not in found(store, line)
    assert found(store, line, 1, text_en="He frowned in silence.") == ["frown"]


@pytest.mark.parametrize(
    ("query", "options", "words"),
    [
        ("", {}, "empty"),
        (" \u3000\n", {}, "empty"),
        ("a" * 4001, {}, "4000"),
        ("smile", {"text_en": "a" * 4001}, "4000"),
        ("smile", {"limit": 0}, "limit"),
        ("smile", {"category": "hats"}, "Categories: brows"),
        ("smile", {"part": "hat"}, "Parts: .*mouth"),
        ("smile", {"transform": "maybe"}, "Accepted: none, advised, needed"),
    ],
)
def test_misuse_is_refused_in_words(store, query, options, words):
    with pytest.raises(TagdbError, match=words):
        store.search(query, **options)


@pytest.mark.parametrize("query", ["(", '"', "*", "AND OR", "\\(^o^)/", "\x00", "a" * 4000, "!!!"])
def test_odd_queries_are_harmless(store, query):
    store.search(query)


def test_a_store_of_few_tags(tmp_path):
    few = TagStore([tag for tag in load_tags() if tag.tag in ("smile", "frown")], tmp_path)
    assert found(few, "a gentle smile", 1) == ["smile"]
    assert len(list(tmp_path.glob("tags-*"))) == 1
    with pytest.raises(TagdbError):
        TagStore([])


def test_without_a_cache_folder_the_temporary_one_goes_on_close(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    store = TagStore(load_tags())
    assert found(store, "a smile", 1) == ["smile"]
    assert list(tmp_path.iterdir())
    store.close()
    store.close()
    assert not list(tmp_path.iterdir())
    with pytest.raises(TagdbError, match="closed"):
        store.search("a smile")


def test_threads_share_one_index(tmp_path):
    store = TagStore(load_tags(), tmp_path)
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: store.search("furious glare"), range(8)))
    assert all(result == results[0] for result in results)
    assert len(list(tmp_path.glob("tags-*"))) == 1
    assert not list(tmp_path.glob("building-*"))


def test_a_second_store_opens_the_table_that_is_there(tmp_path):
    first = found(TagStore(load_tags(), tmp_path), "sad smile")
    (folder,) = tmp_path.glob("tags-*")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    assert found(TagStore(load_tags(), tmp_path), "sad smile") == first
    assert before == {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}


def _empty(folder):
    for path in sorted(folder.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()


def _garble(folder):
    for path in folder.rglob("*"):
        if path.is_file():
            path.write_bytes(b"garbage")


def _truncate(folder):
    for path in folder.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _drop_index(folder):
    for path in folder.rglob("*"):
        if path.is_file() and "_indices" in path.parts:
            path.unlink()


@pytest.mark.parametrize("damage", [_empty, _garble, _truncate, _drop_index])
def test_a_damaged_cache_is_rebuilt(tmp_path, damage):
    expected = TagStore(load_tags(), tmp_path).search("sad smile")
    (folder,) = tmp_path.glob("tags-*")
    damage(folder)
    assert TagStore(load_tags(), tmp_path).search("sad smile") == expected
    assert list(tmp_path.glob("tags-*")) == [folder]


def run_python(code, *arguments):
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
    )


def test_two_processes_build_at_once(tmp_path):
    code = (
        "import sys; from pathlib import Path; from tagdb import TagStore, load_tags\n"
        "result = TagStore(load_tags(), Path(sys.argv[1])).search('sad smile')\n"
        "print([hit.tag.tag for hit in result.hits])"
    )
    both = [run_python(code, str(tmp_path)) for _ in range(2)]
    outputs = [process.communicate(timeout=120) for process in both]
    assert [process.returncode for process in both] == [0, 0], outputs
    assert outputs[0][0] == outputs[1][0] and "sad_smile" in outputs[0][0]
    assert len(list(tmp_path.glob("tags-*"))) == 1
    assert not list(tmp_path.glob("building-*"))


def test_answers_from_memory_import_nothing_heavy():
    code = (
        "import sys; from tagdb import STYLES, TagStore, build_prompt, load_tags\n"
        "store = TagStore(load_tags()); store.get(':)'); store.complete('s'); store.nearest('smle')\n"
        "build_prompt(store, ['smile'], style=STYLES['plain'])\n"
        "print(sorted({'lancedb', 'pyarrow', 'torch', 'safetensors', 'tokenizers'} & set(sys.modules)))"
    )
    process = run_python(code)
    out, err = process.communicate(timeout=60)
    assert (out.strip(), process.returncode) == ("[]", 0), err
