// Package envoylimit reads the limits of Envoy's rate limit service, as envoyproxy/ratelimit has them in YAML, and finds the one that a request asks for.
//
//	domain: shop ──Read──> Config ──Match(("user","ana"))──> the limit, and the group that is counted: shop::user=ana
//	descriptors: …   └──> every mistake at once, with line and column
//
// Which limit a request gets is the peer's rule, to the letter: a descriptor is followed from the first entry to the last; at each level its key and value come first, then the first pattern of the file that
// fits, then the key alone; and only where the last entry ends there is a limit. Windows are the calendar's, in UTC. What is ours beside it: rolling, burst, unit_multiplier, near_limit and response_headers.
//
// What a request costs does not grow with the number of descriptors: a level is a hash map, and its patterns are found by how they begin.
package envoylimit
