// Package journal is the log: JetStream, embedded in this process with no listener, or a cluster by address.
//
// It has four streams.
//
//	STATE      what was decided; written by the pump of package db alone, in the order of positions, kept for ever
//	TELEMETRY  what was measured (the seconds of edges and hosts); written by Append, kept for a while, the oldest makes room
//	EVENTS     what users did; written by AppendEvents, several events a message (pack.go), kept until analytics has long had it; when it is full, new ones are refused
//	TAKES      what was taken of limits, in blocks; written by AppendTakes, kept for a week, the oldest makes room
//
// Guarantees. Append, AppendTakes, AppendEvents and PublishState return nil only when every message is on disk (SyncAlways; group commit as one message or atomic batch). Delivery is at least
// once and in order: a reader that keeps the position (state) or sequence (telemetry) of what it did, in the transaction of what it did, does nothing twice.
package journal
