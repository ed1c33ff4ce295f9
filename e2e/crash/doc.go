// Package crash kills things and looks whether anything is lost.
//
// A real server, host agents, a worker and the edge run as processes. A developer pushes good and bad releases, visitors come all the time, and at chosen and at
// random moments one of the processes gets kill -9 and is started again. `make crash` does so 200 times, the ordinary tests a few.
//
// What must hold at every moment, as the visitors see it:
//   - each is answered, whatever dies but the edge itself;
//   - each enters a release at most once, and leaves it only for a newer one or because it was rolled back;
//   - between rollouts everybody gets the live release.
//
// And in the end, as the books show it:
//   - each commit is in one build, each green build is one release, each release one rollout, and each rollout has ended once, as it should;
//   - positions of events have no gap, and the cause of each event exists;
//   - the hosts run the live release and nothing else.
//
// SLIPWAY_KILLS says how often, SLIPWAY_SEED repeats a run's draw, SLIPWAY_CRASH_STORE=postgres runs it on PostgreSQL, SLIPWAY_EXE names a
// program that is built already.
package crash
