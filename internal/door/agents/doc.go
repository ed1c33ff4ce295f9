// Package agents is the door for hosts, workers and edges: joining, signs of life, what a worker should do, what a host should hold and run, and how an edge should split.
// What is said is in package wire; workers' leases and blobs have their handlers here, too, edges' seconds in package ingest.
//
// What is refused is answered as a problem (RFC 9457), whose detail the agent shows to its operator.
//
// Every call but join carries the agent's own credential and is refused with 401 when it was removed, and with 426 when it speaks a wire this server does not.
package agents
