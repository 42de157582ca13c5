"""`asr serve`: a model behind OpenAI's audio API, and a page to try it."""
