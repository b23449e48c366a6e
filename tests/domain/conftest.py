"""How many cases properties are tried on: few enough for every save, or thousands where somebody has the time.

`HYPOTHESIS_PROFILE=thorough` asks for the thousands. There is no deadline: how long a case takes says only how busy the
machine is. A property that fails says with what, and how to try just that again: by the numbers that it names, or by
the `@reproduce_failure` that it prints. `mutants` is for `make mutants`: there a failure is all that is asked for, and
one and the same change has to fail each time.
"""

import os

from hypothesis import Phase, settings

settings.register_profile("quick", deadline=None, max_examples=100, print_blob=True)
settings.register_profile("thorough", deadline=None, max_examples=2_000, print_blob=True)
settings.register_profile(
    "mutants", deadline=None, max_examples=60, derandomize=True, database=None, phases=[Phase.explicit, Phase.generate]
)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
