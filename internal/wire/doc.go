// Package wire is what server, agents and edges say to each other: plain JSON over HTTP, level-triggered, dialled by the outer program.
//
//	POST /agent/v1/join                      JoinRequest -> JoinAnswer   (join token)
//	POST /agent/v1/beat                      Beat -> 204                 (own credential from here on, "Authorization: Bearer …")
//	GET  /agent/v1/host/desired?after=GEN    long poll -> Desired, 204 when nothing changed for PollTime
//	POST /agent/v1/host/report               Report -> 204
//	POST /agent/v1/host/seconds              []event.HostSecond -> 204 once they are on disk in the journal
//	POST /agent/v1/work/lease                LeaseRequest -> Lease, 204 when there was no work for PollTime
//	POST /agent/v1/work/leases/{id}/beat     LeaseBeat -> LeaseOrder
//	POST /agent/v1/work/leases/{id}/log?offset=N   raw bytes -> 204; an offset already stored is answered 204 and dropped
//	POST /agent/v1/work/leases/{id}/done     LeaseResult -> 204; 409 when the lease was lost meanwhile: the result counts for nothing
//	GET  /agent/v1/blobs/{sha256}            bytes
//	PUT  /agent/v1/blobs/{sha256}            bytes -> 204; 400 when they do not hash to the name
//	GET  /git/{app}.git                      clone and fetch with the agent's credential as password
//	GET  /edge/v1/snapshot?after=GEN&applied=GEN   long poll -> Snapshot, 204 as above; applied says what the edge splits by now
//	POST /edge/v1/seconds                    []event.EdgeSecond -> 204 once they are on disk in the journal
//
// Every change adds fields: agents and edges of the version before work with this server (DESIGN, rule 15).
package wire

import "time"

// Version is sent by agents and edges as "Slipway-Wire"; the server answers 426 to one it no longer speaks.
const Version = 1

// Headers of the wire.
const (
	HeaderVersion = "Slipway-Wire"
	// HeaderRelease is added by the edge to every answer: the release that made it.
	HeaderRelease = "Slipway-Release"
	// HeaderError may be set by the app on an answer that is an error, to tell one kind from another ("cart: no such item"). The edge takes it off.
	HeaderError = "Slipway-Error"
	// TimingServed is the name under which the edge tells a page, in the header Server-Timing, who served it: Served. A page cannot read other headers of its own.
	TimingServed = "slipway"
	// CookieVisitor holds the visitor's random id, set by the edge on the first answer.
	CookieVisitor = "slipway_visitor"
)

// Served is what a page, and then its events, say of who served it.
func Served(release, host, split string) string { return release + "/" + host + "/" + split }

// Times that both sides keep.
const (
	// PollTime is how long the server holds a long poll without news.
	PollTime = 25 * time.Second
	// BeatEvery is how often an agent is heard of when it has nothing else to say.
	BeatEvery = 3 * time.Second
	// LostAfter is the silence after which an agent counts as lost and its leases go elsewhere.
	LostAfter = 12 * time.Second
)

// Roles of an agent.
const (
	RoleWork = "work"
	RoleHost = "host"
	RoleEdge = "edge"
)
