/** The plain voice, as far as a machine can check it: see tools/language/rules.ts. */
import { isProduct, passages, read, trackedFiles } from '../tools/language/files.js';
import { exportedClasses, passagesOf } from '../tools/language/passages.js';
import {
  findingsOf,
  freeRelatives,
  genderedPronouns,
  repeatedClassNames,
  retiredWords,
  rules,
  type Finding,
  type Rule,
} from '../tools/language/rules.js';

const listed = (findings: readonly Finding[]): string[] => findings.map(({ at, found }) => `${at}  ${found}`);

describe('the language of this repository', () => {
  const files = trackedFiles();
  const all = passages(files);

  it.each(rules)('$name', (rule) => {
    expect(listed(all.flatMap((passage) => findingsOf(passage, [rule])))).toEqual([]);
  });

  it('gives each exported class of the product a name of its own', () => {
    const classes = files.filter(isProduct).flatMap((file) => exportedClasses(file, read(file)));
    expect(classes.length).toBeGreaterThan(50);
    expect(listed(repeatedClassNames(classes))).toEqual([]);
  });
});

describe('the rules themselves', () => {
  const found = (rule: Rule, code: string): string[] =>
    passagesOf('a.ts', code).flatMap((passage) => findingsOf(passage, [rule]).map(({ found }) => found));

  it('find pronouns in comments and strings, and not in names or paths', () => {
    expect(found(genderedPronouns, '// The person loses his role.\nconst he = `${x} lost her role`;')).toEqual([
      'his',
      'her',
    ]);
    expect(found(genderedPronouns, "const her = 'the theme of this/his';")).toEqual([]);
  });

  it('find a comment that begins with a free relative, and allow a question', () => {
    expect(found(freeRelatives, '/** Who is held waits. */\nlet a;')).toEqual(['Who is held waits.']);
    expect(found(freeRelatives, '// Of whom nothing is known\n// waits. Then it ends.\nlet a;')).toEqual([
      'Of whom nothing is known waits.',
    ]);
    expect(found(freeRelatives, '/** Who may call this? Nobody. */\nlet a;')).toEqual([]);
  });

  it('find retired words in prose and in names, and leave the public path of the exchange alone', () => {
    expect(found(retiredWords, "// Both doors open anew.\nconst desiredDoor = 'a verdict';")).toEqual([
      'doors',
      'anew',
      'Door',
      'verdict',
    ]);
    expect(found(retiredWords, "const path = '/auth/okta/obo/token'; // They are all the same, in place.")).toEqual([]);
  });

  it('find two exported classes of one name', () => {
    const classes = ['a.ts', 'b.ts'].flatMap((file) => exportedClasses(file, 'export class Settings {}'));
    expect(listed(repeatedClassNames(classes))).toEqual(['a.ts:1  Settings', 'b.ts:1  Settings']);
  });
});
