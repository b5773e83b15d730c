"""The share of target-language words: on real chains of thought, on real mixed ones labelled by hand, and on what must
not count."""

from __future__ import annotations

import time
from pathlib import Path
from statistics import mean

import pytest

import assay
from assay import Completion, FinishReason, Message, Outcome, Problem, UsageError, Verdict

NOTHING = Problem(id="p", prompt=())


def judge(text: str, target: str = "en", part: str = "response", problem: Problem = NOTHING) -> Verdict:
    verifier = assay.get_verifier("language_consistency", target=target, part=part)
    return verifier.verify(problem, Completion(text=text))


def score(text: str, target: str = "en") -> float:
    verdict = judge(text, target)
    assert verdict.score is not None, verdict.reason
    return verdict.score


def test_human_chains_of_thought_in_eleven_languages(shared_data: Path) -> None:
    rows = list(assay.read_jsonl(shared_data / "mgsm_native_cot.jsonl"))
    latin = {"en", "es", "fr", "de", "sw"}
    languages = {row["language"] for row in rows}
    assert len(languages) == 11
    for language in languages:
        texts = [row["response"] for row in rows if row["language"] == language]
        assert mean(score(text, language) for text in texts) >= (0.95 if language in latin else 0.98)
        for other in languages - {language}:
            same_script = {language, other} <= latin
            assert mean(score(text, other) for text in texts) <= (0.3 if same_script else 0.1), (language, other)


# Words of the reasoning, segmented and labelled by hand: Chinese, English. Names and mathematics count for neither.
LABELLED = {
    "grpo-1": (39, 9),
    "grpo-2": (52, 2),
    "grpo-3": (41, 0),
    "grpo-6": (30, 9),
    "grpo-10": (0, 90),
    "grpo-11": (48, 1),
    "grpo-13": (74, 6),
    "grpo-14": (0, 34),
    "grpo-15": (0, 97),
    "grpo-18": (40, 17),
}


def test_code_mixed_traces_come_close_to_labels_by_hand(shared_data: Path) -> None:
    path = shared_data / "responses_codemixed_zh_en_think.jsonl"
    rows = {row["id"]: row for row in assay.read_jsonl(path)}
    for name, (chinese, english) in LABELLED.items():
        for target, words in (("zh", chinese), ("en", english)):
            verdict = judge(rows[name]["response"], target, part="reasoning")
            assert verdict.score == pytest.approx(words / (chinese + english), abs=0.1), (name, verdict.details)


PROSE = "First we add the two numbers, and then we look at what is left over."


@pytest.mark.parametrize(
    "noise",
    [
        "```python\ndef total(values):\n    return sum(values)  # 变量\n```",
        "\\[ \\frac{a+b}{c} = \\text{总数} \\]",
        "$x^2 + \\alpha y = 12$",
        "https://example.org/пример/路径?q=值",
        "`итого = 5`",
        "x = 3, y_1 = 4, maxValue = 7, f(n)",
        "5 km + 3 cm = sin(x)",
        '[asy] draw((0,0)--(3,4)); label("высота", (1,2)); [/asy]',
    ],
)
def test_mathematics_code_addresses_and_names_do_not_count(noise: str) -> None:
    alone, beside = judge(PROSE), judge(f"{PROSE}\n{noise}\n{PROSE}")
    assert alone.score == beside.score == 1.0
    assert beside.details["words"] == 2 * alone.details["words"]


def test_money_is_no_mathematics() -> None:
    text = "The ticket costs $8 each and the total bill was $124 for all of them."
    assert judge(text).details["words"] >= 12
    assert score("每月工资是$4000。由于一位员工拥有一个硕士学位，所以一位员工每月工资为$12000。", "zh") == 1.0


def test_mixed_sentences_are_counted_by_words() -> None:
    half = "我们 need to 计算 the total 数量 of apples 然后 divide it 得到 the answer"
    assert 0.3 < score(half, "zh") < 0.6
    assert score(half, "zh") + score(half, "en") == pytest.approx(1.0, abs=0.05)
    two = "We add both numbers first and then divide by three.\nLuego sumamos los dos números y dividimos entre tres."
    assert 0.35 < score(two, "en") < 0.65
    assert set(judge(two).details["mix"]) == {"en", "es"}


def test_japanese_and_chinese_share_characters_only() -> None:
    japanese = "まず二つの数を足します。次に残りを計算して、答えを求めます。"
    chinese = "首先把两个数字相加，然后计算剩下的数量，最后得到答案。"
    assert score(japanese, "ja") == score(chinese, "zh") == 1.0
    assert score(japanese, "zh") == score(chinese, "ja") == 0.0
    assert 0.3 < score(japanese + "\n" + chinese, "ja") < 0.7


def test_sister_languages_of_one_script() -> None:
    ukrainian = "Спочатку ми додаємо обидва числа, а потім ділимо їх на три і отримуємо відповідь."
    russian = "Сначала мы складываем оба числа, а затем делим их на три и получаем ответ."
    assert score(ukrainian, "uk") == score(russian, "ru") == 1.0
    assert score(ukrainian, "ru") == 0.0
    assert score("ہم پہلے دونوں عدد جمع کرتے ہیں پھر تین سے تقسیم کرتے ہیں۔", "ur") == 1.0


SISTERS = {
    "ru": "Сначала найдём общее количество яблок. Затем вычтем шестнадцать съеденных и получим двадцать, что и было.",
    "uk": "Спочатку знайдемо загальну кількість яблук. Потім віднімемо шістнадцять з'їдених і отримаємо двадцять.",
    "bg": "Първо намираме общия брой ябълки. След това изваждаме изядените шестнадесет и получаваме двадесет.",
    "be": "Спачатку знойдзем агульную колькасць яблыкаў. Потым аднімем шаснаццаць з'едзеных яблыкаў.",
    "sr": "Прво налазимо укупан број јабука. Затим одузимамо шеснаест поједених јабука и добијамо двадесет.",
    "ar": "أولاً نحسب عدد التفاحات الكلي. ثم نطرح منها ستة عشر تفاحة فنحصل على عشرين تفاحة في النهاية.",
    "fa": "ابتدا تعداد کل سیب‌ها را حساب می‌کنیم. سپس شانزده سیب خورده شده را کم می‌کنیم و بیست سیب باقی می‌ماند.",
    "ur": "ہم پہلے سیبوں کی کل تعداد معلوم کرتے ہیں۔ پھر کھائے گئے سولہ سیب نکال دیتے ہیں اور بیس سیب بچتے ہیں۔",
    "hi": "पहले हम कुल सेबों की संख्या निकालते हैं। फिर हम खाए गए सोलह सेब घटाते हैं और बीस सेब बचते हैं।",
    "mr": "प्रथम आपण एकूण सफरचंदांची संख्या काढू. मग खाल्लेली सोळा वजा केल्यावर वीस सफरचंदे उरतात, हे बरोबर आहे.",
    "ne": "पहिले हामी स्याउको जम्मा संख्या निकाल्छौं। त्यसपछि खाएका सोह्र वटा घटाउँदा बीस वटा बाँकी हुन्छ।",
}


@pytest.mark.parametrize("language", SISTERS)
def test_sisters_of_any_script_are_told_apart(language: str) -> None:
    assert score(SISTERS[language], language) == 1.0
    families = ({"ru", "uk", "bg", "be", "sr"}, {"ar", "fa", "ur"}, {"hi", "mr", "ne"})
    family = next(each for each in families if language in each)
    for other in family - {language}:
        assert score(SISTERS[language], other) == 0.0, other


LATIN = {
    "cs": "Nejprve musíme spočítat celkový počet jablek. Potom odečteme šestnáct snědených a dostaneme dvacet.",
    "da": "Først skal vi beregne det samlede antal æbler. Derefter trækker vi de seksten spiste æbler fra og får tyve.",
    "fi": "Ensin meidän täytyy laskea omenoiden kokonaismäärä. Sitten vähennämme syödyt kuusitoista ja saamme sen.",
    "hu": "Először ki kell számolnunk az almák teljes számát. Ezután kivonjuk a megevett tizenhatot, és húszat kapunk.",
    "id": "Pertama kita hitung jumlah seluruh apel. Kemudian kita kurangi dengan enam belas apel yang sudah dimakan.",
    "it": "Prima di tutto calcoliamo il numero totale di mele. Poi sottraiamo le sedici mangiate e otteniamo venti.",
    "nl": "Eerst berekenen we het totale aantal appels. Daarna trekken we de zestien opgegeten appels eraf.",
    "pl": "Najpierw musimy obliczyć całkowitą liczbę jabłek. Następnie odejmujemy szesnaście zjedzonych jabłek.",
    "pt": "Primeiro precisamos calcular o número total de maçãs. Depois subtraímos as dezesseis que foram comidas.",
    "ro": "Mai întâi trebuie să calculăm numărul total de mere. Apoi scădem cele șaisprezece mâncate.",
    "sv": "Först måste vi räkna ut det totala antalet äpplen. Sedan drar vi bort de sexton som har ätits upp.",
    "tr": "Önce toplam elma sayısını bulmamız gerekiyor. Sonra yenilen on altı elmayı çıkarıyoruz.",
    "vi": "Trước hết ta tính tổng số quả táo. Sau đó ta trừ đi mười sáu quả đã ăn và còn lại hai mươi quả.",
}


def test_languages_of_latin_script_are_told_apart() -> None:
    for language, text in LATIN.items():
        assert score(text, language) == 1.0
        others = [score(text, other) for other in (*LATIN, "en", "es", "fr", "de") if other != language]
        assert max(others) <= 0.1, language


def test_short_japanese_sentences_without_kana_are_japanese() -> None:
    assert score("三角形の面積を求める。\n底辺三、高面積。\n答：六平方。", "ja") == 1.0
    assert score("答：三個。", "ja") == score("答：三个。", "zh") == 1.0


def test_words_in_full_width_letters_are_words() -> None:
    assert score("首先计算总数 ｔｈｅｎ ｗｅ ｄｉｖｉｄｅ ｔｈｅ ｎｕｍｂｅｒ ｂｙ ｔｈｒｅｅ", "zh") < 0.5


def test_only_the_reasoning_is_looked_at() -> None:
    text = f"<think>{PROSE}</think>最后的答案是四，谢谢大家。"
    assert judge(text, "en", part="reasoning").score == 1.0
    assert judge(text, "zh", part="answer").score == 1.0
    assert 0 < (judge(text, "en", part="response").score or 0) < 1


def test_no_reasoning_is_no_answer_and_never_1() -> None:
    for text in (PROSE, "<think>\n\n</think>4", "<think>2+2=4</think>4"):
        verdict = judge(text, part="reasoning")
        assert (verdict.outcome, verdict.score) == (Outcome.NO_ANSWER, None)


def test_a_thought_that_was_cut_off_is_still_looked_at() -> None:
    verifier = assay.get_verifier("language_consistency", target="en")
    cut_off = Completion(text=f"<think>{PROSE}", finish_reason=FinishReason.LENGTH)
    assert verifier.verify(NOTHING, cut_off).score == 1.0


def test_the_target_comes_from_the_problem() -> None:
    def asked(text: str, **metadata: str) -> Problem:
        return Problem(id="p", prompt=(Message(role="user", content=text),), metadata=metadata)

    english = f"<think>{PROSE}</think>4"
    for problem, expected in (
        (asked("How many apples are left when two of them are eaten?"), 1.0),
        (asked("吃了两个苹果之后还剩下几个苹果？"), 0.0),
        (asked("Combien de pommes reste-t-il quand on en a mangé deux ?"), 0.0),
        (asked("吃了两个苹果之后还剩下几个苹果？", language="en"), 1.0),
        (asked("Se $10^x - 10 = 9990,$ qual é o valor de $x$?"), 0.0),
        (asked("合計は何個ですか。"), 0.0),
        (asked("Find $x$."), 1.0),
    ):
        assert judge(english, "prompt", "reasoning", problem).score == expected
    silent = judge(english, "prompt", "reasoning", asked("$2+2=$?"))
    assert silent.outcome is Outcome.ERROR
    assert "target" in silent.reason


def test_hostile_texts_take_bounded_time_and_give_a_verdict() -> None:
    for text in (
        "$" * 200_000,
        "\\begin{a}" * 20_000,
        "`" * 100_000,
        "a_" * 200_000,
        "的" * 1_000_000,
        "word " * 200_000,
        "\ud800\x00" * 1000,
        "<" * 300_000,
        "\\text{" * 50_000,
        "a@" * 100_000,
    ):
        started = time.monotonic()
        verdict = judge(text, "en")
        assert verdict.outcome in (Outcome.GRADED, Outcome.NO_ANSWER)
        assert time.monotonic() - started < 10, text[:20]


def test_mistakes_are_named() -> None:
    with pytest.raises(UsageError, match="english"):
        assay.get_verifier("language_consistency", target="english")
    with pytest.raises(UsageError, match="reasoning, answer, response"):
        assay.get_verifier("language_consistency", part="thoughts")
