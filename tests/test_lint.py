"""What `make lint` says of scripts and spelling: a mistake is found, and named with its place."""

import javascript
import pytest
import spelling
import yaml
from chapter_rules import BOOK

ROOT = BOOK.parent


@pytest.mark.parametrize(
    ("source", "named"),
    [
        ("let a = 1;\nlet b = (;", "x.js:2"),
        ("let a;\nlet a;", "'a' has already been declared"),
        ("for (const x of y) {", "Unexpected end of input"),
    ],
)
def test_javascript_that_no_engine_reads_is_named(source: str, named: str) -> None:
    assert named in javascript.wrong([("good.js", "undefinedAndNotCalled();"), ("x.js", source)])


def test_a_name_in_two_files_of_an_explorer_is_found_where_they_are_joined() -> None:
    joined = dict(javascript.joined())["explorer normal, its files joined"]
    assert javascript.wrong([("joined", joined)]) == ""
    assert "already been declared" in javascript.wrong([("joined", joined + "\nconst BELL = 1;")])


def test_american_spelling_is_found_in_words_and_not_in_code_titles_or_addresses() -> None:
    text = "The Color and `color=` of [a neighborhood](https://x.org/gray) in https://a.b/center"
    assert spelling.american(text) == [("Color", "colour")]
    assert spelling.american("The colour of the centre; a program is biased.") == []


def test_a_commit_checks_what_make_lint_checks() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    recipe = makefile.partition("\nlint:")[2].partition("\n\n")[0].splitlines()[1:]
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    entries = [hook["entry"] for repo in config["repos"] for hook in repo["hooks"]]

    def tool(command: str) -> str:
        options = ("--check", "--fix", "--force-exclude")
        return " ".join(word for word in command.split() if word not in options)

    wanted = [tool(line.replace("$(BIN)", ".venv/bin")) for line in recipe]
    assert [tool(entry) for entry in entries] == wanted
