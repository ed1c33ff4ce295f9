// Package replay judges counts that were kept: a table of what each host counted in each second, by release.
//
//	CSV ──Read──> Table ──Judge──> Result: healthy | regressed | unknown | wrong_split, when, and why
//
// It is the judge of rollouts (package judge) and nothing else: the same ticks, in order, looked at after each. What lies before the first row of the new
// release is the window before, by which hosts may differ. Where every host runs one release at a time, hosts were drawn; where hosts run both at once, requests were.
//
// No I/O but the reader that is passed in, no clock, no randomness.
package replay
