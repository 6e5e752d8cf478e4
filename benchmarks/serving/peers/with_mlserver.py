"""MLServer: a custom runtime, v2 protocol, with MLServer's own codecs."""

from __future__ import annotations

import numpy as np
from mlserver import MLModel
from mlserver.codecs import NumpyCodec, StringCodec
from mlserver.types import InferenceRequest, InferenceResponse
from work import Work


class Scorer(MLModel):
    """Scores lines."""

    async def load(self) -> bool:
        """Load the model."""
        self.work = Work()
        return True

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Score lines."""
        scored = self.work(StringCodec.decode_input(payload.inputs[0]))
        _, probabilities, tiers = zip(*scored, strict=True)
        outputs = [
            NumpyCodec.encode_output("probability", np.array(probabilities)),
            StringCodec.encode_output("tier", list(tiers)),
        ]
        return InferenceResponse(id=payload.id, model_name=self.name, outputs=outputs)
