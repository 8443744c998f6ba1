/** Prints each mutant that no test noticed as soon as it is known, so that a run that is stopped has a result too. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { declareClassPlugin, PluginKind } from '@stryker-mutator/api/plugin';

class Survivors {
  noticed = 0;
  tested = 0;

  onMutantTested({ status, fileName, location: { start, end }, mutatorName, replacement }) {
    if (!['Killed', 'Timeout', 'Survived', 'NoCoverage'].includes(status)) return;
    this.tested++;
    if (status === 'Killed' || status === 'Timeout') {
      this.noticed++;
      if (this.tested % 50 === 0) console.log(this.tally());
      return;
    }
    const lines = readFileSync(fileName, 'utf8')
      .split('\n')
      .slice(start.line - 1, end.line);
    lines[lines.length - 1] = lines.at(-1).slice(0, end.column - 1);
    const code = lines.join('\n').slice(start.column - 1);
    const at = `${path.relative(process.cwd(), fileName)}:${start.line}`;
    console.log(`${status} ${at} ${mutatorName}: ${short(code)} -> ${short(replacement)} (${this.tally()})`);
  }

  onMutationTestReportReady() {
    console.log(this.tally());
  }

  tally() {
    return `${this.noticed} of ${this.tested} noticed, ${Math.round((1000 * this.noticed) / this.tested) / 10} %`;
  }
}

const short = (code) => code.replaceAll(/\s+/g, ' ').slice(0, 100);

export const strykerPlugins = [declareClassPlugin(PluginKind.Reporter, 'survivors', Survivors)];
