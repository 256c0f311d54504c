// Comunica: a query engine that finds out for itself what a URL offers, and joins several of them.
import { QueryEngine } from '@comunica/query-sparql';
import { collected, counted, failure, main, plain } from './streams.mjs';

const engine = new QueryEngine();
const at = (...sources) => ({ sources });
const endpoint = url => ({ type: 'sparql', value: url });
const table = (bindings, name) => bindings.map(row => plain(row.get(name))).sort((a, b) => (a.value < b.value ? -1 : 1));

await main({
  // `url` as it is: its service description tells Comunica that it is an endpoint.
  async ask(url, query) {
    return {
      rows: table(await collected(await engine.queryBindings(query, at(url))), 'point'),
      yes: await engine.queryBoolean('ASK { <urn:site#zone1> ?p ?o }', at(url)),
      no: await engine.queryBoolean('ASK { <urn:site#nothing> ?p ?o }', at(url)),
      described: (await collected(await engine.queryQuads('DESCRIBE <urn:site#vav1>', at(url)))).length,
    };
  },

  async update(url) {
    await engine.queryVoid('INSERT DATA { <urn:comunica:s> <urn:comunica:p> "é", 2.5 }', at(endpoint(url)));
    const rows = await engine.queryBindings('SELECT ?o WHERE { <urn:comunica:s> ?p ?o }', at(endpoint(url)));
    return table(await collected(rows), 'o');
  },

  // An endpoint joined with a graph that is fetched as a document.
  async join(url, graph, query) {
    return table(await collected(await engine.queryBindings(query, at(endpoint(url), graph))), 'owner');
  },

  async error(url) {
    const query = 'SELECT (<urn:no-such-function>(?s) AS ?x) WHERE { ?s ?p ?o }';
    return failure(engine.queryBindings(query, at(endpoint(url))).then(collected));
  },

  async rows(url, query) {
    const bindings = engine.queryBindings(query, at(endpoint(url)));
    return bindings.then(counted, error => ({ count: 0, error: String(error) }));
  },
});
