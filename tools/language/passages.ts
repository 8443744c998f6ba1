/** Finds the prose of a file: comments and strings of code, lines of documents, descriptions in JSON. */
import ts from 'typescript';

/** `kind` is `name` for an identifier. `text` contains no comment marks. */
export interface Passage {
  readonly file: string;
  readonly line: number;
  readonly kind: 'comment' | 'string' | 'name' | 'document';
  readonly text: string;
}

/** Files that people write and read, not generated ones. */
export const isProse = (file: string): boolean =>
  /\.(ts|tsx|mjs|md|ya?ml|json)$/.test(file) &&
  !/(^|\/)(package-lock|asyncapi)\.json$|^libs\/events\/released\//.test(file);

export function passagesOf(file: string, content: string): Passage[] {
  if (/\.(ts|tsx|mjs)$/.test(file)) return inCode(file, content);
  if (file.endsWith('.md')) return inDocument(file, content);
  if (file.endsWith('.json'))
    return linesOf(file, content).filter(({ text }) => /"(description|title|comment)"\s*:/.test(text));
  return linesOf(file, content);
}

export interface ExportedClass {
  readonly file: string;
  readonly line: number;
  readonly name: string;
}

export function exportedClasses(file: string, content: string): ExportedClass[] {
  const source = parse(file, content);
  return source.statements.flatMap((statement) =>
    ts.isClassDeclaration(statement) &&
    statement.name &&
    statement.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword)
      ? [{ file, line: lineAt(source, statement.name.getStart(source)), name: statement.name.text }]
      : [],
  );
}

const parse = (file: string, content: string): ts.SourceFile =>
  ts.createSourceFile(file, content, ts.ScriptTarget.Latest, true);

const lineAt = (source: ts.SourceFile, position: number): number =>
  source.getLineAndCharacterOfPosition(position).line + 1;

function inCode(file: string, content: string): Passage[] {
  const source = parse(file, content);
  const found: Passage[] = [];
  const add = (kind: Passage['kind'], position: number, text: string): void =>
    void found.push({ file, line: lineAt(source, position), kind, text });
  const comments = new Map<number, number>();
  const visit = (node: ts.Node): void => {
    for (const { pos, end } of [
      ...(ts.getLeadingCommentRanges(content, node.getFullStart()) ?? []),
      ...(ts.getTrailingCommentRanges(content, node.getEnd()) ?? []),
    ])
      comments.set(pos, end);
    if (ts.isIdentifier(node)) add('name', node.getStart(source), node.text);
    else if (
      ts.isStringLiteralLike(node) &&
      !ts.isImportDeclaration(node.parent) &&
      !ts.isExportDeclaration(node.parent)
    )
      add('string', node.getStart(source), node.text);
    else if (ts.isTemplateExpression(node)) add('string', node.getStart(source), withGaps(node));
    node.getChildren(source).forEach(visit);
  };
  visit(source);
  for (const [block, lines] of blocksOf(source, content, comments)) add('comment', block, lines);
  return found.sort((a, b) => a.line - b.line);
}

/** The text of a template, with `…` instead of each value. */
const withGaps = (node: ts.TemplateExpression): string =>
  [node.head.text, ...node.templateSpans.map(({ literal }) => literal.text)].join('…');

/** Comments without their marks. Consecutive `//` lines are one comment. */
function blocksOf(
  source: ts.SourceFile,
  content: string,
  comments: ReadonlyMap<number, number>,
): [position: number, text: string][] {
  const blocks: { start: number; lastLine: number; single: boolean; text: string }[] = [];
  for (const [start, end] of [...comments].sort(([a], [b]) => a - b)) {
    const raw = content.slice(start, end);
    const single = raw.startsWith('//');
    const text = raw
      .replace(/^\/\*+|\*+\/$|^\/\/+/g, '')
      .split('\n')
      .map((line) => line.replace(/^\s*\*(?!\*)\s?/, '').trim())
      .join('\n')
      .trim();
    const before = blocks.at(-1);
    const ownLine = content.slice(content.lastIndexOf('\n', start - 1) + 1, start).trim() === '';
    if (single && ownLine && before?.single && before.lastLine === lineAt(source, start) - 1) {
      before.text += `\n${text}`;
      before.lastLine += 1;
    } else blocks.push({ start, lastLine: lineAt(source, end), single, text });
  }
  return blocks.map(({ start, text }) => [start, text]);
}

const linesOf = (file: string, content: string): Passage[] =>
  content.split('\n').map((text, at) => ({ file, line: at + 1, kind: 'document', text }));

/** Lines of Markdown outside fenced code blocks. */
function inDocument(file: string, content: string): Passage[] {
  let fenced = false;
  return linesOf(file, content).filter(({ text }) => {
    const fence = /^\s*(```|~~~)/.test(text);
    if (fence) fenced = !fenced;
    return !fence && !fenced && text.trim() !== '';
  });
}
