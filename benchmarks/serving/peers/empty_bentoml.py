"""BentoML with nothing in it: how long the framework itself takes to start."""

import bentoml


@bentoml.service(workers=1)
class Empty:
    """Answers with what it was asked."""

    @bentoml.api
    def echo(self, text: str) -> str:
        """The same text."""
        return text
