import xml.sax
from xml.sax.handler import feature_external_ges

from fastapi import FastAPI

app = FastAPI()


@app.get("/parse")
def parse(text: str) -> None:
    parser = xml.sax.make_parser()
    parser.setFeature(feature_external_ges, True)
    parser.feed(text)
