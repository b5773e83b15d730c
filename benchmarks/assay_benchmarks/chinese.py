"""C-Eval and CLUEWSC: Chinese exams and Chinese pronouns (Huang et al. 2023; Xu et al. 2020).

- `ceval`: 1,346 questions of 52 exams with four options: the split with public answers (`val`), because those of
  `test` are known to the authors' server alone.
- `cluewsc`: 304 sentences of CLUEWSC 2020's `validation` split: does a pronoun refer to a given noun?

The reports use the authors' few-shot prompts made zero-shot and do not print them here: C-Eval's is the authors' head
line, CLUEWSC's is OpenCompass's question, each with a line that says how to end the response.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from assay import Benchmark, DataError, DataSource, hookimpl
from assay_benchmarks._choices import ChoiceBenchmark, Question, letter

if TYPE_CHECKING:
    from assay.data import Record

_ENDING = (
    "回答的最后一行应采用以下格式：“答案：$LETTER”（不带引号），其中 LETTER 是 {letters} 之一。请先一步步思考再作答。"
)
_SUBJECTS = {
    "computer_network": "计算机网络", "operating_system": "操作系统", "computer_architecture": "计算机组成",
    "college_programming": "大学编程", "college_physics": "大学物理", "college_chemistry": "大学化学",
    "advanced_mathematics": "高等数学", "probability_and_statistics": "概率统计", "discrete_mathematics": "离散数学",
    "electrical_engineer": "注册电气工程师", "metrology_engineer": "注册计量师",
    "high_school_mathematics": "高中数学", "high_school_physics": "高中物理", "high_school_chemistry": "高中化学",
    "high_school_biology": "高中生物", "middle_school_mathematics": "初中数学", "middle_school_biology": "初中生物",
    "middle_school_physics": "初中物理", "middle_school_chemistry": "初中化学", "veterinary_medicine": "兽医学",
    "college_economics": "大学经济学", "business_administration": "工商管理", "marxism": "马克思主义基本原理",
    "mao_zedong_thought": "毛泽东思想和中国特色社会主义理论体系概论", "education_science": "教育学",
    "teacher_qualification": "教师资格", "high_school_politics": "高中政治", "high_school_geography": "高中地理",
    "middle_school_politics": "初中政治", "middle_school_geography": "初中地理",
    "modern_chinese_history": "近代史纲要", "ideological_and_moral_cultivation": "思想道德修养与法律基础",
    "logic": "逻辑学", "law": "法学", "chinese_language_and_literature": "中国语言文学", "art_studies": "艺术学",
    "professional_tour_guide": "导游资格", "legal_professional": "法律职业资格", "high_school_chinese": "高中语文",
    "high_school_history": "高中历史", "middle_school_history": "初中历史", "civil_servant": "公务员",
    "sports_science": "体育学", "plant_protection": "植物保护", "basic_medicine": "基础医学",
    "clinical_medicine": "临床医学", "urban_and_rural_planner": "注册城乡规划师", "accountant": "注册会计师",
    "fire_engineer": "注册消防工程师", "environmental_impact_assessment_engineer": "环境影响评价工程师",
    "tax_accountant": "税务师", "physician": "医师资格",
}  # fmt: skip
"""The exams' Chinese names, by the names of the data set's parts."""

CEVAL = DataSource(
    name="ceval",
    files=("ceval_val.jsonl",),
    licence="CC BY-NC-SA 4.0",
    hub_repo="ceval/ceval-exam",
    hub_revision="617524a00b307ff6f9933702f724131fe12ca7ce",
    hub_config=tuple(_SUBJECTS),
    hub_split="val",
    hub_derive=lambda _index, row: {"subject": row["config"]},
)
CLUEWSC = DataSource(
    name="cluewsc",
    files=("cluewsc2020_validation.jsonl", "cluewsc2020_dev.jsonl"),
    licence="none stated (CLUE benchmark)",
    hub_repo="clue/clue",
    hub_revision="28178267a609dd08bdc703dd6c931dfc2c2f4431",
    hub_config="cluewsc2020",
    hub_split="validation",
)


def _ceval(number: int, record: Record) -> Question:
    """A row with `subject` (the exam), `question`, `A` to `D` and `answer`."""
    subject = record.text("subject")
    if subject not in _SUBJECTS:
        raise DataError(f"{record.where}: the field 'subject' names no exam of C-Eval")
    choices = tuple(record.text(column) for column in "ABCD")
    return Question(
        id=f"ceval-val-{subject}-{record.values.get('id', number)}",
        text=record.text("question"),
        choices=choices,
        answer=letter(record, "answer", 4),
        subject=subject,
    )


def _cluewsc(number: int, record: Record) -> Question:
    """A row of CLUEWSC 2020: `text`, `target` with the two spans, `label`.

    The label is "true" or "false", a truth value, or the hub's number of a class, where 0 is "true" and 1 is "false".
    """
    target = record.values.get("target")
    label = record.values.get("label")
    if isinstance(label, int) and not isinstance(label, bool):
        label = {0: "true", 1: "false"}.get(label)
    label = str(label).lower()
    if not isinstance(target, Mapping) or not all(isinstance(target.get(f"span{n}_text"), str) for n in (1, 2)):
        raise DataError(f"{record.where}: the field 'target' must hold span1_text and span2_text")
    if label not in ("true", "false"):
        raise DataError(f"{record.where}: the field 'label' must be true or false")
    text = f"{record.text('text')}\n此处，“{target['span2_text']}”是否指代“{target['span1_text']}”？"
    right = "A" if label == "true" else "B"
    return Question(id=f"cluewsc-{number}", text=text, choices=("是", "否"), answer=right)


def _ceval_prompt(question: Question) -> str:
    head = f"以下是中国关于{_SUBJECTS[question.subject]}考试的单项选择题，请选出其中的正确答案。"
    return f"{head}{_ENDING.replace('{letters}', 'ABCD')}\n\n{question.text}\n{question.lines('{letter}. {choice}')}"


def _cluewsc_prompt(question: Question) -> str:
    return f"{question.text}\n{question.lines('{letter}. {choice}')}\n{_ENDING.replace('{letters}', 'AB')}"


@hookimpl
def register_benchmarks() -> Mapping[str, Callable[..., Benchmark]]:
    """Both sets."""
    return {
        "ceval": lambda: ChoiceBenchmark("ceval", CEVAL, read=_ceval, prompt=_ceval_prompt),
        "cluewsc": lambda: ChoiceBenchmark("cluewsc", CLUEWSC, read=_cluewsc, prompt=_cluewsc_prompt, samples=4),
    }
