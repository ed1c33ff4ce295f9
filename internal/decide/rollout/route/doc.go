// Package route tells which route fails apart from which is busy. A route stands out when three things hold:
//
//   - it has excess errors: more on the new release than the old release's rate on the same route leads to expect;
//   - chance hardly ever does that: the exact test of two counts stays below pathAlpha, divided by the number of routes with errors, since each of them is looked at;
//   - it is this route, and not the whole release: its excess a request is at least pathLift times that of all other routes together. Where everything fails alike
//     the busiest route has the most errors, and its name would lead astray.
//
// The edges count requests and errors by route, not slow requests: of a release that became slow no route is named.
//
// Pure: it works on what machine counted. It reads no log and emits nothing.
package route
