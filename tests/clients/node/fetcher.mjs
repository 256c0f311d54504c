// fetch-sparql-endpoint: what the SPARQL clients written in JavaScript are built on.
import { SparqlEndpointFetcher } from 'fetch-sparql-endpoint';
import { collected, counted, failure, main, plain } from './streams.mjs';

const fetcher = (options, token) => new SparqlEndpointFetcher({
  ...JSON.parse(options), ...(token && { defaultHeaders: new Headers({ Authorization: `Bearer ${token}` }) }),
});

await main({
  async ask(url, options) {
    const client = fetcher(options);
    const rows = await collected(await client.fetchBindings(url, 'SELECT ?c WHERE { <urn:site#zone1> a ?c }'));
    const triples = await collected(await client.fetchTriples(url, 'DESCRIBE <urn:site#vav1>'));
    return {
      rows: rows.map(row => plain(row.c)),
      yes: await client.fetchAsk(url, 'ASK { <urn:site#zone1> ?p ?o }'),
      no: await client.fetchAsk(url, 'ASK { <urn:site#nothing> ?p ?o }'),
      predicates: triples.map(triple => triple.predicate.value).sort(),
    };
  },

  async update(url, endpoint, options, text) {
    const client = fetcher(options);
    await client.fetchUpdate(endpoint, text);
    const rows = await collected(await client.fetchBindings(url, 'SELECT ?o WHERE { <urn:node:s> ?p ?o }'));
    return rows.map(row => plain(row.o)).sort((a, b) => (a.value < b.value ? -1 : 1));
  },

  async errors(url) {
    const client = fetcher('{}');
    return {
      query: await failure(client.fetchBindings(`${url}/query`, 'SELECT * WHERE { ?s a }')),
      update: await failure(client.fetchUpdate(`${url}/update`, 'INSERT DATA { ?s a <urn:c> }')),
      nowhere: await failure(client.fetchAsk(`${url}/nowhere`, 'ASK {}')),
    };
  },

  async token(url, token) {
    return {
      without: await failure(fetcher('{}').fetchAsk(url, 'ASK {}')),
      wrong: await failure(fetcher('{}', 'wrong').fetchAsk(url, 'ASK {}')),
      right: await fetcher('{}', token).fetchAsk(url, 'ASK {}'),
    };
  },

  async rows(url, query) {
    return counted(await fetcher('{}').fetchBindings(url, query));
  },

  async triples(url, query) {
    return counted(await fetcher('{}').fetchTriples(url, query));
  },
});
