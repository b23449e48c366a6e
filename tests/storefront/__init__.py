"""The storefront's snippet in a browser, in small shops that take carts and orders as the real ones do."""
