"""The user's own tags: what is refused, files, other processes, and that search finds them."""

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from expressedit_mcp.cli import main
from tagdb import Addition, Match, TagdbError, TagStore, UserTags, load_tags
from tagdb.user_files import read_rows, write_rows
from tagdb.user_tags import ADDITION_KINDS, Row, _make_table, merge

ROOT = Path(__file__).parents[2]
GRIN = [
    Row("line 2", "cat_grin", "definition", "en", "A wide closed grin, corners curled up."),
    Row("line 3", "cat_grin", "category", "", "mouth"),
    Row("line 4", "cat_grin", "part", "", "mouth"),
    Row("line 5", "cat_grin", "name", "ja", "チェシャ猫笑い"),
    Row("line 6", "cat_grin", "name", "en", "Cheshire grin"),
    Row("line 7", "cat_grin", "cue", "en", "the riddler folds his paws, lips one long curled line"),
    Row("line 8", "smile", "name", "en", "sunbeam face"),
    Row("line 9", "cat_grin", "cue", "ja", "ひげの先までつり上げ、何も言わずに弧を描く口もと"),
]


@pytest.fixture(scope="module")
def records():
    return load_tags()


@pytest.fixture
def own(tmp_path, records):
    return UserTags(tmp_path / "tags", records)


def test_without_additions_there_is_no_folder(own):
    assert own.rows() == () and own.version() == (0, 0) and not own.folder.exists()


def test_what_is_added_is_there_once_and_goes_when_removed(own, records):
    assert own.add(GRIN) == len(GRIN)
    assert own.add([*GRIN, *GRIN]) == 0
    other = UserTags(own.folder, records)
    assert [row.text for row in other.rows()] == [row.text for row in GRIN]
    before = own.version()
    assert other.remove("cat grin", "Cheshire grin") == 1
    assert own.version() != before
    assert other.remove("cat_grin") == 6
    assert [row.tag for row in own.rows()] == ["smile"]
    with pytest.raises(TagdbError, match=r"no addition of yours to 'cat_grin'.*smile"):
        own.remove("cat_grin")


@pytest.mark.parametrize(
    ("row", "words"),
    [
        (("", "name", "en", "x y"), "tag is empty"),
        (("a,b", "definition", "en", "x"), "no comma"),
        (("Big", "definition", "en", "x"), "lower case"),
        (("smile", "colour", "en", "x"), "kinds: definition, category"),
        (("smile", "name", "en", " \t "), "name of 'smile' is empty"),
        (("smile", "cue", "en", "x" * 1001), "longer than 1000"),
        (("smile", "name", "de", "lächeln"), "unknown language 'de'.*en, ja, zh, ko"),
        (("smile", "definition", "en", "x"), "shipped tag"),
        (("smile", "category", "", "own"), "shipped tag"),
        (("nosuch", "name", "en", "x y"), "unknown tag 'nosuch'"),
        (("smile", "name", "en", "Grin"), "'Grin' belongs to the tag 'grin'"),
        (("smile", "name", "ja", "ドヤ顔"), "belongs to the tag"),
        (("wink", "definition", "en", "x"), "'wink' belongs to the tag 'one_eye_closed'"),
        (("own_one", "category", "", "hats"), "accepted: .*mouth, own"),
        (("own_one", "part", "", "hat"), "accepted: .*mouth"),
    ],
)
def test_a_bad_row_is_told_with_its_line_and_nothing_is_added(own, row, words):
    good = Row("line 2", "own_one", "definition", "en", "One of mine.")
    with pytest.raises(TagdbError, match=f"(?s)Nothing was added.*line 3: .*{words}"):
        own.add([good, Row("line 3", *row)])
    assert own.rows() == ()


def test_every_problem_is_listed_up_to_ten(own):
    rows = [Row(f"line {n}", "nosuch", "name", "en", f"name {n}") for n in range(2, 15)]
    with pytest.raises(TagdbError) as caught:
        own.add(rows)
    assert str(caught.value).count("unknown tag") == 10 and "and 3 more" in str(caught.value)


def test_two_rows_cannot_share_a_name(own):
    rows = [
        Row("line 2", "own_one", "definition", "en", "One."),
        Row("line 3", "own_two", "definition", "en", "Two."),
        Row("line 4", "own_one", "name", "en", "same name"),
        Row("line 5", "own_two", "name", "en", "Same Name"),
    ]
    with pytest.raises(TagdbError, match=r"line 5: the name 'Same Name' belongs to .*'own_one'"):
        own.add(rows)


def test_an_empty_language_is_seen_from_the_script(own):
    own.add(
        [Row("-", "smile", "cue", "", "그는 햇살처럼 웃었다"), Row("-", "smile", "cue", "", "warm")]
    )
    assert [row.lang for row in own.rows()] == ["ko", "en"]


def test_additions_of_a_tag_that_is_no_longer_known_are_passed_over(records):
    left = Addition(tag="gone", kind="name", lang="en", text="gone face")
    shipped_since = Addition(tag="smile", kind="definition", lang="en", text="Mine.")
    merged = merge(records, [left, shipped_since])
    assert merged.records == tuple(records) and merged.texts == ()


LINE = st.characters(exclude_categories=["Cs", "Cc"])
ADDITIONS = st.lists(
    st.builds(
        Addition,
        tag=st.text(LINE, min_size=1, max_size=8),
        kind=st.sampled_from(ADDITION_KINDS),
        lang=st.sampled_from(["", "en", "ja", "zh", "ko"]),
        text=st.text(LINE, min_size=1, max_size=20),
    ),
    max_size=5,
)


@given(ADDITIONS, st.sampled_from(["a.csv", "a.jsonl"]))
def test_a_written_file_reads_back(tmp_path_factory, additions, name):
    path = tmp_path_factory.mktemp("file") / name
    write_rows(path, additions)
    assert [row[1:] for row in read_rows(path)] == [
        (a.tag, a.kind, a.lang, a.text) for a in additions
    ]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.txt", "", "neither .csv nor .jsonl"),
        ("a.csv", "tag,text\n", "line 1: the header lacks kind"),
        ("a.csv", b"\xff\xfe\x00", "not UTF-8"),
        ("a.jsonl", '{"tag": "smile"}\n', "line 1: must be an object"),
        ("a.jsonl", '\n{"tag"', "line 2: no JSON"),
        ("a.jsonl", '{"tag": "smile", "kind": "name", "text": 3}', "line 1: every value"),
        ("a.jsonl", '{"tag": "a", "kind": "name", "text": "b", "x": ""}', "nothing else"),
    ],
)
def test_a_bad_file_is_told_in_words(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(TagdbError, match=words):
        read_rows(path)


def test_a_file_of_a_spreadsheet_is_read(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes('\ufefftag,kind,text\r\nsmile,cue,"a, b"\r\n'.encode())
    assert read_rows(path) == [Row("line 2", "smile", "cue", "", "a, b")]


@pytest.fixture(scope="module")
def searched(tmp_path_factory, records):
    """A store that has searched, the folder of the additions made since, and the store's cache."""
    folder = tmp_path_factory.mktemp("store")
    with TagStore(records, folder / "cache", own_tags=folder / "tags") as store:
        assert store.search("a cheshire grin").hits[0].tag.tag != "cat_grin"
        UserTags(folder / "tags", records).add(GRIN)
        yield store


@pytest.mark.parametrize(
    ("query", "tag"),
    [
        ("cheshire grin", "cat_grin"),
        ("彼はチェシャ猫笑いを浮かべた", "cat_grin"),
        ("cat_grin", "cat_grin"),
        ("the riddler sat with folded paws, his lips one long curled line", "cat_grin"),
        ("her sunbeam face", "smile"),
    ],
)
def test_search_finds_an_addition_by_name_and_by_meaning(searched, query, tag):
    assert searched.search(query).hits[0].tag.tag == tag


def test_a_text_in_japanese_leads_to_an_own_tag_without_a_gloss(searched):
    hits = searched.search("猫又はひげの先をぴんと伸ばし、何も言わずに弧を描く口もとで待った").hits
    own = next(hit for hit in hits[:3] if hit.tag.tag == "cat_grin")
    assert own.matches == (Match("cue", GRIN[-1].text, "ja"),)


def test_an_own_tag_is_a_tag_like_others(searched):
    tag = searched.get("Cheshire Grin")
    assert (tag.tag, tag.prompt_form, tag.category) == ("cat_grin", "cat grin", "mouth")
    assert "cat_grin" in searched.complete("cat") and "cat_grin" in searched.nearest("cat_gri")
    hits = searched.search("a riddler with curled lips", category="mouth", part="mouth").hits
    own = next(hit for hit in hits if hit.tag.tag == "cat_grin")
    assert own.matches[-1] == Match("cue", GRIN[5].text, "en")


def test_a_shipped_tag_is_still_found_with_own_texts_there(searched):
    assert searched.search("She clenched her teeth in rage").hits[0].tag.tag == "clenched_teeth"


def test_a_running_store_sees_what_another_process_adds_and_removes(tmp_path, records):
    folder = tmp_path / "tags"
    code = (
        "import sys; from pathlib import Path; from tagdb import UserTags, load_tags\n"
        "from tagdb.user_tags import Row\n"
        "own = UserTags(Path(sys.argv[1]), load_tags())\n"
        "own.remove('moon_face') if sys.argv[2] == 'remove' else own.add([\n"
        "    Row('1', 'moon_face', 'definition', 'en', 'Round and pale.')])"
    )

    def run(what):
        subprocess.run([sys.executable, "-c", code, str(folder), what], cwd=ROOT, check=True)

    with TagStore(records, own_tags=folder) as store:
        assert "moon_face" not in {tag.tag for tag in store.tags}
        run("add")
        assert store.get("moon face").tag == "moon_face"
        run("remove")
        assert "moon_face" not in {tag.tag for tag in store.tags}


def test_several_processes_add_at_once(tmp_path, records):
    code = (
        "import sys; from pathlib import Path; from tagdb import UserTags, load_tags\n"
        "from tagdb.user_tags import Row\n"
        "own = UserTags(Path(sys.argv[1]), load_tags())\n"
        "for n in range(4): own.add([Row('1', 'smile', 'cue', 'en', sys.argv[2] + str(n))])"
    )
    command = [sys.executable, "-c", code, str(tmp_path)]
    running = [subprocess.Popen([*command, name], cwd=ROOT) for name in "ab"]
    assert [process.wait(timeout=120) for process in running] == [0, 0]
    texts = {row.text for row in UserTags(tmp_path, records).rows()}
    assert texts == {name + str(n) for name in "ab" for n in range(4)}


def test_a_table_made_at_the_same_time_by_another_process_stays(own):
    own.add(GRIN)
    _make_table(own.folder, own.folder / "additions.lance")
    assert own.rows()
    assert [path.name for path in own.folder.iterdir()] == ["additions.lance"]


def test_a_table_that_cannot_be_read_is_left_as_it_is(own):
    own.add(GRIN)
    for path in own.folder.rglob("*"):
        if path.is_file():
            path.write_bytes(b"garbage")
    with pytest.raises(TagdbError, match="left as it is"):
        UserTags(own.folder, load_tags()).rows()
    assert all(p.read_bytes() == b"garbage" for p in own.folder.rglob("*") if p.is_file())


def run_cli(home, *arguments):
    return CliRunner().invoke(main, ["tags", *arguments], env={"EXPRESSEDIT_HOME": str(home)})


def test_the_command_line_adds_lists_exports_imports_and_removes(tmp_path):
    added = run_cli(
        tmp_path,
        *("add", "cat grin", "--definition", "A curled grin.", "--part", "mouth"),
        *("--name", "en:cheshire smile", "--name", "ja:チェシャ猫笑い", "--text", "paws folded"),
    )
    assert added.exit_code == 0 and "Added 5 of 5" in added.output
    shown = run_cli(tmp_path, "list", "cat_grin").output.splitlines()
    assert "cat_grin  name ja  チェシャ猫笑い" in shown and "cat_grin  part  mouth" in shown
    files = [tmp_path / "out.csv", tmp_path / "out.jsonl"]
    for file in files:
        assert "Wrote 5 rows" in run_cli(tmp_path, "export", str(file)).output
        assert "Removed 5 rows" in run_cli(tmp_path, "remove", "cat_grin").output
        assert "Added 5 of 5" in run_cli(tmp_path, "import", str(file)).output
        assert run_cli(tmp_path, "list", "cat_grin").output.splitlines() == shown
    assert "Removed 1 rows" in run_cli(tmp_path, "remove", "cat_grin", "--text", "mouth").output


def test_the_command_line_builds_the_tables(tmp_path):
    result = run_cli(tmp_path, "build")
    assert result.exit_code == 0 and "ready" in result.output
    built = [path.name.partition("-")[0] for path in (tmp_path / "cache" / "tagdb").iterdir()]
    assert sorted(built) == ["native", "tags", "texts"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["add", "smile"], "Give a --definition"),
        (["add", "smile", "--name", "de:lächeln"], "--name: unknown language 'de'"),
        (["add", "smile", "--text", "en:  "], "--text: the cue of 'smile' is empty"),
        (["remove", "smile"], "no addition of yours"),
    ],
)
def test_the_command_line_refuses_in_words(tmp_path, arguments, words):
    result = run_cli(tmp_path, *arguments)
    assert result.exit_code != 0 and words in result.output
    assert "Traceback" not in result.output
