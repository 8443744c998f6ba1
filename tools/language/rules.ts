/** The language rules that a machine can check. People check the rest with the passages that `sample.ts` draws. */
import type { ExportedClass, Passage } from './passages.js';

export interface Rule {
  readonly name: string;
  readonly why: string;
  /** Returns the words that break the rule. */
  findings(passage: Passage): readonly string[];
}

export interface Finding {
  readonly rule: string;
  /** `file:line`. */
  readonly at: string;
  readonly found: string;
}

const prose = ({ kind }: Passage): boolean => kind !== 'name';
const all = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([found]) => found);

/** People are "they" or "the person"; processes and transactions are "it". */
export const genderedPronouns: Rule = {
  name: 'speaks of people without gender',
  why: 'Call people "they" or "the person", and call a process "it".',
  findings: (passage) =>
    prose(passage) ? all(passage.text, /(?<![\w./-])(he|she|his|hers?|him|himself|herself)(?![\w/-])/gi) : [],
};

/** A free relative is a noun that looks like a question: "Who is not admitted yet waits". */
export const freeRelatives: Rule = {
  name: 'begins no sentence of a comment with a free relative',
  why: 'Name the subject. Such a clause looks like a question at first, and needs a second reading.',
  findings: ({ kind, text }) => {
    if (kind !== 'comment') return [];
    const sentences = text.replaceAll('\n', ' ').split(/(?<=[.?!:])\s+/);
    return sentences.filter((sentence) => FREE_RELATIVE.test(sentence) && !sentence.endsWith('?'));
  },
};

const FREE_RELATIVE = /^(Who|Whom|Whose|Whoever|Whomever|What|Whatever|(?:Of|To|For|With|By|From) (?:whom|who|what))\b/;

/** Coined words and archaisms that have a plain replacement; see the glossary for the coined words that stay. */
export const retiredWords: Rule = {
  name: 'uses no retired words',
  why: 'Use the usual word of the field, or a word of docs/glossary.md.',
  findings: ({ kind, text }) =>
    kind === 'name'
      ? all(
          text,
          /NO_TRUST|TrustBetrayed|NotAlive|FailedTogether|(?<![a-z])obo(?![a-z])|Obo(?![a-z])|[Dd]oors?(?![a-z])|\b[Pp]oke|Poke(?![a-z])|[Vv]erdict|(?<![a-z])wish(?![a-z])|Wish(?![a-z])/g,
        )
      : all(text.replace(/okta\/obo\b|\bobo\/token/g, ''), RETIRED),
};

const RETIRED =
  /\b(doors?|pok(?:e|es|ed|ing)|anew|lest|wish(?:es|ed)?|verdicts?|told|judg(?:e|es|ed)|settl(?:e|es|ed)|concerned|in doubt|NO_TRUST|TrustBetrayed|NotAlive|FailedTogether|obo|distrust(?:s|ed)?|betray(?:s|ed)?)\b|(?<!\b(?:are|is|were|be|they) )\ball the same\b/gi;

export const rules: readonly Rule[] = [genderedPronouns, freeRelatives, retiredWords];

export const findingsOf = (passage: Passage, checked: readonly Rule[] = rules): Finding[] =>
  checked.flatMap((rule) =>
    rule.findings(passage).map((found) => ({ rule: rule.name, at: `${passage.file}:${passage.line}`, found })),
  );

/** Two classes of one name make every search, stack trace and import ambiguous. */
export function repeatedClassNames(classes: readonly ExportedClass[]): Finding[] {
  const times = new Map<string, number>();
  for (const { name } of classes) times.set(name, (times.get(name) ?? 0) + 1);
  return classes
    .filter(({ name }) => (times.get(name) ?? 0) > 1)
    .map(({ file, line, name }) => ({ rule: 'one exported class per name', at: `${file}:${line}`, found: name }));
}
