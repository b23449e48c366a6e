"""What a brand sets up, and whatever no other function answers."""

from referrals import about, brands, codes, connections, creators, keys, links, product_ties, products, programs, rates
from vouch.http import Api

api = Api(
    about.routes,
    brands.routes,
    keys.routes,
    programs.routes,
    creators.routes,
    links.routes,
    codes.routes,
    product_ties.routes,
    products.routes,
    rates.routes,
    connections.routes,
)
handler = api.handler
