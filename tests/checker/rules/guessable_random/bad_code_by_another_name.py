from random import randint


class Codes:
    def generate_otp(self) -> str:
        number = randint(100000, 999999)
        return str(number)
