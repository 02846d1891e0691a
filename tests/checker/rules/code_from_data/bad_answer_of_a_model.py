import openai
from fastapi import FastAPI

app = FastAPI()


@app.get("/chart")
def chart(question: str) -> dict:
    answer = openai.OpenAI().chat.completions.create(model="m", messages=[{"role": "user", "content": question}])
    names: dict = {}
    exec(answer.choices[0].message.content, names)
    return {"chart": names["chart"]}
