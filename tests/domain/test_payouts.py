"""How a payout is divided between the creator and the tax office: everything there is for small amounts."""

from itertools import product

import pytest

from vouch.domain.money import divide_half_up
from vouch.domain.payouts import Parts, parts

RATES = (0, 1, 49, 2_500, 3_333, 5_000, 9_999, 10_000)


@pytest.mark.parametrize("bps, unit", list(product(RATES, (1, 3, 10))))
def test_the_most_that_the_rail_can_carry_is_paid_and_the_office_gets_its_share_of_it(bps: int, unit: int) -> None:
    for available in range(150):
        found = parts(available, withholding_bps=bps, unit=unit)
        shares = [Parts(amount, divide_half_up(amount * bps, 10_000)) for amount in range(available + 1)]
        carried = [share for share in shares if share.net > 0 and share.net % unit == 0]
        if carried:
            assert found == max(carried, key=lambda share: (share.net, share.amount))
        elif shares[-1].net == 0:
            assert found == shares[-1], "all of it is the office's"
        else:
            assert found == Parts(0, 0), "the rail carries nothing so small"
