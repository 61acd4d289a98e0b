// bench/RESULTS-segments.md has two parts, each written by a benchmark of its own.
export const HEADING = '# Results: live segments';

const liveAt = (text) => {
  const at = text.indexOf(`\n${HEADING}`);
  return at < 0 ? text.length : at;
};
// The whole with another part about live segments ...
export const withLive = (text, part) => `${text.slice(0, liveAt(text)).trimEnd()}\n\n${part}`;
// ... and with another part about audience questions.
export const withQuestions = (text, part) => {
  const live = text.slice(liveAt(text)).trim();
  return live ? `${part.trimEnd()}\n\n${live}\n` : part;
};
