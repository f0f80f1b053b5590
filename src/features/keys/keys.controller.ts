import { Body, Controller, Delete, Get, HttpCode, Param, Post, Query } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import { z } from 'zod';
import { Caller, type CallerIdentity, Scope } from '../../http/access.js';
import { page, tenantQuery } from '../../http/fields.js';
import { Answers } from '../../http/openapi.js';
import {
  keyId,
  keyQuery,
  keyView,
  lifeOf,
  madeKeyView,
  newKeyRequest,
  rotatedKeyView,
  rotationRequest,
} from './keys.schemas.js';
import { Keys } from './keys.service.js';
import type { KeyRecord } from './keys.repository.js';

/** No route of these takes an Idempotency-Key: what is remembered for it would be the key itself, which nothing keeps. */
@ApiTags('Keys and tokens')
@Controller('api/v1/keys')
export class KeysController {
  constructor(private readonly keys: Keys) {}

  @Post()
  @ApiOperation({ summary: 'Makes an API key of the tenant.', description: 'The answer alone holds it.' })
  @HttpCode(201)
  @Scope('operate')
  @Answers(201, madeKeyView)
  async create(
    @Caller() caller: CallerIdentity,
    @Body({ schema: newKeyRequest }) body: z.output<typeof newKeyRequest>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<z.output<typeof madeKeyView>> {
    const tenant = caller.tenant(body.business_id, query.business_id);
    const { name, scopes, expires_in_days: days } = body;
    const { key, record } = await this.keys.create(tenant, { name, scopes, lifeS: lifeOf(days) });
    return { ...toView(tenant, record), key };
  }

  @Get()
  @ApiOperation({ summary: 'Lists the API keys of the tenant, without what is secret of them.' })
  @Scope('operate')
  @Answers(200, z.strictObject({ data: z.array(keyView), next_cursor: z.string().nullable() }))
  async list(
    @Caller() caller: CallerIdentity,
    @Query({ schema: keyQuery }) query: z.output<typeof keyQuery>,
  ) {
    const tenant = caller.tenant(query.business_id);
    const found = await this.keys.list(tenant, {
      limit: query.limit + 1,
      ...(query.cursor !== undefined && { after: query.cursor }),
    });
    return page(
      found.map((record) => toView(tenant, record)),
      query.limit,
    );
  }

  @Delete(':id')
  @ApiOperation({
    summary: 'Takes a key back: it is refused at once here, and within half a minute everywhere.',
  })
  @HttpCode(204)
  @Scope('operate')
  @Answers(204)
  async revoke(
    @Caller() caller: CallerIdentity,
    @Param({ schema: keyId }) { id }: z.output<typeof keyId>,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<void> {
    await this.keys.revoke(caller.tenant(query.business_id), id);
  }

  @Post(':id/rotate')
  @ApiOperation({
    summary: 'Makes a key that takes the place of another, which stays valid for the grace period.',
  })
  @HttpCode(201)
  @Scope('operate')
  @Answers(201, rotatedKeyView)
  async rotate(
    @Caller() caller: CallerIdentity,
    @Param({ schema: keyId }) { id }: z.output<typeof keyId>,
    @Body({ schema: rotationRequest.nullish() }) body: z.output<typeof rotationRequest> | null | undefined,
    @Query({ schema: tenantQuery }) query: z.output<typeof tenantQuery>,
  ): Promise<z.output<typeof rotatedKeyView>> {
    const { grace_s: graceS, business_id: named } = body ?? rotationRequest.parse({});
    const tenant = caller.tenant(named, query.business_id);
    const { key, record, replaced } = await this.keys.rotate(tenant, id, graceS);
    return { ...toView(tenant, record), key, replaces: toView(tenant, replaced) };
  }
}

/** A key as it is shown. */
function toView(businessId: string, record: KeyRecord): z.output<typeof keyView> {
  const { created_at, expires_at, revoked_at, ...rest } = record;
  return {
    ...rest,
    business_id: businessId,
    created_at: created_at.toISOString(),
    expires_at: expires_at?.toISOString() ?? null,
    revoked_at: revoked_at?.toISOString() ?? null,
  };
}
