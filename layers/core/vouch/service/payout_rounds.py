"""The hourly round of every brand's payouts: what is due begins, what stopped goes on, what is open is asked after."""

from collections.abc import Callable

from vouch.service import payout_runs, sending, turns
from vouch.service.deployment import Deployment
from vouch.service.turns import Done, Round, Time, Turn
from vouch.store.tables import Brand


def every_brand(deployment: Deployment, *, in_time: Callable[[], bool]) -> Done:
    """Goes round all brands, as far as a job's time goes.

    A test brand whose clock was moved has its schedules by that clock alone.
    """

    def turn(brand: Brand, current: Round, time: Time) -> Turn:
        if not brand.clock:  # what is due waits for no look, however many there are
            payout_runs.scheduled(deployment, brand, deployment.now())
        if not current.bookmark:
            payout_runs.taken_up(deployment, brand)
        following, failures = sending.after(deployment, brand, start=current.bookmark, in_time=time.for_another)
        return Turn(following, failures)

    return turns.daily(deployment, "payouts", turn, in_time=in_time, hours=1)
