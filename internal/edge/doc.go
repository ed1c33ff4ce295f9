// Package edge is the front proxy: the one program that visitors talk to. It divides their requests between an old and a new release, counts what
// comes of them, and goes on serving when everything else is gone.
//
//	visitor ──> route by Host ──> draw the arm ──> a healthy backend ──> answer + Slipway-Release
//	                 ▲                  │                  │ none: the other release, at this one's expense
//	     table (atomic pointer)         └──> count.Epoch ──each second──> spool (disk) ──> POST /edge/v1/seconds
//	                 ▲
//	snapshot.json <──┴── GET /edge/v1/snapshot, long poll; "applied" is told at once
//
// A change of weights is one store of a pointer: a request finishes under the table it began with, and a connection is never closed for it.
//
//	starting ──(listener made, or handed over by the running edge)──> serving
//	serving  ──(a successor accepts)──> handing over: accepts no more, answers with "Connection: close", ends with its last connection
//	serving  ──(context ends, or "stop")──> stopping: idle connections closed, requests finished, at most StopTime
//
// Guarantees: no request is lost by a new snapshot, by a restart (handover) or by the loss of the server; every request is counted in exactly one
// cell, and every second reaches the server exactly once, as far as the disk lives (package spool says where it ends).
//
// An edge of one host (Options.Host, a front) sends to the processes of that host alone: it stands behind a load balancer of somebody else's, and counts as every edge does.
//
// By TLS (package certs) visitors speak HTTP/2 or HTTP/1.1. With TLS at an address of its own the plain one answers the certificate authority and sends
// everybody else to https; a restart hands both over.
//
// Reads: wire.Snapshot. Emits: event.EdgeSecond. ADR 0040 says who counts as a visitor, 0041 how a restart loses nothing, 0042 what is an error, 0043 where
// certificates come from.
package edge
