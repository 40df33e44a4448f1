"""The face for language models: tools of the Model Context Protocol over the read API."""
