"""The hourly round of every brand's payouts: what is due begins, what stopped goes on, what is open is asked after."""

from datetime import datetime, timedelta

from vouch import telemetry
from vouch.deadlines import InTime
from vouch.domain import ids, times
from vouch.service import payout_runs, payout_settings, sending, turns
from vouch.service.deployment import Deployment
from vouch.service.payout_runs import Wish
from vouch.service.turns import Done, Round, Time, Turn
from vouch.store import payout_runs as stored
from vouch.store.tables import Brand, PayoutRun

_STALLED = timedelta(minutes=20)
_ALARMED_AFTER = timedelta(hours=3)


def every_brand(deployment: Deployment, *, in_time: InTime) -> Done:
    """Goes round all brands, as far as a job's time goes.

    A test brand whose clock was moved has its schedules by that clock alone.
    """

    def turn(brand: Brand, current: Round, time: Time) -> Turn:
        if not brand.clock:  # what is due waits for no look, however many there are
            scheduled(deployment, brand, deployment.now())
        if not current.bookmark:
            taken_up(deployment, brand)

        def come_to(place: str) -> None:
            turns.note(deployment, brand, "payouts", current, Turn(place))

        following, failures = sending.after(
            deployment, brand, start=current.bookmark, in_time=time.for_another, come_to=come_to
        )
        return Turn(following, failures)

    return turns.daily(deployment, "payouts", turn, in_time=in_time, hours=1)


def scheduled(deployment: Deployment, brand: Brand, now: datetime) -> list[PayoutRun]:
    """Begins the runs that the brand's schedules ask for by then; one that was begun before is found."""
    begun = []
    for due in payout_settings.due_runs(deployment, brand, now):
        run_id = ids.derived(stored.PREFIX, brand.id, due.currency, times.text(due.due))
        if stored.run(deployment.database, brand.id, run_id) is None:
            wish = Wish(rail=due.rail, currency=due.currency, scheduled_for=due.due)
            begun.append(payout_runs.begun(deployment, brand, run_id, wish))
    return begun


def sent_again(deployment: Deployment, brand: Brand) -> None:
    """Has all that runs have not sent tried again at once: a rail was resumed."""
    for run in stored.under_way(deployment.database, brand.id):
        for chunk in stored.chunks(deployment.database, brand.id, run.id) if run.status != "cancelled" else ():
            if chunk.status == "reserved":
                payout_runs.tell(deployment, brand, run, "send", stored.number_of(chunk))


def taken_up(deployment: Deployment, brand: Brand) -> None:
    """Sends again for what nobody takes further: a message was lost, or a rail was paused."""
    now = deployment.now()
    for run in stored.under_way(deployment.database, brand.id):
        if now - times.parse(run.moved_at) < _STALLED:
            continue
        if run.status == "cancelled":
            payout_runs.tell(deployment, brand, run, "release")
            continue
        if run.status == "completed":  # only the note that it is under way was left
            payout_runs.conclude(deployment, brand, run)
            continue
        if run.status != "sending" and now - times.parse(run.moved_at) >= _ALARMED_AFTER:
            telemetry.count("RunStalled")
        if not payout_runs.is_listed(run):
            payout_runs.tell(deployment, brand, run, "run")
        if run.status == "writing":
            payout_runs.tell(deployment, brand, run, "file")
        for chunk in stored.chunks(deployment.database, brand.id, run.id):
            kind = {"listed": "chunk", "reserved": "send"}.get(chunk.status)
            if kind is not None:
                payout_runs.tell(deployment, brand, run, kind, stored.number_of(chunk))
        payout_runs.conclude(deployment, brand, run)
