// The reasons for which what came is no event, in words.
const words: Record<string, string> = {
  malformed: 'not in the form of its client',
  too_large: 'too large',
  no_user: 'without a user',
  no_name: 'without a name',
  too_deep: 'nested too deep',
  too_many: 'too many properties',
  wrong_type: 'of a wrong type',
  plan: 'against the tracking plan',
};

export const reasonWords = (reason: string): string => words[reason] ?? reason;
