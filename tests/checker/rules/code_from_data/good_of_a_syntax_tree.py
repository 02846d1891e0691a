import ast


def values(source: str) -> list[object]:
    found = []
    for node in ast.parse(source).body:
        if isinstance(node, ast.Expr):
            code = compile(ast.Expression(node.value), "<flow>", "eval")
            found.append(eval(code))
    return found
