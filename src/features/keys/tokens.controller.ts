import { Controller, HttpCode, Post } from '@nestjs/common';
import { ApiOperation, ApiTags } from '@nestjs/swagger';
import type { z } from 'zod';
import { Caller, type CallerIdentity, Scope } from '../../http/access.js';
import { Answers } from '../../http/openapi.js';
import { Tokens } from '../../http/tokens.js';
import { tokenView } from './keys.schemas.js';

@ApiTags('Keys and tokens')
@Controller('api/v1/auth/token')
export class TokensController {
  constructor(private readonly tokens: Tokens) {}

  @Post()
  @ApiOperation({
    summary: 'Changes the API key that the request comes with for a token of the same tenant and scopes.',
  })
  @HttpCode(200)
  @Scope('any')
  @Answers(200, tokenView)
  async exchange(@Caller() caller: CallerIdentity): Promise<z.output<typeof tokenView>> {
    const { token, lifeS, scope } = await this.tokens.exchange(caller.key);
    return { access_token: token, token_type: 'Bearer', expires_in: lifeS, scope };
  }
}
