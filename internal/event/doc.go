// Package event is the language that all parts of Slipway share: each fact that happened, and each wish (…requested), as one typed value in one envelope.
//
// Types are forever. A field may be added, never renamed or removed, and every type has a golden JSON in testdata that must decode for all time.
// State events (what decides) carry a gapless Position, given by the pump of package db when it publishes them; telemetry (edge seconds, user events) is
// ordered by the log's own sequence and has Position 0.
//
// The package imports the standard library only, so that every program, agent and client can speak it.
package event
