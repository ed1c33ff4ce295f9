// Package ingest is the door for what is measured. Edges' seconds come in here and go to the log as telemetry; each is answered when it is on disk.
//
// A second that is sent again is written again: readers count each by its key (edge, boot, number) once.
package ingest
