from fastapi import FastAPI
from pydantic import BaseModel, SecretStr, field_validator

app = FastAPI()


class NewPassword(BaseModel):
    token: str
    new_password: SecretStr

    @field_validator("new_password")
    @classmethod
    def long_enough(cls, value: SecretStr) -> SecretStr:
        if len(value.get_secret_value()) < 6:
            raise ValueError("too short")
        return value


@app.post("/reset-password")
async def reset(given: NewPassword) -> None:
    print("done")
