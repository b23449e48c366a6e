"""Products: whose they are, and what the catalogue says of them."""

from typing import Annotated, Final, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from vouch.wire.base import Answer, Body, Id, KeyBytes, Shown, Text

_WORDS_LENGTH_MAX: Final = 10_000


Reference = Annotated[Text, Field(min_length=1, max_length=255), KeyBytes]
"""A product's id or a SKU, as orders say it."""

Ties = Annotated[list[Reference], Field(max_length=500)]
Words = Annotated[list[Annotated[Text, Field(min_length=1, max_length=255)]], Field(max_length=250)]


class NewProductTies(Body):
    """All that is the creator's in the program from now on, 500 products and SKUs together; what is left out is not."""

    program_id: Id
    product_ids: Ties = Field(default_factory=list)
    skus: Ties = Field(default_factory=list)


class ProductTies(Answer):
    """What is the creator's in the program now."""

    program_id: str
    product_ids: list[str]
    skus: list[str]


class NewProduct(Body):
    """What the product is tagged with and collected in, from now on."""

    product_id: Reference
    tags: Words = Field(default_factory=list)
    collections: Words = Field(default_factory=list)

    @model_validator(mode="after")
    def _is_bounded(self) -> Self:
        if sum(len(word) for word in (*self.tags, *self.collections)) > _WORDS_LENGTH_MAX:
            raise PydanticCustomError("too_long", "too many words", {"most": _WORDS_LENGTH_MAX})
        return self


class NewProducts(Body):
    """Each product once. The first word on a product counts from the beginning of time, later ones from now on."""

    products: Annotated[list[NewProduct], Field(min_length=1, max_length=100)]

    @model_validator(mode="after")
    def _are_different(self) -> Self:
        said = [product.product_id for product in self.products]
        for number, product_id in enumerate(said):
            if product_id in said[:number]:
                at = ("products", number, "product_id")
                raise PydanticCustomError("repeated", "said twice", {"at": at, "value": product_id})
        return self


class Product(Answer):
    """A product as it stands; `since` null is the beginning of time."""

    product_id: str
    tags: list[str]
    collections: list[str]
    since: Shown | None


class Products(Answer):
    items: list[Product]
