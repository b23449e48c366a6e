"""`/v1/creators` and `/v1/enrolments`: a brand's people, and what they take part in."""

from http import HTTPStatus

from vouch.domain import tenures
from vouch.domain.errors import Malformed
from vouch.http import IF_MATCH, Routes, brand_access
from vouch.service import creators
from vouch.service.creators import CreatorChange, NewCreator
from vouch.store.tables import Creator
from vouch.wire import creators as wire
from vouch.wire.base import LIMIT, Cursor, Filter, Limit, Page

routes = Routes()


@routes.post("/v1/creators", security=brand_access("creators:write"), status_code=HTTPStatus.CREATED)
def create_creator(body: wire.NewCreator) -> wire.Creator:
    call = routes.call
    said = NewCreator(
        email=body.email,
        name=body.name,
        language=body.language,
        handles=body.handles.model_dump(exclude_none=True),
        tier=body.tier,
        recruited_by=body.recruited_by,
        program_ids=body.program_ids,
        active_from=body.active_from,
    )
    return _shown(creators.created(call.deployment, call.mint, call.brand, said))


@routes.get("/v1/creators", security=brand_access("creators:read"))
def list_creators(limit: Limit = LIMIT, cursor: Cursor = None) -> Page[wire.Creator]:
    page = creators.listed(routes.call.deployment, routes.call.brand, limit=limit, cursor=cursor)
    return Page(items=[_shown(creator) for creator in page.items], next_cursor=page.next_cursor)


@routes.get("/v1/creators/<creator_id>", security=brand_access("creators:read"))
def show_creator(creator_id: str) -> wire.Creator:
    return _shown(creators.found(routes.call.deployment, routes.call.brand, creator_id))


@routes.patch("/v1/creators/<creator_id>", security=brand_access("creators:write"), openapi_extensions=IF_MATCH)
def change_creator(creator_id: str, body: wire.CreatorChange) -> wire.Creator:
    call = routes.call
    handles = body.handles.model_dump(exclude_none=True) if body.handles else None
    change = CreatorChange(
        email=body.email,
        name=body.name,
        language=body.language,
        handles=handles,
        tier=body.tier if "tier" in body.model_fields_set else ...,
        recruited_by=body.recruited_by if "recruited_by" in body.model_fields_set else ...,
    )
    return _shown(creators.changed(call.deployment, call.brand, creator_id, change, if_match=call.if_match))


@routes.post("/v1/enrolments", security=brand_access("creators:write"), status_code=HTTPStatus.CREATED)
def enrol_creator(body: wire.NewEnrolment) -> wire.Enrolment:
    enrolment = creators.enrolled(
        routes.call.deployment,
        routes.call.brand,
        creator_id=body.creator_id,
        program_id=body.program_id,
        status=body.status,
        active_from=body.active_from,
    )
    return wire.Enrolment.of(enrolment)


@routes.get("/v1/enrolments", security=brand_access("creators:read"))
def list_enrolments(
    program_id: Filter = None, creator_id: Filter = None, limit: Limit = LIMIT, cursor: Cursor = None
) -> Page[wire.Enrolment]:
    """Of a program or of a creator: say exactly one of `program_id` and `creator_id`."""
    call = routes.call
    if creator_id is not None and program_id is None:
        page = creators.enrolments_of(call.deployment, call.brand, creator_id, limit=limit, cursor=cursor)
    elif program_id is not None and creator_id is None:
        page = creators.enrolments(call.deployment, call.brand, program_id=program_id, limit=limit, cursor=cursor)
    else:
        raise Malformed("one_of_two", one="program_id", other="creator_id")
    return Page(items=[wire.Enrolment.of(enrolment) for enrolment in page.items], next_cursor=page.next_cursor)


@routes.get("/v1/enrolments/<enrolment_id>", security=brand_access("creators:read"))
def show_enrolment(enrolment_id: str) -> wire.Enrolment:
    return wire.Enrolment.of(creators.enrolment_found(routes.call.deployment, routes.call.brand, enrolment_id))


@routes.patch("/v1/enrolments/<enrolment_id>", security=brand_access("creators:write"), openapi_extensions=IF_MATCH)
def change_enrolment(enrolment_id: str, body: wire.EnrolmentChange) -> wire.Enrolment:
    call = routes.call
    return wire.Enrolment.of(
        creators.moved(call.deployment, call.brand, enrolment_id, body.status, if_match=call.if_match)
    )


def _shown(creator: Creator) -> wire.Creator:
    tier, recruiter = tenures.current(creator.tiers), tenures.current(creator.recruiters)
    return wire.Creator.of(
        creator,
        tier=tier[0] if tier else None,
        recruited_by=recruiter[0] if recruiter else None,
        recruited_at=recruiter[1] if recruiter else None,
    )
