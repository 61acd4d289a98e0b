/** What to paste where, with the key filled in. */
export interface Snippet {
  id: string;
  name: string;
  code: string;
}

export function snippets(origin: string, key: string): Snippet[] {
  return [
    {
      id: 'segment',
      name: 'Segment (browser)',
      code: `import { AnalyticsBrowser } from '@segment/analytics-next';\n\nexport const analytics = AnalyticsBrowser.load({\n  writeKey: '${key}',\n  cdnURL: '${origin}',\n});`,
    },
    {
      id: 'rudderstack',
      name: 'RudderStack (browser)',
      code: `import { RudderAnalytics } from '@rudderstack/analytics-js/bundled';\n\nexport const analytics = new RudderAnalytics();\nanalytics.load('${key}', '${origin}', { configUrl: '${origin}' });`,
    },
    {
      id: 'node',
      name: 'Node.js',
      code: `import { Analytics } from '@segment/analytics-node';\n\nexport const analytics = new Analytics({ writeKey: '${key}', host: '${origin}' });`,
    },
    {
      id: 'python',
      name: 'Python',
      code: `import segment.analytics as analytics\n\nanalytics.write_key = '${key}'\nanalytics.host = '${origin}'`,
    },
    {
      id: 'curl',
      name: 'curl',
      code: `curl ${origin}/v1/track -u ${key}: -H 'Content-Type: application/json' \\\n  -d '{"anonymousId":"test-1","event":"Test"}'`,
    },
  ];
}
