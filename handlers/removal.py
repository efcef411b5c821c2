"""The button that removes a deployment."""

from handlers import blocks
from handlers.blocks import Block


def removal_button(deployment_id: int) -> Block:
    """Asks once more; promoting the version brings it back."""
    dialog = blocks.confirm(
        "Remove this deployment?",
        "Its version answers no more until it is promoted, which deploys it again.",
        "Remove it",
        "Keep it",
    )
    value = str(deployment_id)
    return blocks.button("Remove the deployment", "undeploy", value, style="danger", confirm=dialog)
