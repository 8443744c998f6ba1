/** Parses filters (RFC 7644 section 3.4.2.2) into a tree. `not` binds most tightly, then `and`, then `or`. */
import { quote, ScimError } from './errors.js';
import { LIMITS } from './limits.js';
import { parseAttributePath, type AttributePath } from './path.js';

const OPERATORS = ['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le'] as const;
export type Operator = (typeof OPERATORS)[number];
export type FilterValue = string | number | boolean | null;

export type Filter =
  | { readonly kind: 'and' | 'or'; readonly left: Filter; readonly right: Filter }
  | { readonly kind: 'not'; readonly filter: Filter }
  | { readonly kind: 'present'; readonly path: AttributePath }
  | { readonly kind: 'compare'; readonly path: AttributePath; readonly operator: Operator; readonly value: FilterValue }
  /** `emails[type eq "work"]`, where one element must satisfy the whole inner filter. */
  | { readonly kind: 'element'; readonly path: AttributePath; readonly filter: Filter };

type Token = {
  readonly kind: 'word' | 'text' | '(' | ')' | '[' | ']' | '.';
  readonly text: string;
  readonly at: number;
};

const invalid = (what: string): ScimError =>
  ScimError.of('invalidFilter', `The filter cannot be read: ${what}. Example: userName eq "ada@example.com".`);

/** Parses a whole filter. Throws `invalidFilter` if it has more than 1,000 characters or 20 terms. */
export function parseFilter(text: string): Filter {
  if (text.length > LIMITS.filterCharacters)
    throw ScimError.of(
      'invalidFilter',
      `The filter is ${text.length} characters long; the limit is ${LIMITS.filterCharacters}.`,
    );
  const parser = new Parser(tokenize(text));
  const filter = parser.or();
  parser.end();
  return filter;
}

function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  const pattern = /\s+|([()[\]])|("(?:[^"\\]|\\.)*")|([^\s()[\]"]+)/gy;
  while (pattern.lastIndex < text.length) {
    const at = pattern.lastIndex;
    const match = pattern.exec(text);
    if (!match) throw invalid(`the text that starts at character ${at + 1} is not closed`);
    if (match[1]) tokens.push({ kind: match[1] as Token['kind'], text: match[1], at });
    else if (match[2]) tokens.push({ kind: 'text', text: match[2], at });
    else if (match[3]) tokens.push({ kind: 'word', text: match[3], at });
  }
  return tokens;
}

class Parser {
  private position = 0;
  private terms = 0;

  constructor(private readonly tokens: readonly Token[]) {}

  or(): Filter {
    let left = this.and();
    while (this.keyword('or')) left = { kind: 'or', left, right: this.and() };
    return left;
  }

  end(): void {
    const token = this.tokens[this.position];
    if (token) throw invalid(`${quote(token.text)} at character ${token.at + 1} was not expected`);
  }

  private and(): Filter {
    let left = this.term();
    while (this.keyword('and')) left = { kind: 'and', left, right: this.term() };
    return left;
  }

  private term(): Filter {
    if (this.keyword('not')) {
      this.expect('(');
      return { kind: 'not', filter: this.group(')') };
    }
    if (this.take('(')) return this.group(')');
    const path = this.path();
    if (!this.take('[')) return this.comparison(path);
    const inner = this.group(']');
    return { kind: 'element', path, filter: this.suffix(inner) };
  }

  private group(end: ')' | ']'): Filter {
    const filter = this.or();
    this.expect(end);
    return filter;
  }

  /**
   * Parses the end of `emails[type eq "work"].value eq "x"`, which Entra ID sends although the RFC's grammar forbids
   * it.
   */
  private suffix(inner: Filter): Filter {
    const next = this.tokens[this.position];
    if (next?.kind !== 'word' || !next.text.startsWith('.')) return inner;
    this.position++;
    const path = parseAttributePath(next.text.slice(1));
    if (!path) throw invalid(`${quote(next.text)} is not an attribute`);
    return { kind: 'and', left: inner, right: this.comparison(path) };
  }

  private comparison(path: AttributePath): Filter {
    if (++this.terms > LIMITS.filterTerms)
      throw ScimError.of('invalidFilter', `The filter has more than ${LIMITS.filterTerms} terms, which is the limit.`);
    const token = this.next('an operator');
    const operator = token.text.toLowerCase();
    if (operator === 'pr') return { kind: 'present', path };
    if (!(OPERATORS as readonly string[]).includes(operator))
      throw invalid(`${quote(token.text)} is not an operator; the operators are ${OPERATORS.join(', ')} and pr`);
    return { kind: 'compare', path, operator: operator as Operator, value: this.value() };
  }

  private value(): FilterValue {
    const token = this.next('a value');
    if (token.kind === 'text' || /^(true|false|null|-?\d)/i.test(token.text)) {
      try {
        const value = JSON.parse(token.kind === 'text' ? token.text : token.text.toLowerCase()) as FilterValue;
        if (typeof value === 'string' && (value.includes('\0') || /\p{Surrogate}/u.test(value)))
          throw invalid(`${quote(value)} contains a character that no attribute can have`);
        return value;
      } catch (error) {
        if (error instanceof ScimError) throw error;
      }
    }
    throw invalid(`${quote(token.text)} is not a value; put a text in double quotes`);
  }

  private path(): AttributePath {
    const token = this.next('an attribute');
    const path = token.kind === 'word' ? parseAttributePath(token.text) : undefined;
    if (!path) throw invalid(`${quote(token.text)} is not an attribute`);
    return path;
  }

  private next(what: string): Token {
    const token = this.tokens[this.position++];
    if (!token) throw invalid(`${what} is missing at its end`);
    return token;
  }

  private take(kind: Token['kind']): boolean {
    if (this.tokens[this.position]?.kind !== kind) return false;
    this.position++;
    return true;
  }

  private expect(kind: Token['kind']): void {
    if (!this.take(kind)) throw invalid(`"${kind}" is missing`);
  }

  private keyword(word: string): boolean {
    const token = this.tokens[this.position];
    if (token?.kind !== 'word' || token.text.toLowerCase() !== word) return false;
    this.position++;
    return true;
  }
}
