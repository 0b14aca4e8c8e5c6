"""The form of copy: length, script, and what never belongs into it, such as markup, contacts and leftovers. Pure.

These rules are the same for every shop, so they are code. What a shop may want to change is in `prompts/shared/`.
"""

from collections.abc import Iterator
from functools import cache

import regex

from handler.checks import Violation
from handler.checks.patterns import spans
from handler.checks.rules import Language
from handler.checks.wording import UNSEEN, excerpt_of, violation
from handler.facts import Facts

_DOT = r"(?:[.。]|\s?(?:\[\.\]|\(\.\)|[\[(]dot[\])])\s?)"
_DOMAIN = (
    rf"[a-z0-9][a-z0-9-]*(?:{_DOT}[a-z0-9-]+)*{_DOT}"
    r"(?:com|co\.kr|kr|net|org|shop|store|io|me|gg|ly|xyz|site|info|biz|app)"
)
_GAP = r"[)\s.,·ㆍ_/‐-―ㅡ-]{0,3}"
_HERE_IS = (
    r"(?:here(?:'s|’s| is| are)\s(?:\w+\s){0,4}?(?:description|copy|text|version|draft|option|rewrite|answer)"
    r"|(?:sure|certainly|of course|okay)(?:!|,(?=\s(?:here|i\b|this|the\s(?:description|copy|text)))))"
)

_FORBIDDEN: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    (
        "markup",
        (
            r"</?[a-z][^<>\n]{0,200}>",
            r"<!--",
            r"&(?:[a-z]{2,8}|#\d{1,6}|#x[0-9a-f]{1,5});",
            r"`+",
            r"\*\*|__",
            r"(?m)^\s{0,3}(?:#{1,6}\s|[-*+•]\s|\d+\.\s|>\s|\|)",
            r"\[[^\[\]\n]{1,100}\]\([^()\n]{0,200}\)",
        ),
        "write plain prose without HTML, Markdown or lists.",
        "HTML·마크다운·목록 없이 문장으로만 써야 합니다.",
    ),
    (
        "url",
        (r"(?:https?|ftp)://\S*", r"\bwww\.\S+", rf"(?<![a-z0-9_@.-]){_DOMAIN}(?![a-z\d-])"),
        "leave out links and web addresses.",
        "링크나 웹 주소를 쓸 수 없습니다.",
    ),
    (
        "email",
        (r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+",),
        "leave out e-mail addresses.",
        "이메일 주소를 쓸 수 없습니다.",
    ),
    (
        "phone",
        (
            rf"(?<!\d)(?:\+?82{_GAP}|0)\d{{1,2}}{_GAP}\d{{3,4}}{_GAP}\d{{4}}(?!\d)",
            r"(?<!\d)1[568]\d{2}-\d{4}(?!\d)",
            rf"공\s?[일이삼사오육칠팔]\s?[공영일이삼사오육칠팔구]?\s?에?{_GAP}[공영일이삼사오육륙칠팔구]{{3,4}}",
        ),
        "leave out telephone numbers.",
        "전화번호를 쓸 수 없습니다.",
    ),
    (
        "hashtag",
        (r"(?<![\w&])[#＃](?=\d*[\p{L}_])[\w]+", r"(?<![\w.])@[a-z_][\w.]+(?!\S*\.\w)"),
        "leave out hashtags and account names.",
        "해시태그나 계정 이름을 쓸 수 없습니다.",
    ),
    (
        "leftover",
        (
            rf"^[^\w\n]*{_HERE_IS}",
            r"^[^\w\n]*(?:네|물론입니다|물론이죠|알겠습니다)\s*[,.!]\s*\S*(?:설명|문구|카피|작성)",
            r"(?m)^[^\w\n]*(?:상품\s*)?(?:설명|문구|카피|제목|답변|결과|출력|description|copy|title|answer|output|note)\s*[:：]",
            r"다음은\s.{0,40}(?:설명|문구|카피)(?:입니다|이에요|예요)",
            r"(?:위|주신|제시된|입력된|전달받은|알려\s?주신)\s?(?:의\s)?(?:정보|사실|속성|조건|지침|요청|자료|데이터)(?:를|을|만|에|대로|로)",
            r"(?:지침|가이드라인|요청\s?사항|요구\s?사항|작성\s?조건)(?:에|을|를|대로)\s?(?:맞춰|맞추어|맞게|따라|반영|지켜|충실)?",
            r"(?m)^[^\w\n]*(?:버전|수정본|초안|시안|예시|옵션)\s?\d\s?안?\s?(?:\([^()\n]{0,30}\))?\s?[:：]",
            r"(?:짧은|긴|간결한|다른|친근한)\s(?:버전|톤|문구|문안|분량)(?:이|을|를|으로|도)\s?(?:필요|원하|다시|수정|다듬|작성|바꿔|말씀|알려)",
            r"(?:원하시면|필요하시면|말씀(?:해|만)\s주시면)[^.!?\n]{0,30}(?:다듬어|수정해|고쳐|작성해|바꿔|써)\s?드(?:리|릴)",
            r"\blet me know if\b|\b(?:version|draft|option) \d\s?[:：]",
            r"\bbased on the (?:provided|given|above)\b|\bas requested\b",
            r"\bI(?:'ve|’ve| have) (?:kept|written|left out|avoided)\b",
            r"(?:아래는|요청하신)\s.{0,40}(?:설명|문구|카피)",
            r"[\[{<(〈【]\s*(?:상품|제품|브랜드|product|brand|name|insert)[^\]}>)〉】\n]{0,20}[\]}>〉】]",
            r"\{\{?[^{}\n]{0,200}\}\}?",
            r"\"[a-z_]{1,40}\"\s*:",
            r"(?<!\d)\d{2,4}\s?(?:글자|자 (?:내외|이내)|characters?\b|graphemes?\b)",
            r"글자\s*수\s*[:：]",
            r"\b(?:as an ai|language model|i(?:'m| am) (?:sorry|unable)|i (?:cannot|can't|can’t))\b",
            r"\b(?:system prompt|you are an? (?:\w+ )?copywriter)\b",
            r"\b(?:previous|prior|these|my|your) instructions\b",
            r"시스템\s?프롬프트|카피라이터|(?:이전|위|앞선|받은)\s?(?:의\s)?(?:지시|명령|규칙)|규칙을\s?(?:모두\s)?(?:무시|해제)|지시(?:문|사항|를\s?받)",
            r"\b(?:human|assistant|user|system)\s*[:：]|\[/?(?:system|inst|assistant|user)\]|<\|",
            r"(?:죄송하지만|죄송합니다|제공된\s*(?:정보|사실|속성)|주어진\s*(?:정보|사실|속성))",
        ),
        "answer with the copy alone: no preamble, label, placeholder, count or remark about the task.",
        "문구 외의 머리말·라벨·빈칸·글자 수·작업에 대한 말이 남아 있습니다.",
    ),
    (
        "quoted",
        (r"^\s*(?:\"[^\"]*\"|“[^“”]*”|'[^'\n]*'|‘[^‘’]*’|「[^「」]*」|«[^«»]*»)\s*$",),
        "do not put the whole text in quotation marks.",
        "글 전체를 따옴표로 감쌀 수 없습니다.",
    ),
    (
        "linebreaks",
        (r"\n[^\n]*\n[^\n]*",),
        "use at most one line break, and no empty line.",
        "줄바꿈은 한 번까지, 빈 줄 없이 써야 합니다.",
    ),
    (
        "control",
        (UNSEEN,),
        "use visible characters only.",
        "보이지 않거나 깨진 문자가 있습니다.",
    ),
)

# Signs that Unicode counts among the pictographs but that are plain text in a shop: ©, ®, ™ and the like.
_EMOJI = r"(?V1)(?:[\p{Extended_Pictographic}--[©®™‼⁉ℹ↔-↙]]|\p{Regional_Indicator}|[#*0-9]\uFE0F?\u20E3)\X?"


FORM_PATTERNS = (*(pattern for _, patterns, _, _ in _FORBIDDEN for pattern in patterns), _EMOJI)

_pattern = cache(regex.compile)  # by script; regex's own cache takes 20 µs to answer


def check_length(text: str, length: tuple[int, int]) -> Iterator[Violation]:
    """Counts graphemes, as readers do: an emoji family or a decomposed syllable is one."""
    least, most = length
    count = len(_pattern(r"\X").findall(text))
    if least <= count <= most:
        return
    change = f"shorten it by at least {count - most}" if count > most else f"lengthen it by at least {least - count}"
    yield Violation(
        code="length",
        excerpt=excerpt_of(text),
        en=f"“{excerpt_of(text)}”: the text has {count} characters; {change} to have {least} to {most}.",
        ko=f"글이 {count}자입니다. {least}~{most}자여야 합니다.",
    )


def check_form(text: str, *, emoji: bool) -> Iterator[Violation]:
    """Markup, contacts, leftovers of the conversation, and emoji where the persona has none. Raises `TooSlow`."""
    for code, patterns, en, ko in _FORBIDDEN:
        for span in spans(patterns, text)[:1]:
            yield violation(code, text, span, en=en, ko=ko)
    if not emoji:
        for span in spans([_EMOJI], text):
            yield violation("emoji", text, span, en="leave out emoji and symbols.", ko="이모지를 쓰지 않는 문구입니다.")


def check_language(text: str, *, facts: Facts, language: Language) -> Iterator[Violation]:
    """That most letters are of the language's script, and that any of a foreign script stand in the facts."""
    known = "".join("".join(said.split()) for said in facts.evidence()).casefold()
    own_scripts = "".join(rf"\p{{{script}}}" for script in (language.script, *language.also))
    # Digits of other scripts (٧٢cm) are numbers that no rule reads.
    for match in _pattern(rf"(?V1)(?:[\p{{L}}--[{own_scripts}]]|[\p{{Nd}}--[0-9０-９]])+").finditer(text):
        if match[0].casefold() not in known:
            yield violation(
                "language",
                text,
                match.span(),
                en=f"write it in {language.name}.",
                ko=f"{language.name} 문구에 쓸 수 없는 문자입니다.",
            )
    own = len(_pattern(rf"(?V1)[\p{{{language.script}}}&&\p{{L}}]").findall(text))
    others = _pattern(rf"[^\P{{L}}\p{{{language.script}}}]+").findall(text)
    strange = sum(len(word) for word in others if word.casefold() not in known)  # names from the facts do not count
    if not own or own < language.share * (own + strange):
        excerpt = excerpt_of(text)
        yield Violation(
            code="language",
            excerpt=excerpt,
            en=f"“{excerpt}”: write the whole text in {language.name}; only names from the facts may stay as they are.",
            ko=f"{language.name}로 쓴 글이 아닙니다.",
        )
