"""Task folders: what loads, what stops the start and with which words, and what an edition is made of."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from handler.content import ContentError
from handler.facts import Facts
from handler.task_folders import load_prompts
from handler.tasks import Prompts, Task

MODEL_ID = "global.anthropic.claude-haiku-5-5"
ROOT = Path(__file__).parents[2]


class Folder:
    """A copy of the small task folders, to be edited as a planner would."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def edit(self, file: str, old: str, new: str) -> None:
        """Replaces the first `old`, which must be there."""
        text = (self.path / file).read_text(encoding="utf-8")
        assert old in text
        (self.path / file).write_text(text.replace(old, new, 1), encoding="utf-8")

    def write(self, file: str, text: str) -> None:
        path = self.path / file
        path.parent.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def load(self) -> Prompts:
        return load_prompts(self.path, MODEL_ID)

    def task(self, name: str) -> Task:
        (task,) = (task for task in self.load().tasks if task.name == name)
        return task

    def refusal(self) -> str:
        """What the start says, with file and line but without the folder."""
        with pytest.raises(ContentError) as caught:
            self.load()
        return str(caught.value).replace(f"{self.path}/", "")


@pytest.fixture
def folder(prompts_dir: Path, tmp_path: Path) -> Folder:
    shutil.copytree(prompts_dir, tmp_path / "prompts")
    return Folder(tmp_path / "prompts")


def shirt(*category: str, brand: str = "", audience: str = "", name: str = "셔츠", attributes: int = 2) -> Facts:
    given = tuple((f"속성{number}", ("값",)) for number in range(attributes))
    return Facts(name=name, category=category, attributes=given, brand=brand, audience=audience)


# What ships


def test_the_prompts_that_ship_load() -> None:
    """A broken edit of prompts/ fails here, before it reaches a cluster."""
    prompts = load_prompts(ROOT / "prompts", MODEL_ID)
    assert [task.name for task in prompts.tasks] == ["attributes", "description"]
    assert prompts.languages == {"ko", "en"}
    assert {*prompts.event_types} == {
        "ProductAttributesUpdatedEvent",
        "ProductImagesUpdatedEvent",
        "ProductRegisteredEvent",
    }


# What loads


def test_the_event_s_name_decides_which_tasks_are_owed(prompts: Prompts) -> None:
    """In the order of the folders' names; a name that nobody listens to owes nothing."""
    owed = {name: [task.name for task in prompts.owed(name)] for name in (*prompts.event_types, "Other")}
    assert owed == {
        "ProductAttributesUpdatedEvent": ["copy"],
        "ProductImagesUpdatedEvent": ["tags"],
        "ProductRegisteredEvent": ["copy", "tags"],
        "Other": [],
    }


def test_a_new_folder_is_a_new_task(folder: Folder) -> None:
    """Neckline codes, from a copied folder and a new event name, without any Python."""
    shutil.copytree(folder.path / "tags", folder.path / "necklines")
    folder.write("necklines/codes.yaml", "Neckline:\n  ko: 넥라인\n  labels:\n    v-neck: {code: '1', ko: 브이넥}\n")
    folder.edit("necklines/task.yaml", "ProductRegisteredEvent", "NecklineWanted")
    prompts = folder.load()
    (task,) = prompts.owed("NecklineWanted")
    assert "NecklineWanted" in prompts.event_types
    assert "v-neck" in task.prefix(attributes=tuple(task.codes.root)).system


def test_a_folder_without_a_task_file_is_no_task(folder: Folder) -> None:
    """Drafts and notes may lie beside the tasks."""
    folder.write("drafts/notes.md", "not yet")
    folder.write("drafts/system.md.j2", "{{ nonsense")
    assert [task.name for task in folder.load().tasks] == ["copy", "tags"]


def test_a_task_may_name_its_own_model(folder: Folder) -> None:
    """Otherwise it asks the one of MODEL_ID."""
    folder.edit("tags/task.yaml", "max_tokens: 200", "max_tokens: 200\nmodel: us.anthropic.claude-sonnet-5")
    assert folder.task("tags").model_id == "us.anthropic.claude-sonnet-5"
    assert folder.task("copy").model_id == MODEL_ID


def test_noise_of_all_files_counts(folder: Folder) -> None:
    """Another language's noise is another file."""
    folder.write("shared/noise-en.yaml", "placeholders: [see page]\n")
    noise = folder.load().noise
    assert noise.clean("See page") == noise.clean("상세페이지 참조") == ""


def test_shared_colours_are_words_of_the_labels(folder: Folder) -> None:
    """One colour table serves codes and grounding: its words need no second entry in codes.yaml."""
    assert folder.task("tags").codes.root["Color"].labels_of(["검은색"]) == ("black",)


def test_a_code_table_without_colours_needs_no_colour_table(folder: Folder) -> None:
    """A shop of kettles has none."""
    shutil.rmtree(folder.path / "copy")
    (folder.path / "shared" / "colours.yaml").unlink()
    folder.write("tags/codes.yaml", "Plug:\n  ko: 플러그\n  labels:\n    round: {code: '1', ko: 둥근형}\n")
    prompts = folder.load()
    assert prompts.tasks[0].codes.root["Plug"].labels_of(["둥근형"]) == ("round",)
    assert prompts.tasks[0].languages == ()
    assert prompts.languages == {"ko"}


def test_examples_and_personas_may_be_missing_where_nothing_asks_for_them(folder: Folder) -> None:
    """A codes task has no personas, and no task needs examples."""
    (folder.path / "tags" / "examples.yaml").unlink()
    assert folder.task("tags").examples == ()
    assert folder.task("tags").personas == {}
    assert folder.task("tags").persona(shirt()) == ("", None)


def test_a_text_task_can_do_without_personas(folder: Folder) -> None:
    """Length and emoji may stand in task.yaml itself."""
    (folder.path / "copy" / "personas.yaml").unlink()
    folder.edit(
        "copy/task.yaml", "length: persona\n  emoji: persona", "length: {ko: [20, 99], en: [9, 9]}\n  emoji: 'yes'"
    )
    folder.write("copy/system.md.j2", "Write in {{ language }}, {{ length[0] }} to {{ length[1] }}.")
    task = folder.task("copy")
    assert task.prefix(language="ko").system == "Write in Korean, 20 to 99."
    assert task.length("", "en") == (9, 9)
    assert task.allows_emoji("") is True


def test_a_task_that_drops_a_language_s_rules_drops_the_language(folder: Folder) -> None:
    """Copy that nobody can check is not asked for: only what every text task can judge is a language."""
    folder.edit("copy/task.yaml", "claims: [claims-ko, claims-en]", "claims: [claims-ko]")
    assert set(folder.task("copy").languages) == {"ko"}
    assert folder.load().languages == {"ko"}


# What is decided by the folder


@pytest.mark.parametrize(
    ("category", "publication"),
    [
        (("신고대상",), "off"),
        (("식품", "신고대상", "홍삼"), "off"),
        (("검토대상", "신고대상"), "off"),
        (("검토대상", "크림"), "shadow"),
        (("의류",), "live"),
        ((), "live"),
    ],
)
def test_the_first_pattern_that_fits_publishes(prompts: Prompts, category: tuple[str, ...], publication: str) -> None:
    """The order of the file decides, not how narrow a pattern is."""
    assert prompts.tasks[0].publication(category) == publication


def test_what_no_pattern_fits_is_not_published(folder: Folder) -> None:
    """A map without a last line publishes only what it names."""
    folder.edit("copy/task.yaml", '  "**": live\n', "")
    assert folder.task("copy").publication(("의류",)) == "off"


PERSONAS = """{first}
b: {{when: {{category: ["의류/**"], brand: [ACME]}}, {rest}}}
c: {{when: {{audience: [남성, 여성]}}, {rest}}}
d: {{when: {{category: ["**/셔츠"]}}, {rest}}}
e: {{{rest}}}
"""
REST = "role: r, reader: r, tone: t, length: {ko: [1, 9], en: [1, 9]}"


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        (shirt("의류", "셔츠", brand="acme", audience="남성"), "b"),
        (shirt("의류", "셔츠", brand="Other", audience="여성"), "c"),
        (shirt("의류", "셔츠"), "d"),
        (shirt("의류"), "e"),
        (shirt("의류", brand="ACME"), "b"),
        (shirt(brand="ACME"), "e"),
    ],
)
def test_the_first_persona_that_fits_writes(folder: Folder, facts: Facts, name: str) -> None:
    """All that `when` gives must fit, one of each list; the order of the file decides."""
    folder.write("copy/personas.yaml", PERSONAS.format(first="", rest=REST))
    chosen, persona = folder.task("copy").persona(facts)
    assert chosen == name
    assert persona == folder.task("copy").personas[name]


def test_an_earlier_persona_takes_the_product(folder: Folder) -> None:
    """A line put on top of the file wins over all below."""
    first = f'a: {{when: {{brand: [ACME]}}, {REST}, emoji: "yes"}}'
    folder.write("copy/personas.yaml", PERSONAS.format(first=first, rest=REST))
    task = folder.task("copy")
    assert task.persona(shirt("의류", brand="ACME"))[0] == "a"
    assert task.allows_emoji("a") is True
    assert task.allows_emoji("b") is False


@pytest.mark.parametrize(
    ("task", "facts", "has_images", "missing"),
    [
        ("copy", shirt(), False, []),
        ("copy", shirt(attributes=1), False, ["2 attributes that say something (it has 1)"]),
        ("copy", shirt(name="", attributes=0), False, ["name", "2 attributes that say something (it has 0)"]),
        ("tags", shirt("의류", attributes=0), True, []),
        ("tags", shirt("의류"), False, ["images"]),
        ("tags", shirt(name=""), False, ["name", "category", "images"]),
    ],
)
def test_what_a_product_lacks_is_listed(
    prompts: Prompts, task: str, facts: Facts, has_images: bool, missing: list[str]
) -> None:
    """The seller reads all of it at once."""
    (owed,) = (each for each in prompts.tasks if each.name == task)
    assert list(owed.lacks(facts, has_images=has_images)) == missing


def test_the_system_prompt_shows_persona_language_and_length(prompts: Prompts) -> None:
    """What the answer is held to is what the model is told; examples are those of persona and language."""
    copy = prompts.tasks[0]
    fashion = copy.prefix(persona="fashion", language="ko").system
    general = copy.prefix(persona="general", language="en").system
    assert "a copywriter of a fashion mall" in fashion
    assert "Write in Korean. Write one paragraph of between 20 and 190 characters." in fashion
    assert "니트 베스트" in fashion
    assert "No emoji." not in fashion
    assert "a copywriter of a shop" in general
    assert "Write in English. Write one paragraph of between 20 and 400 characters." in general
    assert "니트 베스트" not in general
    assert "No emoji." in general


def test_the_system_prompt_shows_labels_and_never_codes(prompts: Prompts) -> None:
    """Only the attributes that are asked, with what tells their labels apart."""
    tags = prompts.tasks[1]
    shown = tags.prefix(attributes=("Color",)).system
    assert "- sky-blue (스카이블루): light beside blue" in shown
    assert "answer multi alone" in shown
    assert "09" not in shown
    assert "- solid" not in shown


# Editions

COPY_EDITS = {
    "publish": ("copy/task.yaml", '"**/검토대상/**": shadow', '"**/검토대상/**": off'),
    "checks": ("copy/task.yaml", "grounding: [numbers, colours, latin]", "grounding: [numbers, colours]"),
    "write-back": ("copy/task.yaml", "field: description", "field: text"),
    "length": ("copy/personas.yaml", "ko: [20, 190]", "ko: [20, 180]"),
    "emoji": ("copy/personas.yaml", 'emoji: "yes"', 'emoji: "no"'),
    "claim": ("shared/claims-ko.yaml", "품절", "매진"),
    "claim's exception": ("shared/claims-ko.yaml", "[1-9]", "[2-9]"),
    "grounding": ("shared/grounding-ko.yaml", "cm: 10", "cm: 11"),
    "negation": ("shared/grounding-ko.yaml", "없음|불가", "없음"),
    "colour": ("shared/colours.yaml", "빨간색", "새빨간색"),
    "language": ("shared/languages.yaml", 'share: "0.5"', 'share: "0.4"'),
}
TAGS_EDITS = {
    "code": ("tags/codes.yaml", 'code: "06"', 'code: "07"'),
    "synonym": ("tags/codes.yaml", "also: [파랑]", "also: [파랑, 블루톤]"),
    "applies_to": ("tags/codes.yaml", '"*잡화/**"', '"*신발/**"'),
    "max": ("tags/codes.yaml", "max: 2", "max: 3"),
    "colour": ("shared/colours.yaml", "빨간색", "새빨간색"),
    "join": ("tags/task.yaml", "field: attributes", 'field: attributes, join: ":"'),
    "publish": ("tags/task.yaml", '"**": live', '"**": shadow'),
}


@pytest.mark.parametrize(
    "edit", [*(("copy", *edit) for edit in COPY_EDITS.values()), *(("tags", *edit) for edit in TAGS_EDITS.values())]
)
def test_what_shapes_the_output_is_another_edition(folder: Folder, edit: tuple[str, str, str, str]) -> None:
    """Then products are judged again and written again, without a call."""
    task, file, old, new = edit
    before = folder.task(task).edition
    folder.edit(file, old, new)
    after = folder.task(task).edition
    assert after != before
    assert len(after) == 16


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("copy/task.yaml", "output: text", "# a comment\noutput: text"),
        ("copy/system.md.j2", "You are", "You remain"),
        ("copy/user.md.j2", "Write", "Please write"),
        ("copy/personas.yaml", "tone: lively", "tone: calm"),
        ("copy/examples.yaml", "루즈핏 니트", "편안한 니트"),
        ("copy/task.yaml", "max_tokens: 300", "max_tokens: 400"),
        ("shared/claims-ko.yaml", "ko: 희소성을", "ko: 희소함을"),
        ("shared/claims-ko.yaml", "품절대란 아이템", "품절대란 상품"),
        ("shared/grounding-ko.yaml", "화이트 컬러가 산뜻한", "화이트 컬러가 고운"),
        ("shared/noise-ko.yaml", "없음,", "없어요,"),
        ("tags/codes.yaml", 'code: "06"', 'code: "07"'),
    ],
)
def test_what_shapes_the_question_or_nothing_is_the_same_edition(folder: Folder, file: str, old: str, new: str) -> None:
    """A new question has a new fingerprint; a comment, a rule's own sentences and another task have nothing to do."""
    before = folder.task("copy").edition
    folder.edit(file, old, new)
    assert folder.task("copy").edition == before


def test_an_edition_is_the_same_on_every_machine(prompts: Prompts, folder: Folder) -> None:
    """Two workers with the same files must agree, or they would write over each other for ever."""
    assert [task.edition for task in folder.load().tasks] == [task.edition for task in prompts.tasks]


# What stops the start

MISTAKES = {
    "unknown key": (
        ("copy/task.yaml", "images: none", "imagse: none"),
        "copy/task.yaml:5: imagse: is no key here; remove it or correct the word",
    ),
    "missing key": (
        ("tags/task.yaml", "max_tokens: 200\n", ""),
        "tags/task.yaml:2: max_tokens: is missing; add it",
    ),
    "broken YAML": (
        ("copy/task.yaml", "needs: {fields: [name]", "needs: {fields: [name"),
        "copy/task.yaml:",
    ),
    "a key twice": (
        ("tags/codes.yaml", "    solid:", "    stripe:"),
        "tags/codes.yaml:21: is not YAML: 'stripe' stands twice; keep one",
    ),
    "no checks for a text": (
        ("copy/task.yaml", "output: text", "output: codes"),
        "copy/task.yaml:2: the file: give checks",
    ),
    "checks for codes": (
        ("tags/task.yaml", "output: codes", "output: text"),
        "tags/task.yaml:2: the file: give checks",
    ),
    "an unknown publication": (
        ("tags/task.yaml", '"**": live', '"**": on'),
        "tags/task.yaml:7: publish.**: must be",
    ),
    "a path without the product": (
        ("tags/task.yaml", "/products/{productId}/", "/products/"),
        "tags/task.yaml:9: write_back.path: must fit",
    ),
    "a rule pack that is not there": (
        ("copy/task.yaml", "claims: [claims-ko", "claims: [claims-kr"),
        "shared/claims-kr.yaml:1: does not exist; write it, or correct its name where it is used",
    ),
    "a question that does not show the product": (
        ("copy/user.md.j2", "{{ product }}", "the product"),
        "copy/user.md.j2:1: does not show the product; write {{ product }} where it belongs",
    ),
    "a band upside down": (
        ("copy/personas.yaml", "ko: [20, 190]", "ko: [190, 20]"),
        "copy/personas.yaml:6: fashion.length.ko: [190, 20] has no length in it; give the least first, then the most",
    ),
    "a persona without a language": (
        ("copy/personas.yaml", ", en: [20, 400]", ""),
        "copy/personas.yaml:6: fashion.length: give a length for en, too",
    ),
    "no persona for the rest": (
        (
            "copy/personas.yaml",
            "  role: a copywriter of a shop",
            "  when: {brand: [x]}\n  role: a copywriter of a shop",
        ),
        "copy/personas.yaml:9: general.when: the last persona must have no `when`",
    ),
    "a length without a language": (
        ("copy/task.yaml", "length: persona", "length: {ko: [20, 190]}"),
        "copy/task.yaml:11: checks.length: give a length for en, too",
    ),
    "an unknown colour": (
        ("tags/codes.yaml", "colours: [red]", "colours: [rad]"),
        "tags/codes.yaml:10: Color.labels.red.colours: rad is no row of prompts/shared/colours.yaml; add it or correct",
    ),
    "a colour's word under two labels": (
        ("tags/codes.yaml", "also: [파랑]", "also: [빨강]"),
        "tags/codes.yaml:11: Color.labels.blue: '빨강' stands under 'red' and 'blue'; keep it under one",
    ),
    "a broken template": (
        ("copy/system.md.j2", "{% endif %}", ""),
        "copy/system.md.j2:13: Unexpected end of template",
    ),
    "a misspelt variable": (
        ("copy/system.md.j2", "{{ language }}", "{{ langauge }}"),
        "copy/system.md.j2:3: 'langauge' is undefined; correct the template",
    ),
    "a misspelt field": (
        ("copy/system.md.j2", "{{ persona.reader }}", "{{ persona.raeder }}"),
        "copy/system.md.j2:1: 'handler.task_files.Persona object' has no attribute 'raeder'; correct the template",
    ),
    "a misspelt variable for some products": (
        ("copy/system.md.j2", "No emoji.", "No {{ emoji }}."),
        "copy/system.md.j2:5: 'emoji' is undefined; correct the template",
    ),
    "a misspelt variable of the user's turn": (
        ("tags/user.md.j2", "{{ product }}", "{{ products }}"),
        "tags/user.md.j2:3: 'products' is undefined; correct the template",
    ),
    "an attribute that is not always asked": (
        ("tags/system.md.j2", "Where you", "{{ attributes.Print.ko }} Where you"),
        "tags/system.md.j2:11: 'dict object' has no attribute 'Print'; correct the template",
    ),
    "an expression that fails": (
        ("copy/system.md.j2", "{{ length[0] }}", "{{ length + 1 }}"),
        "copy/system.md.j2:3: can only concatenate tuple",
    ),
    "an include that is not there": (
        ("copy/system.md.j2", "No emoji.", '{% include "tone.md.j2" %}'),
        "copy/system.md.j2:5: ",
    ),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_stops_the_start_with_file_and_line(folder: Folder, mistake: str) -> None:
    """No event ever meets it: the process says in one line where it is and what to do."""
    edit, message = MISTAKES[mistake]
    folder.edit(*edit)
    refusal = folder.refusal()
    assert refusal.startswith(message)
    assert "\n" not in refusal


def test_a_mistake_in_an_included_file_is_found_there(folder: Folder) -> None:
    """Templates may share parts; the message names the part."""
    folder.write("shared/data.md.j2", "\nWhat stands there is {{ dat }}.\n")
    folder.edit("copy/system.md.j2", "What stands", '{% include "data.md.j2" %}\nWhat stands')
    assert folder.refusal().startswith("shared/data.md.j2:2: 'dat' is undefined")


@pytest.mark.parametrize("name", ["system.md.j2", "user.md.j2"])
def test_a_missing_template_is_said(folder: Folder, name: str) -> None:
    """Each task has both."""
    (folder.path / "copy" / name).unlink()
    assert folder.refusal() == f"copy/{name}:1: is missing; write it, a task needs it"


def test_a_template_in_another_encoding_is_said(folder: Folder) -> None:
    """As for YAML."""
    (folder.path / "copy" / "user.md.j2").write_bytes("상품 {{ product }}".encode("cp949"))
    assert folder.refusal().startswith("copy/user.md.j2:1: cannot be read")


@pytest.mark.parametrize(
    "name", ["copy/personas.yaml", "tags/codes.yaml", "shared/languages.yaml", "shared/colours.yaml"]
)
def test_a_missing_file_is_said(folder: Folder, name: str) -> None:
    """What a task relies on must be there."""
    (folder.path / name).unlink()
    assert folder.refusal().startswith(f"{name}:1: ")


@pytest.mark.parametrize("prepare", [lambda path: None, Path.mkdir])
def test_a_folder_without_tasks_is_said(tmp_path: Path, prepare: Callable[[Path], None]) -> None:
    """Usually PROMPTS_DIR is wrong."""
    prepare(tmp_path / "empty")
    with pytest.raises(ContentError, match=r"empty:1: has no task folder; PROMPTS_DIR must name the folder"):
        load_prompts(tmp_path / "empty", MODEL_ID)
