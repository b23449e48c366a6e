"""Values in, values out: how long a case takes says only how busy the machine is."""

from hypothesis import settings

settings.register_profile("domain", deadline=None)
settings.load_profile("domain")
