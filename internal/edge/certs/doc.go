// Package certs gives visitors' connections their certificates: from a pair of files (Pair), or from a certificate authority (Authority).
//
//	ClientHello ──> Authority ──in memory──> certificate
//	                    │ no
//	                    ├──a route names the host? ──no──> refused, nobody is asked
//	                    ├──in the folder ──> certificate
//	                    └──> the CA: order ──> it fetches the challenge from the plain address ──> certificate, kept in the folder
//
// Guarantees: a CA is asked only for names that are wanted now; after a refusal it is asked for the same name again after a minute, and after each
// further one twice as late, up to an hour; what was obtained is on disk and needs no CA until it is due. Two processes may use one folder at once, as
// they do while an edge is replaced: each answers the challenges of the other.
//
// Reads and emits no events.
package certs
