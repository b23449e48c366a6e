"""`/v1/programs` and the versions of their terms."""

from http import HTTPStatus

from vouch.domain.terms import number_in_force
from vouch.http import IF_MATCH, Routes, brand_access
from vouch.service import programs
from vouch.service.programs import InForce, ProgramChange
from vouch.wire import programs as wire
from vouch.wire.base import LIMIT, Cursor, Limit, Page

routes = Routes()


@routes.post("/v1/programs", security=brand_access("programs:write"), status_code=HTTPStatus.CREATED)
def create_program(body: wire.NewProgram) -> wire.Program:
    call = routes.call
    made = programs.created(
        call.deployment,
        call.mint,
        call.brand,
        name=body.name,
        currency=body.currency,
        terms=body.terms.plain(),
        effective_from=body.terms.effective_from,
        parameter=body.parameter,
    )
    return _shown(made)


@routes.get("/v1/programs", security=brand_access("programs:read"))
def list_programs(limit: Limit = LIMIT, cursor: Cursor = None) -> Page[wire.ProgramInList]:
    call = routes.call
    now = call.deployment.brand_now(call.brand)
    page = programs.listed(call.deployment, call.brand, limit=limit, cursor=cursor)
    items = [
        wire.ProgramInList.of(
            program,
            parameter=program.parameter or programs.DEFAULT_PARAMETER,
            terms_version=number_in_force(program.versions, now),
        )
        for program in page.items
    ]
    return Page(items=items, next_cursor=page.next_cursor)


@routes.get("/v1/programs/<program_id>", security=brand_access("programs:read"))
def show_program(program_id: str) -> wire.Program:
    return _shown(programs.found(routes.call.deployment, routes.call.brand, program_id))


@routes.patch("/v1/programs/<program_id>", security=brand_access("programs:write"), openapi_extensions=IF_MATCH)
def change_program(program_id: str, body: wire.ProgramChange) -> wire.Program:
    """A pause bars orders from this moment on, and reaches all visitors of its links within a minute."""
    call = routes.call
    change = ProgramChange(name=body.name, status=body.status, parameter=body.parameter)
    return _shown(programs.changed(call.deployment, call.brand, program_id, change, if_match=call.if_match))


@routes.post("/v1/programs/<program_id>/terms", security=brand_access("programs:write"), status_code=HTTPStatus.CREATED)
def publish_terms(program_id: str, body: wire.NewTerms) -> wire.TermsVersion:
    call = routes.call
    version = programs.published(
        call.deployment,
        call.mint,
        call.brand,
        program_id,
        terms=body.plain(),
        effective_from=body.effective_from,
    )
    return wire.TermsVersion.of(version)


@routes.get("/v1/programs/<program_id>/terms", security=brand_access("programs:read"))
def list_terms(program_id: str, limit: Limit = LIMIT, cursor: Cursor = None) -> Page[wire.TermsVersion]:
    call = routes.call
    page = programs.versions(call.deployment, call.brand, program_id, limit=limit, cursor=cursor)
    return Page(items=[wire.TermsVersion.of(version) for version in page.items], next_cursor=page.next_cursor)


def _shown(found: InForce) -> wire.Program:
    return wire.Program.of(
        found.program,
        parameter=found.program.parameter or programs.DEFAULT_PARAMETER,
        terms_version=found.terms.number if found.terms else None,
        terms=found.terms.terms if found.terms else None,
    )
