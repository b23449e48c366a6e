"""How long what waits is tried again."""

from datetime import timedelta

from vouch.service.queues import TRIES_MAX, seconds_after


def test_pauses_double_from_a_minute_to_what_the_queue_keeps_back_at_most() -> None:
    assert [seconds_after(tries) for tries in range(6)] == [60, 120, 240, 480, 900, 900]


def test_all_tries_together_take_three_days() -> None:
    assert timedelta(seconds=sum(map(seconds_after, range(TRIES_MAX)))) == timedelta(days=3)
