// Reads grids as Zinc, Hayson or Trio with haystack-core, and prints each of them in all three forms as JSON.
import { readFileSync } from 'node:fs';
import { HGrid, TrioReader, TrioWriter, ZincReader, makeValue } from 'haystack-core';

const read = {
  zinc: text => ZincReader.readValue(text),
  hayson: text => makeValue(JSON.parse(text)),
  trio: text => new TrioReader(text).readGrid(),
};
const grids = JSON.parse(readFileSync(process.argv[2], 'utf8')).map(({ form, text }) => {
  const grid = read[form](text);
  if (!(grid instanceof HGrid)) throw new Error(`no grid: ${text}`);
  return {
    zinc: grid.toZinc(),
    hayson: JSON.stringify(grid.toJSON()),
    trio: new TrioWriter().addGrid(grid).toTrio(),
  };
});
process.stdout.write(JSON.stringify(grids));
