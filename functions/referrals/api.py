"""What a brand sets up, and whatever no other function answers."""

from referrals import about, brands, codes, connections, creators, keys, links, programs
from vouch.http import Api

api = Api(
    about.routes,
    brands.routes,
    keys.routes,
    programs.routes,
    creators.routes,
    links.routes,
    codes.routes,
    connections.routes,
)
handler = api.handler
