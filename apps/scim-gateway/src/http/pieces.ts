/**
 * Writes long answers in pieces, at the pace of the client. The first piece is read before the status is sent, so that an
 * outage is still answered with a SCIM error.
 */
import { Readable } from 'node:stream';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { LIMITS, listResponse, type Projection } from '#scim';
import type { Related, RelatedPart } from '../query/related.sql.js';

/** The text of an answer. Rows are read only as fast as it is consumed. */
export type Pieces = AsyncGenerator<string, void, undefined>;

/** A part of the text of one resource. */
export interface ResourcePiece {
  readonly text: string;
  /** Members, or groups of a user, in the text. */
  readonly items: number;
  readonly last: boolean;
}

/** An answer up to this length is sent whole, with its Content-Length. */
const WHOLE_CHARACTERS = 256 * 1024;

/** Other requests get their turn after so many characters, because a fast connection takes one piece after the other. */
const TURN_CHARACTERS = 64 * 1024;

async function* inTurns(pieces: Pieces): Pieces {
  let characters = 0;
  for await (const piece of pieces) {
    yield piece;
    characters += piece.length;
    if (characters < TURN_CHARACTERS) continue;
    characters = 0;
    await nextTurn();
  }
}

/** Returns the whole text if it is short. Otherwise returns a stream. `onError` is called if the stream breaks later. */
export async function collect(answer: Pieces, onError: (error: unknown) => void): Promise<string | Readable> {
  const pieces = inTurns(answer);
  let text = '';
  while (text.length <= WHOLE_CHARACTERS) {
    const next = await pieces.next();
    if (next.done) return text;
    text += next.value;
  }
  return Readable.from(rest(text, pieces, onError), { objectMode: false });
}

async function* rest(first: string, pieces: Pieces, onError: (error: unknown) => void): Pieces {
  try {
    yield first;
    yield* pieces;
  } catch (error) {
    onError(error);
    throw error;
  }
}

/** Writes resources whose attribute `name` is the list in `parts`. The list comes last in each resource. */
export async function* resourcePieces(
  resources: Iterable<Record<string, unknown>>,
  parts: AsyncIterable<RelatedPart>,
  { name, show, project }: { name: string; show: (item: Related) => object; project: Projection | undefined },
): AsyncGenerator<ResourcePiece, void, undefined> {
  const whole = project ?? ((resource: Record<string, unknown>) => resource);
  const iterator = resources[Symbol.iterator]();
  const following = () => iterator.next() as IteratorResult<Record<string, unknown>, undefined>;
  let isOpen = false;
  for await (const { items, last } of parts) {
    const head = isOpen ? '' : `${JSON.stringify(whole(following().value ?? {})).slice(0, -1)},"${name}":[`;
    const list = JSON.stringify(whole({ [name]: items.map(show) })[name]).slice(1, -1);
    const comma = isOpen && items.length > 0 ? ',' : '';
    yield { text: head + comma + list + (last ? ']}' : ''), items: items.length, last };
    isOpen = !last;
  }
}

/** Writes resources that need no list. */
export async function* wholePieces(
  resources: Iterable<Record<string, unknown>>,
): AsyncGenerator<ResourcePiece, void, undefined> {
  for (const resource of resources) yield { text: JSON.stringify(resource), items: 0, last: true };
}

/** Writes the only resource. */
export async function* onePiece(resource: AsyncIterable<ResourcePiece>): Pieces {
  for await (const { text } of resource) yield text;
}

/**
 * Writes a list response (RFC 7644 section 3.4.2). The page ends after the resource with which it has as many members as
 * one page may hold: section 3.4.2.4 allows a page with fewer resources than the client asked for.
 */
export async function* listPieces(
  resources: AsyncIterable<ResourcePiece>,
  totalResults: number,
  startIndex: number,
): Pieces {
  const { itemsPerPage: _, Resources: __, ...head } = listResponse([], totalResults, startIndex);
  yield `${JSON.stringify(head).slice(0, -1)},"Resources":[`;
  let [count, items, isOpen] = [0, 0, false];
  for await (const piece of resources) {
    yield !isOpen && count > 0 ? `,${piece.text}` : piece.text;
    items += piece.items;
    isOpen = !piece.last;
    if (isOpen) continue;
    count++;
    if (items >= LIMITS.pageMembers) break;
  }
  yield `],"itemsPerPage":${count}}`;
}
