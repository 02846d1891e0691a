class Block:
    def __init__(self, norm: str = "LayerNorm") -> None:
        self.norm = eval(norm)
