/** What to paste where, with the address and key filled in. Clients are as published; docs/collect.md says what each sets. */
export interface Snippet {
  id: string;
  name: string;
  kind: 'site' | 'app' | 'server' | 'other';
  hint: 'scriptHint' | 'npmHint' | 'pipHint' | 'serverHint' | 'pixelHint' | null;
  package?: string;
  code: string;
}

const CDN = 'https://cdn.jsdelivr.net/npm/@segment/analytics-next@1.84.3/dist/umd/index.js';

export function snippets(origin: string, key: string): Snippet[] {
  const host = origin.replace(/^https?:\/\//, '');
  const json = `{"anonymousId":"test-1","event":"Test"}`;
  return [
    {
      id: 'script',
      name: 'HTML',
      kind: 'site',
      hint: 'scriptHint',
      code: `<script src="${CDN}"></script>\n<script>\n  window.analytics = AnalyticsNext.AnalyticsBrowser.load({ writeKey: '${key}', cdnURL: '${origin}' });\n  window.analytics.page();\n</script>`,
    },
    {
      id: 'segment',
      name: 'Segment',
      kind: 'site',
      hint: 'npmHint',
      package: '@segment/analytics-next',
      code: `import { AnalyticsBrowser } from '@segment/analytics-next';\n\nexport const analytics = AnalyticsBrowser.load({\n  writeKey: '${key}',\n  cdnURL: '${origin}',\n});\nanalytics.page();`,
    },
    {
      id: 'rudderstack',
      name: 'RudderStack',
      kind: 'site',
      hint: 'npmHint',
      package: '@rudderstack/analytics-js',
      code: `import { RudderAnalytics } from '@rudderstack/analytics-js/bundled';\n\nexport const analytics = new RudderAnalytics();\nanalytics.load('${key}', '${origin}', { configUrl: '${origin}' });\nanalytics.page();`,
    },
    {
      id: 'jitsu',
      name: 'Jitsu',
      kind: 'site',
      hint: 'npmHint',
      package: '@jitsu/js',
      code: `import { jitsuAnalytics } from '@jitsu/js';\n\nexport const analytics = jitsuAnalytics({ host: '${origin}', writeKey: '${key.includes(':') ? key : `${key}:kern`}' });\nanalytics.page();`,
    },
    {
      id: 'swift',
      name: 'iOS (Swift)',
      kind: 'app',
      hint: null,
      code: `let analytics = Analytics(configuration: Configuration(writeKey: "${key}")\n  .apiHost("${host}/v1")\n  .cdnHost("${host}/v1"))`,
    },
    {
      id: 'kotlin',
      name: 'Android (Kotlin)',
      kind: 'app',
      hint: null,
      code: `val analytics = Analytics("${key}", applicationContext) {\n  apiHost = "${host}/v1"\n  cdnHost = "${host}/v1"\n}`,
    },
    {
      id: 'node',
      name: 'Node.js',
      kind: 'server',
      hint: 'npmHint',
      package: '@segment/analytics-node',
      code: `import { Analytics } from '@segment/analytics-node';\n\nexport const analytics = new Analytics({ writeKey: '${key}', host: '${origin}' });`,
    },
    {
      id: 'rudder-node',
      name: 'Node.js (RudderStack)',
      kind: 'server',
      hint: 'npmHint',
      package: '@rudderstack/rudder-sdk-node',
      code: `const Analytics = require('@rudderstack/rudder-sdk-node');\n\nmodule.exports = new Analytics('${key}', { dataPlaneUrl: '${origin}' });`,
    },
    {
      id: 'python',
      name: 'Python',
      kind: 'server',
      hint: 'pipHint',
      package: 'segment-analytics-python',
      code: `import segment.analytics as analytics\n\nanalytics.write_key = '${key}'\nanalytics.host = '${origin}'`,
    },
    {
      id: 'php',
      name: 'PHP',
      kind: 'server',
      hint: 'serverHint',
      code: `use Segment\\Segment;\n\nSegment::init('${key}', ['host' => '${host}']);`,
    },
    {
      id: 'ruby',
      name: 'Ruby',
      kind: 'server',
      hint: 'serverHint',
      code: `require 'segment/analytics'\n\nAnalytics = Segment::Analytics.new(write_key: '${key}', host: '${host}')`,
    },
    {
      id: 'go',
      name: 'Go',
      kind: 'server',
      hint: 'serverHint',
      code: `client, err := analytics.NewWithConfig("${key}", analytics.Config{Endpoint: "${origin}"})`,
    },
    {
      id: 'java',
      name: 'Java',
      kind: 'server',
      hint: 'serverHint',
      code: `Analytics analytics = Analytics.builder("${key}").endpoint("${origin}/").build();`,
    },
    {
      id: 'curl',
      name: 'curl',
      kind: 'other',
      hint: null,
      code: `curl ${origin}/v1/track -u ${key}: -H 'Content-Type: application/json' \\\n  -d '${json}'`,
    },
    {
      id: 'pixel',
      name: 'Pixel',
      kind: 'other',
      hint: 'pixelHint',
      code: `<img src="${origin}/v1/pixel/page?writeKey=${encodeURIComponent(key)}&anonymousId=test-1" alt="">`,
    },
  ];
}
