from fastapi import FastAPI
from langchain_core.output_parsers import StrOutputParser
from langchain_core.prompts import ChatPromptTemplate

app = FastAPI()
chain = ChatPromptTemplate.from_template("{text}") | StrOutputParser()


@app.post("/prompt")
async def prompt(text: str) -> str:
    return await chain.ainvoke({"text": text})
