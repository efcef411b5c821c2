import pytest
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler

from bot.sandbox.clock import Clock
from bot.sandbox.errors import RateLimitedError
from bot.sandbox.limits import Limits, Tier
from tests.running_sandbox import running_sandbox


class Time:
    """A clock's hand that a test moves."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        return self.seconds


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def limits(time: Time) -> Limits:
    return Limits(Clock(time))


def test_a_tier_is_calls_per_minute(time: Time, limits: Limits) -> None:
    for _ in range(20):
        limits.check_method("users.list", Tier.TWO)
        time.seconds += 1.0

    with pytest.raises(RateLimitedError) as refused:
        limits.check_method("users.list", Tier.TWO)
    limits.check_method("conversations.list", Tier.TWO)
    time.seconds += refused.value.retry_after
    limits.check_method("users.list", Tier.TWO)

    assert refused.value.retry_after == 40


def test_a_channel_takes_a_message_a_second_after_a_short_burst(time: Time, limits: Limits) -> None:
    for _ in range(5):
        limits.check_post("C0HELP")

    with pytest.raises(RateLimitedError) as refused:
        limits.check_post("C0HELP")
    limits.check_post("C0OPS")
    time.seconds += 1.0
    limits.check_post("C0HELP")

    assert refused.value.retry_after == 1


def test_the_bot_is_told_when_to_try_again_and_people_are_not_limited() -> None:
    with running_sandbox() as sandbox:
        for number in range(8):
            sandbox.post("U0CAROL", f"typed {number}")
        bot = sandbox.client()
        for number in range(5):
            bot.chat_postMessage(channel="C0HELP", text=f"posted {number}")
        with pytest.raises(SlackApiError) as refused:
            bot.chat_postMessage(channel="C0HELP", text="one too many")
        patient = WebClient(sandbox.bot_token, base_url=sandbox.api_url,
                            retry_handlers=[RateLimitErrorRetryHandler()])  # fmt: skip
        sent = patient.chat_postMessage(channel="C0HELP", text="in the end")

        response = refused.value.response
        assert (response.status_code, response["error"]) == (429, "ratelimited")
        assert response.headers["Retry-After"] == "1"
        assert sent["ok"]
