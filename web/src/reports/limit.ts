/** How many groups a report shows: few at first, more when asked for. */
export const LIMITS = [20, 100, 1000];

export const limitOf = (text: string) => LIMITS.find((n) => String(n) === text) ?? LIMITS[0]!;
/** undefined: that was the most. */
export const moreThan = (text: string) => LIMITS.find((n) => n > limitOf(text));
