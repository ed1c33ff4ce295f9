// What each number and each word of the page means, in one or two short sentences with the unit. A sentence stands here once, and is shown by parts/Meaning.svelte.
// Sentences end with a full stop: what is said of one case ("82 of 17,978 requests.") may follow.
export const meanings = {
  // A rollout as a whole.
  share: 'How much of the traffic goes to the new release: of all visitors, of all hosts or of all requests, by what the rollout splits.',
  eta: 'An estimate: what is left of the watches and settle times of all steps, if nothing is found and nobody steps in.',
  left: 'Time left until this part of the way is over. A regression ends it sooner.',
  took: 'From the first visitor on the new release to the end of the rollout.',
  after: 'How long it lasted, or how long ago it began.',
  commits: 'Commits that are in this release and not in the one before.',
  decisions: 'Each turn that this rollout took, by itself or by a person, with the reason; the newest comes first.',
  alike: 'Decisions in a row that differ by their numbers alone, as while it waits for more data. The numbers here are the last one’s; the list of all has each.',
  step: 'Which step of the rollout it was, counted from 1. Each step gives the new release a larger share.',
  numbers: 'The numbers of this decision, as they were reckoned with.',

  // Its steps.
  watch: 'How long new and old are compared in this step before the next one begins. Time in which hosts warm up is not part of it.',
  hold_back: 'Visitors who stay on the old release in this step, so that there is still something to compare with.',
  settle: 'What a process does so soon after its start is not counted, on each host: fresh processes are slow for a while.',
  power: 'How soon such a harm would be seen, in 9 of 10 cases, at the traffic of before the push. If the watch is shorter, it may end without a verdict.',

  // What is counted.
  requests: 'Requests that edges counted on this release after it had settled.',
  failed: 'Requests that were answered with 5xx, or not at all.',
  at_risk: 'What went wrong, of all that could have: requests that failed or were slow, of the requests to that release.',
  slow_from: 'What half, a tenth or a hundredth of the requests before the push took at least. A request counts as slow once it has taken so long, whether it has ended or not.',
  measured_hosts: 'Hosts of that release on which it was measured.',
  old: 'The old release, over the same time as the new one.',
  new: 'The new release, since it had settled.',
  p50: 'Half of the requests before the push were faster than this.',
  p90: '9 of 10 requests before the push were faster than this.',
  p99: '99 of 100 requests before the push were faster than this.',
  smoothed: 'Single seconds jump, so that each point is the mean of the last seconds. A second counts by its requests.',
  new_second: 'The new release at this second: the last one, or where the pointer is.',
  old_second: 'The old release at this second: the last one, or where the pointer is.',

  // New against old.
  ratio: 'How many times as often it goes wrong on the new release. 1 × is no difference, 2 × is twice as bad.',
  happens: 'How many times as often it happens on the new release. 1 × is no difference. It is reckoned apart for each share of visitors that the release had, so that it need not be what the two rates over all of them make.',
  first_events: 'Each visitor counts until they do it for the first time since the releases are compared: how many do it is compared, not how often.',
  ruled_out_drop: 'With 95 % confidence the new release has no less than this, as a multiple of the old one’s rate, however often one looks.',
  mean_ratio: 'How many times as much the new release uses on a host. 1 × is no difference.',
  visitor_ratio: 'How many times as many errors a visitor with errors has on the new release. 1 × is no difference.',
  first_ones: 'Split by visitor, each one counts until it happens to them for the first time: else who fails again and again counts for many. How often visitors fail again is a vital of its own.',
  erred: 'Visitors who were drawn and had an error in this step, on both releases together.',
  erred_new: 'How many of them are on the new release, against how many should be by the draw if it were as good as the old one.',
  errors_each: 'How many errors such a visitor had so far in this step, on average: on the new release, then on the old one.',
  range: 'What the data allow for “new to old”: the truth is between these ends, 95 % sure at each, however often one looks.',
  rates: 'The share that went wrong: on the new release, then on the old one, of the same time.',
  expected: 'How many went wrong on the new release, against how many should have if it were as good as the old one.',
  no_difference: 'The line of no difference: the new release is just as good as the old one.',
  rule_out: 'The harm to be excluded, as a multiple of the old release’s rate. “Healthy” means that the data exclude it; rule_out in .slipway.yaml sets it.',
  cannot_rise: 'So much is over this limit already that a rise by the harm to rule out is hardly possible.',
  matters: 'Below this share it does not matter, whatever the old release does.',
  sure: 'How sure that is: at most the rest to 100 % of such statements are wrong, however often one looks.',

  // Evidence.
  evidence: 'Betting odds against “the new one is no worse”. 1 to 1 is no evidence, 100 to 1 is a hundredfold win; it rises only if there is harm, or by rare luck.',
  threshold: 'At these odds the evidence is strong enough to act, and the release goes back. A release without fault gets there at most as often as “false alarms” says.',
  odds: 'How rare this is without any fault: at most one of so many harmless releases ever looks so bad, however often one looks.',
  alpha: 'The chance that a release without any fault is taken back. It follows from false_alarms in .slipway.yaml.',
  alarm_budget: 'How many good releases may come back by chance, by false_alarms in .slipway.yaml, shared out over the rollouts of a month.',
  unknown: 'What happens at the end of a watch that cannot tell; unknown in .slipway.yaml sets it.',
  split: 'Who is drawn for the new release while both are out; canary in .slipway.yaml sets it.',
  split_check: 'The part of all requests that the new release got, and the part that it should get. If they differ by more than chance, nothing can be compared and the rollout is held.',
  says: 'What the data on this vital say so far. Each is judged alone.',

  // What is known, and what is missing.
  excluded: 'With 95 % confidence the new release is no worse than this, as a multiple of the old one’s rate, however often one looks.',
  detect: 'How soon a harm of this size would be seen, if it began now, at the traffic of this watch.',
  needed: 'How much longer until this harm is ruled out, if there is none, at the traffic of this watch. It is a mean: half of the rollouts need more.',
  of_events: 'Events of visitors on both releases, of those who had not done it before.',
  missing: 'Requests on both releases together that are still missing for a verdict, if there is no harm. It is a mean: half of the rollouts need more.',
  suspect: 'This host alone makes the new release look bad. The others on it do not show it.',
  per_second: 'Requests a second before the push, in the last half hour in which one release served alone.',

  // After the promotion.
  since_after: 'Of the requests in the first half hour in which everyone had this release: the share that failed, and how many there were.',
  since_before: 'Of the requests in the half hour before the push, on the release before: the share that failed, and how many there were.',

  // Routes.
  route_old: 'The share of requests to this route that failed on the old release.',
  route_new: 'The share of requests to this route that failed on the new release. ▲ marks the route on which errors rose most.',
  excess: 'Errors on the new release beyond what the old one’s rate on this route leads to expect.',
  route_failed: 'Requests to this route that failed on the new release, of all to it.',

  // Hosts.
  hosts: 'Hosts that take part in this rollout.',
  hosts_now: 'Hosts with what they run of these two releases now, not what they ran when the rollout ended.',
  hosts_ready: 'Hosts that are so far, of all that take part. It goes on when all are, or are left out.',
  up: 'Hosts on which this release runs and answers its health check.',
  deaths: 'How often a process of the new release ended by itself. At three the release goes back.',
  exit_status: 'How the process ended: 0 is without a fault, anything else is what it gave as its fault. The time is how long it ran.',

  // The score of verdicts.
  by_judge: 'Releases that the judge took back by itself, since the new release did worse than the old one beside it.',
  called_right: 'People say that these did harm.',
  called_wrong: 'People say that there was no harm: these are the known false alarms.',
  not_called: 'Nobody has called these right or wrong yet. Some may be false alarms that nobody knows of.',
  not_by_judge: 'Taken back by a person, or since the release did not come up or died, or since too few hosts were left. The judge had no part in it.',
  false_alarms: 'Rollbacks by the judge that people call wrong. The budget is what false_alarms in .slipway.yaml accepts, for as many days as are shown.',
  staked: 'Each rollout may be a false alarm with a small chance, its alpha. This is their sum: how many false alarms are to be expected at most, if no release changed anything.',
  spared: 'An estimate of the bad requests that the rest of the planned watch would have cost, at the excess and the traffic at the time of the verdict. What came after the watch is left out, so that it errs low. Rollbacks called wrong spare nothing.',
  spared_at_least: 'The same by the lower end of each interval for how many times as bad the release was.',
  spared_nothing: 'It is called a false alarm: there was no harm to spare.',
  harm_met: 'Bad requests beyond the old release’s rate until the last visitor was off the new one: what it cost to find out.',
  decided: 'From the first visitor on the new release to the verdict that takes it back: the median over the judge’s rollbacks.',
  decided_one: 'From the first visitor on the new release to the verdict that takes it back.',
  promoted: 'Releases that were compared with the one before and then given to everyone.',
  promoted_unknown: 'The watch ended before harm or health was shown. More traffic or a longer watch tells more.',
  missed: 'Promoted by the judge, and called wrong by people: harm that it did not see.',
  not_judged: 'First releases, hotfixes that skip the watch, and ways back to an older release: nothing was compared, so there is no verdict.',
} as const;

export type MeaningName = keyof typeof meanings;
