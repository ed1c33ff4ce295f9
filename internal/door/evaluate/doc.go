// Package evaluate tells clients of other makers of flags: GrowthBook's, and those that speak OFREP, as OpenFeature's do.
//
//	key ──flag.Service.Watch──> Set ──told──> payload, gzip and messages, made once a change and kind of key ──┬──> GET /api/features/{key}
//	                             └──closed when it is another──> every stream writes what it is told, once ────┼──> GET /sub/{key}
//	                                                                                                           └──> GET /ofrep/v1/streams/{app}/{id}
//	visitor ──> assign.Eval, All ──┬──> POST /api/eval/{key}: values, never rules
//	                               └──> POST /ofrep/v1/evaluate/flags, …/flags/{flag}
//
// Guarantees. A stream that does not read holds nobody up: it is dropped when a write takes too long. Who comes back is told of what changed meanwhile, by the id of
// the last message. What is told has an id that moves with what this kind of key sees, so that changes elsewhere wake nobody. Keys whose clients are told values get no
// rules, by any way. Whatever comes in, an evaluation ends; one that a flag's own fault stops gives the default, and is counted.
package evaluate
