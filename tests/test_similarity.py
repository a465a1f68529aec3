"""Copies are found whatever they are called; what everybody writes accuses nobody."""

import re
from html.parser import HTMLParser

import pytest
from homework import solution_sources
from hypothesis import given
from hypothesis import strategies as st
from pupils import A2, POINTS, hidden

from vaecourse.classroom.grades import Grade
from vaecourse.classroom.similarity import fingerprints, page, similar

SOURCES = {name.replace("-", "."): s for name, s in solution_sources(A2).items()}


def grade(student: str, answers: dict[str, str]) -> Grade:
    return Grade(student, A2, f"{student}.ipynb", "graded", (), answers)


def honest(number: int) -> dict[str, str]:
    """Answers of somebody who wrote their own: other right and wrong ways, one a question."""
    found = {}
    for question in POINTS:
        source, _, _ = hidden(question)
        functions = re.split(r"\n\n(?=def |class )", source)
        found[question] = functions[(number + 2) % len(functions)]
    return found


OWN = {
    "a2.3": """
def gaussian_kl(mu, logvar):
    # my own way, in five lines
    width = torch.sqrt(torch.exp(logvar))
    first = torch.log(1.0 / width)
    second = (width * width + mu * mu) / 2.0
    total = first + second - 0.5
    print("shape", total.shape)
    return torch.stack([row.sum() for row in total])
""",
    "a2.4": """
def bernoulli_nll(logits, x):
    p = torch.sigmoid(logits)
    cost = torch.zeros(len(x))
    for index in range(len(x)):
        ones = x[index] * F.logsigmoid(logits[index])
        noughts = (1 - x[index]) * F.logsigmoid(-logits[index])
        cost[index] = -(ones + noughts).sum()
    return cost
""",
}


def disguised(answers: dict[str, str]) -> dict[str, str]:
    """The same with other names, comments and layout."""
    names = {"width": "sigma", "first": "a", "second": "b", "total": "everything", "p": "prob",
             "cost": "result", "index": "i", "ones": "on", "noughts": "off"}  # fmt: skip
    found = {}
    for question, source in answers.items():
        for old, new in names.items():
            source = re.sub(rf"\b{old}\b", new, source)
        found[question] = source.replace("# my own way, in five lines", "# hm").replace(
            "    return", "\n\n    # done\n    return"
        )
    return found


def class_of(number: int) -> list[Grade]:
    return [grade(f"student-{i:02}", SOURCES if i % 3 else honest(i)) for i in range(number)]


def test_a_copy_with_other_names_comments_and_layout_is_found_and_nobody_else() -> None:
    mine = {**SOURCES, **OWN}
    found = similar([*class_of(30), grade("ada", mine), grade("bob", disguised(mine))])
    assert [pair.students for pair in found] == [("ada", "bob")]
    assert found[0].share == pytest.approx(1.0)
    assert set(found[0].questions) == set(OWN)


def test_a_class_in_which_everybody_has_the_obvious_answer_accuses_nobody() -> None:
    assert similar([grade(f"student-{i}", SOURCES) for i in range(30)]) == []
    assert similar(class_of(30)) == []


def test_the_order_of_students_does_not_matter() -> None:
    mine = {**SOURCES, **OWN}
    grades = [*class_of(12), grade("ada", mine), grade("bob", disguised(mine))]
    assert similar(grades) == similar(grades[::-1])


def test_names_comments_docstrings_and_layout_change_no_fingerprint() -> None:
    for question, source in OWN.items():
        other = disguised({question: source})[question]
        assert fingerprints(source, is_code=True) == fingerprints(other, is_code=True)
        assert fingerprints(source, is_code=True)


def test_words_are_compared_too() -> None:
    text = "The clouds keep their distance because the decoder must tell them apart at each step."
    plain = dict.fromkeys(POINTS, "")
    long = " ".join(f"{text} {i} {i * 7}" for i in range(8))
    pair = [grade("ada", {**plain, "a2.9": long}), grade("bob", {**plain, "a2.9": long.upper()})]
    others = [grade(f"s{i}", {**plain, "a2.9": f"I think {i}"}) for i in range(20)]
    assert [p.students for p in similar([*pair, *others])] == [("ada", "bob")]


@given(st.text(), st.booleans())
def test_whatever_was_written_has_fingerprints_or_none(answer: str, is_code: bool) -> None:
    assert isinstance(fingerprints(answer, is_code=is_code), frozenset)


def test_the_page_shows_both_and_holds_no_tag_of_theirs() -> None:
    mine = {**SOURCES, **OWN, "a2.9": "<script>alert(1)</script>"}
    names = ("<b>ada</b>", "<img src=x onerror=alert(1)>")
    pairs = similar([*class_of(20), *(grade(name, mine) for name in names)])
    found = page(pairs)

    class Tags(HTMLParser):
        def handle_starttag(self, tag: str, attrs: object) -> None:
            assert tag not in ("script", "b", "img"), tag

    Tags().feed(found)
    assert "torch.stack" in found
