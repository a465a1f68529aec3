"""Copies are found in what they wear; students who write what many write are not named."""

import random
import time
import tracemalloc
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from disguises import (
    A2,
    COMPREHENSIONS,
    DISGUISES,
    commented,
    formatted,
    grade,
    own_class,
    padded,
    renamed,
    reordered,
    swapped,
    usual_class,
)
from homework import NAMES, solution_sources
from hypothesis import given
from hypothesis import strategies as st
from markup import EVIL, Seen

from vaecourse.classroom import sheets
from vaecourse.classroom.grades import Grade
from vaecourse.classroom.similarity import Pair, page, similar
from vaecourse.classroom.winnowing import LONGEST, fingerprints, shared_places

CODE = """def f(mu, logvar):
    each = 0.5 * (mu**2 + logvar.exp() - 1 - logvar)
    if each.isnan().any() and len(mu) > 2:
        raise ValueError("no number", mu.shape)
    return each.sum(dim=1, keepdim=False)
"""
OWN_KL = """def gaussian_kl(mu, logvar):
    width = torch.sqrt(torch.exp(logvar))
    first = torch.log(1.0 / width)
    second = (width * width + mu * mu) / 2.0
    total = first + second - 0.5
    print("shape", total.shape)
    return torch.stack([row.sum() for row in total])
"""
OWN_NLL = """def bernoulli_nll(logits, x):
    p = torch.sigmoid(logits)
    cost = torch.zeros(len(x))
    for index in range(len(x)):
        ones = x[index] * F.logsigmoid(logits[index])
        noughts = (1 - x[index]) * F.logsigmoid(-logits[index])
        cost[index] = -(ones + noughts).sum()
    return cost
"""


def marks(source: str) -> frozenset[int]:
    return fingerprints(source, is_code=True)


def copied(victim: Grade, disguise: str) -> Grade:
    worn = {q: DISGUISES[disguise](answer) for q, answer in victim.answers.items()}
    return replace(victim, student="copy", answers=worn)


def named(grades: Sequence[Grade], least: float = 0.8) -> set[tuple[str, str]]:
    return {pair.students for pair in similar(grades, least)}


# -- laws --------------------------------------------------------------------------------------


@pytest.mark.parametrize("disguise", [renamed, commented, formatted, swapped, reordered])
def test_a_disguise_that_keeps_what_is_computed_keeps_every_fingerprint(
    disguise: Callable[[str], str],
) -> None:
    sources = [a for one in own_class("a3-elbo")[:3] for a in one.answers.values()]
    for source in [CODE, *sources]:
        assert marks(disguise(source)) == marks(source)


def test_what_is_inserted_takes_no_fingerprint_away() -> None:
    assert marks(CODE) < marks(padded(CODE))


def test_a_change_of_what_is_computed_changes_fingerprints() -> None:
    for old, new in (("mu**2", "mu**3"), ("dim=1", "dim=0"), ("> 2", "< 2"), ("- 1 -", "+ 1 -")):
        assert marks(CODE.replace(old, new)) != marks(CODE)


def test_an_untouched_stub_shares_nothing() -> None:
    for name in NAMES:
        stubs = {c.question: c.source for c in sheets.load(name).cells if c.role == "answer"}
        assert similar([grade("a", stubs, name), grade("b", stubs, name)], least=0) == []


def test_the_order_of_students_does_not_matter_and_shares_are_shares() -> None:
    victims = own_class(A2)
    grades = [*usual_class(20, 1), *victims, copied(victims[2], "padded")]
    pairs = similar(grades)
    assert pairs
    for seed in range(3):
        shuffled = random.Random(seed).sample(grades, len(grades))
        assert similar(shuffled) == pairs
    for pair in [*pairs, *similar(grades, least=0.1)]:
        assert 0 <= pair.share <= 1
        assert pair.students[0] < pair.students[1]
        assert pair.questions
        assert pair.share >= 0.8 or pair not in pairs


def test_nobody_is_named_with_oneself_or_across_assignments() -> None:
    victim = own_class(A2)[2]
    other = replace(copied(victim, "renamed"), assignment="a3-elbo")
    assert similar([*usual_class(20, 1), victim, victim, other]) == []


def test_what_everybody_may_use_is_left_out() -> None:
    solution = {
        c.question: solution_sources(A2)[c.id]
        for c in sheets.load(A2).cells
        if c.role in ("answer", "read")
    }
    two = [grade("a", solution), grade("b", solution)]
    assert named(two) == {("a", "b")}
    assert similar(two, known={q: [source] for q, source in solution.items()}) == []


# -- a made class ------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [2, 3, 5, 10, 20, 40, 80])
def test_students_who_write_what_many_write_are_not_named(size: int) -> None:
    assert [named(usual_class(size, seed)) for seed in range(4)] == [set()] * 4


def test_a_class_in_which_most_have_the_obvious_answer_names_those_who_share_another() -> None:
    solution = {i.replace("-", "."): source for i, source in solution_sources(A2).items()}
    own = {"a2.3": OWN_KL, "a2.4": OWN_NLL}
    grades = [grade(f"student-{i}", solution) for i in range(28)]
    assert similar(grades) == []
    worn = {q: DISGUISES["everything"](answer) for q, answer in own.items()}
    ada, bob = grade("ada", {**solution, **own}), grade("bob", {**solution, **worn})
    (pair,) = similar([*grades, ada, bob])
    assert pair.students == ("ada", "bob")
    assert set(pair.questions) == set(own)


@pytest.mark.parametrize("name", NAMES)
def test_students_who_write_as_they_think_are_not_named(name: str) -> None:
    grades = own_class(name)
    assert len(grades) >= 5
    assert named(grades) == set()


@pytest.mark.parametrize("disguise", DISGUISES)
def test_a_copy_of_answers_of_ones_own_is_found_in_any_disguise(disguise: str) -> None:
    usual = usual_class(40, 9)
    for victim in own_class(A2):
        copy = copied(victim, disguise)
        assert named([*usual, victim, copy]) == {("copy", victim.student)}


def test_most_copies_are_found_in_a_class_of_a_few() -> None:
    found = []
    for name in NAMES:
        grades = own_class(name)
        for victim in grades:
            pair = ("copy", victim.student)
            came = named([*grades, copied(victim, "everything")])
            found.append(pair in came)
            assert came <= {pair}
    assert sum(found) >= 0.75 * len(found) > 30


def test_a_comprehension_keeps_half_of_the_loop_that_it_was_or_more() -> None:
    shares = []
    for loop, comprehension in COMPREHENSIONS:
        one, other = marks(loop), marks(comprehension)
        shares.append(len(one & other) / min(len(one), len(other)))
    assert [share >= 0.8 for share in shares] == [True, False, False]
    assert min(shares) >= 0.5


def test_three_answers_copied_out_of_seven_are_found_and_named() -> None:
    grades = usual_class(40, 9)
    victim, thief = own_class(A2)[7], grades[3]
    some = ("a2.2", "a2.3", "a2.8")
    taken = {q: renamed(victim.answers[q]) for q in some}
    grades[3] = replace(thief, answers={**thief.answers, **taken})
    (pair,) = similar([*grades, victim])
    assert pair.students == (victim.student, thief.student)
    assert set(pair.questions) == set(some)


def test_a_ring_of_copies_is_named_and_what_half_a_class_shares_is_not() -> None:
    victim = own_class(A2)[7]
    ring = [replace(victim, student=f"ring-{i}") for i in range(5)]
    assert len(named([*usual_class(40, 2), *ring])) == 10
    half = [replace(victim, student=f"half-{i}") for i in range(40)]
    assert named([*usual_class(40, 2), *half]) == set()


WORDS = """Without noise the encoder can write its code in tiny differences of the mean, so the
log-variance is only pulled by the price, and goes to nought. That the sum is smaller than that of
a right model says nothing, for it is no bound any more: noise was paid for that was never drawn."""


def test_a_text_is_found_by_itself_and_common_phrases_are_not() -> None:
    grades = [replace(g, answers={**g.answers, "a2.9": f"The KL is small. {i}"})
              for i, g in enumerate(usual_class(20, 3))]  # fmt: skip
    texts = [WORDS, f"I think: {WORDS.upper()}  Really.".replace(",", " ,\n")]
    for i, words in enumerate(texts):
        grades[i] = replace(grades[i], answers={**grades[i].answers, "a2.9": words})
    (pair,) = similar(grades)
    assert pair.students == ("usual-000", "usual-001")
    assert "a2.9" in pair.questions
    assert "price" in pair.example


# -- hostile answers ---------------------------------------------------------------------------

HOSTILE = [
    "(" * 50_000,
    "x = " + "-" * 40_000 + "1",
    "x = " + "a + " * 12_000 + "a",
    "x = " + "a * (b + " * 90 + "1" + ")" * 90,
    "x = " + "[" * 150 + "]" * 150,
    "\n".join(f"x{i} = {i} + y.é{i}" for i in range(3000)),
    "é" * 60_000,
    "x = '" + "\ud800" * 1000 + "'\x00",
    "if x:\n" + "".join(" " * i + "if x:\n" for i in range(1, 90)) + " " * 90 + "y",
    "%%bash\nrm -rf /\n!ls\nx = 3 +",
    "def f(:\n    return mu.sum(1) +++",
    "f'{x!r:{y}}' '''",
    "\r\x0c\u2028x = 1\r\ny = é + x\rz = 'é' + y",
    "# " + "x" * 60_000,
    *EVIL,
]


@pytest.mark.parametrize("answer", HOSTILE, ids=range(len(HOSTILE)))
def test_any_answer_is_read_in_no_time_and_shown_as_it_is(answer: str) -> None:
    start = time.process_time()
    for is_code in (True, False):
        assert len(fingerprints(answer, is_code=is_code)) <= 500
        places = shared_places(answer, answer, is_code=is_code)
        assert all(start < end for start, end in places)
        assert places == sorted(places)
        assert all(one[1] <= next_[0] for one, next_ in pairwise(places))
        assert not places or places[-1][1] <= min(len(answer), LONGEST)
    assert time.process_time() - start < 5


@given(st.text(), st.booleans())
def test_whatever_was_written_has_fingerprints_or_none(answer: str, is_code: bool) -> None:
    assert isinstance(fingerprints(answer, is_code=is_code), frozenset)


def test_answers_that_do_not_parse_are_compared() -> None:
    broken = "def f(mu, logvar:\n    kl = mu.pow(2).add(logvar.exp()).sub(logvar)\n    return kl +"
    assert len(marks(broken) & marks(f"# mine\n{broken}  # so")) == len(marks(broken)) > 4


@pytest.mark.parametrize("evil", EVIL)
def test_whatever_a_student_writes_is_text_on_the_page(evil: str) -> None:
    answers = {"a2.3": f'"{evil}"\n{CODE}', "a2.9": f"{evil} {WORDS}"}
    grades = [replace(grade(f"{evil}{i}", answers), name=evil) for i in "ab"]
    pair = Pair((grades[0].student, grades[1].student), A2, 0.9, ("a2.3", "a2.9"), evil)
    seen = Seen(page([pair], grades))
    assert not seen.faults
    assert "each.isnan" in seen.text


def test_the_page_shows_answers_side_by_side_with_what_they_share_marked() -> None:
    grades = usual_class(20, 3)
    victim = own_class(A2)[3]
    grades += [victim, copied(victim, "everything")]
    pairs = similar(grades)
    html = page(pairs, grades)
    seen = Seen(html)
    assert not seen.faults
    (table,) = seen.tables
    assert table.head == ["question", *pairs[0].students]
    assert [row[0] for row in table.rows] == list(pairs[0].questions)
    assert html.count('<strong class="open">') > 20
    assert "debug = False" in seen.text
    assert '<strong class="open">debug' not in html
    assert "No pair" in page([], [])


def test_shared_places_are_what_both_have_and_the_stub_has_not() -> None:
    stub = 'def f(mu, logvar):\n    """é"""\n    raise NotImplementedError()\n'
    one = (
        'def f(mu, logvar):\n    """é"""\n    é = mu.pow(2) + logvar.exp() - 7\n    return é.cos()'
    )
    other = "def g(a, b):\n    k = b.exp() + a.pow(2) - 7\n    return k.sin().relu().view(2)"
    found = [one[a:b] for a, b in shared_places(one, other, is_code=True, without=stub)]
    assert found == ["é = mu.pow(2) + logvar.exp() - 7"]


def test_a_large_class_takes_seconds_and_hostile_answers_little_memory() -> None:
    grades = usual_class(500, 5)
    start = time.process_time()
    assert similar(grades) == []
    assert time.process_time() - start < 15
    hostile = "\n".join(f"x{i} = y{i} + f{i}(z{i})" for i in range(1800))
    assert len(hostile) > 45_000
    few = [grade(f"{i}", {"a2.5": f"a = {i}\n{hostile}"}) for i in range(5)]
    tracemalloc.start()
    similar(few)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50e6
