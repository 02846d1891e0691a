from defusedxml.ElementTree import fromstring
from fastapi import FastAPI
from lxml import etree

app = FastAPI()


@app.get("/parse")
def parse(text: str) -> str:
    parser = etree.XMLParser(resolve_entities=False, huge_tree=False)
    return etree.fromstring(text, parser).tag + fromstring(text).tag
