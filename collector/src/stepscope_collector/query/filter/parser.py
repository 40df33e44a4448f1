"""Filter text → typed tree, by recursive descent.

filter     = [ either ]
either     = both { "or" both }
both       = negation { "and" negation }
negation   = "not" negation | primary
primary    = "(" either ")" | rows "(" either ")" | flag | comparison
comparison = field operator value | field [ "not" ] "in" "(" value { "," value } ")"
"""

import json
from collections.abc import Mapping
from typing import Final

from stepscope_collector.errors import BadRequest
from stepscope_collector.query.filter.complaint import complaint, nearest_of, quoted
from stepscope_collector.query.filter.fields import EXECUTION, ROWS, named, paths
from stepscope_collector.query.filter.lexer import Token, tokens_of
from stepscope_collector.query.filter.syntax import (
    MISSING,
    And,
    Compare,
    Condition,
    Field,
    Flag,
    Interval,
    Kind,
    Nested,
    Not,
    Operator,
    Or,
    Rows,
    Value,
)
from stepscope_collector.query.filter.values import value_of

__all__ = ["MAX_DEPTH", "MAX_SEARCHES", "MAX_TERMS", "OPERATORS", "parse_field", "parse_filter"]

MAX_DEPTH: Final = 40
"""Brackets and `not` within each other."""
MAX_TERMS: Final = 500
"""Comparisons and values in lists, of a whole filter."""

MAX_SEARCHES: Final = 20
"""Comparisons that read more than executions, and rows: each may read the whole history."""

_SHOWN: Final = 50
_EQUAL: Final = ("=", "!=", "in")
_ORDERED: Final = ("=", "!=", "<", "<=", ">", ">=", "in")
OPERATORS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "text": (*_EQUAL, "~", "!~"),
    "status": _EQUAL,
    "trigger": (*_EQUAL, "~", "!~"),
    "severity": _ORDERED,
    "number": _ORDERED,
    "duration": _ORDERED,
    "time": _ORDERED,
    "trace": _EQUAL,
    "search": ("~", "!~"),
    "path": (*_ORDERED, "~", "!~"),
    "flag": ("=", "!="),
}
_POSITIVE: Final[Mapping[str, Operator]] = {
    "=": "=", "!=": "=", "<>": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">=", "~": "~", "!~": "~",
}  # fmt: skip
_MEANT: Final = {
    "==": "=", "===": "=", "is": "=", "equals": "=", ":": "=", "!": "!=", "=!": "!=", "=<": "<=",
    "=>": ">=", "=~": "~", "~=": "~", "~*": "~", "like": "~", "ilike": "~", "contains": "~",
    "matches": "~", "has": "~", "between": "= a..b", "isnot": "!=",
}  # fmt: skip
_JOINTS: Final = {"&&": "and", "&": "and", "||": "or", "|": "or", ";": "and"}
_NULLS: Final = ("null", "nil")
_KEYWORDS: Final = frozenset({"and", "or", "not", "in", "none"})


def parse_filter(text: str, now_ns: int) -> Condition | None:
    """The tree of a filter; None: the text is blank, and every execution holds it.

    Args:
        text: the filter.
        now_ns: what relative times are reckoned from, nanoseconds since the epoch.

    Raises:
        BadRequest: the message points at what is wrong, the hint names the nearest right word.
    """
    tokens = tokens_of(text)
    if tokens[0].kind == "end":
        return None
    return _Parser(text, tokens, now_ns).whole()


def parse_field(text: str) -> tuple[Field, tuple[str, ...]]:
    """The field that a name, or a name with a path, is; and the path.

    Raises:
        BadRequest: unknown, or more than that.
    """
    return _Parser(text, tokens_of(text), 0).only_field()


class _Parser:
    """Goes through the tokens once."""

    def __init__(self, text: str, tokens: list[Token], now_ns: int) -> None:
        self._text = text
        self._tokens = tokens
        self._now_ns = now_ns
        self._place = 0
        self._depth = 0
        self._terms = 0
        self._searches = 0
        self._rows: Rows | None = None

    def whole(self) -> Condition:
        """The condition that all tokens are."""
        condition = self._either()
        if self._next.kind != "end":
            raise self._wrong(
                self._next, f"expected `and` or `or`, not {self._next_text}", self._joint_hint()
            )
        return condition

    def _joint_hint(self) -> str:
        """What may have been meant where a condition has ended and another thing follows."""
        token, before = self._next, self._tokens[self._place - 1]
        if (meant := _JOINTS.get(token.text)) is not None:
            return f"did you mean {meant!r}?"
        if token.is_sign(","):
            return f"several values are a list: in ({before.text}, …)"
        if token.is_sign(")"):
            return "no bracket is open here"
        behind = self._tokens[min(self._place + 1, len(self._tokens) - 1)]
        if token.kind == "word" and (behind.kind == "operator" or behind.is_word("in", "not")):
            return "write `and` or `or` between two comparisons"
        return "text with blanks or signs stands between quotes"

    def only_field(self) -> tuple[Field, tuple[str, ...]]:
        """The field that all tokens are."""
        found = self._field()
        if self._next.kind != "end":
            raise self._wrong(self._next, f"expected the end of the name, not {self._next_text}")
        return found

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    @property
    def _next_text(self) -> str:
        token = self._next
        return self._shown(token)

    def _shown(self, token: Token) -> str:
        is_end = token.kind == "end"
        return "the end" if is_end else quoted(self._text[token.first : token.last])

    def _take(self) -> Token:
        token = self._next
        if token.kind != "end":
            self._place += 1
        return token

    def _wrong(self, token: Token, what: str, hint: str | None = None) -> BadRequest:
        return complaint(self._text, token.first, token.last, what, hint)

    def _either(self) -> Condition:
        conditions = [self._both()]
        while self._next.is_word("or"):
            self._take()
            conditions.append(self._both())
        return conditions[0] if len(conditions) == 1 else Or(tuple(conditions))

    def _both(self) -> Condition:
        conditions = [self._negation()]
        while self._next.is_word("and"):
            self._take()
            conditions.append(self._negation())
        return conditions[0] if len(conditions) == 1 else And(tuple(conditions))

    def _negation(self) -> Condition:
        if not self._next.is_word("not"):
            return self._primary()
        self._deeper(self._take())
        condition = Not(self._negation())
        self._depth -= 1
        return condition

    def _deeper(self, token: Token) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise self._wrong(
                token, f"the filter is nested more than {MAX_DEPTH} deep", "write it flatter"
            )

    def _count(self, token: Token) -> None:
        self._terms += 1
        if self._terms > MAX_TERMS:
            raise self._wrong(
                token, f"the filter has more than {MAX_TERMS} comparisons and values",
                "ask in SQL, with a list as parameter",
            )  # fmt: skip

    def _search(self, token: Token) -> None:
        self._searches += 1
        if self._searches > MAX_SEARCHES:
            raise self._wrong(
                token,
                f"the filter looks more than {MAX_SEARCHES} times into steps, logs and payloads",
                "put what belongs together into one step(…) or log(…), or ask in SQL",
            )

    def _primary(self) -> Condition:
        token = self._next
        if token.is_sign("("):
            return self._bracket()
        if token.kind != "word" or token.text.lower() in _KEYWORDS:
            raise self._wrong(
                token, f"expected a field, not {self._next_text}",
                'for example status = failed; text ~ "…" searches everywhere',
            )  # fmt: skip
        follower = self._tokens[self._place + 1]
        if follower.is_sign("(") and self._rows is None:
            known = {rows.name: rows for rows in ROWS}
            if (rows := known.get(token.text)) is None:
                hint = nearest_of(token.text, known)
                if (name := token.text.removesuffix(":")) in self._plain:
                    hint = f"several values are a list: {name} in (a, b)"
                raise self._wrong(token, f"unknown rows {quoted(token.text)}", hint)
            self._search(self._take())
            self._rows = rows
            condition = Nested(rows, self._bracket())
            self._rows = None
            return condition
        return self._comparison()

    def _bracket(self) -> Condition:
        opening = self._take()
        self._deeper(opening)
        condition = self._either()
        if not self._next.is_sign(")"):
            hint = f"the bracket at character {opening.first + 1} is open"
            if self._next.kind != "end":
                hint = f"{self._joint_hint()}; {hint}"
            raise self._wrong(
                self._next, f"expected `and`, `or` or `)`, not {self._next_text}", hint
            )
        self._take()
        self._depth -= 1
        return condition

    def _comparison(self) -> Condition:
        token = self._next
        self._count(token)
        field, path = self._field()
        if any("select " in place.ids or "select " in place.within for place in field.places):
            self._search(token)
        if field.kind == "flag" and self._next.kind != "operator":
            return Flag(field)
        operator = self._take()
        if operator.is_word("not") and self._next.is_word("in"):
            self._take()
            return Not(self._listed(field, path, operator))
        if operator.is_word("in"):
            return self._listed(field, path, operator)
        written = self._known_operator(operator, field)
        positive = _POSITIVE[written]
        value = self._value(field, positive)
        if field.kind == "flag":
            is_true = value == "true"
            return Flag(field) if is_true is (written == "=") else Not(Flag(field))
        condition = Compare(field, positive, (value,), path)
        return Not(condition) if written in {"!=", "<>", "!~"} else condition

    def _listed(self, field: Field, path: tuple[str, ...], operator: Token) -> Condition:
        if "in" not in OPERATORS[field.kind]:
            raise self._not_for(operator, field)
        if not self._next.is_sign("("):
            raise self._wrong(
                self._next, f"expected `(` behind `in`, not {self._next_text}",
                f"write {field.name} in (a, b)",
            )  # fmt: skip
        self._take()
        values = [self._value(field, "=")]
        while self._next.is_sign(","):
            self._take()
            self._count(self._next)
            values.append(self._value(field, "="))
        if not self._next.is_sign(")"):
            raise self._wrong(
                self._next, f"expected `,` or `)` in the list, not {self._next_text}",
                "values with blanks or signs stand between quotes",
            )  # fmt: skip
        self._take()
        return Compare(field, "=", tuple(values), path)

    def _known_operator(self, token: Token, field: Field) -> str:
        allowed = OPERATORS[field.kind]
        written = token.text if token.kind in {"operator", "word"} else ""
        if written == "<>" or written in allowed:
            if written == "<>" and "!=" not in allowed:
                raise self._not_for(token, field)
            return written
        if written in _POSITIVE:
            raise self._not_for(token, field)
        meant = _MEANT.get(written.lower())
        hint = f"did you mean {meant!r}?" if meant else f"{field.name} takes {' '.join(allowed)}"
        if token.kind == "end" or not written or written.lower() in {"and", "or"}:
            raise self._wrong(
                token, f"expected an operator behind {field.name!r}, not {self._shown(token)}", hint
            )
        raise self._wrong(token, f"unknown operator {quoted(written)}", hint)

    def _not_for(self, token: Token, field: Field) -> BadRequest:
        hint = f"{field.name} takes {' '.join(OPERATORS[field.kind])}"
        if field.name in self._paths:
            hint += f"; or give a path: {self._paths[field.name].example}"
        return self._wrong(
            token, f"{field.name!r} does not take the operator {self._shown(token)}", hint
        )

    def _value(self, field: Field, operator: Operator) -> Value:
        token = self._take()
        if token.kind not in {"word", "quoted"} or token.is_word("and", "or", "not", "in"):
            raise self._wrong(
                token, f"expected a value for {field.name!r}, not {self._shown(token)}",
                f"for example {field.example}",
            )  # fmt: skip
        if token.is_word("none"):
            if operator != "=" or field.kind == "flag":
                raise self._wrong(
                    token, "`none` is no value to compare with", f"write {field.name} = none"
                )
            return MISSING
        if token.is_word(*_NULLS):
            raise self._wrong(
                token, f"{token.text!r} is neither text nor `none`",
                f'write {field.name} = none, or "{token.text}" for the text',
            )  # fmt: skip
        kind: Kind = "search" if operator == "~" else field.kind
        is_quoted = token.kind == "quoted"
        try:
            value = value_of(kind, token.text, field.name, self._now_ns, is_quoted=is_quoted)
        except BadRequest as error:
            raise self._wrong(token, error.message, error.hint) from error
        if operator not in {"=", "~"} and isinstance(value, Interval) and ".." in token.text:
            raise self._wrong(
                token, f"a range does not go with {operator!r}",
                f"write {field.name} = {token.text}",
            )  # fmt: skip
        return value

    @property
    def _fields(self) -> tuple[Field, ...]:
        return EXECUTION if self._rows is None else self._rows.fields

    @property
    def _plain(self) -> Mapping[str, Field]:
        return named(self._fields)

    @property
    def _paths(self) -> Mapping[str, Field]:
        return paths(self._fields)

    def _field(self) -> tuple[Field, tuple[str, ...]]:
        """A field with the path behind its name."""
        token = self._take()
        if (field := self._plain.get(token.text)) is not None:
            return field, ()
        root, dot, rest = token.text.partition(".")
        if dot and (field := self._paths.get(root)) is not None:
            return field, self._path(token, rest)
        raise self._unknown(token)

    def _unknown(self, token: Token) -> BadRequest:
        word, plain, with_path = token.text, self._plain, self._paths
        name, colon, rest = word.partition(":")
        if colon and name.removeprefix("-") in plain:
            negation, name = "not " if name.startswith("-") else "", name.removeprefix("-")
            hint = f"did you mean {negation}{name} = {rest or '…'}?"
            return self._wrong(token, "unknown operator ':'", hint)
        if word in with_path:
            return self._wrong(
                token, f"{word!r} needs a path", f"for example {with_path[word].example}"
            )
        inside = "" if self._rows is None else f" of {self._rows.name}(…)"
        return self._wrong(token, f"unknown field {quoted(word)}{inside}", self._field_hint(word))

    def _field_hint(self, word: str) -> str:
        """The nearest right field, and how to search everywhere where nothing is compared."""
        owner = next((rows for rows in ROWS if word in named(rows.fields)), None)
        if owner is not None and owner is not self._rows:
            return f"did you mean {owner.name}({word} …)?"
        root, dot, _ = word.partition(".")
        if dot and root not in self._plain and self._paths:
            hint = nearest_of(root, self._paths)
            if hint.startswith("known"):
                roots = sorted({field.name for field in self._paths.values()})
                return f"paths begin with {', '.join(roots)}"
            return hint.replace("'?", f".{word.removeprefix(f'{root}.')}'?")
        hint = nearest_of(word, {*self._plain, *(f"{name}.…" for name in self._paths)})
        is_everything = hint.startswith("known")
        if is_everything:
            # Aliases are for those who know them: a hint at everything names each field once.
            names = {field.name for field in self._plain.values()}
            hint = nearest_of("", names | {f"{field.name}.…" for field in self._paths.values()})
        is_compared = self._next.kind == "operator" or self._next.is_word("in", "not")
        if self._rows is None and (is_everything or not is_compared):
            searched = json.dumps(word[:_SHOWN], ensure_ascii=False)
            hint = f"to search everywhere write text ~ {searched}; {hint}"
        return hint

    def _path(self, token: Token, rest: str) -> tuple[str, ...]:
        """The names behind the first one; quoted ones and words adjoin each other."""
        parts: list[str] = []
        last, is_open = token, True
        if rest:
            is_open = rest.endswith(".")
            parts += rest.removesuffix(".").split(".")
        while self._next.first == last.last:
            if self._next.kind == "quoted" and is_open:
                last, is_open = self._take(), False
                parts.append(last.text)
            elif self._next.kind == "word" and not is_open and self._next.text.startswith("."):
                last = self._take()
                rest = last.text[1:]
                is_open = not rest or rest.endswith(".")
                parts += rest.removesuffix(".").split(".") if rest else []
            else:
                break
        if is_open or not all(parts):
            raise self._wrong(
                token, f"the path {quoted(token.text)} has a name that is empty",
                'write params.customer, or params."a name with blanks"',
            )  # fmt: skip
        return tuple(parts)
