"""An empty BentoML service, which measures the start-up time of the framework."""

import bentoml


@bentoml.service(workers=1)
class Empty:
    """Returns its input."""

    @bentoml.api
    def echo(self, text: str) -> str:
        """Return the text."""
        return text
