/** Serves the public keys and the OpenID configuration of a pool. */
import type { FastifyInstance } from 'fastify';
import { AwsError } from '../aws/aws-error.js';
import type { Pools } from './pools.js';
import type { SigningKeys } from './signing-keys.js';

interface InPool {
  Params: { poolId: string };
}

export function discoveryRoutes(app: FastifyInstance, pools: Pools, keys: SigningKeys): void {
  const poolId = async (id: string): Promise<string | undefined> =>
    pools.get(id).then(
      (pool) => pool.id,
      (error: unknown) => {
        if (error instanceof AwsError) return undefined;
        throw error;
      },
    );

  app.get<InPool>('/:poolId/.well-known/jwks.json', async (request, reply) => {
    const id = await poolId(request.params.poolId);
    return id === undefined ? reply.status(404).send({ message: 'User pool does not exist.' }) : keys.jwks(id);
  });

  app.get<InPool>('/:poolId/.well-known/openid-configuration', async (request, reply) => {
    const id = await poolId(request.params.poolId);
    if (id === undefined) return reply.status(404).send({ message: 'User pool does not exist.' });
    return {
      issuer: keys.issuer(id),
      jwks_uri: `http://${request.host}/${id}/.well-known/jwks.json`,
      id_token_signing_alg_values_supported: ['RS256'],
      subject_types_supported: ['public'],
      response_types_supported: ['code', 'token'],
      scopes_supported: ['openid', 'email', 'phone', 'profile'],
      token_endpoint_auth_methods_supported: ['client_secret_basic', 'client_secret_post'],
    };
  });
}
