"""Deployments that a person makes: the bot can only see whether one answers."""

import openai

from bot.training.deployment import Deployed, DeployedState
from bot.training.deployment_errors import ByHandError
from bot.training.prices import HOSTING
from bot.training.provider import Provider
from bot.training.wire_errors import sentences

TIMEOUT_SECONDS = 30.0


class ByHand:
    """See ``bot.training.deployment.Deployer`` for what the methods promise and raise."""

    is_automatic = False
    lifetime_words = (
        "Azure deletes a deployment that nobody asked for 15 days, and one of the developer tier "
        "after 24 hours."
    )

    def __init__(self, provider: Provider, hosting_per_hour: float | None = None) -> None:
        known = HOSTING["standard"].per_hour
        self.hosting_per_hour = known if hosting_per_hour is None else hosting_per_hour
        self._provider = provider
        self._client = openai.OpenAI(
            base_url=provider.base_url,
            api_key=provider.api_key,
            max_retries=0,
            timeout=TIMEOUT_SECONDS,
        )

    def look(self, name: str) -> Deployed | None:
        """
        Ask the deployment for nothing: it says what is wrong with the request if it is there.

        A real question would cost tokens, and keep one alive that nobody uses.
        """
        with sentences(self._provider):
            try:
                self._client.chat.completions.create(model=name, messages=[], max_tokens=1)
            except openai.NotFoundError as error:
                if isinstance(error.body, dict):
                    return None
                raise
            except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
                if not isinstance(error.body, dict):
                    raise
        return Deployed(DeployedState.READY)

    def create(self, name: str, model: str) -> None:
        """
        Raises:
            ByHandError: always; says what to make.
        """
        raise ByHandError.to_make(name, model)

    def remove(self, name: str) -> None:
        """
        Raises:
            ByHandError: there is one, which only a person can remove.
        """
        if self.look(name) is not None:
            raise ByHandError.to_remove(name)

    def stop(self) -> None:
        """Close the connections."""
        self._client.close()
