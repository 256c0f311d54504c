// What the scripts share: streams read to their end or to their error, terms and failures as plain JSON.

export const collected = stream => new Promise((resolve, reject) => {
  const all = [];
  stream.on('data', item => all.push(item));
  stream.on('end', () => resolve(all));
  stream.on('error', reject);
});

// Counts what comes, and says how the stream ended: error is null where it came to its end.
export const counted = stream => new Promise(resolve => {
  let count = 0;
  stream.on('data', () => count++);
  stream.on('end', () => resolve({ count, error: null }));
  stream.on('error', error => resolve({ count, error: String(error) }));
});

export const failure = promise => promise.then(() => null, error => error.message);

export const plain = term => ({
  type: term.termType, value: term.value, language: term.language, datatype: term.datatype?.value,
});

// Runs the function of the script that is named on the command line, and prints what it returns.
export const main = async cases => {
  const [name, ...values] = process.argv.slice(2);
  console.log(JSON.stringify(await cases[name](...values)));
};
