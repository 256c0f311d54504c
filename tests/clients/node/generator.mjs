// sparqljs: the parser and generator in front of many clients. Returns what it makes of each text.
import sparqljs from 'sparqljs';
import { main } from './streams.mjs';

await main({
  async again(texts) {
    const generator = new sparqljs.Generator();
    return JSON.parse(texts).map(text => generator.stringify(new sparqljs.Parser().parse(text)));
  },
});
