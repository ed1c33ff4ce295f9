// Package api is the HTTP door: the API under /v1, its description at /openapi.json and /docs, the UI, health and metrics.
//
//	request ─ id ─ log, metrics ─ panics ─ headers ─┬─ /v1/…    cross-origin guard ─ who asks ─ Idempotency-Key ─ huma operation ─ service
//	                                                ├─ /git/, /agent/, /edge/   mounted on Mux by others, with their own credentials
//	                                                └─ everything else: the UI, or a problem
//
// One file holds one domain. Each operation says in its registration what right it needs, so that none can forget to ask: see register.
//
// Guarantees. Every error is a problem of RFC 9457 with a type that stays, those of the router included; no answer repeats what was sent. A POST with an Idempotency-Key takes
// effect once, and is answered alike for 24 hours. Lists end: a "next" that is absent means that there is no more. Credentials are in no log.
package api
