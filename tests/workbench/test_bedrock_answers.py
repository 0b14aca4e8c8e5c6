"""The Bedrock stand-in answers from what it really receives: copy from the facts, labels from pixels and words."""

import io
import json
import random
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
import regex
from botocore.config import Config
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from workbench.sandbox.bedrock import BedrockStandIn
from workbench.sandbox.bedrock.copywriting import compose
from workbench.sandbox.bedrock.korean import as_object, is_, topic
from workbench.sandbox.bedrock.question import question_of

HAIKU = "global.anthropic.claude-haiku-5-5"
SHIRT = {
    "name": "베이직 코튼 티셔츠",
    "category": ["여성의류", "티셔츠"],
    "attributes": {"소재": "면 100%", "색상": "화이트", "핏": "레귤러핏"},
}
COOKER = {
    "name": "압력 전기밥솥",
    "brand": "한솔",
    "attributes": {"용량": "6인용", "소비전력": "1090W", "색상": ["블랙", "실버"], "소개": "밥맛이 살아나요!"},
}
KIMCHI = {"name": "포기김치", "category": ["식품"], "attributes": {"중량": "3kg", "원산지": "국내산"}}
CREAM = {"name": "Daily Cream", "attributes": {f"특징{n}": f"내용{n}" for n in range(100)}}
TOY = {"attributes": {"상품명": "치료견 인형"}}
BARE = {"name": "블록", "attributes": {}}

COLOURS = ["black", "white", "red", "navy", "sky-blue", "beige", "unknown", "multi"]
PRINTS = ["solid", "stripe", "check", "dot", "floral", "graphic", "unknown"]


@pytest.fixture(scope="module")
def client() -> Iterator[Any]:
    with BedrockStandIn() as bedrock:
        runtime = boto3.client(
            "bedrock-runtime",
            endpoint_url=bedrock.url,
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",  # noqa: S106 - no secret: nothing checks it
            config=Config(retries={"total_max_attempts": 1}, signature_version="v4"),
        )
        yield runtime
        runtime.close()


def asked(product: object, *, language: str = "Korean", low: int = 110, high: int = 190) -> dict[str, Any]:
    """A request as a copywriting task sends one."""
    facts = json.dumps(product, ensure_ascii=False)
    return {
        "system": [{"text": f"You write copy. Write in {language}, between {low} and {high} characters."}],
        "messages": [{"role": "user", "content": [{"text": f"The product:\n<product>\n{facts}\n</product>"}]}],
    }


def again(request: dict[str, Any], answer: str, complaint: str) -> dict[str, Any]:
    """The same conversation after an answer that broke a rule."""
    turns = [{"role": "assistant", "content": [{"text": answer}]}, {"role": "user", "content": [{"text": complaint}]}]
    return {**request, "messages": [*request["messages"], *turns]}


def copy_of(client: Any, request: dict[str, Any]) -> str:  # noqa: ANN401 - boto3 makes its clients at run time
    response = client.converse(modelId=HAIKU, **request)
    assert response["stopReason"] == "end_turn"
    return str(response["output"]["message"]["content"][0]["text"])


def graphemes(text: str) -> int:
    return len(regex.findall(r"\X", text))


@pytest.mark.parametrize("language", ["Korean", "English"])
@pytest.mark.parametrize("band", [(110, 190), (60, 90), (150, 160), (250, 350)])
@pytest.mark.parametrize("product", [SHIRT, COOKER, KIMCHI, CREAM, TOY, BARE])
def test_copy_keeps_to_the_band(client: Any, product: object, band: tuple[int, int], language: str) -> None:  # noqa: ANN401
    """Whatever the product, the copy's length in graphemes lies between the two numbers of the system prompt."""
    low, high = band
    assert low <= graphemes(copy_of(client, asked(product, language=language, low=low, high=high))) <= high


def test_copy_about_a_shirt_reads_well(client: Any) -> None:  # noqa: ANN401
    """Each fact is quoted with the particle that its last sound asks for."""
    text = copy_of(client, asked(SHIRT))
    assert "베이직 코튼 티셔츠를 소개할게요. 소재는 면 100%, 색상은 화이트, 핏은 레귤러핏이에요." in text


def test_copy_names_the_brand_once_and_no_sentences_of_the_seller(client: Any) -> None:  # noqa: ANN401
    """A value that is a sentence of its own does not fit into a sentence of ours."""
    text = copy_of(client, asked(COOKER))
    assert text.startswith("한솔 압력 전기밥솥을 소개할게요. 용량은 6인용, 소비전력은 1090W, 색상은 블랙·실버예요.")
    assert "살아나요" not in text


def test_english_copy_is_english(client: Any) -> None:  # noqa: ANN401
    """The system prompt's language is the copy's, with the facts as they stand."""
    text = copy_of(client, asked({"name": "Basic Tee", "attributes": {"material": "cotton"}}, language="English"))
    assert text.startswith("Say hello to Basic Tee. Good to know: material, cotton.")
    assert not regex.search(r"\p{Hangul}", text)


@pytest.mark.parametrize(
    "value", ["<b>면</b>", "https://shop.example/1", "a@shop.example", "02-123-4567", "좋아요 😀", "한 줄\n두 줄"]
)
def test_copy_quotes_no_markup_links_contacts_or_emoji(client: Any, value: str) -> None:  # noqa: ANN401
    """What copy may not hold is left out though the facts hold it."""
    assert value not in copy_of(client, asked({"name": "티셔츠", "attributes": {"설명": value}}))


def test_a_second_answer_leaves_out_what_was_wrong(client: Any) -> None:  # noqa: ANN401
    """Excerpts between “ and ” in the complaint are gone, from the name as well as from the facts; the rest stays."""
    request = asked({"name": "국민 1위 포기김치", "attributes": {"중량": "3kg", "원산지": "이탈리아산"}})
    first = copy_of(client, request)
    second = copy_of(client, again(request, first, "Do not write “1위”. Not in the facts: “이탈리아산”."))
    assert "1위" in first
    assert "이탈리아산" in first
    assert not regex.search("1위|이탈리아산", second)
    assert second.startswith("국민 포기김치를 소개할게요. 중량은 3kg이에요.")
    assert 110 <= graphemes(second) <= 190


def test_equal_questions_get_equal_answers(client: Any) -> None:  # noqa: ANN401
    """Nothing is random: the same request is answered the same way, another turn in other words."""
    first = copy_of(client, asked(SHIRT))
    assert copy_of(client, asked(SHIRT)) == first
    assert copy_of(client, again(asked(SHIRT), first, "Write it again.")) != first


def test_without_a_product_the_answer_says_what_it_is(client: Any) -> None:  # noqa: ANN401
    """A prompt without the block gets no invented copy."""
    text = copy_of(client, {"messages": [{"role": "user", "content": [{"text": "Tell me a joke."}]}]})
    assert "stand-in, not a model" in text


def test_max_tokens_cuts_the_copy(client: Any) -> None:  # noqa: ANN401
    """An answer that does not fit ends with max_tokens, and uses no more than that."""
    response = client.converse(modelId=HAIKU, **asked(SHIRT), inferenceConfig={"maxTokens": 20})
    assert response["stopReason"] == "max_tokens"
    assert response["usage"]["outputTokens"] <= 20


def test_a_stop_sequence_ends_the_copy(client: Any) -> None:  # noqa: ANN401
    """The text ends before the sequence."""
    response = client.converse(modelId=HAIKU, **asked(SHIRT), inferenceConfig={"stopSequences": ["소재"]})
    assert response["stopReason"] == "stop_sequence"
    assert response["output"]["message"]["content"] == [{"text": "베이직 코튼 티셔츠를 소개할게요. "}]


@settings(max_examples=100, deadline=None)
@given(
    st.text(max_size=80), st.dictionaries(st.text(max_size=30), st.text(max_size=100) | st.lists(st.text(max_size=9)))
)
def test_any_facts_make_copy_in_the_band(name: str, attributes: dict[str, object]) -> None:
    """No product, however odd its characters, breaks the copywriter or its band."""
    assert 110 <= graphemes(compose(question_of(asked({"name": name, "attributes": attributes})))) <= 190


@pytest.mark.parametrize(
    ("particle", "words"),
    [
        (topic, "소재는 색상은 핏은 100은 2는 5kg은 30cm는 Cotton은 티셔츠(XL)은 50%는 LED는"),
        (as_object, "티셔츠를 김치를 밥솥을 V6을 Cream을 Tee를 '면'을"),
        (is_, "화이트예요 레귤러핏이에요 500g이에요 10m예요 300ml예요 3이에요 9예요"),
    ],
)
def test_particles_follow_the_last_sound(particle: Callable[[str], str], words: str) -> None:
    """Hangul by its final, digits, units and letters by how they are read aloud."""
    ending = regex.compile("(?:은|는|을|를|이에요|예요)$")
    for word in words.split():
        assert particle(ending.sub("", word)) == word


# --- attributes from pictures and words


def photo(paint: Callable[[ImageDraw.ImageDraw], object], *, ground: str, background: str = "#f4f4f2") -> bytes:
    """A shirt of `ground` colour, painted over, before a plain background."""
    picture = Image.new("RGB", (560, 560), background)
    cloth = Image.new("RGB", picture.size, ground)
    paint(ImageDraw.Draw(cloth))
    outline = [(180, 90), (380, 90), (500, 190), (440, 250), (400, 210), (400, 490), (160, 490), (160, 210), (120, 250),
               (60, 190)]  # fmt: skip
    shape = Image.new("L", picture.size, 0)
    ImageDraw.Draw(shape).polygon(outline, fill=255)
    picture.paste(cloth, mask=shape)
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=85)
    return stream.getvalue()


def plain(_: ImageDraw.ImageDraw) -> None:
    """Nothing on the cloth."""


def across(draw: ImageDraw.ImageDraw) -> None:
    for y in range(0, 560, 40):
        draw.rectangle((0, y, 560, y + 18), fill="#1e2855")


def upright(draw: ImageDraw.ImageDraw) -> None:
    for x in range(0, 560, 40):
        draw.rectangle((x, 0, x + 18, 560), fill="#1e2855")


def crossing(draw: ImageDraw.ImageDraw) -> None:
    for at in range(0, 560, 40):
        draw.rectangle((0, at, 560, at + 12), fill="#1e2855")
        draw.rectangle((at, 0, at + 12, 560), fill="#1e2855")


def chequered(draw: ImageDraw.ImageDraw) -> None:
    for x in range(0, 560, 30):
        for y in range(0, 560, 30):
            if (x + y) // 30 % 2:
                draw.rectangle((x, y, x + 29, y + 29), fill="#141414")


def dotted(draw: ImageDraw.ImageDraw) -> None:
    for x in range(0, 560, 36):
        for y in range(0, 560, 36):
            draw.ellipse((x, y, x + 16, y + 16), fill="#141414")


def emblem(draw: ImageDraw.ImageDraw) -> None:
    draw.ellipse((230, 230, 330, 330), fill="#fafafa")


def tool(**properties: dict[str, Any]) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties, "required": list(properties)}
    spec = {"name": "record_attributes", "description": "What you see.", "inputSchema": {"json": schema}}
    return {
        "toolConfig": {"tools": [{"toolSpec": spec}], "toolChoice": {"tool": {"name": "record_attributes"}}},
        "additionalModelRequestFields": {"thinking": {"type": "disabled"}},
    }


def labels(enum: list[str], **more: Any) -> dict[str, Any]:  # noqa: ANN401 - parts of a JSON schema
    return {"type": "array", "items": {"type": "string", "enum": enum}, **more}


def recorded(
    client: Any,  # noqa: ANN401 - boto3 makes its clients at run time
    request: dict[str, Any],
    *photos: bytes,
    **properties: dict[str, Any],
) -> dict[str, Any]:
    images = [{"image": {"format": "jpeg", "source": {"bytes": data}}} for data in photos]
    request = {**request, "messages": [{"role": "user", "content": [*images, *request["messages"][0]["content"]]}]}
    response = client.converse(modelId=HAIKU, **request, **tool(**properties))
    assert response["stopReason"] == "tool_use"
    use = response["output"]["message"]["content"][0]["toolUse"]
    assert use["name"] == "record_attributes"
    return dict(use["input"])


@pytest.mark.parametrize(
    ("picture", "colours", "prints"),
    [
        (photo(plain, ground="#1e2855"), {"navy"}, ["solid"]),
        (photo(plain, ground="#c81e28", background="#dcdcdc"), {"red"}, ["solid"]),
        (photo(plain, ground="#91c8eb"), {"sky-blue"}, ["solid"]),
        (photo(across, ground="#fafafa"), {"navy", "white"}, ["stripe"]),
        (photo(upright, ground="#fafafa"), {"navy", "white"}, ["stripe"]),
        (photo(crossing, ground="#c81e28"), {"navy", "red"}, ["check"]),
        (photo(chequered, ground="#fafafa"), {"black", "white"}, ["check"]),
        (photo(dotted, ground="#c81e28"), {"red"}, ["dot"]),
        (photo(emblem, ground="#141414"), {"black"}, ["graphic"]),
    ],
    ids=["navy", "red on grey", "sky blue", "across", "upright", "crossing", "chequered", "dotted", "emblem"],
)
def test_colour_and_print_are_measured(client: Any, picture: bytes, colours: set[str], prints: list[str]) -> None:  # noqa: ANN401
    """The pixels of the first photo decide, whatever the seller's words say; the background does not count."""
    request = asked({"name": "오렌지 플로럴 티셔츠", "attributes": {"색상": "오렌지"}})
    found = recorded(
        client, request, picture, photo(plain, ground="#c81e28"), Color=labels(COLOURS), Print=labels(PRINTS)
    )
    assert set(found["Color"]) == colours
    assert found["Print"] == prints


def test_a_swatch_without_background_has_its_own_colour(client: Any) -> None:  # noqa: ANN401
    """A picture of one colour is a product, not all background."""
    assert recorded(
        client, asked(BARE), photo(plain, ground="#dcc8aa", background="#dcc8aa"), Color=labels(COLOURS)
    ) == {"Color": ["beige"]}


def test_only_offered_labels_are_used(client: Any) -> None:  # noqa: ANN401
    """A measured colour or print that the table does not offer is unknown, not the next best thing."""
    found = recorded(
        client,
        asked(BARE),
        photo(across, ground="#fafafa"),
        Color=labels(["red", "green", "unknown"]),
        Print=labels(["solid", "unknown"]),
    )
    assert found == {"Color": ["unknown"], "Print": ["unknown"]}


def test_the_forced_tool_is_used(client: Any) -> None:  # noqa: ANN401
    """Among several tools the named one, else the first."""
    request = {**asked(BARE), **tool(Color=labels(COLOURS))}
    spec = request["toolConfig"]["tools"][0]["toolSpec"]
    tools = [{"toolSpec": {**spec, "name": name}} for name in ("first", "second")]
    used = []
    choices: list[dict[str, Any]] = [{"tool": {"name": "second"}}, {"any": {}}, {"auto": {}}]
    for choice in choices:
        request["toolConfig"] = {"tools": tools, "toolChoice": choice}
        response = client.converse(modelId=HAIKU, **request)
        used.append(response["output"]["message"]["content"][0]["toolUse"]["name"])
    assert used == ["second", "first", "first"]


def test_more_colours_than_allowed_are_multi(client: Any) -> None:  # noqa: ANN401
    """maxItems, or its words in the description, is kept: `multi` where it is offered, else the largest shares."""
    picture = photo(across, ground="#fafafa")
    assert recorded(client, asked(BARE), picture, Color=labels(COLOURS, maxItems=1)) == {"Color": ["multi"]}
    described = labels(COLOURS, description="색상: at most 1, or unknown alone")
    assert recorded(client, asked(BARE), picture, Color=described) == {"Color": ["multi"]}
    offered = ["white", "navy", "unknown"]
    assert len(recorded(client, asked(BARE), picture, Color=labels(offered, maxItems=1))["Color"]) == 1


def test_without_a_photo_words_decide(client: Any) -> None:  # noqa: ANN401
    """Labels are looked for in the seller's words, by the Korean names too; the longer name hides the shorter."""
    product = {
        "name": "줄무늬 라운드넥 티셔츠",
        "attributes": {"색상": ["스카이블루", "블랙"], "넥라인": "V-neck 아님"},
    }
    found = recorded(
        client,
        asked(product),
        Color=labels(["black", "blue", "sky-blue", "unknown"]),
        Print=labels(PRINTS),
        Sleeve=labels(["long", "short", "unknown"]),
    )
    assert found == {"Color": ["black", "sky-blue"], "Print": ["stripe"], "Sleeve": ["unknown"]}


def test_the_prompts_own_words_name_a_label(client: Any) -> None:  # noqa: ANN401
    """A line of the system prompt about a label tells how sellers call it."""
    request = asked({"name": "라운드 티셔츠", "attributes": {}})
    request["system"] = [{"text": "Neckline:\n- crew: 라운드, 라운드넥\n- v-neck: 브이넥"}]
    assert recorded(client, request, Neckline=labels(["crew", "v-neck", "unknown"])) == {"Neckline": ["crew"]}


def test_any_picture_is_measured_without_harm(client: Any) -> None:  # noqa: ANN401
    """Noise, one pixel and a strip get labels of the table too."""
    noise = random.Random(7)  # noqa: S311 - a fixed picture, no secret
    for size in ((1, 1), (3, 700), (64, 64)):
        stream = io.BytesIO()
        Image.frombytes("RGB", size, noise.randbytes(size[0] * size[1] * 3)).save(stream, "JPEG")
        found = recorded(client, asked(BARE), stream.getvalue(), Color=labels(COLOURS), Print=labels(PRINTS))
        assert set(found["Color"]) <= set(COLOURS)
        assert set(found["Print"]) <= set(PRINTS)
