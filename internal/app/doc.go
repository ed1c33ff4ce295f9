// Package app is Slipway's server, wired: one straight-line New, one Run.
//
//	          doors                         decide                       act                       the world
//	git push ─ door/git ──┐          ┌─ build ─ catalog ─ rollout ─┐  ┌─ deploy ─ traffic ─┐ ──> hosts, edges
//	HTTP, UI ─ door/api ──┼─> rows + events in one transaction ────┼──┤                    │
//	agents ─ door/agents ─┘          └──────── journal <── pump ───┘  └─ notify ───────────┘ ──> webhooks, chat
//	edges, hosts ── door/ingest ──> journal (telemetry)
//
// Start: store, log, act, decide, doors. Stop: the reverse, doors drain first. The edge is a process of its own and may outlive the server.
package app
