from dataclasses import dataclass


@dataclass
class Principal:
    name: str
    role: str


def principal(roles: dict[str, str], name: str) -> Principal:
    try:
        return Principal(name=name, role=roles[name])
    except KeyError:
        return Principal(name=name, role="guest")
