/** The discovery endpoints of SCIM (RFC 7644 section 4). */
import { Controller, Get, Req, Res } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { listResponse, quote, resourceTypes, schemas, ScimError, serviceProviderConfig } from '#scim';
import { answer, parameter } from '../http/context.js';

@Controller('scim/v2')
export class DiscoveryController {
  @Get('ServiceProviderConfig')
  config(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return answer(request, reply, async ({ baseUrl }) => ({ status: 200, body: serviceProviderConfig(baseUrl) }));
  }

  @Get('ResourceTypes')
  resourceTypes(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return list(request, reply, resourceTypes);
  }

  @Get('ResourceTypes/:id')
  resourceType(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return one(request, reply, resourceTypes);
  }

  @Get('Schemas')
  schemas(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return list(request, reply, schemas);
  }

  @Get('Schemas/:id')
  schema(@Req() request: FastifyRequest, @Res() reply: FastifyReply): Promise<void> {
    return one(request, reply, schemas);
  }
}

type Resources = (baseUrl: string) => { readonly id: string }[];

function list(request: FastifyRequest, reply: FastifyReply, resources: Resources): Promise<void> {
  return answer(request, reply, async ({ baseUrl }) => {
    // RFC 7644 section 4 requires 403 for a request with a filter.
    if (parameter(request, 'filter') !== undefined)
      throw new ScimError(403, 'This list cannot be filtered. Leave the "filter" parameter out.');
    const all = resources(baseUrl);
    return { status: 200, body: listResponse(all, all.length, 1) };
  });
}

function one(request: FastifyRequest, reply: FastifyReply, resources: Resources): Promise<void> {
  return answer(request, reply, async ({ baseUrl }) => {
    const { id = '' } = request.params as { id?: string };
    const found = resources(baseUrl).find((resource) => resource.id.toLowerCase() === id.toLowerCase());
    if (!found) throw new ScimError(404, `There is no ${quote(id)} in this list.`);
    return { status: 200, body: found };
  });
}
