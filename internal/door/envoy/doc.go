// Package envoy answers Envoy's filters that ask how much of a limit is left, as envoyproxy/ratelimit does.
//
//	gRPC  envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit   a listener of its own, with grpc.health.v1
//	HTTP  POST /json (429 when over), GET /healthcheck                  beside the API
//
//	request ──Authorization: Bearer KEY──> app, environment ──domain──> pure/envoylimit ──each descriptor──> its limit
//	                                                                      └──all in one takes.Store.Take──> statuses, overall code, headers
//
// Guarantees. Each descriptor counts by itself, as with the peer: one that is over its limit does not keep the others from counting (ADR 125). What is asked for and refused counts as well: what was left of the
// limit is gone. Where nobody knows, because the store fails or stops, the answer is an error and never OVER_LIMIT, so that failure_mode_deny decides. What is unlimited, unknown or replaced asks no store.
package envoy
