"""How many cases properties are tried on: few enough for every save, or thousands where somebody has the time.

`HYPOTHESIS_PROFILE=thorough` asks for the thousands. There is no deadline: how long a case takes says only how busy the
machine is.
"""

import os

from hypothesis import settings

settings.register_profile("quick", deadline=None, max_examples=100)
settings.register_profile("thorough", deadline=None, max_examples=2_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
