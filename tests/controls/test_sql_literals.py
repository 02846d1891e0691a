"""The reading of SQL text: what counts as a value, and that no way of quoting hides a second statement."""

from __future__ import annotations

import random
import re
import time

import pytest

from fastness.controls.sql.literals import alone, inlined, skeleton, utility

DIALECTS = ["sqlite", "mysql", "mariadb", "postgresql", "mssql", "another"]
STRING_TOO = {"sqlite", "mysql", "mariadb"}
PIECES = [*"'\"`$\\;#[]a1. E«é-:@?%\n", "''", '""', "--", "/*", "*/", "$$", "$a$", "$é$", "a$", "x y", "; DROP", "]]"]


@pytest.mark.parametrize(
    ("sql", "found"),
    [
        ("SELECT a1, t2.b3 FROM t2 WHERE a = :a1 AND b = %(b1)s AND c = $1 AND d = ?1 AND e = %s AND f = ? AND g::int4", None),
        ('SELECT "a1; --" FROM `b 2`', None),
        ("SELECT a FROM b;", None),
        ("SELECT a->b, a#>>c, a - b, a / b FROM t", None),
        ("SELECT a WHERE a = 'x'", "string"),
        ("SELECT a WHERE a = $$x$$", "string"),
        ("SELECT a WHERE a = $tag$x$tag$", "string"),
        ("SELECT a WHERE a = $é$x$é$", "string"),
        ("SELECT a WHERE a = $«$x$«$", "string"),
        ("SELECT a WHERE a=1", "number"),
        ("SELECT a WHERE a=.5", "number"),
        ("SELECT a WHERE a=0x1F", "number"),
        ("SELECT a /*x*/", "comment"),
        ("SELECT a --x", "comment"),
        ("SELECT a #x", "comment"),
        ("SELECT a; SELECT b", "statement"),
    ],
)  # fmt: skip
def test_what_counts_as_a_value(sql: str, found: str | None) -> None:
    assert inlined(sql, "another") == found


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_double_quotation_is_a_string_where_the_database_takes_it_for_one(dialect: str) -> None:
    found = inlined('SELECT secret FROM u WHERE name = "ada"', dialect)

    assert found == ("string" if dialect in STRING_TOO else None)
    assert ("ada" in skeleton('SELECT secret FROM u WHERE name = "ada"', dialect)) == (dialect not in STRING_TOO)
    assert inlined("SELECT a FROM `b 2`", dialect) == (None if dialect not in {"postgresql", "mssql"} else "string")
    assert inlined("SELECT a #> b", dialect) == ("comment" if dialect in {"mysql", "mariadb"} else None)
    assert alone('"ada"')
    assert not alone('"ada" OR "1"="1"')


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "hiding",
    [
        'SET search_path TO "x\'"; DROP TABLE t; --\'"',
        "SET ROLE a$$; DROP TABLE users; --$$",
        "SET ROLE é$$; DROP TABLE users; --$$",
        "SET ROLE «$$; DROP TABLE users; --$$",
        "CREATE VIEW v AS SELECT 1a$$; DROP TABLE users; --$$",
        "SET x TO E'\\''; DROP TABLE users; --'",
        'SET x TO "\\""; DROP TABLE users; --"',
        "DROP OPERATOR `; DROP TABLE users; --`",
        "ATTACH [a']; DROP TABLE users; --'",
        "ALTER TABLE [a]]']; DROP TABLE users; --'",
    ],
)
def test_no_way_of_quoting_hides_a_second_statement(hiding: str, dialect: str) -> None:
    if second(hiding, dialect):
        assert not utility(hiding, dialect)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "one",
    [
        "COMMENT ON TABLE t IS 'a; b -- c''s'",
        "ATTACH DATABASE 'C:\\data\\x.db' AS more",
        "ALTER TABLE t ADD COLUMN colour TEXT DEFAULT '#fff'",
        "CREATE TABLE t (a VARCHAR(20) DEFAULT 'x');",
    ],
)
def test_one_statement_with_a_quoted_value_is_one(one: str, dialect: str) -> None:
    assert utility(one, dialect)


def test_a_function_in_dollars_is_one_statement_of_postgresql() -> None:
    assert utility("CREATE FUNCTION f() AS $b$ BEGIN; 'x' -- y\n END $b$ LANGUAGE plpgsql", "postgresql")
    assert utility('SET search_path TO "x;y"', "postgresql")


def test_the_skeleton_for_the_log_has_no_value_and_one_line() -> None:
    told = "SELECT 'hunter2' , $a$hunter2$a$, 4711\nFROM t\r\n\x1b[2J WHERE a = 'it''s hunter2' " + "x" * 500
    shown = skeleton(told, "postgresql")

    assert shown.startswith("SELECT ? , ?, ? FROM t")
    assert "hunter2" not in shown
    assert "\n" not in shown
    assert len(shown) == 200


@pytest.mark.parametrize(
    ("dialect", "values"),
    [
        ("postgresql", ["'hunter2'", "'it''s hunter2'", "E'it\\'s hunter2'", "$$hunter2$$", "$é$it's hunter2$é$", "/* hunter2 */"]),
        ("sqlite", ["'hunter2'", "'it''s hunter2'", "'\\'", '"hunter2"', '"a""hunter2"', "'\"hunter2'", "-- hunter2\n"]),
        ("mysql", ["'hunter2'", "'it\\'s hunter2'", '"hunter2"', '"a\\"hunter2"', "'it''s hunter2'", "# hunter2\n"]),
    ],
)  # fmt: skip
def test_no_value_of_any_quoting_is_in_the_log(dialect: str, values: list[str]) -> None:
    chance = random.Random(1)
    for _ in range(2_000):
        names = ["a", "= ", " , ", "`b`" if dialect != "postgresql" else '"b"', "$1", ":a", "4711", "\n"]
        told = " ".join(chance.choice([*values, *names]) for _ in range(8))
        assert "hunter2" not in skeleton(told, dialect), told
        assert "4711" not in skeleton(told, dialect), told


@pytest.mark.parametrize("dialect", DIALECTS)
def test_hostile_text_is_read_as_a_slow_reader_reads_it(dialect: str) -> None:
    chance = random.Random(dialect)
    hidden = 0
    for _ in range(20_000):
        told = "".join(chance.choice(PIECES) for _ in range(chance.randint(1, 14)))
        assert inlined(told, dialect) == slow(told, dialect), told
        if second("set " + told, dialect):
            hidden += 1
            assert not utility("set " + told, dialect), told
    assert hidden > 5_000


def slow(text: str, dialect: str) -> str | None:  # noqa: C901, PLR0911, PLR0912 - one line a rule, so that it is obvious
    """The first value in the text, letter by letter."""
    at = 0
    while at < len(text):
        letter, rest = text[at], text[at:]
        ends = {
            '"': None if dialect in STRING_TOO else '"',
            "`": None if dialect in {"postgresql", "mssql"} else "`",
            "[": "]" if dialect in {"sqlite", "mssql"} else "[",
        }
        if rest.startswith(("--", "/*")):
            return "comment"
        if letter == "#" and (dialect in {"mysql", "mariadb"} or rest[1:2] not in {">", "-"}):
            return "comment"
        if letter == "'":
            return "string"
        if letter in ends and ends[letter] != "[":
            end = closing(rest, ends[letter] or "", doubled=letter == "[" and dialect == "mssql")
            if not end or (dialect == "another" and "\\" in rest[:end]):
                return "string"
            at += end
        elif letter == "$":
            tagged = re.match(r"\$((?:[^\W\d]|[^\x00-\x7f])(?:\w|[^\x00-\x7f])*)?\$", rest)
            inside_a_word = re.match(r"[\w$]|[^\x00-\x7f]", text[at - 1 : at])
            ended = tagged and not inside_a_word and tagged[0] in rest[len(tagged[0]) :]
            if ended and dialect in {"postgresql", "another"}:
                return "string"
            at += len(param[0]) if (param := re.match(r"\$\w+", rest)) else 0
            if not param:
                return "string"
        elif word := re.match(r"::|[:@]\w+|%\(\w+\)s|%s|\?\d*|(?:[^\W\d]|[^\x00-\x7f])(?:[\w$]|[^\x00-\x7f])*", rest):
            at += len(word[0])
        elif re.match(r"\.?\d", rest):
            return "number"
        elif letter == ";" and rest[1:].strip():
            return "statement"
        else:
            at += 1
    return None


def closing(rest: str, mark: str, *, doubled: bool) -> int:
    """Where a name that begins here is over; 0 when it is never, or when nothing ends it."""
    at = 1
    while mark and at < len(rest):
        if rest[at] == mark:
            if not doubled or rest[at + 1 : at + 2] != mark:
                return at + 1
            at += 1
        at += 1
    return 0


def second(text: str, dialect: str) -> bool:
    """Whether the database finds a comment or a second statement, in any of its settings."""
    return any(found(text, dialect, escapes=escapes) for escapes in (False, True))


def found(text: str, dialect: str, *, escapes: bool) -> bool:
    """Letter by letter, as the documentation of each database says; `escapes` where a setting decides on backslashes."""
    postgresql, my = dialect == "postgresql", dialect in {"mysql", "mariadb"}
    at, word = 0, ""
    while at < len(text):
        rest, before, word = text[at:], word, ""
        if rest.startswith(("--", "/*")) or (rest[0] == "#" and my) or (rest[0] == ";" and rest[1:].strip()):
            return True
        if rest[0] == "'" or (rest[0] == '"' and my):
            at += quoted(
                rest, rest[0], backslash=(postgresql and before.lower() == "e") or (escapes and (postgresql or my))
            )
        elif rest[0] == '"' or (rest[0] == "`" and dialect not in {"postgresql", "mssql"}):
            at += quoted(rest, rest[0], backslash=False)
        elif rest[0] == "[" and dialect in {"sqlite", "mssql"}:
            at += closing(rest, "]", doubled=dialect == "mssql") or len(rest)
        elif dialect in {"postgresql", "another"} and (
            tag := re.match(r"\$(?:(?:[^\W\d]|[^\x00-\x7f])(?:\w|[^\x00-\x7f])*)?\$", rest)
        ):
            end = text.find(tag[0], at + len(tag[0]))
            at = end + len(tag[0]) if end >= 0 else len(text)
        elif named := re.match(r"(?:[^\W\d]|[^\x00-\x7f])(?:[\w$]|[^\x00-\x7f])*|\$?[0-9]+", rest):
            word = named[0]
            at += len(word)
        else:
            at += 1
    return False


def quoted(rest: str, mark: str, *, backslash: bool) -> int:
    """How long the quotation is that begins here."""
    at = 1
    while at < len(rest):
        if backslash and rest[at] == "\\":
            at += 1
        elif rest[at] == mark:
            if rest[at + 1 : at + 2] != mark:
                return at + 1
            at += 1
        at += 1
    return len(rest)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "hostile",
    [
        "'" * 200_000, "(" * 200_000, '"' * 199_999, "a" * 200_000, "$" * 200_000, "-/" * 100_000, "[" * 200_000, "`[" * 99_999,
        "]" * 200_000, "''" * 99_999 + "\\", "\\'" * 100_000, "$a$ $b$" * 30_000, "".join(f" $a{n}$" for n in range(30_000)), "; " * 100_000,
        ";" + " " * 200_000, "$" + "a" * 200_000, "«" * 200_000, "." * 200_000, "1." * 100_000, '"a\\' * 66_000, ":" * 200_000, "%(a" * 66_000,
    ],
    ids=lambda x: x[:8],
)  # fmt: skip
def test_the_look_is_linear(hostile: str, dialect: str) -> None:
    begun = time.process_time()  # ours alone: the machine may be busy
    inlined(hostile, dialect)
    utility("create " + hostile, dialect)
    skeleton(hostile, dialect)

    assert time.process_time() - begun < 2.0
