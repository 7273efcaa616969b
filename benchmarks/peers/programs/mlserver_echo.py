"""MLServer: a runtime of its own. `mlserver start` runs it, in a folder with its two settings files."""

from mlserver import MLModel
from mlserver.codecs import StringCodec
from mlserver.types import InferenceRequest, InferenceResponse


class Echo(MLModel):
    """Gives back the string that it is given."""

    async def predict(self, payload: InferenceRequest) -> InferenceResponse:
        """Answers one request."""
        output = StringCodec.encode_output("value", StringCodec.decode_input(payload.inputs[0]))
        return InferenceResponse(model_name=self.name, outputs=[output])
